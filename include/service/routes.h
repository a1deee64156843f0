/* SPDX-License-Identifier: Apache-2.0 */
/* Which pool and account a work came from: noted in the shared cache at once (another child, or a child born later, may get the share), and on
 * its way to the database through the work queue. Any thread. */
#ifndef MP_SERVICE_ROUTES_H
#define MP_SERVICE_ROUTES_H

#include "core/roster.h"
#include "service/patience.h"
#include "service/shared_cache.h"
#include "service/work_queue.h"
#include "store/store.h"

#define MP_ROUTE_LIFETIME apr_time_from_sec(3600) /* in the cache; shares arrive up to minutes late, some miners retry for ever */

typedef struct mp_routes_t {
    const mp_shared_cache_t *cache;
    mp_work_queue_t *queue;
    mp_store_t *store;
    mp_patience_t *patience;       /* of those who wait for another host's queue; part of lookups */
    apr_uint32_t lookups_max;      /* request threads that may be in the database at once; the others are for miners that can be served */
    volatile apr_uint32_t lookups; /* that are; atomic */
} mp_routes_t;

/** Notes a work that is about to be handed out. A cache that does not take it is only logged: the database gets it as well. secret: the roster's. */
void mp_routes_save(const mp_routes_t *routes, const mp_store_work_t *work, const char *secret);

/** What is remembered of a share's work. */
typedef struct mp_routes_answer_t {
    mp_route_t route;
    bool is_recorded;    /* the very share is in the database already (found only where the cache had forgotten the route) */
    mp_share_t recorded; /* then this is it */
} mp_routes_answer_t;

/**
 * Cache first, then the database; then the database again and again for two seconds, because another host's queue may be behind.
 * @param roster a route of a network's cache counts only if this knows its pool and account
 * @return APR_NOTFOUND if the worker was never given such work, as far as anybody remembers; the store's failure if it could not be asked,
 * or too many are asking (word "busy"): then nobody knows
 */
apr_status_t mp_routes_find(mp_routes_answer_t *answer, mp_routes_t *routes, apr_uint32_t worker_id,
                            const unsigned char header[MP_HEADER_SIZE], const mp_roster_t *roster, mp_result_t *why);

#endif
