/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's row is locked before anything depends on it: whoever assigns it to a pool locks it as well. What a deleted worker leaves behind may be millions of
 * rows, so it goes afterwards, in steps that keep no lock for long. */
#include "store/store_workers.h"

#include "store/change.h"
#include "store/store_private.h"
#include "store/store_rows.h"

#include <apr_strings.h>

/* One transaction's business with one worker. */
typedef struct worker_task_t {
    mp_store_worker_t worker; /* as it is in the database */
    bool is_found;
    apr_uint32_t id;
    apr_uint32_t new_id;
    const char *revision;
    const char *password;
    mp_change_name_t name;
    apr_pool_t *p;
} worker_task_t;

static void read_worker(void *baton, const mp_value_t *columns, int count)
{
    worker_task_t *task = baton;
    (void)count;
    task->is_found = mp_store_rows_read_worker(&task->worker.row, columns, task->p);
}

static apr_status_t load_worker(worker_task_t *task, mp_statement_t statement, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(task->id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1, .row = read_worker, .baton = task};
    const char *secret = "";

    task->is_found = false;
    apr_status_t status = mp_connections_run(connection, &call, why);
    if (status == APR_SUCCESS && !task->is_found)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no worker %u", task->id);
    if (status == APR_SUCCESS)
        status = mp_change_load_secret(&secret, connection, why, task->p);
    if (status == APR_SUCCESS)
        mp_revision_of_worker(task->worker.revision, &task->worker.row, secret);
    return status;
}

static apr_status_t find_worker(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    return load_worker(baton, MP_STATEMENT_FIND_WORKER, connection, why);
}

apr_status_t mp_store_find_worker(mp_store_worker_t *found, apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    worker_task_t task = {.id = id, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, find_worker, &task, why);

    if (status == APR_SUCCESS)
        *found = task.worker;
    return status;
}

static mp_change_name_t name_of(const char *name, apr_uint32_t id, apr_pool_t *p)
{
    return (mp_change_name_t){.noun = "worker", .list = MP_STATEMENT_LIST_WORKERS, .id = id, .name = name, .p = p};
}

static apr_status_t insert_worker(worker_task_t *task, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_TEXT(task->name.name), MP_TEXT(task->password)};
    mp_statement_call_t add = {.statement = MP_STATEMENT_ADD_WORKER, .params = params, .param_count = 2};

    apr_status_t status = mp_change_check_name(&task->name, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_run_named(&add, &task->name, connection, why);
    task->new_id = (apr_uint32_t)add.insert_id;
    return status;
}

