/* SPDX-License-Identifier: Apache-2.0 */
#include "service/dashboard_sums.h"

#include "tap.h"

#include <apr_general.h>
#include <math.h>

#define BASE apr_time_from_sec(1793318400) /* 2026-10-30 00:00:00 UTC */
#define HASHES 4294967296.0

static apr_pool_t *p;

static apr_array_header_t *make(const mp_store_period_t *rows, int count)
{
    apr_array_header_t *periods = apr_array_make(p, count + 1, sizeof(mp_store_period_t));
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(periods, mp_store_period_t) = rows[i];
    return periods;
}

static bool is_near(double got, double expected)
{
    return fabs(got - expected) <= 1e-9 * (1 + fabs(expected));
}

static void test_windows(void)
{
    const mp_dashboard_window_t *windows = mp_dashboard_windows();

    is_text(mp_dashboard_window_find("7d", 0)->word, "7d", "by word");
    is_text(mp_dashboard_window_find(NULL, apr_time_from_sec(86400))->word, "24h", "by time");
    is_text(mp_dashboard_window_find("x", apr_time_from_sec(7200))->word, "1h", "the nearest");
    is_text(mp_dashboard_window_find("", apr_time_from_sec(86400) * 365)->word, "30d", "the longest");
    for (int i = 0; i < MP_DASHBOARD_WINDOW_COUNT; i++)
        ok(windows[i].step % windows[i].length == 0 && windows[i].count >= 12, "%s has labels at periods", windows[i].word);
    ok(mp_dashboard_window_start(&windows[0], BASE + apr_time_from_sec(3599)) == BASE, "an hour has twelve periods, the last one runs");
    ok(mp_dashboard_window_start(&windows[0], BASE + apr_time_from_sec(3600)) == BASE + apr_time_from_sec(300), "then the next one");
}

static void test_sums(void)
{
    const mp_store_period_t rows[] = {
        {.start = BASE, .worker_id = 1, .pool_id = 1, .accepted = 3, .rejected = 1, .getworks = 9, .accepted_difficulty = 30},
        {.start = BASE, .worker_id = 1, .pool_id = 2, .accepted = 1, .accepted_difficulty = 8},
        {.start = BASE, .worker_id = 2, .pool_id = 1, .accepted = 2, .accepted_difficulty = 2},
        {.start = BASE + apr_time_from_sec(3300), .worker_id = 2, .pool_id = 2, .rejected = 5},
        {.start = BASE + apr_time_from_sec(99000), .worker_id = 2, .pool_id = 2, .accepted = 1, .accepted_difficulty = 1},
    };
    mp_dashboard_sums_t sums;

    mp_dashboard_sums_open(&sums, mp_dashboard_windows(), make(rows, 5), BASE + apr_time_from_sec(3599), p);
    is_number(sums.farm.accepted, 7, "accepted of all");
    is_number(sums.farm.rejected, 6, "rejected");
    is_number(sums.farm.getworks, 9, "getworks");
    ok(sums.farm.difficulty == 41, "difficulty");
    ok(sums.farm.difficulties[0] == 40 && sums.farm.difficulties[11] == 1, "of each period; one yet to come counts as the last");
    is_number(mp_dashboard_sums_of_worker(&sums, 1).accepted, 4, "a worker's, at all pools");
    ok(mp_dashboard_sums_of_worker(&sums, 1).difficulties[0] == 38, "with its periods");
    is_number(mp_dashboard_sums_of_pool(&sums, 2).rejected, 5, "a pool's, of all workers");
    is_number(mp_dashboard_sums_of_worker(&sums, 3).accepted, 0, "nothing of who did nothing");
    is_number(sums.first, 0, "from the first period on");
    ok(is_near(mp_dashboard_sums_hashrate(&sums, 41), 41 * HASHES / 3599), "hashrate over the time that is covered");
}

/* A farm that is ten minutes old, at several moments of its running period. */
static void test_running(void)
{
    const mp_store_period_t rows[] = {
        {.start = BASE + apr_time_from_sec(3000), .worker_id = 1, .pool_id = 1, .accepted = 300, .accepted_difficulty = 300},
        {.start = BASE + apr_time_from_sec(3300), .worker_id = 1, .pool_id = 1, .accepted = 10, .accepted_difficulty = 10},
    };
    mp_dashboard_sums_t sums;
    apr_time_t running = BASE + apr_time_from_sec(3300);

    mp_dashboard_sums_open(&sums, mp_dashboard_windows(), make(rows, 2), running + apr_time_from_sec(10), p);
    is_number(sums.first, 10, "nothing happened before");
    ok(is_near(mp_dashboard_sums_hashrate(&sums, 310), HASHES), "which does not count: 310 in 310 s");
    double *line = mp_dashboard_sums_line(&sums, &sums.farm);
    ok(is_near(line[10], HASHES) && is_near(line[11], HASHES), "a young period counts with the one before: no dip at the edge");
    mp_dashboard_sums_open(&sums, mp_dashboard_windows(), make(rows, 2), running, p);
    ok(is_near(mp_dashboard_sums_line(&sums, &sums.farm)[11], 310.0 / 300 * HASHES), "not even at its first moment");
    mp_dashboard_sums_open(&sums, mp_dashboard_windows(), make(rows, 2), running + apr_time_from_sec(200), p);
    ok(is_near(mp_dashboard_sums_line(&sums, &sums.farm)[11], HASHES / 20), "an older one counts by itself");
    mp_dashboard_sums_open(&sums, mp_dashboard_windows(), make(rows + 1, 1), running + apr_time_from_sec(10), p);
    is_number(sums.first, 11, "a farm that is seconds old");
    ok(is_near(mp_dashboard_sums_line(&sums, &sums.farm)[11], HASHES), "has nothing before it to count");
}

static void test_nothing(void)
{
    mp_dashboard_sums_t sums;

    mp_dashboard_sums_open(&sums, &mp_dashboard_windows()[4], NULL, BASE + apr_time_from_sec(1), p);
    is_number(sums.first, 30, "no period");
    is_number(sums.farm.accepted, 0, "no sums");
    ok(mp_dashboard_sums_hashrate(&sums, 0) == 0 && mp_dashboard_sums_line(&sums, &sums.farm)[29] == 0, "no hashrate");
    ok(mp_dashboard_sums_hashrate(&sums, 5) == 0, "whatever is asked");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_windows();
    test_sums();
    test_running();
    test_nothing();
    apr_pool_destroy(p);
    return tap_done();
}
