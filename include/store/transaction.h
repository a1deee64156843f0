/* SPDX-License-Identifier: Apache-2.0 */
/* One unit of work with the database, whole or not at all: acquires a connection, begins, runs the body, commits; rolls back when the body fails, and runs the
 * whole again when the database says that this may help (deadlock, lock timeout). Any thread. */
#ifndef MP_STORE_TRANSACTION_H
#define MP_STORE_TRANSACTION_H

#include "store/connections.h"

typedef enum mp_transaction_kind_t {
    MP_TRANSACTION_NONE, /* one statement, which is a transaction by itself */
    MP_TRANSACTION_READ, /* several reads, all of one snapshot */
    MP_TRANSACTION_WRITE
} mp_transaction_kind_t;

/** May be called several times, each time from the start: what it collects must begin anew. Its failure rolls everything back. */
typedef apr_status_t mp_transaction_body_t(void *baton, mp_connection_t *connection, mp_result_t *why);

/** @return the body's status, or what kept it from running or committing */
apr_status_t mp_transaction_run(mp_connections_t *connections, mp_transaction_kind_t kind, mp_transaction_body_t *body, void *baton,
                                mp_result_t *why);

/** A transaction that is one statement. */
apr_status_t mp_transaction_run_one(mp_connections_t *connections, mp_statement_call_t *call, mp_result_t *why);

#endif
