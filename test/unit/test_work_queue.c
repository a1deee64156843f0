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
    is_number(mp_work_queue_take_lost(queue).dropped, 0, "nothing dropped");
    put_many(queue, 0, 15);
    is_number(mp_work_queue_take(works, 0, queue), 0, "none are taken where none are wanted");
    is_number(mp_work_queue_take(works, 10, queue), 10, "as many as there is room for");
    ok(is_work(&works[0], 1, 0) && is_work(&works[9], 1, 9), "the oldest, in their order, with all that was noted");
    is_number(mp_work_queue_take(works, 10, queue), 5, "then the rest");
    ok(is_work(&works[0], 1, 10) && is_work(&works[4], 1, 14), "in their order");
    is_number(mp_work_queue_take(works, 10, queue), 0, "and nothing twice");
}

static void test_overflow(apr_pool_t *p)
{
    mp_work_queue_t *queue;
    mp_store_work_t *works = malloc((MP_WORK_QUEUE_CAPACITY + 1) * sizeof(*works));
    bool in_order = true;

    mp_work_queue_create(&queue, p);
    put_many(queue, 0, MP_WORK_QUEUE_CAPACITY);
    is_number(mp_work_queue_take_lost(queue).dropped, 0, "a full queue has dropped nothing");
    put_many(queue, MP_WORK_QUEUE_CAPACITY, 3);
    is_number(mp_work_queue_take_lost(queue).dropped, 3, "each further one costs one");
    is_number(mp_work_queue_take_lost(queue).dropped, 0, "which is told once");
    is_number(mp_work_queue_take(works, MP_WORK_QUEUE_CAPACITY + 1, queue), MP_WORK_QUEUE_CAPACITY, "the queue holds its capacity");
    for (apr_uint32_t i = 0; i < MP_WORK_QUEUE_CAPACITY; i++)
        in_order = in_order && is_work(&works[i], 1, i + 3);
    ok(in_order, "the newest, in their order, across the end of the ring");
    free(works);
}

/* @return how many works were counted */
static apr_uint64_t empty(mp_work_sums_t *sums)
{
    const mp_store_getworks_t *sum = mp_work_sums_sort(sums);
    apr_uint64_t counted = 0;

    for (apr_size_t i = 0; i < mp_work_sums_count(sums); i++)
        counted += sum[i].count;
    mp_work_sums_clear(sums);
    return counted;
}

static void test_sums(apr_pool_t *p)
{
    mp_work_queue_t *queue;
    mp_route_t route = {.worker_id = 9, .pool_id = 1, .fetched = 77};

    mp_work_queue_create(&queue, p);
    ok(!mp_work_queue_take_sums(queue, 1), "no sums at first");
    put_many(queue, 0, 2);
    mp_work_queue_count(queue, &route);
    mp_work_queue_count(queue, &route);
    ok(!mp_work_queue_take_sums(queue, 4), "fewer sums than wanted stay");
    mp_work_sums_t *sums = mp_work_queue_take_sums(queue, 3);
    ok(sums && mp_work_sums_count(sums) == 3, "a sum for each worker and pool");
    mp_work_queue_count(queue, &route);
    is_number(mp_work_sums_sort(sums)[2].count, 2, "which what comes later leaves alone");
    is_number(empty(sums), 4, "works and what is only counted");
    sums = mp_work_queue_take_sums(queue, 1);
    is_number(sums ? empty(sums) : 0, 1, "what came later is in the next ones");
    mp_store_work_t works[3];
    is_number(mp_work_queue_take(works, 3, queue), 2, "what is only counted is no work to record");
    for (apr_uint32_t i = 0; i < MP_WORK_SUMS_MOST + 5; i++)
        mp_work_queue_count(queue, &(mp_route_t){.worker_id = i, .pool_id = 1});
    is_number(mp_work_queue_take_lost(queue).uncounted, 5, "what finds no room is told");
    is_number(mp_work_queue_take_lost(queue).uncounted, 0, "once");
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
    apr_uint64_t seen = 0, counted = 0;
    bool good = true;

    mp_work_queue_create(&shared, p);
    for (size_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, put_from_thread, (void *)i);
    while (seen < THREADS * PER_THREAD) {
        mp_work_sums_t *sums = mp_work_queue_take_sums(shared, 1);
        counted += sums ? empty(sums) : 0;
        apr_size_t count = mp_work_queue_take(works, 100, shared);
        good = good && note_taken(next, works, count);
        mp_work_queue_lost_t lost = mp_work_queue_take_lost(shared);
        seen += count + lost.dropped;
        counted += lost.uncounted;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ok(good, "works of several threads arrive whole and in order");
    is_number(seen, THREADS * PER_THREAD, "each is taken or counted, none twice");
    is_number(mp_work_queue_take(works, 100, shared), 0, "nothing is left");
    mp_work_sums_t *sums = mp_work_queue_take_sums(shared, 1);
    counted += sums ? empty(sums) : 0;
    is_number(counted + mp_work_queue_take_lost(shared).uncounted, THREADS * PER_THREAD, "each is counted once");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    test_order(p);
    test_overflow(p);
    test_sums(p);
    test_threads(p);
    apr_pool_destroy(p);
    return tap_done();
}
