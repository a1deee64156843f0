/* SPDX-License-Identifier: Apache-2.0 */
/* A ring under a mutex that is held for one copy of about a hundred bytes. */
#include "service/work_queue.h"

#include <apr_thread_mutex.h>

struct mp_work_queue_t {
    apr_thread_mutex_t *lock;
    mp_store_work_t *ring; /* MP_WORK_QUEUE_CAPACITY */
    apr_size_t first, count;
    apr_uint64_t dropped;
};

apr_status_t mp_work_queue_create(mp_work_queue_t **queue, apr_pool_t *p)
{
    mp_work_queue_t *q = apr_pcalloc(p, sizeof(*q));
    q->ring = apr_palloc(p, MP_WORK_QUEUE_CAPACITY * sizeof(*q->ring));
    *queue = q;
    return apr_thread_mutex_create(&q->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void mp_work_queue_put(mp_work_queue_t *queue, const mp_store_work_t *work)
{
    apr_thread_mutex_lock(queue->lock);
    if (queue->count == MP_WORK_QUEUE_CAPACITY) {
        queue->first = (queue->first + 1) % MP_WORK_QUEUE_CAPACITY;
        queue->count--;
        queue->dropped++;
    }
    queue->ring[(queue->first + queue->count++) % MP_WORK_QUEUE_CAPACITY] = *work;
    apr_thread_mutex_unlock(queue->lock);
}

void mp_work_queue_count(mp_work_queue_t *queue, const mp_route_t *route)
{
    mp_work_queue_put(queue, &(mp_store_work_t){.route = *route, .is_counted_only = true});
}

apr_size_t mp_work_queue_take(mp_store_work_t *works, apr_size_t max, mp_work_queue_t *queue)
{
    apr_size_t taken = 0;
    apr_thread_mutex_lock(queue->lock);
    for (; taken < max && queue->count > 0; queue->count--) {
        works[taken++] = queue->ring[queue->first];
        queue->first = (queue->first + 1) % MP_WORK_QUEUE_CAPACITY;
    }
    apr_thread_mutex_unlock(queue->lock);
    return taken;
}

apr_uint64_t mp_work_queue_take_dropped(mp_work_queue_t *queue)
{
    apr_thread_mutex_lock(queue->lock);
    apr_uint64_t dropped = queue->dropped;
    queue->dropped = 0;
    apr_thread_mutex_unlock(queue->lock);
    return dropped;
}
