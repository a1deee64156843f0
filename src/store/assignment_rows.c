/* SPDX-License-Identifier: Apache-2.0 */
/* What is compared in memory decides whether a row is written: engines count a row that stays as it was differently. */
#include "store/assignment_rows.h"

#include "store/store_rows.h"

static void read_row(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *rows = baton;
    mp_roster_assignment_row_t row;

    (void)count;
    if (mp_store_rows_read_assignment(&row, columns, rows->pool))
        APR_ARRAY_PUSH(rows, mp_roster_assignment_row_t) = row;
}

apr_status_t mp_assignment_rows_load(apr_array_header_t *rows, mp_statement_t statement, const mp_value_t *params, int param_count,
                                     mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = param_count, .row = read_row, .baton = rows};
    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_assignment_rows_lock(mp_roster_assignment_row_t *row, apr_uint32_t worker_id, apr_uint32_t pool_id,
                                     mp_connection_t *connection, mp_result_t *why, apr_pool_t *p)
{
    const mp_value_t params[] = {MP_INTEGER(worker_id), MP_INTEGER(pool_id)};
    apr_array_header_t *rows = apr_array_make(p, 1, sizeof(*row));
    apr_status_t status = mp_assignment_rows_load(rows, MP_STATEMENT_LOCK_ASSIGNMENT, params, 2, connection, why);

    if (status == APR_SUCCESS && rows->nelts == 0)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "worker %u is not assigned to pool %u", worker_id, pool_id);
    if (status == APR_SUCCESS)
        *row = APR_ARRAY_IDX(rows, 0, mp_roster_assignment_row_t);
    return status;
}

typedef struct holding_t {
    const char *name; /* NULL: there is no such row */
    apr_pool_t *p;
} holding_t;

/* Second column of a worker and of a pool alike. */
static void read_name(void *baton, const mp_value_t *columns, int count)
{
    holding_t *holding = baton;
    (void)count;
    holding->name = mp_value_text(&columns[1], holding->p);
}

static apr_status_t hold(holding_t *holding, mp_statement_t statement, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1, .row = read_name, .baton = holding};
    apr_status_t status = mp_connections_run(connection, &call, why);

    if (status == APR_SUCCESS && !holding->name)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no %s %u", statement == MP_STATEMENT_LOCK_POOL ? "pool" : "worker",
                             id);
    return status;
}

apr_status_t mp_assignment_rows_hold_worker(const char **name, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why,
                                            apr_pool_t *p)
{
    holding_t holding = {.p = p};
    apr_status_t status = hold(&holding, MP_STATEMENT_LOCK_WORKER, id, connection, why);

    if (name)
        *name = holding.name;
    return status;
}

apr_status_t mp_assignment_rows_hold_pool(const char **name, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why, apr_pool_t *p)
{
    holding_t holding = {.p = p};
    apr_status_t status = hold(&holding, MP_STATEMENT_LOCK_POOL, id, connection, why);

    if (name)
        *name = holding.name;
    return status;
}

apr_status_t mp_assignment_rows_save(mp_statement_t statement, const mp_roster_assignment_row_t *row, mp_connection_t *connection,
                                     mp_result_t *why)
{
    const mp_value_t params[] = {
        MP_TEXT(row->username),   MP_TEXT(row->password),     MP_INTEGER(row->priority),
        MP_INTEGER(row->enabled), MP_INTEGER(row->worker_id), MP_INTEGER(row->pool_id),
    };
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 6};
    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_assignment_rows_delete(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(worker_id), MP_INTEGER(pool_id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_DELETE_ASSIGNMENT, .params = params, .param_count = 2};
    return mp_connections_run(connection, &call, why);
}

bool mp_assignment_rows_is_same(const mp_roster_assignment_row_t *a, const mp_roster_assignment_row_t *b)
{
    return a->priority == b->priority && a->enabled == b->enabled && strcmp(a->username, b->username) == 0 &&
           strcmp(a->password, b->password) == 0;
}
