/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the roster. Generation and tables come out of one snapshot: rows that are newer than their generation would be taken for old, and the change that
 * made them would not be seen until the next full reading. */
#include "store/store_private.h"
#include "store/store_rows.h"
#include "store/store_schema.h"

static void read_generation(void *baton, const mp_value_t *columns, int count)
{
    apr_int64_t *generation = baton;
    (void)count;
    *generation = mp_value_integer(&columns[0]);
}

apr_status_t mp_store_load_generation(apr_int64_t *generation, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    apr_int64_t found = 0;
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_GENERATION, .row = read_generation, .baton = &found};

    (void)p;
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status == APR_SUCCESS)
        *generation = found;
    return status;
}

typedef struct loading_t {
    mp_store_t *store;
    mp_roster_rows_t *rows;
    apr_pool_t *p;
} loading_t;

static void read_pool(void *baton, const mp_value_t *columns, int count)
{
    loading_t *loading = baton;
    mp_roster_pool_row_t row;

    (void)count;
    if (mp_store_rows_read_pool(&row, columns, loading->p))
        APR_ARRAY_PUSH(loading->rows->pools, mp_roster_pool_row_t) = row;
}

static void read_worker(void *baton, const mp_value_t *columns, int count)
{
    loading_t *loading = baton;
    mp_roster_worker_row_t row;

    (void)count;
    if (mp_store_rows_read_worker(&row, columns, loading->p))
        APR_ARRAY_PUSH(loading->rows->workers, mp_roster_worker_row_t) = row;
}

static void read_assignment(void *baton, const mp_value_t *columns, int count)
{
    loading_t *loading = baton;
    mp_roster_assignment_row_t row;

    (void)count;
    if (mp_store_rows_read_assignment(&row, columns, loading->p))
        APR_ARRAY_PUSH(loading->rows->assignments, mp_roster_assignment_row_t) = row;
}

static apr_status_t read_table(mp_statement_t statement, mp_row_t *row, loading_t *loading, mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t call = {.statement = statement, .row = row, .baton = loading};
    return mp_connections_run(connection, &call, why);
}

static apr_status_t load_rows(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    loading_t *loading = baton;
    mp_store_schema_t schema;

    loading->rows = mp_roster_rows_create(loading->p);
    apr_status_t status = mp_store_schema_load(&schema, connection, &loading->store->options, why, loading->p);
    if (status != APR_SUCCESS)
        return status;
    loading->rows->generation = schema.generation;
    loading->rows->secret = schema.secret;
    status = read_table(MP_STATEMENT_LOAD_POOLS, read_pool, loading, connection, why);
    if (status == APR_SUCCESS)
        status = read_table(MP_STATEMENT_LOAD_WORKERS, read_worker, loading, connection, why);
    if (status == APR_SUCCESS)
        status = read_table(MP_STATEMENT_LOAD_ASSIGNMENTS, read_assignment, loading, connection, why);
    return status;
}

apr_status_t mp_store_load_roster(mp_roster_rows_t **rows, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    loading_t loading = {.store = store, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, load_rows, &loading, why);

    /* Nobody prepared this database yet (it was away at start, or somebody deleted the row): no roster goes out without a secret. */
    if (status == APR_SUCCESS && !loading.rows->secret) {
        status = mp_store_prepare(store, why, p);
        if (status == APR_SUCCESS)
            status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, load_rows, &loading, why);
    }
    if (status == APR_SUCCESS && !loading.rows->secret)
        return mp_result_set(why, APR_EGENERAL, "database-error", "the settings of %s have no secret, although one was stored just now",
                             store->options.url->label);
    if (status == APR_SUCCESS)
        *rows = loading.rows;
    return status;
}
