/* SPDX-License-Identifier: Apache-2.0 */
/* A cached route is a fixed record, the same on every machine: version 1, pool 4, fingerprint 8, difficulty 8, time 8. */
#include "service/routes.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"

#include <apr_atomic.h>
#include <string.h>

#define RECORD_VERSION 2
#define RECORD_SIZE 29

static mp_shared_cache_item_t item_of(const unsigned char *key, const char *secret)
{
    return (mp_shared_cache_item_t){.kind = MP_SHARED_CACHE_ROUTE, .key = key, .secret = secret, .lifetime = MP_ROUTE_LIFETIME};
}

/* Outside this machine a fingerprint would let somebody try out weak pool passwords at leisure. The key of an entry is used once, so is the pad. */
static apr_uint64_t mask_of(const mp_routes_t *routes, const unsigned char key[MP_KEY_SIZE], const char *secret)
{
    unsigned char pad[MP_SHA256_SIZE];
    const unsigned char *at = pad;
    if (routes->cache->is_local)
        return 0;
    mp_sha256_hmac(pad, secret, strlen(secret), key, MP_KEY_SIZE);
    return mp_bytes_get(&at, 8);
}

void mp_routes_save(const mp_routes_t *routes, const mp_store_work_t *work, const char *secret)
{
    unsigned char key[MP_KEY_SIZE], record[RECORD_SIZE];
    const mp_route_t *route = &work->route;
    mp_route_key(key, route->worker_id, work->head);
    unsigned char *end = mp_bytes_put(record, RECORD_VERSION, 1);
    end = mp_bytes_put(end, route->pool_id, 4);
    end = mp_bytes_put(end, route->fingerprint ^ mask_of(routes, key, secret), 8);
    end = mp_bytes_put_real(end, route->difficulty);
    end = mp_bytes_put(end, (apr_uint64_t)route->fetched, 8);
    mp_shared_cache_item_t item = item_of(key, secret);
    apr_status_t status = mp_shared_cache_save(routes->cache, &item, record, (apr_size_t)(end - record));
    if (status != APR_SUCCESS)
        mp_log(MP_LOG_DEBUG, "MP0220: the shared cache did not take a route (status %d); the database will have it", status);
    mp_work_queue_put(routes->queue, work);
}

static void count_lookup(const mp_routes_t *routes, apr_status_t status)
{
    mp_count_t missing = status == APR_NOTFOUND ? MP_COUNT_ROUTE_MISS : MP_COUNT_ROUTE_ERROR;
    mp_counters_add(routes->cache->counters, status == APR_SUCCESS ? MP_COUNT_ROUTE_HIT : missing);
}

static apr_status_t find_cached(mp_route_t *route, const mp_routes_t *routes, const unsigned char *key, const char *secret)
{
    mp_shared_cache_entry_t entry;
    mp_shared_cache_item_t item = item_of(key, secret);
    const unsigned char *at = entry.bytes;
    apr_status_t status = mp_shared_cache_load(&entry, routes->cache, &item);
    count_lookup(routes, status);
    if (status != APR_SUCCESS)
        return status;
    if (entry.size != RECORD_SIZE || mp_bytes_get(&at, 1) != RECORD_VERSION)
        return APR_NOTFOUND;
    route->pool_id = (apr_uint32_t)mp_bytes_get(&at, 4);
    route->fingerprint = mp_bytes_get(&at, 8) ^ mask_of(routes, key, secret);
    route->difficulty = mp_bytes_get_real(&at);
    route->fetched = (apr_time_t)mp_bytes_get(&at, 8);
    return APR_SUCCESS;
}

/* A network's cache may hold what is left of another farm with the same secret, as a copy of a database makes one; or another host's roster is newer than ours. */
static bool is_believed(const mp_route_t *route, const mp_routes_t *routes, const mp_roster_t *roster)
{
    mp_destination_t destination;
    return routes->cache->is_local || mp_roster_find_destination(&destination, roster, route);
}

