/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing rows of worker_pool, and holding on to the worker and the pool that they join, inside whatever transaction the connection has. */
#ifndef MP_STORE_ASSIGNMENT_ROWS_H
#define MP_STORE_ASSIGNMENT_ROWS_H

#include "core/roster.h"
#include "store/connections.h"

/** Runs a statement that selects assignments. params: ids; rows: mp_roster_assignment_row_t, appended; their text lives in the array's pool */
apr_status_t mp_assignment_rows_load(apr_array_header_t *rows, mp_statement_t statement, const mp_value_t *params, int param_count,
                                     mp_connection_t *connection, mp_result_t *why);

/** Reads one assignment and locks it. @return APR_NOTFOUND with words */
apr_status_t mp_assignment_rows_lock(mp_roster_assignment_row_t *row, apr_uint32_t worker_id, apr_uint32_t pool_id,
                                     mp_connection_t *connection, mp_result_t *why, apr_pool_t *p);

/** Keeps the worker from being deleted before the transaction has ended. name (may be NULL) lives in p. @return APR_NOTFOUND with words */
apr_status_t mp_assignment_rows_hold_worker(const char **name, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why,
                                            apr_pool_t *p);

/** Likewise the pool, and before any worker, so that two that hold both cannot wait for each other. */
apr_status_t mp_assignment_rows_hold_pool(const char **name, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why, apr_pool_t *p);

/** Runs MP_STATEMENT_ADD_ASSIGNMENT or MP_STATEMENT_UPDATE_ASSIGNMENT. */
apr_status_t mp_assignment_rows_save(mp_statement_t statement, const mp_roster_assignment_row_t *row, mp_connection_t *connection,
                                     mp_result_t *why);

apr_status_t mp_assignment_rows_delete(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_connection_t *connection, mp_result_t *why);

bool mp_assignment_rows_is_same(const mp_roster_assignment_row_t *a, const mp_roster_assignment_row_t *b);

#endif
