/* SPDX-License-Identifier: Apache-2.0 */
/* Works that were handed out, on their way to the database: a ring in memory. When the database stays away the oldest are dropped and counted; the shared
 * cache still has their routes. Any thread puts; the recorder's takes. */
#ifndef MP_SERVICE_WORK_QUEUE_H
#define MP_SERVICE_WORK_QUEUE_H

#include "store/store.h"

typedef struct mp_work_queue_t mp_work_queue_t;

#define MP_WORK_QUEUE_CAPACITY 16384u

apr_status_t mp_work_queue_create(mp_work_queue_t **queue, apr_pool_t *p);
void mp_work_queue_put(mp_work_queue_t *queue, const mp_store_work_t *work);
/** A work that needs no row: counted only. */
void mp_work_queue_count(mp_work_queue_t *queue, const mp_route_t *route);
/** Moves up to max of the oldest out of the queue. @return how many */
apr_size_t mp_work_queue_take(mp_store_work_t *works, apr_size_t max, mp_work_queue_t *queue);
/** How many were dropped since the last call. */
apr_uint64_t mp_work_queue_take_dropped(mp_work_queue_t *queue);

#endif
