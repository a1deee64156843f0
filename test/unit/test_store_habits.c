/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_habits.h"

#include "base/clock.h"
#include "store_fixture.h"

#define NOON apr_time_from_sec(1793361600) /* 2026-10-30 12:00:00 UTC */
#define HOUR apr_time_from_sec(3600)

static void plant(int length, int worker, int pool, apr_time_t start, const char *counts)
{
    char statement[300], text[20];
    apr_snprintf(
        statement, sizeof(statement),
        "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected) VALUES (%d, '%s', %d, %d, %s)",
        length, mp_clock_format_utc(text, start), worker, pool, counts);
    sql(statement);
}

static void check_habits(mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *habits = NULL;
    mp_result_t why = MP_RESULT_NONE;
    plant(3600, 7, 1, NOON, "30, 1");
    plant(3600, 7, 2, NOON, "10, 0");
    plant(3600, 7, 1, NOON + HOUR, "20, 0");
    plant(3600, 7, 1, NOON + 2 * HOUR, "0, 5");
    plant(3600, 7, 1, NOON - HOUR, "500, 0");
    plant(300, 7, 1, NOON, "500, 0");
    plant(3600, 8, 1, NOON, "0, 9");
    ok(mp_store_load_habits(&habits, NOON, store, &why, p) == APR_SUCCESS, "read: %s", why.sentence);
    is_number(habits->nelts, 1, "who has only rejects has no habit");
    const mp_store_habit_t *habit = &APR_ARRAY_IDX(habits, 0, mp_store_habit_t);
    is_number(habit->worker_id, 7, "the worker");
    is_number(habit->accepted, 60, "shares of all pools, since then");
    is_number(habit->hours, 2, "an hour counts once, and only with accepted shares");
    ok(habit->last == NOON + HOUR, "the last of them");
}

static void check_rejecters(mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rejecters = NULL;
    mp_result_t why = MP_RESULT_NONE;
    plant(300, 9, 1, NOON + HOUR, "10, 0");
    plant(300, 10, 1, NOON + HOUR, "10, 2");
    plant(300, 10, 2, NOON + HOUR, "1, 1");
    plant(300, 10, 1, NOON, "100, 100");
    ok(mp_store_load_rejecters(&rejecters, NOON + HOUR, store, &why, p) == APR_SUCCESS, "read: %s", why.sentence);
    is_number(rejecters->nelts, 1, "who has no rejects is none");
    const mp_store_rejecter_t *rejecter = &APR_ARRAY_IDX(rejecters, 0, mp_store_rejecter_t);
    is_number(rejecter->worker_id, 10, "the worker");
    is_number(rejecter->accepted, 11, "its accepted shares of all pools");
    is_number(rejecter->rejected, 3, "and its rejected ones");
}

int main(void)
{
    static fx_check_t *const checks[] = {check_habits, check_rejecters};
    return FX_RUN(checks);
}
