/* SPDX-License-Identifier: Apache-2.0 */
/* Columns as the records that they are: pools, workers and assignments as a roster is made of them, and shares. In the order in which every statement selects them. Lenient, as value.h is: hands edit
 * these tables. Pure. */
#ifndef MP_STORE_STORE_ROWS_H
#define MP_STORE_STORE_ROWS_H

#include "core/roster.h"
#include "store/value.h"

/** id, name, url, enabled. @return false for an id that no row can have: such a row is left out */
bool mp_store_rows_read_pool(mp_roster_pool_row_t *row, const mp_value_t *columns, apr_pool_t *p);

/** id, name, password. @return likewise */
bool mp_store_rows_read_worker(mp_roster_worker_row_t *row, const mp_value_t *columns, apr_pool_t *p);

/** worker_id, pool_id, pool_username, pool_password, priority, enabled. @return likewise */
bool mp_store_rows_read_assignment(mp_roster_assignment_row_t *row, const mp_value_t *columns, apr_pool_t *p);

/** share_id, worker_id, pool_id, result, reason, difficulty, time. Zeros for what is NULL. p: for what is needed meanwhile */
void mp_store_rows_read_share(mp_share_t *share, const mp_value_t *columns, apr_pool_t *p);

/** A time as the tables hold it, or as seconds since 1970; 0 for NULL and for whatever is none. */
apr_time_t mp_store_rows_read_time(const mp_value_t *column);

#endif
