/* SPDX-License-Identifier: Apache-2.0 */
/* Works on their way through the queue into a real database, run by run: what is written at once, and what waits for its time. */
#include "service/work_drain.h"

#include "base/clock.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <stdio.h>
#include <string.h>

static apr_pool_t *pool, *scratch;
static mp_work_queue_t *queue;
static mp_work_drain_t *drain;
static bool is_behind;

static apr_status_t run(bool is_last)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_work_drain_run(&is_behind, drain, is_last, &why, scratch);
    if (status != APR_SUCCESS)
        printf("# %s\n", why.sentence);
    return status;
}

/* One work each of so many workers. */
static void put(unsigned workers)
{
    static unsigned number;

    for (unsigned i = 0; i < workers; i++) {
        mp_store_work_t work = {.route = {.worker_id = 1 + i, .pool_id = 1, .difficulty = 1, .fetched = mp_clock_now()}};
        number++;
        memcpy(work.head, &number, sizeof(number));
        mp_work_queue_put(queue, &work);
    }
}

static long long routes(void)
{
    return farm_number("SELECT count(*) FROM work_data");
}

static long long counted(void)
{
    return farm_number("SELECT coalesce(sum(getworks), 0) FROM share_stats WHERE period_length = 300");
}

static void test_few(void)
{
    for (int i = 1; i <= 2; i++) {
        put(3);
        ok(run(false) == APR_SUCCESS && routes() == 3 * i && counted() == 3 * i && !is_behind,
           "a few works are recorded and counted at once");
    }
    is_number(farm_number("SELECT count(*) FROM worker_status WHERE last_work_pool_id = 1"), 3, "each worker's last work is noted");
}

static void test_many(void)
{
    put(1200);
    ok(run(false) == APR_SUCCESS && routes() == 1206 && counted() == 506 && is_behind, "of many, all routes and a part of the counts");
    put(10);
    ok(run(false) == APR_SUCCESS && routes() == 1216 && counted() == 1006 && is_behind, "works that come meanwhile are recorded");
    ok(run(false) == APR_SUCCESS && counted() == 1206 && !is_behind, "then the last part");
    ok(run(false) == APR_SUCCESS && counted() == 1206 && !is_behind, "then counts rest");
    farm_advance(apr_time_from_sec(5));
    ok(run(false) == APR_SUCCESS && counted() == 1206, "for long");
    farm_advance(apr_time_from_sec(6));
    ok(run(false) == APR_SUCCESS && counted() == 1216, "but not for ever");
}

static void test_failures(void)
{
    long long before = routes();

    put(600);
    farm_lock();
    ok(run(false) != APR_SUCCESS && run(false) != APR_SUCCESS, "the database is locked");
    put(600);
    farm_unlock();
    ok(run(false) == APR_SUCCESS && is_behind, "what was left is not all");
    ok(run(false) == APR_SUCCESS && run(false) == APR_SUCCESS && run(true) == APR_SUCCESS, "the rest follows");
    ok(routes() == before + 1200 && counted() == before + 1200, "nothing is lost or counted twice");
}

/* Many works of one worker. */
static void test_busy(void)
{
    long long before = counted();

    farm_advance(MP_WORK_DRAIN_PAUSE_MOST);
    for (int i = 0; i < 30; i++)
        put(1);
    ok(run(false) == APR_SUCCESS && counted() == before + 30, "many works of one worker are counted");
    put(1);
    ok(run(false) == APR_SUCCESS && counted() == before + 30 && !is_behind, "the next wait");
    farm_advance(apr_time_from_sec(1));
    ok(run(false) == APR_SUCCESS && counted() == before + 31, "for a second");
    put(1);
    ok(run(false) == APR_SUCCESS && counted() == before + 32, "and few of them do not");
}

/* The more workers, the longer the next ones wait. */
static void test_pace(void)
{
    long long before = counted();

    farm_advance(MP_WORK_DRAIN_PAUSE_MOST);
    put(100);
    ok(run(false) == APR_SUCCESS && counted() == before + 100 && !is_behind, "a hundred workers' works are counted");
    put(1);
    farm_advance(apr_time_from_msec(1500));
    ok(run(false) == APR_SUCCESS && counted() == before + 100, "the next one waits");
    farm_advance(apr_time_from_msec(500));
    ok(run(false) == APR_SUCCESS && counted() == before + 101, "two seconds");
}

static void test_last(void)
{
    long long before = counted();

    farm_advance(MP_WORK_DRAIN_PAUSE_MOST);
    put(700);
    ok(run(false) == APR_SUCCESS && counted() == before + 500, "a part of many");
    put(700);
    while (run(true) == APR_SUCCESS && is_behind)
        ;
    is_number(counted(), before + 1400, "the end waits for nothing, and leaves nothing");
}

static void test_lost(void)
{
    farm_log_forget();
    for (apr_uint32_t i = 0; i < MP_WORK_SUMS_MOST + 3; i++)
        mp_work_queue_count(queue, &(mp_route_t){.worker_id = 1 + i, .pool_id = 1, .fetched = mp_clock_now()});
    ok(run(false) == APR_SUCCESS, "more workers than there is room for");
    is_number(farm_log_count("MP0246: 3 getworks"), 1, "the log says how many are not counted");
}

int main(void)
{
    mp_result_t why = MP_RESULT_NONE;

    pool = farm_open();
    apr_pool_create(&scratch, pool);
    mp_store_options_t options = farm_store_options(apr_time_from_msec(300));
    mp_store_t *store;
    ok(mp_store_create(&store, &options, &why, pool) == APR_SUCCESS && mp_store_prepare(store, &why, scratch) == APR_SUCCESS &&
           mp_work_queue_create(&queue, pool) == APR_SUCCESS,
       "a store and a queue: %s", why.sentence);
    drain = mp_work_drain_create(queue, store, pool);
    test_few();
    test_many();
    test_failures();
    test_busy();
    test_pace();
    test_last();
    test_lost();
    farm_close();
    return tap_done();
}
