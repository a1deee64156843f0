/* SPDX-License-Identifier: Apache-2.0 */
/* A ring and sums under a mutex that is held for one copy of about a hundred bytes, and one look into a hash table. */
#include "service/work_queue.h"

#include <apr_thread_mutex.h>
#include <string.h>

struct mp_work_queue_t {
    apr_thread_mutex_t *lock;
    mp_store_work_t *ring; /* MP_WORK_QUEUE_CAPACITY */
    apr_size_t first, count;
    mp_work_sums_t *sums, *spare; /* the spare ones are with the recorder, or empty */
    mp_work_queue_lost_t lost;
};

apr_status_t mp_work_queue_create(mp_work_queue_t **queue, apr_pool_t *p)
{
    mp_work_queue_t *q = apr_pcalloc(p, sizeof(*q));
    q->ring = apr_palloc(p, MP_WORK_QUEUE_CAPACITY * sizeof(*q->ring));
    q->sums = mp_work_sums_create(p);
    q->spare = mp_work_sums_create(p);
    *queue = q;
    return apr_thread_mutex_create(&q->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

static void count_locked(mp_work_queue_t *queue, const mp_route_t *route)
{
    if (!mp_work_sums_add(queue->sums, route))
        queue->lost.uncounted++;
}

void mp_work_queue_put(mp_work_queue_t *queue, const mp_store_work_t *work)
{
    apr_thread_mutex_lock(queue->lock);
    if (queue->count == MP_WORK_QUEUE_CAPACITY) {
        queue->first = (queue->first + 1) % MP_WORK_QUEUE_CAPACITY;
        queue->count--;
        queue->lost.dropped++;
    }
    queue->ring[(queue->first + queue->count++) % MP_WORK_QUEUE_CAPACITY] = *work;
    count_locked(queue, &work->route);
    apr_thread_mutex_unlock(queue->lock);
}

void mp_work_queue_count(mp_work_queue_t *queue, const mp_route_t *route)
{
    apr_thread_mutex_lock(queue->lock);
    count_locked(queue, route);
    apr_thread_mutex_unlock(queue->lock);
}

/* The oldest, up to the ring's end. */
static apr_size_t take_piece_locked(mp_store_work_t *works, apr_size_t max, mp_work_queue_t *queue)
{
    apr_size_t piece = queue->count < max ? queue->count : max;
    apr_size_t to_end = MP_WORK_QUEUE_CAPACITY - queue->first;

    if (piece > to_end)
        piece = to_end;
    memcpy(works, queue->ring + queue->first, piece * sizeof(*works));
    queue->first = (queue->first + piece) % MP_WORK_QUEUE_CAPACITY;
    queue->count -= piece;
    return piece;
}

apr_size_t mp_work_queue_take(mp_store_work_t *works, apr_size_t max, mp_work_queue_t *queue)
{
    apr_thread_mutex_lock(queue->lock);
    apr_size_t taken = take_piece_locked(works, max, queue);
    taken += take_piece_locked(works + taken, max - taken, queue);
    /* Where the queue is emptied in time, it lives in the first of its pages. */
    if (queue->count == 0)
        queue->first = 0;
    apr_thread_mutex_unlock(queue->lock);
    return taken;
}

mp_work_sums_t *mp_work_queue_take_sums(mp_work_queue_t *queue, apr_size_t least)
{
    mp_work_sums_t *taken = NULL;
    apr_thread_mutex_lock(queue->lock);
    if (mp_work_sums_count(queue->sums) >= least) {
        taken = queue->sums;
        queue->sums = queue->spare;
        queue->spare = taken;
    }
    apr_thread_mutex_unlock(queue->lock);
    return taken;
}

mp_work_queue_lost_t mp_work_queue_take_lost(mp_work_queue_t *queue)
{
    apr_thread_mutex_lock(queue->lock);
    mp_work_queue_lost_t lost = queue->lost;
    queue->lost = (mp_work_queue_lost_t){0};
    apr_thread_mutex_unlock(queue->lock);
    return lost;
}
