/* SPDX-License-Identifier: Apache-2.0 */
/* A cached route is a fixed record in this machine's byte order: it never leaves the machine except through a network cache, whose hosts
 * run the same build. Whatever does not fit or whose MAC is wrong is as good as absent. */
#include "service/routes.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/sha256.h"
#include "service/seal.h"

#include <apr_atomic.h>
#include <string.h>

#define RECORD_VERSION 1u
#define SECOND_LOOK_AFTER apr_time_from_msec(150)

typedef struct record_t {
    apr_uint32_t version;
    apr_uint32_t pool_id;
    apr_uint64_t fingerprint;
    double difficulty;
    apr_time_t fetched;
} record_t;

/* Outside this machine a fingerprint would let somebody try out weak pool passwords at leisure. The key of an entry is used once, so is the pad. */
static void mask_fingerprint(record_t *record, const unsigned char key[MP_KEY_SIZE], const char *secret)
{
    unsigned char pad[MP_SHA256_SIZE];
    apr_uint64_t mask;
    mp_sha256_hmac(pad, secret, strlen(secret), key, MP_KEY_SIZE);
    memcpy(&mask, pad, sizeof(mask));
    record->fingerprint ^= mask;
}

void mp_routes_save(const mp_routes_t *routes, const mp_store_work_t *work, const char *secret)
{
    unsigned char key[MP_KEY_SIZE];
    const mp_route_t *route = &work->route;
    record_t record = {.version = RECORD_VERSION,
                       .pool_id = route->pool_id,
                       .fingerprint = route->fingerprint,
                       .difficulty = route->difficulty,
                       .fetched = route->fetched};
    mp_shared_cache_entry_t entry = {.size = sizeof(record), .expiry = route->fetched + MP_ROUTE_LIFETIME};
    mp_route_key(key, route->worker_id, work->head);
    if (!routes->cache->is_local)
        mask_fingerprint(&record, key, secret);
    memcpy(entry.bytes, &record, sizeof(record));
    if (!routes->cache->is_local)
        mp_seal_close(&entry, key, secret);
    apr_status_t status = routes->cache->ops->save(routes->cache->instance, MP_SHARED_CACHE_ROUTE, key, &entry);
    if (status != APR_SUCCESS)
        mp_log(MP_LOG_DEBUG, "MP0220: the shared cache did not take a route (status %d); the database will have it", status);
    mp_work_queue_put(routes->queue, work);
}

static apr_status_t find_cached(mp_route_t *route, const mp_routes_t *routes, const unsigned char *key, const char *secret)
{
    record_t record;
    mp_shared_cache_entry_t entry;
    apr_status_t status = routes->cache->ops->load(routes->cache->instance, MP_SHARED_CACHE_ROUTE, key, &entry);
    if (status != APR_SUCCESS)
        return status;
    if (!routes->cache->is_local && !mp_seal_open(&entry, key, secret))
        return APR_NOTFOUND;
    if (entry.size != sizeof(record))
        return APR_NOTFOUND;
    memcpy(&record, entry.bytes, sizeof(record));
    if (record.version != RECORD_VERSION)
        return APR_NOTFOUND;
    if (!routes->cache->is_local)
        mask_fingerprint(&record, key, secret);
    route->pool_id = record.pool_id;
    route->fingerprint = record.fingerprint;
    route->difficulty = record.difficulty;
    route->fetched = record.fetched;
    return APR_SUCCESS;
}

/* Where the cache has forgotten the work it may have forgotten the share as well: the database is asked for both. */
static apr_status_t find_stored(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header, mp_result_t *why,
                                apr_pool_t *p)
{
    unsigned char id[MP_KEY_SIZE];
    mp_share_key(id, answer->route.worker_id, header);
    apr_status_t status = mp_store_find_share(&answer->recorded, id, routes->store, why, p);
    answer->is_recorded = status == APR_SUCCESS;
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        return status;
    return mp_store_find_route(&answer->route, answer->route.worker_id, header, routes->store, why, p);
}

static apr_status_t find_stored_patiently(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header,
                                          mp_result_t *why)
{
    apr_pool_t *p;
    apr_status_t status = apr_pool_create(&p, NULL);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "out-of-memory", "no memory to look for the share's work");
    status = find_stored(answer, routes, header, why, p);
    if (status == APR_NOTFOUND && !answer->is_recorded) {
        apr_sleep(SECOND_LOOK_AFTER);
        status = find_stored(answer, routes, header, why, p);
    }
    apr_pool_destroy(p);
    return answer->is_recorded ? APR_SUCCESS : status;
}

apr_status_t mp_routes_find(mp_routes_answer_t *answer, mp_routes_t *routes, apr_uint32_t worker_id,
                            const unsigned char header[MP_HEADER_SIZE], const char *secret, mp_result_t *why)
{
    unsigned char key[MP_KEY_SIZE];
    apr_status_t status;
    *answer = (mp_routes_answer_t){.route = {.worker_id = worker_id}};
    mp_route_key(key, worker_id, header);
    if (find_cached(&answer->route, routes, key, secret) == APR_SUCCESS)
        return APR_SUCCESS;
    if (apr_atomic_inc32(&routes->lookups) < routes->lookups_max)
        status = find_stored_patiently(answer, routes, header, why);
    else
        status = mp_result_set(why, APR_EAGAIN, "busy", "too many shares for forgotten work are being looked up in the database already");
    apr_atomic_dec32(&routes->lookups);
    return status;
}
