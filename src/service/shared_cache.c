/* SPDX-License-Identifier: Apache-2.0 */
/* Entries in this machine's own shared memory go through as they are; those of a network's cache are sealed on their way out, and what comes back without a good
 * seal is as good as absent. */
#include "service/shared_cache.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/cache_pulse.h"
#include "service/seal.h"

#include <string.h>

const char *mp_shared_cache_word(mp_shared_cache_kind_t kind)
{
    static const char *const words[] = {[MP_SHARED_CACHE_ROUTE] = "route",
                                        [MP_SHARED_CACHE_LAST_WORK] = "last work",
                                        [MP_SHARED_CACHE_VERDICT] = "verdict",
                                        [MP_SHARED_CACHE_CLAIM] = "claim",
                                        [MP_SHARED_CACHE_DOOR] = "door"};
    return words[kind];
}

static mp_seal_t seal_of(const mp_shared_cache_item_t *item)
{
    return (mp_seal_t){
        .kind = (int)item->kind, .key = item->key, .secret = item->secret, .now = mp_clock_now(), .lifetime = item->lifetime};
}

static void report_fault(const mp_shared_cache_t *cache, mp_shared_cache_kind_t kind, mp_seal_fault_t fault)
{
    unsigned more = 0;
    const char *word = mp_shared_cache_word(kind);
    if (fault == MP_SEAL_FORGED && mp_cache_pulse_tells(cache->pulse, MP_CACHE_FORGED, &more))
        mp_log(MP_LOG_WARNING,
               "MP0223: a %s in the shared cache was ignored: its seal is wrong; somebody else writes there, or a host with another "
               "database or version (%u "
               "more of late)",
               word, more);
    if (fault == MP_SEAL_STALE && mp_cache_pulse_tells(cache->pulse, MP_CACHE_STALE, &more))
        mp_log(MP_LOG_WARNING,
               "MP0224: a %s in the shared cache was ignored: it is older than such entries are kept; somebody put it back, or clocks "
               "differ by more than "
               "%d minutes (%u more of late)",
               word, (int)apr_time_sec(MP_SEAL_CLOCKS_DIFFER_BY) / 60, more);
    if (fault == MP_SEAL_EARLY && mp_cache_pulse_tells(cache->pulse, MP_CACHE_EARLY, &more))
        mp_log(MP_LOG_WARNING,
               "MP0225: a %s in the shared cache was ignored: it is of more than %d minutes from now; the clock of this host or of the one "
               "that wrote it is "
               "wrong (%u more of late)",
               word, (int)apr_time_sec(MP_SEAL_CLOCKS_DIFFER_BY) / 60, more);
}

void mp_shared_cache_disown(const mp_shared_cache_t *cache, mp_shared_cache_kind_t kind, const char *what)
{
    unsigned more = 0;
    if (mp_cache_pulse_tells(cache->pulse, MP_CACHE_DISOWNED, &more))
        mp_log(MP_LOG_WARNING, "MP0226: a %s in the shared cache was ignored: it names %s (%u more of late)", mp_shared_cache_word(kind),
               what, more);
}

/* @return false if the entry counts as absent */
static bool open_entry(mp_shared_cache_entry_t *opened, const mp_shared_cache_entry_t *sealed, const mp_shared_cache_t *cache,
                       const mp_shared_cache_item_t *item)
{
    const unsigned char *bytes;
    mp_seal_t seal = seal_of(item);
    /* Where a roster has no secret, nobody can seal anything: the database was never asked, or a saved roster was edited. */
    if (item->secret[0] == '\0')
        return false;
    mp_seal_fault_t fault =
        sealed->size > sizeof(sealed->bytes) ? MP_SEAL_FORGED : mp_seal_open(&bytes, sealed->bytes, sealed->size, &seal);
    report_fault(cache, item->kind, fault);
    if (fault != MP_SEAL_GOOD)
        return false;
    opened->size = sealed->size - MP_SEAL_SIZE;
    opened->expiry = sealed->expiry;
    memcpy(opened->bytes, bytes, opened->size);
    return true;
}

/* sealed and plain are different entries. */
static void close_entry(mp_shared_cache_entry_t *sealed, const void *bytes, apr_size_t size, const mp_shared_cache_t *cache,
                        const mp_shared_cache_item_t *item)
{
    mp_seal_t seal = seal_of(item);
    MP_ASSERT(size + MP_SEAL_SIZE <= sizeof(sealed->bytes));
    sealed->expiry = seal.now + item->lifetime;
    sealed->size = size;
    if (cache->is_local)
        memcpy(sealed->bytes, bytes, size);
    else
        sealed->size = mp_seal_close(sealed->bytes, bytes, size, &seal);
}

apr_status_t mp_shared_cache_load(mp_shared_cache_entry_t *entry, const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item)
{
    mp_shared_cache_entry_t sealed;
    if (cache->is_local)
        return cache->ops->load(cache->instance, item->kind, item->key, entry);
    if (!mp_cache_pulse_admits(cache->pulse))
        return APR_EAGAIN;
    apr_time_t began = mp_clock_monotonic();
    apr_status_t status = cache->ops->load(cache->instance, item->kind, item->key, &sealed);
    mp_cache_pulse_report(cache->pulse, status, mp_clock_monotonic() - began);
    if (status != APR_SUCCESS)
        return status;
    return open_entry(entry, &sealed, cache, item) ? APR_SUCCESS : APR_NOTFOUND;
}

/* A provider that says APR_NOTFOUND of something that it was to store has given its server up. */
static apr_status_t failure_of(apr_status_t status)
{
    return status == APR_NOTFOUND ? APR_ECONNREFUSED : status;
}

apr_status_t mp_shared_cache_save(const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item, const void *bytes, apr_size_t size)
{
    mp_shared_cache_entry_t entry;
    close_entry(&entry, bytes, size, cache, item);
    if (cache->is_local)
        return cache->ops->save(cache->instance, item->kind, item->key, &entry);
    if (!mp_cache_pulse_admits(cache->pulse))
        return APR_EAGAIN;
    apr_time_t began = mp_clock_monotonic();
    apr_status_t status = failure_of(cache->ops->save(cache->instance, item->kind, item->key, &entry));
    mp_cache_pulse_report(cache->pulse, status, mp_clock_monotonic() - began);
    return status;
}

/* One update on its way through the seals. */
typedef struct passage_t {
    const mp_shared_cache_t *cache;
    const mp_shared_cache_item_t *item;
    mp_shared_cache_decide_t *decide;
    void *baton;
} passage_t;

static bool decide_opened(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    const passage_t *passage = baton;
    mp_shared_cache_entry_t opened, plain;
    const mp_shared_cache_entry_t *found = old;
    if (old && !passage->cache->is_local)
        found = open_entry(&opened, old, passage->cache, passage->item) ? &opened : NULL;
    if (!passage->decide(passage->baton, found, &plain))
        return false;
    close_entry(entry, plain.bytes, plain.size, passage->cache, passage->item);
    return true;
}

apr_status_t mp_shared_cache_update(const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item, mp_shared_cache_decide_t *decide,
                                    void *baton)
{
    passage_t passage = {.cache = cache, .item = item, .decide = decide, .baton = baton};
    if (!mp_cache_pulse_admits(cache->pulse))
        return APR_EAGAIN;
    apr_time_t began = mp_clock_monotonic();
    apr_status_t status = failure_of(cache->ops->update(cache->instance, item->kind, item->key, decide_opened, &passage));
    mp_cache_pulse_report(cache->pulse, status, mp_clock_monotonic() - began);
    return status;
}
