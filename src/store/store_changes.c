/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator changes. Each change raises the generation in its own transaction, by which every child learns of it. Names are compared here as the
 * roster compares them, because the engines' own comparisons differ beyond ASCII; the tables' unique keys stand behind that. */
#include "base/text.h"
#include "store/store_assignments.h"
#include "store/store_pools.h"
#include "store/store_private.h"
#include "store/store_workers.h"

static apr_status_t raise_generation(mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t call = {.statement = MP_STATEMENT_RAISE_GENERATION};
    return mp_connections_run(connection, &call, why);
}

/* A pool or a worker to be added. */
typedef struct addition_t {
    const char *noun;
    mp_statement_t list;
    mp_statement_t add;
    const char *name;
    const char *folded;
    const char *value; /* URL or password */
    char taken[256];   /* the name that it clashes with; empty if none */
    apr_uint32_t id;
    apr_pool_t *p;
} addition_t;

static void compare_name(void *baton, const mp_value_t *columns, int count)
{
    addition_t *addition = baton;
    const char *name = mp_value_text(&columns[1], addition->p);

    (void)count;
    if (strcmp(mp_text_fold(name, addition->p), addition->folded) == 0)
        mp_text_clean(addition->taken, sizeof(addition->taken), name);
}

static apr_status_t describe_taken(const addition_t *addition, mp_result_t *why)
{
    if (addition->taken[0] == '\0' || strcmp(addition->taken, addition->name) == 0)
        return mp_result_set(why, APR_EEXIST, "exists", "there is a %s \"%s\" already", addition->noun, addition->name);
    return mp_result_set(why, APR_EEXIST, "exists", "there is a %s \"%s\" already; case and trailing blanks make no other name of \"%s\"",
                         addition->noun, addition->taken, addition->name);
}

static apr_status_t add_row(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    addition_t *addition = baton;
    const mp_value_t params[] = {MP_TEXT(addition->name), MP_TEXT(addition->value)};
    mp_statement_call_t list = {.statement = addition->list, .row = compare_name, .baton = addition};
    mp_statement_call_t add = {.statement = addition->add, .params = params, .param_count = 2};

    addition->taken[0] = '\0';
    apr_status_t status = mp_connections_run(connection, &list, why);
    if (status != APR_SUCCESS)
        return status;
    if (addition->taken[0] != '\0')
        return describe_taken(addition, why);
    status = mp_connections_run(connection, &add, why);
    if (status == APR_EEXIST)
        return describe_taken(addition, why);
    if (status != APR_SUCCESS)
        return status;
    addition->id = (apr_uint32_t)add.insert_id;
    return raise_generation(connection, why);
}

static apr_status_t add(apr_uint32_t *id, addition_t *addition, mp_store_t *store, mp_result_t *why)
{
    addition->folded = mp_text_fold(addition->name, addition->p);
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, add_row, addition, why);
    if (status == APR_SUCCESS && id)
        *id = addition->id;
    return status;
}

apr_status_t mp_store_add_pool(apr_uint32_t *id, const char *name, const char *url, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    addition_t addition = {
        .noun = "pool", .list = MP_STATEMENT_LIST_POOLS, .add = MP_STATEMENT_ADD_POOL, .name = name, .value = url, .p = p};
    return add(id, &addition, store, why);
}

apr_status_t mp_store_add_worker(apr_uint32_t *id, const char *name, const char *password_hash, mp_store_t *store, mp_result_t *why,
                                 apr_pool_t *p)
{
    addition_t addition = {
        .noun = "worker", .list = MP_STATEMENT_LIST_WORKERS, .add = MP_STATEMENT_ADD_WORKER, .name = name, .value = password_hash, .p = p};
    return add(id, &addition, store, why);
}

static void note_row(void *baton, const mp_value_t *columns, int count)
{
    bool *is_found = baton;
    (void)columns;
    (void)count;
    *is_found = true;
}

/* Keeps the row from being deleted before this transaction has ended. */
static apr_status_t lock_row(mp_statement_t lock, const char *noun, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why)
{
    bool is_found = false;
    const mp_value_t params[] = {MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = lock, .params = params, .param_count = 1, .row = note_row, .baton = &is_found};
    apr_status_t status = mp_connections_run(connection, &call, why);

    if (status == APR_SUCCESS && !is_found)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no %s %u", noun, id);
    return status;
}

static apr_status_t save_assignment(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    const mp_roster_assignment_row_t *row = baton;
    const mp_value_t params[] = {
        MP_INTEGER(row->pool_id), MP_INTEGER(row->worker_id), MP_TEXT(row->username),
        MP_TEXT(row->password),   MP_INTEGER(row->priority),  MP_INTEGER(row->enabled),
    };
    mp_statement_call_t call = {.statement = MP_STATEMENT_SAVE_ASSIGNMENT, .params = params, .param_count = 6};

    apr_status_t status = lock_row(MP_STATEMENT_LOCK_POOL, "pool", row->pool_id, connection, why);
    if (status == APR_SUCCESS)
        status = lock_row(MP_STATEMENT_LOCK_WORKER, "worker", row->worker_id, connection, why);
    if (status == APR_SUCCESS)
        status = mp_connections_run(connection, &call, why);
    return status == APR_SUCCESS ? raise_generation(connection, why) : status;
}

apr_status_t mp_store_save_assignment(const mp_roster_assignment_row_t *row, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    mp_roster_assignment_row_t copy = *row;

    (void)p;
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_assignment, &copy, why);
}

typedef struct switching_t {
    apr_uint32_t id;
    bool enabled;
} switching_t;

static apr_status_t set_enabled(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    const switching_t *switching = baton;
    const mp_value_t params[] = {MP_INTEGER(switching->enabled), MP_INTEGER(switching->id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_SET_POOL_ENABLED, .params = params, .param_count = 2};

    /* MySQL does not count a row that is as it was: whether there is one, only the lock tells. */
    apr_status_t status = lock_row(MP_STATEMENT_LOCK_POOL, "pool", switching->id, connection, why);
    if (status == APR_SUCCESS)
        status = mp_connections_run(connection, &call, why);
    return status == APR_SUCCESS ? raise_generation(connection, why) : status;
}

apr_status_t mp_store_set_pool_enabled(apr_uint32_t id, bool enabled, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    switching_t switching = {.id = id, .enabled = enabled};

    (void)p;
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, set_enabled, &switching, why);
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
