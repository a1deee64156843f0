/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's row is locked before anything depends on it: whoever assigns a worker to it locks it as well, so none is assigned to a pool that goes away. */
#include "store/store_pools.h"

#include "store/change.h"
#include "store/store_private.h"
#include "store/store_rows.h"

#include <apr_strings.h>

/* One transaction's business with one pool. */
typedef struct pool_task_t {
    mp_store_pool_t pool; /* as it is in the database */
    bool is_found;
    apr_uint32_t id;
    const mp_store_pool_edit_t *edit;
    bool enabled;
    mp_change_name_t name;
    apr_pool_t *p;
} pool_task_t;

static void read_pool(void *baton, const mp_value_t *columns, int count)
{
    pool_task_t *task = baton;
    (void)count;
    task->is_found = mp_store_rows_read_pool(&task->pool.row, columns, task->p);
}

static apr_status_t load_pool(pool_task_t *task, mp_statement_t statement, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(task->id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1, .row = read_pool, .baton = task};
    const char *secret = "";

    task->is_found = false;
    apr_status_t status = mp_connections_run(connection, &call, why);
    if (status == APR_SUCCESS && !task->is_found)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no pool %u", task->id);
    if (status == APR_SUCCESS)
        status = mp_change_load_secret(&secret, connection, why, task->p);
    if (status == APR_SUCCESS)
        mp_revision_of_pool(task->pool.revision, &task->pool.row, secret);
    return status;
}

static apr_status_t find_pool(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    return load_pool(baton, MP_STATEMENT_FIND_POOL, connection, why);
}

apr_status_t mp_store_find_pool(mp_store_pool_t *found, apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    pool_task_t task = {.id = id, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, find_pool, &task, why);

    if (status == APR_SUCCESS)
        *found = task.pool;
    return status;
}

static mp_change_name_t name_of(const char *name, apr_uint32_t id, apr_pool_t *p)
{
    return (mp_change_name_t){.noun = "pool", .list = MP_STATEMENT_LIST_POOLS, .id = id, .name = name, .p = p};
}

static apr_status_t add_pool(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    pool_task_t *task = baton;
    const mp_store_pool_edit_t *edit = task->edit;
    const mp_value_t params[] = {MP_TEXT(edit->name), MP_TEXT(edit->url), MP_INTEGER(edit->roll_ntime)};
    mp_statement_call_t add = {.statement = MP_STATEMENT_ADD_POOL, .params = params, .param_count = 3};

    apr_status_t status = mp_change_check_name(&task->name, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_run_named(&add, &task->name, connection, why);
    task->id = (apr_uint32_t)add.insert_id;
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_add_pool(apr_uint32_t *id, const mp_store_pool_edit_t *edit, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    pool_task_t task = {.edit = edit, .name = name_of(edit->name, 0, p), .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, add_pool, &task, why);

    if (status == APR_SUCCESS && id)
        *id = task.id;
    return status;
}

static bool is_as_edited(const mp_roster_pool_row_t *row, const mp_store_pool_edit_t *edit)
{
    return strcmp(row->name, edit->name) == 0 && strcmp(row->url, edit->url) == 0 && row->roll_ntime == edit->roll_ntime;
}

static apr_status_t update_pool(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    pool_task_t *task = baton;
    const mp_store_pool_edit_t *edit = task->edit;
    const mp_value_t params[] = {MP_TEXT(edit->name), MP_TEXT(edit->url), MP_INTEGER(edit->roll_ntime), MP_INTEGER(edit->id)};
    mp_statement_call_t update = {.statement = MP_STATEMENT_UPDATE_POOL, .params = params, .param_count = 4};

    apr_status_t status = load_pool(task, MP_STATEMENT_LOCK_POOL, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_check_revision(edit->revision, task->pool.revision,
                                          apr_psprintf(task->p, "the pool \"%s\"", task->pool.row.name), why);
    if (status != APR_SUCCESS || is_as_edited(&task->pool.row, edit))
        return status;
    status = mp_change_check_name(&task->name, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_run_named(&update, &task->name, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_update_pool(const mp_store_pool_edit_t *edit, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    pool_task_t task = {.id = edit->id, .edit = edit, .name = name_of(edit->name, edit->id, p), .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, update_pool, &task, why);
}

static apr_status_t set_enabled(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    pool_task_t *task = baton;
    const mp_value_t params[] = {MP_INTEGER(task->enabled), MP_INTEGER(task->id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_SET_POOL_ENABLED, .params = params, .param_count = 2};

    apr_status_t status = load_pool(task, MP_STATEMENT_LOCK_POOL, connection, why);
    if (status != APR_SUCCESS || task->pool.row.enabled == task->enabled)
        return status;
    status = mp_connections_run(connection, &call, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_set_pool_enabled(apr_uint32_t id, bool enabled, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    pool_task_t task = {.id = id, .enabled = enabled, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, set_enabled, &task, why);
}

static apr_status_t delete_pool(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    pool_task_t *task = baton;
    apr_int64_t workers = 0;

    apr_status_t status = load_pool(task, MP_STATEMENT_LOCK_POOL, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_count(&workers, MP_STATEMENT_COUNT_WORKERS_OF_POOL, task->id, connection, why);
    if (status == APR_SUCCESS && workers > 0)
        return mp_result_set(why, APR_EBUSY, "assigned",
                             "%" APR_INT64_T_FMT " worker%s assigned to the pool \"%s\"; it stays until none is", workers,
                             workers == 1 ? " is" : "s are", task->pool.row.name);
    if (status == APR_SUCCESS)
        status = mp_change_run_id(MP_STATEMENT_DELETE_POOL, task->id, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_delete_pool(apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    pool_task_t task = {.id = id, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, delete_pool, &task, why);
}