static apr_status_t add_worker(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    apr_status_t status = insert_worker(baton, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_add_worker(apr_uint32_t *id, const char *name, const char *password_hash, mp_store_t *store, mp_result_t *why,
                                 apr_pool_t *p)
{
    worker_task_t task = {.name = name_of(name, 0, p), .password = password_hash, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, add_worker, &task, why);

    if (status == APR_SUCCESS && id)
        *id = task.new_id;
    return status;
}

/* Locked, its assignments keep their pools from being deleted before the copies stand. */
static apr_status_t clone_worker(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    worker_task_t *task = baton;
    apr_status_t status = load_worker(task, MP_STATEMENT_LOCK_WORKER, connection, why);

    if (status == APR_SUCCESS)
        status = mp_change_run_id(MP_STATEMENT_LOCK_ASSIGNMENTS_OF_WORKER, task->id, connection, why);
    if (status == APR_SUCCESS)
        status = insert_worker(task, connection, why);
    if (status != APR_SUCCESS)
        return status;
    const mp_value_t params[] = {MP_INTEGER(task->new_id), MP_INTEGER(task->id)};
    mp_statement_call_t clone = {.statement = MP_STATEMENT_CLONE_ASSIGNMENTS, .params = params, .param_count = 2};
    status = mp_connections_run(connection, &clone, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_clone_worker(apr_uint32_t *id, apr_uint32_t from_id, const mp_store_account_t *account, mp_store_t *store,
                                   mp_result_t *why, apr_pool_t *p)
{
    worker_task_t task = {.id = from_id, .name = name_of(account->name, 0, p), .password = account->password_hash, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, clone_worker, &task, why);

    if (status == APR_SUCCESS && id)
        *id = task.new_id;
    return status;
}

static apr_status_t rename_worker(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    worker_task_t *task = baton;
    const mp_value_t params[] = {MP_TEXT(task->name.name), MP_INTEGER(task->id)};
    mp_statement_call_t rename = {.statement = MP_STATEMENT_RENAME_WORKER, .params = params, .param_count = 2};

    apr_status_t status = load_worker(task, MP_STATEMENT_LOCK_WORKER, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_check_revision(task->revision, task->worker.revision,
                                          apr_psprintf(task->p, "the worker \"%s\"", task->worker.row.name), why);
    if (status != APR_SUCCESS || strcmp(task->worker.row.name, task->name.name) == 0)
        return status;
    status = mp_change_check_name(&task->name, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_run_named(&rename, &task->name, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_rename_worker(apr_uint32_t id, const char *name, const char *revision, mp_store_t *store, mp_result_t *why,
                                    apr_pool_t *p)
{
    worker_task_t task = {.id = id, .revision = revision, .name = name_of(name, id, p), .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, rename_worker, &task, why);
}

static apr_status_t set_password(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    worker_task_t *task = baton;
    const mp_value_t params[] = {MP_TEXT(task->password), MP_INTEGER(task->id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_SET_WORKER_PASSWORD, .params = params, .param_count = 2};

    apr_status_t status = load_worker(task, MP_STATEMENT_LOCK_WORKER, connection, why);
    if (status != APR_SUCCESS || strcmp(task->worker.row.password, task->password) == 0)
        return status;
    status = mp_connections_run(connection, &call, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

apr_status_t mp_store_set_worker_password(apr_uint32_t id, const char *password_hash, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    worker_task_t task = {.id = id, .password = password_hash, .p = p};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, set_password, &task, why);
}

static apr_status_t delete_worker(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    worker_task_t *task = baton;
    apr_int64_t pools = 0;

    apr_status_t status = load_worker(task, MP_STATEMENT_LOCK_WORKER, connection, why);
    if (status == APR_SUCCESS)
        status = mp_change_count(&pools, MP_STATEMENT_COUNT_POOLS_OF_WORKER, task->id, connection, why);
    if (status == APR_SUCCESS && pools > 0)
        return mp_result_set(why, APR_EBUSY, "assigned",
                             "the worker \"%s\" is assigned to %" APR_INT64_T_FMT " pool%s; it stays until it is assigned to none",
                             task->worker.row.name, pools, pools == 1 ? "" : "s");
    if (status == APR_SUCCESS)
        status = mp_change_run_id(MP_STATEMENT_DELETE_WORKER, task->id, connection, why);
    return status == APR_SUCCESS ? mp_change_raise_generation(connection, why) : status;
}

static apr_status_t delete_all(mp_statement_t statement, apr_uint32_t id, mp_store_t *store, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1};
    apr_status_t status;

    do {
        status = mp_transaction_run_one(store->connections, &call, why);
    } while (status == APR_SUCCESS && call.affected >= MP_ROWS_PER_DELETION);
    return status;
}

static void read_next(void *baton, const mp_value_t *columns, int count)
{
    apr_int64_t *next = baton;
    (void)count;
    *next = mp_value_is_null(&columns[0]) ? -1 : mp_value_integer(&columns[0]);
}

/* No index leads to a worker's shares: the table is walked through in ranges of ids, each of which is locked for a moment. Gaps between ids, which MySQL leaves by the
 * million, are jumped over. */
static apr_status_t delete_shares(apr_uint32_t id, mp_store_t *store, mp_result_t *why)
{
    apr_int64_t first = 0;
    apr_status_t status = APR_SUCCESS;

    while (status == APR_SUCCESS) {
        apr_int64_t next = -1;
        const mp_value_t from[] = {MP_INTEGER(first)};
        mp_statement_call_t find = {
            .statement = MP_STATEMENT_FIND_NEXT_SHARE, .params = from, .param_count = 1, .row = read_next, .baton = &next};
        status = mp_transaction_run_one(store->connections, &find, why);
        if (status != APR_SUCCESS || next < 0)
            break;
        first = next + MP_IDS_PER_DELETION;
        const mp_value_t params[] = {MP_INTEGER(next), MP_INTEGER(first - 1), MP_INTEGER(id)};
        mp_statement_call_t call = {.statement = MP_STATEMENT_DELETE_SHARES_OF_WORKER, .params = params, .param_count = 3};
        status = mp_transaction_run_one(store->connections, &call, why);
    }
    return status;
}

static apr_status_t delete_past(const worker_task_t *task, mp_store_t *store, mp_result_t *why)
{
    static const mp_statement_t statements[] = {MP_STATEMENT_DELETE_STATUS_OF_WORKER, MP_STATEMENT_DELETE_WORKS_OF_WORKER,
                                                MP_STATEMENT_DELETE_STATISTICS_OF_WORKER};
    mp_result_t cause = MP_RESULT_NONE;
    apr_status_t status = APR_SUCCESS;

    for (unsigned i = 0; i < sizeof(statements) / sizeof(statements[0]) && status == APR_SUCCESS; i++)
        status = delete_all(statements[i], task->id, store, &cause);
    if (status == APR_SUCCESS)
        status = delete_shares(task->id, store, &cause);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, cause.word, "the worker \"%s\" is deleted, but old rows of it remain: %s", task->worker.row.name,
                             cause.sentence);
    return APR_SUCCESS;
}

apr_status_t mp_store_delete_worker(apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    worker_task_t task = {.id = id, .p = p};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, delete_worker, &task, why);
    return status == APR_SUCCESS ? delete_past(&task, store, why) : status;
}

/* One statement compares and sets. Replaced by itself, a password would count as not changed in MySQL; a new hash never equals an old one. */
apr_status_t mp_store_save_rehash(apr_uint32_t worker_id, const char *old_password, const char *new_password, mp_store_t *store,
                                  mp_result_t *why, apr_pool_t *p)
{
    const mp_value_t params[] = {MP_TEXT(new_password), MP_INTEGER(worker_id), MP_TEXT(old_password)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_SAVE_REHASH, .params = params, .param_count = 3};

    (void)p;
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status == APR_SUCCESS && call.affected == 0)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "the password of worker %u had changed meanwhile", worker_id);
    return status;
}
