/* SPDX-License-Identifier: Apache-2.0 */
/* Summed up before writing: a batch of a thousand getworks of one worker is one row's change, and one lock. */
#include "store/statistics.h"

#include "base/clock.h"
#include "store/store.h"

#define MP_STATISTICS_PERIOD 300

#include <math.h>
#include <stdlib.h>

apr_time_t mp_statistics_period(apr_time_t when)
{
    apr_interval_time_t length = apr_time_from_sec(MP_STATISTICS_PERIOD);
    apr_time_t beyond = when % length;
    return when - (beyond < 0 ? beyond + length : beyond);
}

double mp_statistics_difficulty(double difficulty)
{
    return isfinite(difficulty) && difficulty > 0 ? difficulty : 0;
}

static int compare(const void *left, const void *right)
{
    const mp_statistics_t *a = left, *b = right;

    if (a->period != b->period)
        return a->period < b->period ? -1 : 1;
    if (a->worker_id != b->worker_id)
        return a->worker_id < b->worker_id ? -1 : 1;
    return (a->pool_id > b->pool_id) - (a->pool_id < b->pool_id);
}

/* @return how many rows are left */
static apr_size_t sum_up(mp_statistics_t *rows, apr_size_t count)
{
    apr_size_t kept = 0;

    qsort(rows, count, sizeof(*rows), compare);
    for (apr_size_t i = 0; i < count; i++) {
        if (kept == 0 || compare(&rows[kept - 1], &rows[i]) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        rows[kept - 1].accepted += rows[i].accepted;
        rows[kept - 1].rejected += rows[i].rejected;
        rows[kept - 1].getworks += rows[i].getworks;
        rows[kept - 1].accepted_difficulty += rows[i].accepted_difficulty;
    }
    return kept;
}

static apr_status_t save_row(const mp_statistics_t *row, mp_connection_t *connection, mp_result_t *why)
{
    char start[20];
    const mp_value_t params[] = {
        MP_TEXT(mp_clock_format_utc(start, row->period)),
        MP_INTEGER(MP_STATISTICS_PERIOD),
        MP_INTEGER(row->worker_id),
        MP_INTEGER(row->pool_id),
        MP_INTEGER(row->accepted),
        MP_INTEGER(row->rejected),
        MP_REAL(row->accepted_difficulty),
        MP_INTEGER(row->getworks),
    };
    mp_statement_call_t call = {.statement = MP_STATEMENT_ADD_STATISTICS, .params = params, .param_count = 8};

    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_statistics_save(mp_statistics_t *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    apr_size_t kept = sum_up(rows, count);

    for (apr_size_t i = 0; i < kept; i++) {
        apr_status_t status = save_row(&rows[i], connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}
