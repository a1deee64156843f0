/* SPDX-License-Identifier: Apache-2.0 */
/* One decoder per table, so that what a page shows, what a change compares and what the roster holds never differ. */
#include "store/store_rows.h"

#include "base/clock.h"
#include "base/text.h"

bool mp_store_rows_read_pool(mp_roster_pool_row_t *row, const mp_value_t *columns, apr_pool_t *p)
{
    *row = (mp_roster_pool_row_t){
        .id = mp_value_id(&columns[0]),
        .name = mp_value_text(&columns[1], p),
        .url = mp_value_text(&columns[2], p),
        .enabled = mp_value_integer(&columns[3]) != 0,
        .roll_ntime = mp_value_integer(&columns[4]) != 0,
    };
    return row->id != 0;
}

bool mp_store_rows_read_worker(mp_roster_worker_row_t *row, const mp_value_t *columns, apr_pool_t *p)
{
    *row = (mp_roster_worker_row_t){
        .id = mp_value_id(&columns[0]),
        .name = mp_value_text(&columns[1], p),
        .password = mp_value_text(&columns[2], p),
    };
    return row->id != 0;
}

static int clamp_priority(apr_int64_t priority)
{
    if (priority > APR_INT32_MAX)
        return APR_INT32_MAX;
    return priority < APR_INT32_MIN ? APR_INT32_MIN : (int)priority;
}

bool mp_store_rows_read_assignment(mp_roster_assignment_row_t *row, const mp_value_t *columns, apr_pool_t *p)
{
    *row = (mp_roster_assignment_row_t){
        .worker_id = mp_value_id(&columns[0]),
        .pool_id = mp_value_id(&columns[1]),
        .username = mp_value_text(&columns[2], p),
        .password = mp_value_text(&columns[3], p),
        .priority = clamp_priority(mp_value_integer(&columns[4])),
        .enabled = mp_value_integer(&columns[5]) != 0,
    };
    return row->worker_id != 0 && row->pool_id != 0;
}

static mp_verdict_t verdict_of(const mp_value_t *result)
{
    if (mp_value_is_null(result))
        return MP_VERDICT_UNKNOWN;
    return mp_value_integer(result) ? MP_VERDICT_ACCEPTED : MP_VERDICT_REJECTED;
}

apr_time_t mp_store_rows_read_time(const mp_value_t *column)
{
    apr_time_t when = 0;

    if (column->kind == MP_VALUE_INTEGER)
        return apr_time_from_sec(column->integer);
    if (column->kind != MP_VALUE_TEXT || mp_clock_parse_utc(&when, column->bytes) != APR_SUCCESS)
        return 0;
    return when;
}

void mp_store_rows_read_share(mp_share_t *share, const mp_value_t *columns, apr_pool_t *p)
{
    memset(share, 0, sizeof(*share));
    if (columns[0].size == MP_KEY_SIZE)
        memcpy(share->id, columns[0].bytes, MP_KEY_SIZE);
    share->worker_id = mp_value_id(&columns[1]);
    share->pool_id = mp_value_id(&columns[2]);
    share->verdict = verdict_of(&columns[3]);
    mp_text_clean(share->reason, sizeof(share->reason), mp_value_text(&columns[4], p));
    share->difficulty = mp_value_real(&columns[5]);
    share->time = mp_store_rows_read_time(&columns[6]);
}