/* What the database says of a work whose cached route was not believed. */
static void report_doubt(apr_status_t status, const mp_routes_answer_t *answer, apr_uint32_t doubted, const mp_routes_t *routes)
{
    bool is_other = status == APR_SUCCESS && !answer->is_recorded && answer->route.pool_id != doubted;
    if (doubted != 0 && (is_other || status == APR_NOTFOUND))
        mp_shared_cache_disown(routes->cache, MP_SHARED_CACHE_ROUTE, "a pool or an account that nobody knows");
}

/* Where the cache has forgotten the work it may have forgotten the share as well: the database is asked for both. */
static apr_status_t find_stored(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header, mp_result_t *why,
                                apr_pool_t *p)
{
    unsigned char id[MP_KEY_SIZE];
    mp_share_key(id, answer->route.worker_id, header);
    apr_status_t status = mp_store_find_share(&answer->recorded, id, routes->store, why, p);
    answer->is_recorded = status == APR_SUCCESS;
    if (status != APR_NOTFOUND)
        return status;
    return mp_store_find_route(&answer->route, answer->route.worker_id, header, routes->store, why, p);
}

/* The queue of the host that handed the work out is emptied every 100 ms where all is well; where it is not, the last pause is what a miner can bear. */
static apr_status_t look_again(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header, mp_result_t *why,
                               apr_pool_t *p)
{
    static const int pauses[] = {100, 150, 250, 500, 1000}; /* ms */
    apr_status_t status = APR_NOTFOUND;
    for (apr_size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]) && status == APR_NOTFOUND; i++) {
        apr_sleep(apr_time_from_msec(pauses[i]));
        apr_pool_clear(p);
        status = find_stored(answer, routes, header, why, p);
    }
    return status;
}

static apr_status_t wait_for_it(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header, mp_result_t *why,
                                apr_pool_t *p)
{
    unsigned char key[MP_KEY_SIZE];
    apr_uint32_t worker_id = answer->route.worker_id;
    mp_route_key(key, worker_id, header);
    mp_patience_answer_t patience = mp_patience_enter(routes->patience, worker_id, key);
    if (patience == MP_PATIENCE_IN_VAIN)
        return APR_NOTFOUND;
    if (patience == MP_PATIENCE_BUSY)
        return mp_result_set(why, APR_EAGAIN, "busy", "too many shares wait for work that nobody knows yet");
    apr_status_t status = look_again(answer, routes, header, why, p);
    mp_patience_leave(routes->patience, worker_id, key, status == APR_NOTFOUND);
    return status;
}

static apr_status_t find_stored_patiently(mp_routes_answer_t *answer, const mp_routes_t *routes, const unsigned char *header,
                                          mp_result_t *why)
{
    apr_pool_t *p = mp_memory_create_child(NULL);
    apr_status_t status = find_stored(answer, routes, header, why, p);
    if (status == APR_NOTFOUND)
        status = wait_for_it(answer, routes, header, why, p);
    apr_pool_destroy(p);
    return status;
}

apr_status_t mp_routes_find(mp_routes_answer_t *answer, mp_routes_t *routes, apr_uint32_t worker_id,
                            const unsigned char header[MP_HEADER_SIZE], const mp_roster_t *roster, mp_result_t *why)
{
    unsigned char key[MP_KEY_SIZE];
    apr_status_t status;
    *answer = (mp_routes_answer_t){.route = {.worker_id = worker_id}};
    mp_route_key(key, worker_id, header);
    if (find_cached(&answer->route, routes, key, mp_roster_secret(roster)) == APR_SUCCESS && is_believed(&answer->route, routes, roster))
        return APR_SUCCESS;
    apr_uint32_t doubted = answer->route.pool_id;
    answer->route = (mp_route_t){.worker_id = worker_id};
    if (apr_atomic_inc32(&routes->lookups) < routes->lookups_max)
        status = find_stored_patiently(answer, routes, header, why);
    else
        status = mp_result_set(why, APR_EAGAIN, "busy", "too many shares for forgotten work are being looked up in the database already");
    apr_atomic_dec32(&routes->lookups);
    report_doubt(status, answer, doubted, routes);
    return status;
}
