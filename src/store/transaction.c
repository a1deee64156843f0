/* SPDX-License-Identifier: Apache-2.0 */
/* A deadlock is an ordinary event between children that record at the same time, so it is retried here, once for all, and after a random
 * pause, because those who collided once would otherwise collide again. */
#include "store/transaction.h"

#include "base/clock.h"

#include <apr_general.h>

#define ATTEMPTS 12
#define PAUSE_UNIT apr_time_from_msec(2)

static apr_status_t run_plain(mp_connection_t *connection, mp_statement_t statement, mp_result_t *why)
{
    mp_statement_call_t call = {.statement = statement};
    return mp_connections_run(connection, &call, why);
}

static apr_status_t begin(mp_connection_t *connection, mp_transaction_kind_t kind, mp_result_t *why)
{
    if (kind == MP_TRANSACTION_NONE)
        return APR_SUCCESS;
    if (kind == MP_TRANSACTION_WRITE)
        return run_plain(connection, MP_STATEMENT_BEGIN_WRITE, why);
    apr_status_t status = run_plain(connection, MP_STATEMENT_ISOLATE_READ, why);
    return status == APR_SUCCESS ? run_plain(connection, MP_STATEMENT_BEGIN_READ, why) : status;
}

/* What the body met is the message; that its rollback fails too (a server that went away) is no news. */
static void roll_back(mp_connection_t *connection)
{
    if (run_plain(connection, MP_STATEMENT_ROLLBACK, NULL) != APR_SUCCESS)
        mp_connections_distrust(connection);
}

static apr_status_t attempt(bool *may_retry, mp_connection_t *connection, mp_transaction_kind_t kind, mp_transaction_body_t *body,
                            void *baton, mp_result_t *why)
{
    apr_status_t status = begin(connection, kind, why);
    bool has_begun = status == APR_SUCCESS && kind != MP_TRANSACTION_NONE;

    if (status == APR_SUCCESS)
        status = body(baton, connection, why);
    if (status == APR_SUCCESS && has_begun)
        status = run_plain(connection, MP_STATEMENT_COMMIT, why);
    *may_retry = status != APR_SUCCESS && mp_connections_is_retryable(connection);
    if (status != APR_SUCCESS && has_begun)
        roll_back(connection);
    return status;
}

static void pause_before(int attempt_number)
{
    unsigned char chance = 0;

    if (apr_generate_random_bytes(&chance, sizeof(chance)) != APR_SUCCESS)
        chance = (unsigned char)attempt_number;
    apr_sleep(PAUSE_UNIT * attempt_number * (chance + 1) / 256);
}

static apr_status_t run_all(mp_connections_t *connections, mp_transaction_kind_t kind, mp_transaction_body_t *body, void *baton,
                            mp_result_t *why)
{
    apr_time_t deadline = mp_clock_monotonic() + mp_connections_options(connections)->timeout;
    mp_connection_t *connection;
    bool may_retry = false;

    for (int number = 1;; number++) {
        apr_status_t status = mp_connections_acquire(&connection, connections, why);
        if (status != APR_SUCCESS)
            return status;
        status = attempt(&may_retry, connection, kind, body, baton, why);
        mp_connections_release(connection);
        if (status == APR_SUCCESS && why)
            *why = MP_RESULT_NONE;
        if (!may_retry || number == ATTEMPTS || mp_clock_monotonic() >= deadline)
            return status;
        pause_before(number);
    }
}

/* What the database's state is to blame for, as opposed to what it holds. */
static bool is_failure(apr_status_t status)
{
    return status == APR_EGENERAL || status == APR_EMISMATCH;
}

apr_status_t mp_transaction_run(mp_connections_t *connections, mp_transaction_kind_t kind, mp_transaction_body_t *body, void *baton,
                                mp_result_t *why)
{
    apr_time_t began = mp_clock_monotonic();
    apr_status_t status = run_all(connections, kind, body, baton, why);
    mp_database_call_t call = kind == MP_TRANSACTION_WRITE ? MP_DATABASE_WRITE : MP_DATABASE_READ;
    mp_counters_add_database(mp_connections_options(connections)->counters, call, mp_clock_monotonic() - began, is_failure(status));
    return status;
}

static apr_status_t run_call(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    return mp_connections_run(connection, baton, why);
}

apr_status_t mp_transaction_run_one(mp_connections_t *connections, mp_statement_call_t *call, mp_result_t *why)
{
    return mp_transaction_run(connections, MP_TRANSACTION_NONE, run_call, call, why);
}
