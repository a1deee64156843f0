/* SPDX-License-Identifier: Apache-2.0 */
/* In the shared cache a worker's last work stands under the key of a work whose head is all zero: a real one has a version there. The record is the same on every
 * machine: version 1, pool 4, wanted 8, block 32, time 8. Entries in memory stay as long as the child, so there are as many as workers that it ever served. */
#include "service/last_works.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/sha256.h"

#include <apr_hash.h>
#include <apr_thread_mutex.h>
#include <string.h>

#define RECORD_VERSION 2
#define RECORD_SIZE (1 + 4 + 8 + MP_PREVIOUS_SIZE + 8)
#define WANTED_AT 5
#define LIFETIME apr_time_from_sec(3600)
#define RENEWED_AFTER apr_time_from_sec(20 * 60) /* though nothing but the time changed: before it expires */
#define REPEATED_AFTER apr_time_from_sec(10)     /* when the cache did not take it */
#define CLOCKS_DIFFER_BY apr_time_from_sec(60)   /* between hosts, at most; what is further ahead was written before a clock was set back */

typedef struct memory_t {
    apr_uint32_t worker_id;
    mp_last_work_t work;
    apr_time_t renewed; /* time of the work from which the next one that is the same counts RENEWED_AFTER */
} memory_t;

struct mp_last_works_t {
    const mp_shared_cache_t *cache;
    apr_thread_mutex_t *lock; /* covers what follows */
    apr_pool_t *pool;
    apr_hash_t *by_worker; /* memory_t */
};

static apr_status_t last_works_cleanup(void *data)
{
    mp_last_works_t *works = data;
    apr_pool_destroy(works->pool);
    return APR_SUCCESS;
}

