/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of works, and how many there were. */
#include "store_fixture.h"
#include "work_draft.h"

#include <math.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC, 245 s into a period */
#define PERIOD_TEXT "2026-10-30 15:00:00"

static void check_works(mp_store_t *store, apr_pool_t *p)
{
    static mp_store_work_t works[675];
    mp_route_t route;
    mp_result_t why = MP_RESULT_NONE;

    for (unsigned i = 0; i < 75; i++)
        works[i] = make_work(i % 70, 1, WHEN + apr_time_from_sec(i));
    for (unsigned i = 75; i < 675; i++)
        works[i] = make_work(i, 1, WHEN + apr_time_from_sec(i));
    works[74].route.pool_id = 2; /* the latest of number 4 */
    is_refused(mp_store_find_route(&route, 1, works[4].head, store, &why, p), APR_NOTFOUND, &why, "not-found", "no route yet");
    ok(mp_store_save_works(works, 675, store, &why, p) == APR_SUCCESS, "save works: %s", why.sentence);
    is_text(sql("SELECT count(*), count(DISTINCT data), min(pool_id), max(pool_id), min(difficulty), max(difficulty) FROM work_data"),
            "670|670|1|2|1.5|1.5", "repeated ones are one row, of all others each has its own");
    is_text(sql("SELECT count(*) FROM share_stats"), "0", "nothing is counted");
    bool are_found = true;
    for (unsigned i = 75; i < 675; i++)
        are_found = are_found && mp_store_find_route(&route, works[i].route.worker_id, works[i].head, store, &why, p) == APR_SUCCESS &&
                    route.fetched == works[i].route.fetched;
    ok(are_found, "each under its key, with its time");
    ok(mp_store_find_route(&route, 1, works[4].head, store, &why, p) == APR_SUCCESS, "find a route: %s", why.sentence);
    ok(route.worker_id == 1 && route.pool_id == 2 && route.fingerprint == 0 && route.difficulty == 1.5, "the latest one");
    ok(route.fetched == WHEN + apr_time_from_sec(74), "its time");
    is_refused(mp_store_find_route(&route, 2, works[4].head, store, &why, p), APR_NOTFOUND, &why, "not-found", "another worker's");
    mp_store_work_t older = make_work(4, 3, WHEN), newer = make_work(4, 4, WHEN + apr_time_from_sec(100));
    ok(mp_store_save_works(&older, 1, store, &why, p) == APR_SUCCESS, "an older one comes late");
    ok(mp_store_find_route(&route, 1, works[4].head, store, &why, p) == APR_SUCCESS && route.pool_id == 2, "and does not win");
    ok(mp_store_save_works(&newer, 1, store, &why, p) == APR_SUCCESS, "a newer one");
    ok(mp_store_find_route(&route, 1, works[4].head, store, &why, p) == APR_SUCCESS && route.pool_id == 4, "wins");
    newer.route.difficulty = NAN;
    ok(mp_store_save_works(&newer, 1, store, &why, p) == APR_SUCCESS, "a difficulty that is no number");
    ok(mp_store_save_works(NULL, 0, store, &why, p) == APR_SUCCESS, "no works at all");
}

static void check_getworks(mp_store_t *store, apr_pool_t *p)
{
    static mp_store_getworks_t sums[700];
    mp_result_t why = MP_RESULT_NONE;
    apr_time_t period = WHEN - WHEN % apr_time_from_sec(300);

    for (unsigned i = 0; i < 700; i++)
        sums[i] = (mp_store_getworks_t){
            .worker_id = 1000 + i / 2, .pool_id = 1 + i % 2, .period = period, .last = WHEN + apr_time_from_sec(i % 2), .count = 3};
    ok(mp_store_save_getworks(sums, 700, store, &why, p) == APR_SUCCESS, "save sums: %s", why.sentence);
    ok(mp_store_save_getworks(sums, 1, store, &why, p) == APR_SUCCESS, "add to one of them: %s", why.sentence);
    ok(mp_store_save_getworks(NULL, 0, store, &why, p) == APR_SUCCESS, "no sums at all");
    is_text(sql("SELECT period_length, count(*), sum(getworks), max(getworks), sum(accepted + rejected) FROM share_stats GROUP BY "
                "period_length ORDER BY period_length"),
            "300|700|2103|6|0\n1800|700|2103|6|0\n3600|700|2103|6|0\n21600|700|2103|6|0\n86400|700|2103|6|0", "in periods of all lengths");
    is_text(sql("SELECT DISTINCT period_start FROM share_stats WHERE period_length = 300"), PERIOD_TEXT, "which begin where they should");
    is_text(sql("SELECT count(*), min(last_work_pool_id), max(last_work_pool_id), count(DISTINCT last_work_time) FROM worker_status WHERE "
                "worker_id >= 1000"),
            "350|2|2|1", "each worker's last work is the latest");
}

int main(void)
{
    fx_check_t *const checks[] = {check_works, check_getworks};
    return FX_RUN(checks);
}
