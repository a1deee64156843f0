/* SPDX-License-Identifier: Apache-2.0 */
#include "service/work_sums.h"

#include "tap.h"

#include <apr_general.h>

#define PERIOD apr_time_from_sec(300)

static mp_route_t route_of(apr_uint32_t worker, apr_uint32_t pool, apr_time_t fetched)
{
    return (mp_route_t){.worker_id = worker, .pool_id = pool, .fetched = fetched};
}

static void add(mp_work_sums_t *sums, apr_uint32_t worker, apr_uint32_t pool, apr_time_t fetched)
{
    mp_route_t route = route_of(worker, pool, fetched);
    ok(mp_work_sums_add(sums, &route), "a work of worker %u at pool %u", worker, pool);
}

static bool is_sum(const mp_store_getworks_t *sum, apr_uint32_t worker, apr_uint32_t pool, apr_time_t last, apr_uint64_t count)
{
    return sum->worker_id == worker && sum->pool_id == pool && sum->last == last && sum->count == count &&
           sum->period == last - last % PERIOD;
}

static void test_keys(mp_work_sums_t *sums)
{
    add(sums, 2, 1, PERIOD + 9);
    add(sums, 1, 2, PERIOD + 1);
    add(sums, 1, 1, 2 * PERIOD);
    add(sums, 1, 1, 2 * PERIOD - 1);
    add(sums, 2, 1, PERIOD + 7);
    is_number(mp_work_sums_count(sums), 4, "worker, pool and period make a sum");
    const mp_store_getworks_t *sum = mp_work_sums_sort(sums);
    ok(is_sum(&sum[0], 1, 1, 2 * PERIOD - 1, 1) && is_sum(&sum[1], 1, 2, PERIOD + 1, 1) && is_sum(&sum[3], 1, 1, 2 * PERIOD, 1),
       "they come by period, worker and pool");
    ok(is_sum(&sum[2], 2, 1, PERIOD + 9, 2), "the latest time stays, whatever the order");
    mp_work_sums_clear(sums);
    is_number(mp_work_sums_count(sums), 0, "cleared");
}

static void test_room(mp_work_sums_t *sums)
{
    bool are_added = true, are_exact = true;

    for (apr_uint32_t i = 0; i < 3 * MP_WORK_SUMS_MOST; i++) {
        mp_route_t route = route_of(i % MP_WORK_SUMS_MOST, 1 + i % 2, PERIOD * (1 + i % 3));
        are_added = mp_work_sums_add(sums, &route) == (i < MP_WORK_SUMS_MOST) && are_added;
    }
    ok(are_added, "there is room for so many, and for no other");
    for (apr_uint32_t i = 0; i < MP_WORK_SUMS_MOST; i++) {
        mp_route_t route = route_of(i, 1 + i % 2, PERIOD * (1 + i % 3));
        are_added = mp_work_sums_add(sums, &route) && are_added;
    }
    ok(are_added, "those that are there go on being counted");
    const mp_store_getworks_t *sum = mp_work_sums_sort(sums);
    for (apr_uint32_t i = 0; i < MP_WORK_SUMS_MOST; i++)
        are_exact = are_exact && sum[i].count == 2;
    ok(are_exact, "exactly");
    mp_work_sums_clear(sums);
    add(sums, 5, 1, PERIOD);
    ok(mp_work_sums_count(sums) == 1 && is_sum(mp_work_sums_sort(sums), 5, 1, PERIOD, 1), "cleared, there is room again");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    mp_work_sums_t *sums = mp_work_sums_create(p);
    test_keys(sums);
    test_room(sums);
    apr_pool_destroy(p);
    return tap_done();
}