apr_status_t mp_last_works_create(mp_last_works_t **works, const mp_shared_cache_t *cache, apr_pool_t *p)
{
    mp_last_works_t *w = apr_pcalloc(p, sizeof(*w));
    w->pool = mp_memory_create();
    apr_pool_cleanup_register(p, w, last_works_cleanup, apr_pool_cleanup_null);
    w->cache = cache;
    w->by_worker = apr_hash_make(w->pool);
    *works = w;
    return apr_thread_mutex_create(&w->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

/* Outside this machine the fingerprint in it would let somebody try out weak pool passwords at leisure. The entry of a worker is written again and again,
 * so the pad depends on the rest of the record as well, its time above all. */
static void mask_wanted(unsigned char record[RECORD_SIZE], const mp_shared_cache_item_t *item)
{
    static const char purpose[] = "wanted"; /* nothing that is sealed with this secret and key begins so */
    unsigned char text[sizeof(purpose) + MP_KEY_SIZE + RECORD_SIZE], pad[MP_SHA256_SIZE];
    memcpy(text, purpose, sizeof(purpose));
    memcpy(text + sizeof(purpose), item->key, MP_KEY_SIZE);
    memcpy(text + sizeof(purpose) + MP_KEY_SIZE, record, RECORD_SIZE);
    memset(text + sizeof(purpose) + MP_KEY_SIZE + WANTED_AT, 0, 8);
    mp_sha256_hmac(pad, item->secret, strlen(item->secret), text, sizeof(text));
    for (int i = 0; i < 8; i++)
        record[WANTED_AT + i] ^= pad[i];
}

static mp_shared_cache_item_t item_of(unsigned char key[MP_KEY_SIZE], apr_uint32_t worker_id, const char *secret)
{
    static const unsigned char no_head[MP_HEAD_SIZE];
    mp_route_key(key, worker_id, no_head);
    return (mp_shared_cache_item_t){.kind = MP_SHARED_CACHE_LAST_WORK, .key = key, .secret = secret, .lifetime = LIFETIME};
}

static apr_status_t save_shared(const mp_last_works_t *works, apr_uint32_t worker_id, const mp_last_work_t *work, const char *secret)
{
    unsigned char key[MP_KEY_SIZE], record[RECORD_SIZE];
    mp_shared_cache_item_t item = item_of(key, worker_id, secret);
    unsigned char *end = mp_bytes_put(record, RECORD_VERSION, 1);
    end = mp_bytes_put(end, work->pool_id, 4);
    end = mp_bytes_put(end, work->wanted, 8);
    memcpy(end, work->previous, MP_PREVIOUS_SIZE);
    mp_bytes_put(end + MP_PREVIOUS_SIZE, (apr_uint64_t)work->fetched, 8);
    if (!works->cache->is_local)
        mask_wanted(record, &item);
    return mp_shared_cache_save(works->cache, &item, record, sizeof(record));
}

static bool find_shared(mp_last_work_t *work, const mp_last_works_t *works, apr_uint32_t worker_id, const char *secret)
{
    unsigned char key[MP_KEY_SIZE];
    mp_shared_cache_entry_t entry;
    mp_shared_cache_item_t item = item_of(key, worker_id, secret);
    const unsigned char *at = entry.bytes;
    if (mp_shared_cache_load(&entry, works->cache, &item) != APR_SUCCESS)
        return false;
    if (entry.size != RECORD_SIZE || mp_bytes_get(&at, 1) != RECORD_VERSION)
        return false;
    if (!works->cache->is_local)
        mask_wanted(entry.bytes, &item);
    work->pool_id = (apr_uint32_t)mp_bytes_get(&at, 4);
    work->wanted = mp_bytes_get(&at, 8);
    memcpy(work->previous, at, MP_PREVIOUS_SIZE);
    at += MP_PREVIOUS_SIZE;
    work->fetched = (apr_time_t)mp_bytes_get(&at, 8);
    return true;
}

static memory_t *find_locked(const mp_last_works_t *works, apr_uint32_t worker_id)
{
    return apr_hash_get(works->by_worker, &worker_id, sizeof(worker_id));
}

static bool is_same(const mp_last_work_t *a, const mp_last_work_t *b)
{
    return a->pool_id == b->pool_id && a->wanted == b->wanted && memcmp(a->previous, b->previous, MP_PREVIOUS_SIZE) == 0;
}

/* A time before the one in the cache: the clock was set back, so the entry's expiry means nothing. */
static bool must_renew(const memory_t *memory, apr_time_t fetched)
{
    return fetched < memory->renewed - CLOCKS_DIFFER_BY || fetched >= memory->renewed + RENEWED_AFTER;
}

/* @return where to note what became of the copy in the cache; NULL if that is good as it is */
static memory_t *remember_locked(mp_last_works_t *works, apr_uint32_t worker_id, const mp_last_work_t *work)
{
    memory_t *memory = find_locked(works, worker_id);
    bool is_known = memory && is_same(&memory->work, work) && !must_renew(memory, work->fetched);
    if (!memory) {
        memory = apr_pcalloc(works->pool, sizeof(*memory));
        memory->worker_id = worker_id;
        apr_hash_set(works->by_worker, &memory->worker_id, sizeof(memory->worker_id), memory);
    }
    memory->work = *work;
    if (is_known)
        return NULL;
    memory->renewed = work->fetched; /* already, so that threads with the same work at the same time do not save it as well */
    return memory;
}

void mp_last_works_save(mp_last_works_t *works, apr_uint32_t worker_id, const mp_last_work_t *work, const char *secret)
{
    apr_thread_mutex_lock(works->lock);
    memory_t *memory = remember_locked(works, worker_id, work);
    apr_thread_mutex_unlock(works->lock);
    if (!memory || save_shared(works, worker_id, work, secret) == APR_SUCCESS)
        return;
    apr_thread_mutex_lock(works->lock);
    memory->renewed = work->fetched - RENEWED_AFTER + REPEATED_AFTER;
    apr_thread_mutex_unlock(works->lock);
}

static bool find_own(mp_last_work_t *work, mp_last_works_t *works, apr_uint32_t worker_id)
{
    apr_thread_mutex_lock(works->lock);
    const memory_t *memory = find_locked(works, worker_id);
    if (memory)
        *work = memory->work;
    apr_thread_mutex_unlock(works->lock);
    return memory != NULL;
}

/* Otherwise a work from before the clock was set back would be the newest until the clock is there again. */
static void settle_clock(mp_last_work_t *work, apr_time_t now)
{
    if (work->fetched > now + CLOCKS_DIFFER_BY)
        work->fetched = 0;
}

/* Another host's clock may be ahead: without this its entry would be the newer one until its time has come, whatever this child gives out meanwhile. */
static void renew_next(mp_last_works_t *works, apr_uint32_t worker_id)
{
    apr_thread_mutex_lock(works->lock);
    memory_t *memory = find_locked(works, worker_id);
    if (memory)
        memory->renewed = 0;
    apr_thread_mutex_unlock(works->lock);
}

bool mp_last_works_find(mp_last_work_t *work, mp_last_works_t *works, apr_uint32_t worker_id, const char *secret)
{
    mp_last_work_t own, shared;
    bool is_own = find_own(&own, works, worker_id), is_shared = find_shared(&shared, works, worker_id, secret);
    apr_time_t now = mp_clock_now();
    if (is_own)
        settle_clock(&own, now);
    if (is_shared)
        settle_clock(&shared, now);
    if (is_shared && (!is_own || shared.fetched > own.fetched))
        *work = shared;
    else if (is_own)
        *work = own;
    if (is_own && is_shared && !is_same(&own, &shared))
        renew_next(works, worker_id);
    return is_own || is_shared;
}
