/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever makes an assignment holds its pool, then its worker; whoever changes one locks its row; whoever reorders a worker's holds the worker. */
#include "store/store_assignments.h"

#include "store/assignment_order.h"
#include "store/assignment_rows.h"
#include "store/change.h"
#include "store/store_private.h"

#include <apr_strings.h>

typedef struct assignment_task_t {
    mp_roster_assignment_row_t row; /* wanted */
    const char *revision;
    mp_store_move_t move;
    mp_statement_t list;       /* of ... */
    apr_uint32_t list_id;      /* ... whose assignments */
    apr_array_header_t *found; /* of mp_store_assignment_t */
    apr_pool_t *p;
} assignment_task_t;

static apr_status_t write_and_raise(mp_statement_t statement, const mp_roster_assignment_row_t *row, mp_connection_t *connection,
                                    mp_result_t *why)
{
    apr_status_t status = mp_assignment_rows_save(statement, row, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

static apr_status_t load_list(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    const mp_value_t params[] = {MP_INTEGER(task->list_id)};
    apr_array_header_t *rows = apr_array_make(task->p, 16, sizeof(mp_roster_assignment_row_t));
    const char *secret;

    apr_status_t status = mp_assignment_rows_load(rows, task->list, params, 1, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_load_secret(&secret, connection, why, task->p);
    if (status != APR_SUCCESS)
        return status;
    task->found = apr_array_make(task->p, rows->nelts, sizeof(mp_store_assignment_t));
    for (int i = 0; i < rows->nelts; i++) {
        mp_store_assignment_t *assignment = apr_array_push(task->found);
        assignment->row = APR_ARRAY_IDX(rows, i, mp_roster_assignment_row_t);
        mp_revision_of_assignment(assignment->revision, &assignment->row, secret);
    }
    return APR_SUCCESS;
}

static apr_status_t load(apr_array_header_t **found, assignment_task_t *task, mp_store_t *store, mp_result_t *why)
{
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, load_list, task, why);
    if (status == APR_SUCCESS)
        *found = task->found;
    return status;
}

apr_status_t mp_store_load_assignments_of_worker(apr_array_header_t **found, apr_uint32_t worker_id, mp_store_t *store, mp_result_t *why,
                                                 apr_pool_t *p)
{
    assignment_task_t task = {.list = MP_STATEMENT_LOAD_ASSIGNMENTS_OF_WORKER, .list_id = worker_id, .p = p};
    return load(found, &task, store, why);
}

apr_status_t mp_store_load_assignments_of_pool(apr_array_header_t **found, apr_uint32_t pool_id, mp_store_t *store, mp_result_t *why,
                                               apr_pool_t *p)
{
    assignment_task_t task = {.list = MP_STATEMENT_LOAD_ASSIGNMENTS_OF_POOL, .list_id = pool_id, .p = p};
    return load(found, &task, store, why);
}

static apr_status_t describe_assigned(const char *worker, const char *pool, mp_result_t *why)
{
    return mp_result_set(why, APR_EEXIST, "exists", "the worker \"%s\" is assigned to the pool \"%s\" already", worker, pool);
}

static apr_status_t add_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    const char *worker = "", *pool = "";

    apr_status_t status = mp_assignment_rows_hold_pool(&pool, task->row.pool_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = mp_assignment_rows_hold_worker(&worker, task->row.worker_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = write_and_raise(MP_STATEMENT_ADD_ASSIGNMENT, &task->row, connection, why);
    return status == APR_EEXIST ? describe_assigned(worker, pool, why) : status;
}

apr_status_t mp_store_add_assignment(const mp_roster_assignment_row_t *row, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    assignment_task_t task = {.row = *row, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, add_assignment, &task, why);
}

static apr_status_t check_revision(const assignment_task_t *task, const mp_roster_assignment_row_t *stored, mp_connection_t *connection,
                                   mp_result_t *why)
{
    char revision[MP_REVISION_SIZE];
    const char *secret;

    if (!task->revision)
        return APR_SUCCESS;
    apr_status_t status = mp_change_load_secret(&secret, connection, why, task->p);
    if (status != APR_SUCCESS)
        return status;
    return mp_change_check_revision(task->revision, mp_revision_of_assignment(revision, stored, secret),
                                    apr_psprintf(task->p, "the assignment of worker %u to pool %u", stored->worker_id, stored->pool_id),
                                    why);
}

static apr_status_t update_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    mp_roster_assignment_row_t stored, wanted = task->row;

    apr_status_t status = mp_assignment_rows_lock(&stored, wanted.worker_id, wanted.pool_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = check_revision(task, &stored, connection, why);
    if (status != APR_SUCCESS)
        return status;
    if (!wanted.password)
        wanted.password = stored.password;
    if (mp_assignment_rows_is_same(&stored, &wanted))
        return APR_SUCCESS;
    return write_and_raise(MP_STATEMENT_UPDATE_ASSIGNMENT, &wanted, connection, why);
}

apr_status_t mp_store_update_assignment(const mp_roster_assignment_row_t *row, const char *revision, mp_store_t *store, mp_result_t *why,
                                        apr_pool_t *p)
{
    assignment_task_t task = {.row = *row, .revision = revision, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, update_assignment, &task, why);
}

static apr_status_t save_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;

    apr_status_t status = mp_assignment_rows_hold_pool(NULL, task->row.pool_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = mp_assignment_rows_hold_worker(NULL, task->row.worker_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = update_assignment(baton, connection, why);
    /* Both are there and held: only the assignment can be missing. */
    return status == APR_NOTFOUND ? add_assignment(baton, connection, why) : status;
}

apr_status_t mp_store_save_assignment(const mp_roster_assignment_row_t *row, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    assignment_task_t task = {.row = *row, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_assignment, &task, why);
}

static apr_status_t set_enabled(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    mp_roster_assignment_row_t stored;

    apr_status_t status = mp_assignment_rows_lock(&stored, task->row.worker_id, task->row.pool_id, connection, why, task->p);
    if (status != APR_SUCCESS || stored.enabled == task->row.enabled)
        return status;
    stored.enabled = task->row.enabled;
    return write_and_raise(MP_STATEMENT_UPDATE_ASSIGNMENT, &stored, connection, why);
}

apr_status_t mp_store_set_assignment_enabled(apr_uint32_t worker_id, apr_uint32_t pool_id, bool enabled, mp_store_t *store,
                                             mp_result_t *why, apr_pool_t *p)
{
    assignment_task_t task = {.row = {.worker_id = worker_id, .pool_id = pool_id, .enabled = enabled}, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, set_enabled, &task, why);
}

static apr_status_t delete_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    mp_roster_assignment_row_t stored;

    apr_status_t status = mp_assignment_rows_lock(&stored, task->row.worker_id, task->row.pool_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = mp_assignment_rows_delete(stored.worker_id, stored.pool_id, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_delete_assignment(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    assignment_task_t task = {.row = {.worker_id = worker_id, .pool_id = pool_id}, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, delete_assignment, &task, why);
}

static int index_of(const apr_array_header_t *rows, apr_uint32_t pool_id)
{
    for (int i = 0; i < rows->nelts; i++) {
        if (APR_ARRAY_IDX(rows, i, mp_roster_assignment_row_t).pool_id == pool_id)
            return i;
    }
    return -1;
}

static mp_roster_assignment_row_t *find_row(const apr_array_header_t *rows, apr_uint32_t pool_id)
{
    return &APR_ARRAY_IDX(rows, index_of(rows, pool_id), mp_roster_assignment_row_t);
}

/* first and the one behind it change places. */
static apr_status_t swap_rows(const apr_array_header_t *rows, int first, mp_connection_t *connection, mp_result_t *why)
{
    mp_assignment_place_t *places = apr_palloc(rows->pool, (apr_size_t)rows->nelts * sizeof(*places));

    for (int i = 0; i < rows->nelts; i++) {
        const mp_roster_assignment_row_t *row = &APR_ARRAY_IDX(rows, i, mp_roster_assignment_row_t);
        places[i] = (mp_assignment_place_t){.pool_id = row->pool_id, .priority = row->priority};
    }
    mp_assignment_order_swap(places, (apr_size_t)rows->nelts, (apr_size_t)first);
    for (int i = 0; i < rows->nelts; i++) {
        mp_roster_assignment_row_t *row = find_row(rows, places[i].pool_id);
        if (row->priority == places[i].priority)
            continue;
        row->priority = places[i].priority;
        apr_status_t status = mp_assignment_rows_save(MP_STATEMENT_UPDATE_ASSIGNMENT, row, connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    return mp_change_raise_generation(connection, why);
}

static apr_status_t move_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    assignment_task_t *task = baton;
    const mp_value_t params[] = {MP_INTEGER(task->row.worker_id)};
    apr_array_header_t *rows = apr_array_make(task->p, 16, sizeof(mp_roster_assignment_row_t));

    apr_status_t status = mp_assignment_rows_hold_worker(NULL, task->row.worker_id, connection, why, task->p);
    if (status == APR_SUCCESS)
        status = mp_assignment_rows_load(rows, MP_STATEMENT_LOCK_ASSIGNMENTS_OF_WORKER, params, 1, connection, why);
    if (status != APR_SUCCESS)
        return status;
    int index = index_of(rows, task->row.pool_id);
    if (index < 0)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "worker %u is not assigned to pool %u", task->row.worker_id,
                             task->row.pool_id);
    int first = task->move == MP_STORE_MOVE_UP ? index - 1 : index;
    return first < 0 || first + 1 >= rows->nelts ? APR_SUCCESS : swap_rows(rows, first, connection, why);
}

apr_status_t mp_store_move_assignment(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_store_move_t move, mp_store_t *store,
                                      mp_result_t *why, apr_pool_t *p)
{
    assignment_task_t task = {.row = {.worker_id = worker_id, .pool_id = pool_id}, .move = move, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, move_assignment, &task, why);
}
