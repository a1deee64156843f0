/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows into one table: as few statements as the engine likes, because a round trip costs more than a row. Runs inside whatever
 * transaction the connection has. Rows go in the order in which they come: writers that sort theirs by key wait for each other instead of deadlocking. */
#ifndef MP_STORE_UPSERT_H
#define MP_STORE_UPSERT_H

#include "store/connections.h"

#define MP_UPSERT_PARAMS_MOST 8

/** The parameters of one row. text holds a time (20 bytes), and lives until the statement has run. */
typedef void mp_upsert_fill_t(mp_value_t *params, char text[20], const void *row);

typedef struct mp_upsert_t {
    mp_statement_t statement;
    int params; /* per row */
    apr_size_t row_size;
    mp_upsert_fill_t *fill;
} mp_upsert_t;

apr_status_t mp_upsert_run(const mp_upsert_t *upsert, const void *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why);

#endif
