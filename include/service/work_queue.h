/* SPDX-License-Identifier: Apache-2.0 */
/* Works that were handed out, on their way to the database: their routes in a ring in memory, and how many there were in sums. When the database stays away the oldest
 * routes are dropped and counted; the shared cache still has them. Any thread puts; the recorder's takes. */
#ifndef MP_SERVICE_WORK_QUEUE_H
#define MP_SERVICE_WORK_QUEUE_H

#include "service/work_sums.h"
#include "store/store.h"

typedef struct mp_work_queue_t mp_work_queue_t;

#define MP_WORK_QUEUE_CAPACITY 65536u /* two seconds and a half of 25,000 works each */

apr_status_t mp_work_queue_create(mp_work_queue_t **queue, apr_pool_t *p);
void mp_work_queue_put(mp_work_queue_t *queue, const mp_store_work_t *work);
/** A work that needs no row: counted only. */
void mp_work_queue_count(mp_work_queue_t *queue, const mp_route_t *route);
/** Moves up to max of the oldest out of the queue. @return how many */
apr_size_t mp_work_queue_take(mp_store_work_t *works, apr_size_t max, mp_work_queue_t *queue);
/** Takes the sums, if there are so many at least, in exchange for those taken before, which must have been cleared. @return NULL if there are fewer */
mp_work_sums_t *mp_work_queue_take_sums(mp_work_queue_t *queue, apr_size_t least);

typedef struct mp_work_queue_lost_t {
    apr_uint64_t dropped;   /* their routes */
    apr_uint64_t uncounted; /* works */
} mp_work_queue_lost_t;

/** What was lost since the last call. */
mp_work_queue_lost_t mp_work_queue_take_lost(mp_work_queue_t *queue);

#endif
