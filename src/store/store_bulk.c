/* SPDX-License-Identifier: Apache-2.0 */
/* The pool is held first, so nobody else assigns workers to it meanwhile; its assignments are read once, and what differs is written row by row, in the
 * order of the workers. */
#include "store/store_bulk.h"

#include "store/assignment_rows.h"
#include "store/change.h"
#include "store/store_private.h"

#include <apr_strings.h>
#include <stdlib.h>

typedef struct bulk_task_t {
    const mp_store_bulk_t *bulk;
    apr_uint32_t *worker_ids; /* sorted, each once */
    apr_size_t worker_count;
    apr_array_header_t *rows; /* the pool's assignments by worker id */
    apr_size_t changed;
    apr_pool_t *p;
} bulk_task_t;

static int compare_ids(const void *left, const void *right)
{
    apr_uint32_t a = *(const apr_uint32_t *)left, b = *(const apr_uint32_t *)right;
    return (a > b) - (a < b);
}

static void sort_workers(bulk_task_t *task)
{
    const mp_store_bulk_t *bulk = task->bulk;

    task->worker_ids = apr_palloc(task->p, (bulk->worker_count + 1) * sizeof(*task->worker_ids));
    for (apr_size_t i = 0; i < bulk->worker_count; i++)
        task->worker_ids[i] = bulk->worker_ids[i];
    qsort(task->worker_ids, bulk->worker_count, sizeof(*task->worker_ids), compare_ids);
    for (apr_size_t i = 0; i < bulk->worker_count; i++) {
        if (task->worker_count == 0 || task->worker_ids[task->worker_count - 1] != task->worker_ids[i])
            task->worker_ids[task->worker_count++] = task->worker_ids[i];
    }
}

static int compare_id_to_row(const void *left, const void *right)
{
    return compare_ids(left, &((const mp_roster_assignment_row_t *)right)->worker_id);
}

static mp_roster_assignment_row_t *find_row(const bulk_task_t *task, apr_uint32_t worker_id)
{
    return bsearch(&worker_id, task->rows->elts, (size_t)task->rows->nelts, sizeof(mp_roster_assignment_row_t), compare_id_to_row);
}

static const char *expand(const char *pattern, const char *name, apr_pool_t *p)
{
    const char *text = "", *place;

    while ((place = strstr(pattern, "%w"))) {
        text = apr_pstrcat(p, text, apr_pstrmemdup(p, pattern, (apr_size_t)(place - pattern)), name, NULL);
        pattern = place + 2;
    }
    return apr_pstrcat(p, text, pattern, NULL);
}

static int character_count(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static apr_status_t add_row(bulk_task_t *task, apr_uint32_t worker_id, mp_connection_t *connection, mp_result_t *why)
{
    const mp_store_bulk_t *bulk = task->bulk;
    const char *name = "";
    apr_status_t status = mp_assignment_rows_hold_worker(&name, worker_id, connection, why, task->p);

    if (status != APR_SUCCESS)
        return status;
    mp_roster_assignment_row_t row = {
        .worker_id = worker_id,
        .pool_id = bulk->pool_id,
        .username = expand(bulk->username, name, task->p),
        .password = bulk->password,
        .priority = bulk->priority,
        .enabled = true,
    };
    if (character_count(row.username) > MP_STORE_USERNAME_MOST)
        return mp_result_set(why, APR_EINVAL, "invalid", "the user name of worker \"%s\" at the pool would be longer than %d characters",
                             name, MP_STORE_USERNAME_MOST);
    return mp_assignment_rows_save(MP_STATEMENT_ADD_ASSIGNMENT, &row, connection, why);
}

/* @param row the assignment as it is; NULL: there is none */
static apr_status_t change_row(bulk_task_t *task, apr_uint32_t worker_id, mp_roster_assignment_row_t *row, mp_connection_t *connection,
                               mp_result_t *why)
{
    bool is_enabling = task->bulk->action == MP_STORE_BULK_ENABLE;

    if (task->bulk->action == MP_STORE_BULK_ADD)
        return add_row(task, worker_id, connection, why);
    if (task->bulk->action == MP_STORE_BULK_DELETE)
        return mp_assignment_rows_delete(worker_id, row->pool_id, connection, why);
    row->enabled = is_enabling;
    return mp_assignment_rows_save(MP_STATEMENT_UPDATE_ASSIGNMENT, row, connection, why);
}

static bool is_to_change(const mp_store_bulk_t *bulk, const mp_roster_assignment_row_t *row)
{
    switch (bulk->action) {
    case MP_STORE_BULK_ADD:
        return !row;
    case MP_STORE_BULK_ENABLE:
        return row && !row->enabled;
    case MP_STORE_BULK_DISABLE:
        return row && row->enabled;
    default:
        return row != NULL;
    }
}

static apr_status_t change_rows(bulk_task_t *task, mp_connection_t *connection, mp_result_t *why)
{
    for (apr_size_t i = 0; i < task->worker_count; i++) {
        mp_roster_assignment_row_t *row = find_row(task, task->worker_ids[i]);
        if (!is_to_change(task->bulk, row))
            continue;
        apr_status_t status = change_row(task, task->worker_ids[i], row, connection, why);
        if (status != APR_SUCCESS)
            return status;
        task->changed++;
    }
    return task->changed > 0 ? mp_change_raise_generation(connection, why) : APR_SUCCESS;
}

static apr_status_t change_assignments(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    bulk_task_t *task = baton;
    const mp_value_t params[] = {MP_INTEGER(task->bulk->pool_id)};

    task->changed = 0;
    task->rows = apr_array_make(task->p, 64, sizeof(mp_roster_assignment_row_t));
    apr_status_t status = mp_assignment_rows_hold_pool(NULL, task->bulk->pool_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = mp_assignment_rows_load(task->rows, MP_STATEMENT_LOCK_ASSIGNMENTS_OF_POOL, params, 1, connection, why);
    return status == APR_SUCCESS ? change_rows(task, connection, why) : status;
}

apr_status_t mp_store_change_assignments(apr_size_t *changed, const mp_store_bulk_t *bulk, mp_store_t *store, mp_result_t *why,
                                         apr_pool_t *p)
{
    bulk_task_t task = {.bulk = bulk, .p = p};

    sort_workers(&task);
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, change_assignments, &task, why);
    *changed = status == APR_SUCCESS ? task.changed : 0;
    return status;
}
