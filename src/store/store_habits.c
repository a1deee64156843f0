/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_habits.h"

#include "base/clock.h"
#include "store/store_private.h"
#include "store/store_rows.h"

static void read_habit(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *habits = baton;
    (void)count;
    APR_ARRAY_PUSH(habits, mp_store_habit_t) = (mp_store_habit_t){
        .worker_id = mp_value_id(&columns[0]),
        .accepted = mp_value_integer(&columns[1]),
        .hours = mp_value_integer(&columns[2]),
        .last = mp_store_rows_read_time(&columns[3]),
    };
}

static void read_rejecter(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *rejecters = baton;
    (void)count;
    APR_ARRAY_PUSH(rejecters, mp_store_rejecter_t) = (mp_store_rejecter_t){
        .worker_id = mp_value_id(&columns[0]),
        .accepted = mp_value_integer(&columns[1]),
        .rejected = mp_value_integer(&columns[2]),
    };
}

static apr_status_t load(mp_statement_call_t *call, apr_time_t since, mp_store_t *store, mp_result_t *why)
{
    char text[20];
    const mp_value_t params[] = {MP_TEXT(mp_clock_format_utc(text, since))};
    call->params = params;
    call->param_count = 1;
    return mp_transaction_run_one(store->connections, call, why);
}

apr_status_t mp_store_load_habits(apr_array_header_t **habits, apr_time_t since, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 64, sizeof(mp_store_habit_t));
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_HABITS, .row = read_habit, .baton = found};
    apr_status_t status = load(&call, since, store, why);
    if (status == APR_SUCCESS)
        *habits = found;
    return status;
}

apr_status_t mp_store_load_rejecters(apr_array_header_t **rejecters, apr_time_t since, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 16, sizeof(mp_store_rejecter_t));
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_REJECTERS, .row = read_rejecter, .baton = found};
    apr_status_t status = load(&call, since, store, why);
    if (status == APR_SUCCESS)
        *rejecters = found;
    return status;
}
