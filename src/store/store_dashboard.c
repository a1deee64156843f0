/* SPDX-License-Identifier: Apache-2.0 */
/* Each read is one walk along one index. The window goes backwards, so that what a limit would cut off is the oldest; it is turned round in memory. */
#include "store/store_dashboard.h"

#include "base/clock.h"
#include "store/store_private.h"
#include "store/store_rows.h"

#include <strings.h>

typedef struct period_reading_t {
    apr_array_header_t *periods;
    char text[20]; /* the last start that was read: rows of one period come together, and reading a time is what costs */
    apr_time_t start;
} period_reading_t;

static apr_time_t read_start(period_reading_t *reading, const mp_value_t *column)
{
    if (column->kind != MP_VALUE_TEXT || column->size >= sizeof(reading->text))
        return mp_store_rows_read_time(column);
    if (strcmp(column->bytes, reading->text) != 0) {
        memcpy(reading->text, column->bytes, column->size + 1);
        reading->start = mp_store_rows_read_time(column);
    }
    return reading->start;
}

static void read_period(void *baton, const mp_value_t *columns, int count)
{
    period_reading_t *reading = baton;

    (void)count;
    APR_ARRAY_PUSH(reading->periods, mp_store_period_t) = (mp_store_period_t){
        .start = read_start(reading, &columns[0]),
        .worker_id = mp_value_id(&columns[1]),
        .pool_id = mp_value_id(&columns[2]),
        .accepted = mp_value_integer(&columns[3]),
        .rejected = mp_value_integer(&columns[4]),
        .accepted_difficulty = mp_value_real(&columns[5]),
        .getworks = mp_value_integer(&columns[6]),
    };
}

static void turn_round(apr_array_header_t *periods)
{
    mp_store_period_t *first = (mp_store_period_t *)periods->elts, *last = first + periods->nelts;

    while (first + 1 < last) {
        mp_store_period_t aside = *first;
        *first++ = *--last;
        *last = aside;
    }
}

apr_status_t mp_store_load_periods(apr_array_header_t **periods, apr_time_t since, apr_uint32_t length, mp_store_t *store, mp_result_t *why,
                                   apr_pool_t *p)
{
    char text[20];
    const mp_value_t params[] = {MP_INTEGER(length), MP_TEXT(mp_clock_format_utc(text, since)), MP_INTEGER(MP_STORE_PERIODS_MOST)};
    period_reading_t reading = {.periods = apr_array_make(p, 1024, sizeof(mp_store_period_t))};
    mp_statement_call_t call = {
        .statement = MP_STATEMENT_LOAD_PERIODS, .params = params, .param_count = 3, .row = read_period, .baton = &reading};

    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status != APR_SUCCESS)
        return status;
    turn_round(reading.periods);
    *periods = reading.periods;
    return APR_SUCCESS;
}

static void read_share(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *shares = baton;
    (void)count;
    mp_store_rows_read_share(apr_array_push(shares), columns, shares->pool);
}

apr_status_t mp_store_load_last_shares(apr_array_header_t **shares, mp_store_shares_t which, int most, mp_store_t *store, mp_result_t *why,
                                       apr_pool_t *p)
{
    int limit = most > MP_STORE_SHARES_MOST ? MP_STORE_SHARES_MOST : most;
    const mp_value_t params[] = {MP_INTEGER(limit > 0 ? limit : 0)};
    apr_array_header_t *found = apr_array_make(p, 32, sizeof(mp_share_t));
    mp_statement_call_t call = {
        .statement = which == MP_STORE_SHARES_REJECTED ? MP_STATEMENT_LOAD_LAST_REJECTIONS : MP_STATEMENT_LOAD_LAST_SHARES,
        .params = params,
        .param_count = 1,
        .row = read_share,
        .baton = found,
    };

    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status == APR_SUCCESS)
        *shares = found;
    return status;
}

static void read_worker_status(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *rows = baton;

    (void)count;
    APR_ARRAY_PUSH(rows, mp_store_worker_status_t) = (mp_store_worker_status_t){
        .worker_id = mp_value_id(&columns[0]),
        .work_time = mp_store_rows_read_time(&columns[1]),
        .work_pool_id = mp_value_id(&columns[2]),
        .accepted_time = mp_store_rows_read_time(&columns[3]),
        .accepted_pool_id = mp_value_id(&columns[4]),
        .accepted_difficulty = mp_value_real(&columns[5]),
    };
}

apr_status_t mp_store_load_worker_status(apr_array_header_t **rows, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *found = apr_array_make(p, 64, sizeof(mp_store_worker_status_t));
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_WORKER_STATUS, .row = read_worker_status, .baton = found};
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);

    if (status == APR_SUCCESS)
        *rows = found;
    return status;
}

typedef struct inspecting_t {
    mp_store_inspection_t found;
    apr_pool_t *p;
} inspecting_t;

static void read_version(void *baton, const mp_value_t *columns, int count)
{
    inspecting_t *inspecting = baton;
    (void)count;
    inspecting->found.version = mp_value_text(&columns[0], inspecting->p);
}

static void read_size(void *baton, const mp_value_t *columns, int count)
{
    inspecting_t *inspecting = baton;
    (void)count;
    inspecting->found.size = mp_value_integer(&columns[0]);
}

static void read_setting(void *baton, const mp_value_t *columns, int count)
{
    inspecting_t *inspecting = baton;
    (void)count;
    if (strcasecmp(mp_value_text(&columns[0], inspecting->p), "version") == 0)
        inspecting->found.schema = mp_value_integer(&columns[1]);
}

/* Only that the server answers is needed; what it does not tell stays 0. */
static apr_status_t inspect(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t version = {.statement = MP_STATEMENT_INSPECT_VERSION, .row = read_version, .baton = baton};
    mp_statement_call_t size = {.statement = MP_STATEMENT_INSPECT_SIZE, .row = read_size, .baton = baton};
    mp_statement_call_t settings = {.statement = MP_STATEMENT_LOAD_SETTINGS, .row = read_setting, .baton = baton};

    apr_status_t status = mp_connections_run(connection, &version, why);
    if (status != APR_SUCCESS)
        return status;
    mp_connections_run(connection, &settings, NULL);
    mp_connections_run(connection, &size, NULL);
    return APR_SUCCESS;
}

apr_status_t mp_store_inspect(mp_store_inspection_t *inspection, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    inspecting_t inspecting = {.found = {.version = ""}, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_NONE, inspect, &inspecting, why);

    if (status != APR_SUCCESS)
        return status;
    if (strcmp(store->options.driver->scheme, "sqlite") == 0)
        inspecting.found.engine = "SQLite";
    else
        inspecting.found.engine = strstr(inspecting.found.version, "MariaDB") ? "MariaDB" : "MySQL";
    *inspection = inspecting.found;
    return APR_SUCCESS;
}
