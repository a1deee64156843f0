/* SPDX-License-Identifier: Apache-2.0 */
#include "service/work_queue.h"

#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 4
#define PER_THREAD 20000

static mp_store_work_t work_of(apr_uint32_t worker, apr_uint32_t number)
{
    mp_store_work_t work = {.route = {.worker_id = worker, .pool_id = number, .fingerprint = number + 1, .difficulty = 2.5, .fetched = 77}};
    memset(work.head, (int)(number % 251), sizeof(work.head));
    return work;
}

static bool is_work(const mp_store_work_t *work, apr_uint32_t worker, apr_uint32_t number)
{
    mp_store_work_t expected = work_of(worker, number);
    return memcmp(work->head, expected.head, sizeof(expected.head)) == 0 && work->route.worker_id == worker &&
           work->route.pool_id == number && work->route.fingerprint == number + 1 && work->route.difficulty == 2.5 &&
           work->route.fetched == 77;
}

static void put_many(mp_work_queue_t *queue, apr_uint32_t from, apr_uint32_t count)
{
    for (apr_uint32_t i = 0; i < count; i++) {
        mp_store_work_t work = work_of(1, from + i);
        mp_work_queue_put(queue, &work);
    }
}

static void test_order(apr_pool_t *p)
{
    mp_work_queue_t *queue;
    mp_store_work_t works[10];

    is_number(mp_work_queue_create(&queue, p), APR_SUCCESS, "a queue");
    is_number(mp_work_queue_take(works, 10, queue), 0, "nothing to take at first");
    is_number(mp_work_queue_take_dropped(queue), 0, "nothing dropped");
    put_many(queue, 0, 15);
    is_number(mp_work_queue_take(works, 0, queue), 0, "none are taken where none are wanted");
    is_number(mp_work_queue_take(works, 10, queue), 10, "as many as there is room for");
    ok(is_work(&works[0], 1, 0) && is_work(&works[9], 1, 9), "the oldest, in their order, with all that was noted");
    is_number(mp_work_queue_take(works, 10, queue), 5, "then the rest");
    ok(is_work(&works[0], 1, 10) && is_work(&works[4], 1, 14), "in their order");
    is_number(mp_work_queue_take(works, 10, queue), 0, "and nothing twice");
    put_many(queue, 20, 1);
    mp_store_work_t counted = work_of(2, 3);
    mp_work_queue_count(queue, &counted.route);
    is_number(mp_work_queue_take(works, 10, queue), 2, "one with a row, and one without");
    ok(!works[0].is_counted_only && works[1].is_counted_only && works[1].route.worker_id == 2, "as it was put");
}

static void test_overflow(apr_pool_t *p)
{
    mp_work_queue_t *queue;
    mp_store_work_t *works = malloc((MP_WORK_QUEUE_CAPACITY + 1) * sizeof(*works));
    bool in_order = true;

    mp_work_queue_create(&queue, p);
    put_many(queue, 0, MP_WORK_QUEUE_CAPACITY);
    is_number(mp_work_queue_take_dropped(queue), 0, "a full queue has dropped nothing");
    put_many(queue, MP_WORK_QUEUE_CAPACITY, 3);
    is_number(mp_work_queue_take_dropped(queue), 3, "each further one costs one");
    is_number(mp_work_queue_take_dropped(queue), 0, "which is told once");
    is_number(mp_work_queue_take(works, MP_WORK_QUEUE_CAPACITY + 1, queue), MP_WORK_QUEUE_CAPACITY, "the queue holds its capacity");
    for (apr_uint32_t i = 0; i < MP_WORK_QUEUE_CAPACITY; i++)
        in_order = in_order && is_work(&works[i], 1, i + 3);
    ok(in_order, "the newest, in their order, across the end of the ring");
    free(works);
}

static mp_work_queue_t *shared;

static void *put_from_thread(void *baton)
{
    apr_uint32_t worker = (apr_uint32_t)(size_t)baton;
    for (apr_uint32_t i = 0; i < PER_THREAD; i++) {
        mp_store_work_t work = work_of(worker, i);
        mp_work_queue_put(shared, &work);
    }
    return NULL;
}

/* @return false if the works of one thread are torn or out of order */
static bool note_taken(apr_uint32_t next[THREADS], const mp_store_work_t *works, apr_size_t count)
{
    bool good = true;
    for (apr_size_t i = 0; i < count; i++) {
        apr_uint32_t worker = works[i].route.worker_id, number = works[i].route.pool_id;
        good = good && worker < THREADS && number >= next[worker] && is_work(&works[i], worker, number);
        next[worker % THREADS] = number + 1;
    }
    return good;
}

static void test_threads(apr_pool_t *p)
{
    pthread_t threads[THREADS];
    mp_store_work_t works[100];
    apr_uint32_t next[THREADS] = {0};
    apr_uint64_t seen = 0;
    bool good = true;

    mp_work_queue_create(&shared, p);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, put_from_thread, (void *)i);
    while (seen < THREADS * PER_THREAD) {
        apr_size_t count = mp_work_queue_take(works, 100, shared);
        good = good && note_taken(next, works, count);
        seen += count + mp_work_queue_take_dropped(shared);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ok(good, "works of several threads arrive whole and in order");
    is_number(seen, THREADS * PER_THREAD, "each is taken or counted, none twice");
    is_number(mp_work_queue_take(works, 100, shared), 0, "nothing is left");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    test_order(p);
    test_overflow(p);
    test_threads(p);
    apr_pool_destroy(p);
    return tap_done();
}
