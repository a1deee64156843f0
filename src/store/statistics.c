/* SPDX-License-Identifier: Apache-2.0 */
/* Summed up before writing: a batch of a thousand getworks of one worker is one row's change, and one lock. Longer periods are made from the sums of the
 * shortest, so that five lengths do not mean five times the sorting. */
#include "store/statistics.h"

#include "base/clock.h"
#include "store/store.h"
#include "store/upsert.h"

#include <math.h>
#include <stdlib.h>

#define LENGTH_ITEM(length) length,
static const apr_uint32_t lengths[MP_STATISTICS_LENGTH_COUNT] = {MP_STATISTICS_LENGTHS(LENGTH_ITEM)};

apr_time_t mp_statistics_period(apr_time_t when, apr_uint32_t length)
{
    apr_interval_time_t whole = apr_time_from_sec(length);
    apr_time_t beyond = when % whole;
    return when - (beyond < 0 ? beyond + whole : beyond);
}

double mp_statistics_difficulty(double difficulty)
{
    return isfinite(difficulty) && difficulty > 0 ? difficulty : 0;
}

mp_statistics_t *mp_statistics_create(apr_size_t count, apr_pool_t *p)
{
    return apr_palloc(p, count * MP_STATISTICS_LENGTH_COUNT * sizeof(mp_statistics_t));
}

static int compare(const void *left, const void *right)
{
    const mp_statistics_t *a = left, *b = right;

    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
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

static void set_length(mp_statistics_t *row, apr_uint32_t length)
{
    row->length = length;
    row->time = mp_statistics_period(row->time, length);
}

/* Behind the rows of the shortest length, a copy for each of the others. */
static apr_size_t add_lengths(mp_statistics_t *rows, apr_size_t count)
{
    apr_size_t filled = count;

    for (unsigned i = 1; i < MP_STATISTICS_LENGTH_COUNT; i++) {
        for (apr_size_t j = 0; j < count; j++) {
            rows[filled] = rows[j];
            set_length(&rows[filled++], lengths[i]);
        }
    }
    return filled;
}

static void fill_row(mp_value_t *params, char text[20], const void *data)
{
    const mp_statistics_t *row = data;

    params[0] = MP_INTEGER(row->length);
    params[1] = MP_TEXT(mp_clock_format_utc(text, row->time));
    params[2] = MP_INTEGER(row->worker_id);
    params[3] = MP_INTEGER(row->pool_id);
    params[4] = MP_INTEGER(row->accepted);
    params[5] = MP_INTEGER(row->rejected);
    params[6] = MP_REAL(row->accepted_difficulty);
    params[7] = MP_INTEGER(row->getworks);
}

apr_status_t mp_statistics_save(mp_statistics_t *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    static const mp_upsert_t upsert = {
        .statement = MP_STATEMENT_ADD_STATISTICS,
        .params = MP_STATISTICS_PARAMS,
        .row_size = sizeof(mp_statistics_t),
        .fill = fill_row,
    };

    for (apr_size_t i = 0; i < count; i++)
        set_length(&rows[i], lengths[0]);
    apr_size_t kept = sum_up(rows, count);
    kept = sum_up(rows, add_lengths(rows, kept));
    return mp_upsert_run(&upsert, rows, kept, connection, why);
}
