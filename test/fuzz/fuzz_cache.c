/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a network's cache (redis, memcache): as others could have written them there, and as another host of the farm, of whatever version, sealed them. The first byte's lowest
 * bit says which; then come texts with their size in one byte: the entry of a verdict, of a claim, of a door, of a last work, of a route. */
#include "base/clock.h"
#include "fuzz.h"
#include "service/last_works.h"
#include "service/routes.h"
#include "service/seal.h"
#include "service/verdict_record.h"
#include "service/verdicts.h"

#include <apr_general.h>
#include <string.h>

#define KINDS (MP_SHARED_CACHE_DOOR + 1)
#define SECRET "5ec12e7"
#define NOW apr_time_from_sec(1700000000)
#define ROOM (MP_SHARED_CACHE_VALUE_MAX - MP_SEAL_SIZE)

typedef struct content_t {
    bool is_sealed;
    const unsigned char *bytes[KINDS];
    apr_size_t sizes[KINDS];
    bool is_there[KINDS];
} content_t;

/* Overrides of APR's: nothing waits, and nothing is a matter of luck. Whoever waits for a claim's owner finds him gone. */
static content_t content;

__attribute__((visibility("default"))) void(apr_sleep)(apr_interval_time_t time);
__attribute__((visibility("default"))) apr_status_t(apr_generate_random_bytes)(unsigned char *bytes, apr_size_t size);

void(apr_sleep)(apr_interval_time_t time)
{
    (void)time;
    content.is_there[MP_SHARED_CACHE_DOOR] = false;
}

apr_status_t(apr_generate_random_bytes)(unsigned char *bytes, apr_size_t size)
{
    memset(bytes, 7, size);
    return APR_SUCCESS;
}

static apr_time_t stopped_clock(void)
{
    return NOW;
}

static void seal(mp_shared_cache_entry_t *entry, mp_shared_cache_kind_t kind, const unsigned char *key)
{
    mp_seal_t how = {.kind = (int)kind, .key = key, .secret = SECRET, .now = NOW};

    entry->size = mp_seal_close(entry->bytes, content.bytes[kind], content.sizes[kind], &how);
}

static apr_status_t load(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    (void)instance;
    if (!content.is_there[kind])
        return APR_NOTFOUND;
    if (content.is_sealed) {
        seal(entry, kind, key);
    } else {
        memcpy(entry->bytes, content.bytes[kind], content.sizes[kind]);
        entry->size = content.sizes[kind];
    }
    return APR_SUCCESS;
}

/* Taken and forgotten, but for a door: it is locked from within. */
static apr_status_t save(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    (void)instance;
    (void)key;
    FUZZ_CHECK(entry->size <= sizeof(entry->bytes));
    content.is_there[kind] = content.is_there[kind] && kind != MP_SHARED_CACHE_DOOR;
    return APR_SUCCESS;
}

static apr_status_t update(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                           void *baton)
{
    mp_shared_cache_entry_t old, entry;
    apr_status_t status = load(instance, kind, key, &old);

    if (decide(baton, status == APR_SUCCESS ? &old : NULL, &entry))
        save(instance, kind, key, &entry);
    return APR_SUCCESS;
}

static void read_content(const uint8_t *data, size_t size, apr_pool_t *p)
{
    static const mp_shared_cache_kind_t order[] = {MP_SHARED_CACHE_VERDICT, MP_SHARED_CACHE_CLAIM, MP_SHARED_CACHE_DOOR,
                                                   MP_SHARED_CACHE_LAST_WORK, MP_SHARED_CACHE_ROUTE};

    content = (content_t){.is_sealed = fuzz_next_byte(&data, &size) & 1};
    for (int i = 0; i < KINDS && size > 0; i++) {
        size_t length = fuzz_next_byte(&data, &size);
        length = length < size ? length : size;
        length = length < ROOM ? length : ROOM;
        content.bytes[order[i]] = (const unsigned char *)fuzz_text(data, length, p);
        content.sizes[order[i]] = length;
        content.is_there[order[i]] = true;
        data += length;
        size -= length;
    }
}

