/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statistics.h"

#include "store/store_private.h"
#include "store_fixture.h"

#include <math.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */

static void check_periods(mp_store_t *store, apr_pool_t *p)
{
    apr_time_t start = apr_time_from_sec(1793372400);

    (void)store;
    (void)p;
    ok(mp_statistics_period(start, 300) == start && mp_statistics_period(start + apr_time_from_sec(300) - 1, 300) == start,
       "a period begins and ends");
    ok(mp_statistics_period(start - 1, 300) == start - apr_time_from_sec(300), "the one before");
    ok(mp_statistics_period(-1, 300) == -apr_time_from_sec(300) && mp_statistics_period(0, 300) == 0, "before 1970");
    is_number(apr_time_sec(mp_statistics_period(WHEN, 86400)) % 86400, 0, "a day begins at midnight");
    ok(mp_statistics_difficulty(NAN) == 0 && mp_statistics_difficulty(INFINITY) == 0 && mp_statistics_difficulty(-1) == 0,
       "no difficulties");
    ok(mp_statistics_difficulty(0.125) == 0.125, "a difficulty");
}

typedef struct saving_t {
    mp_statistics_t *rows;
    apr_size_t count;
} saving_t;

static apr_status_t save(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    saving_t *saving = baton;
    return mp_statistics_save(saving->rows, saving->count, connection, why);
}

static void save_rows(const mp_statistics_t *rows, apr_size_t count, mp_store_t *store, apr_pool_t *p)
{
    saving_t saving = {.rows = mp_statistics_create(count, p), .count = count};
    mp_result_t why = MP_RESULT_NONE;

    memcpy(saving.rows, rows, count * sizeof(*rows));
    ok(mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save, &saving, &why) == APR_SUCCESS, "%d rows: %s", (int)count,
       why.sentence);
}

#define SUMS                                                                                                                               \
    "SELECT period_length, count(*), sum(accepted), sum(rejected), sum(getworks), sum(accepted_difficulty) = 1.5 * sum(accepted) FROM "    \
    "share_stats GROUP BY period_length ORDER BY period_length"

static void check_sums(mp_store_t *store, apr_pool_t *p)
{
    /* 300 changes of 3 workers at 2 pools, 100 s apart: 30,000 s, from 15:04:05 to 23:22:25. */
    mp_statistics_t rows[300];

    for (int i = 0; i < 300; i++)
        rows[i] = (mp_statistics_t){.time = WHEN + apr_time_from_sec(100 * i),
                                    .length = 77,
                                    .worker_id = 1 + (unsigned)i % 3,
                                    .pool_id = 1 + (unsigned)i % 2,
                                    .accepted = 1,
                                    .rejected = i % 5 == 0,
                                    .getworks = 2,
                                    .accepted_difficulty = 1.5};
    save_rows(rows, 300, store, p);
    is_text(sql(SUMS), "300|300|300|60|600|1\n1800|102|300|60|600|1\n3600|54|300|60|600|1\n21600|12|300|60|600|1\n86400|6|300|60|600|1",
            "all lengths are exact");
    save_rows(rows, 1, store, p);
    save_rows(rows + 3, 37, store, p);
    save_rows(rows, 0, store, p);
    is_text(sql("SELECT period_length, sum(accepted), sum(getworks) FROM share_stats GROUP BY period_length ORDER BY period_length"),
            "300|338|676\n1800|338|676\n3600|338|676\n21600|338|676\n86400|338|676", "and stay so when rows are added to");
    is_text(sql("SELECT DISTINCT period_start FROM share_stats WHERE period_length = 21600 ORDER BY 1"),
            "2026-10-30 12:00:00\n2026-10-30 18:00:00", "periods of six hours");
    is_text(sql("SELECT DISTINCT period_start FROM share_stats WHERE period_length = 86400"), "2026-10-30 00:00:00", "a day");
}

int main(void)
{
    fx_check_t *const checks[] = {check_periods, check_sums};
    return FX_RUN(checks);
}