static mp_roster_t *create_roster(apr_pool_t *p)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);

    rows->secret = SECRET;
    APR_ARRAY_PUSH(rows->pools, mp_roster_pool_row_t) =
        (mp_roster_pool_row_t){.id = 1, .name = "a", .url = "http://a.example/", .enabled = true};
    APR_ARRAY_PUSH(rows->workers, mp_roster_worker_row_t) = (mp_roster_worker_row_t){.id = 1, .name = "rig1", .password = "x"};
    APR_ARRAY_PUSH(rows->assignments, mp_roster_assignment_row_t) =
        (mp_roster_assignment_row_t){.worker_id = 1, .pool_id = 1, .username = "me", .password = "x", .enabled = true};
    return mp_roster_create(rows, NULL, NOW);
}

/* The database is never asked: none of its places is free. */
static void check_route(const mp_shared_cache_t *cache, apr_pool_t *p)
{
    static const unsigned char header[MP_HEADER_SIZE] = {1};
    mp_roster_t *roster = create_roster(p);
    mp_routes_t routes = {.cache = cache, .lookups_max = 0};
    mp_routes_answer_t answer;
    mp_destination_t destination;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_routes_find(&answer, &routes, 1, header, roster, &why);

    fuzz_check_result(status, &why);
    if (status == APR_SUCCESS)
        FUZZ_CHECK(content.is_sealed && mp_roster_find_destination(&destination, roster, &answer.route) && destination.pool->id == 1);
    mp_roster_release(roster);
}

static void check_last_work(const mp_shared_cache_t *cache, apr_pool_t *p)
{
    mp_last_works_t *works = NULL;
    mp_last_work_t work;

    FUZZ_CHECK(mp_last_works_create(&works, cache, p) == APR_SUCCESS);
    if (mp_last_works_find(&work, works, 1, SECRET))
        FUZZ_CHECK(content.is_sealed && work.fetched <= NOW + apr_time_from_sec(60));
}

static void check_verdict(const mp_shared_cache_t *cache)
{
    mp_share_t share = {.worker_id = 1, .time = NOW};
    mp_claim_t claim = mp_verdicts_claim(&share, cache, apr_time_from_sec(30), SECRET);
    bool is_known = claim == MP_CLAIM_SETTLED || claim == MP_CLAIM_UNRECORDED;

    FUZZ_CHECK(!is_known || content.is_sealed);
    FUZZ_CHECK(share.verdict <= MP_VERDICT_REJECTED && strnlen(share.reason, MP_REASON_SIZE) < MP_REASON_SIZE);
    mp_verdicts_settle(&share, true, cache, SECRET);
    mp_verdicts_drop(&share, cache, SECRET);
}

/* What was sealed opens with its own key, kind and secret only, and whole. */
static void check_seal(const uint8_t *data, size_t size, apr_pool_t *p)
{
    static const unsigned char key[MP_KEY_SIZE] = {1}, other_key[MP_KEY_SIZE] = {2};
    const unsigned char *bytes = NULL;
    unsigned char *sealed = apr_palloc(p, size + MP_SEAL_SIZE);
    mp_seal_t how = {.kind = 1, .key = key, .secret = SECRET, .now = NOW, .lifetime = apr_time_from_sec(3600)}, other = how;
    apr_size_t length = mp_seal_close(sealed, data, size, &how);

    FUZZ_CHECK(length == size + MP_SEAL_SIZE && mp_seal_open(&bytes, sealed, length, &how) == MP_SEAL_GOOD);
    FUZZ_CHECK(size == 0 || memcmp(bytes, data, size) == 0);
    other.key = other_key;
    FUZZ_CHECK(mp_seal_open(&bytes, sealed, length, &other) == MP_SEAL_FORGED);
    FUZZ_CHECK(mp_seal_open(&bytes, sealed, length - 1, &how) == MP_SEAL_FORGED);
    sealed[size / 2] ^= 1;
    FUZZ_CHECK(mp_seal_open(&bytes, sealed, length, &how) == MP_SEAL_FORGED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mp_shared_cache_ops_t ops = {.load = load, .save = save, .update = update};
    const mp_shared_cache_t cache = {.ops = &ops};
    apr_pool_t *p = fuzz_pool();

    mp_clock_replace(stopped_clock);
    check_seal(data, size < ROOM ? size : ROOM, p);
    read_content(data, size, p);
    check_route(&cache, p);
    check_last_work(&cache, p);
    check_verdict(&cache);
    apr_pool_destroy(p);
    return 0;
}
