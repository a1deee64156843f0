/* SPDX-License-Identifier: Apache-2.0 */
/* What each worker did last, kept in a row of its own so that a page need not look for it among all works and shares. Written in the transaction that counts
 * the works or records the share, last of all tables, one row per worker and batch. Plain values. */
#ifndef MP_STORE_WORKER_STATUS_H
#define MP_STORE_WORKER_STATUS_H

#include "store/connections.h"

typedef struct mp_worker_event_t {
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    apr_time_t time;
    double difficulty; /* of an accepted share */
} mp_worker_event_t;

/** Notes works that were handed out, in any order; the newest of each worker counts, and only if the table knows none that is newer. Reorders them, and leaves
 * among them what it needs to be called again with the same count. */
apr_status_t mp_worker_status_save_works(mp_worker_event_t *events, apr_size_t count, mp_connection_t *connection, mp_result_t *why);

/** Likewise accepted shares. */
apr_status_t mp_worker_status_save_accepted(mp_worker_event_t *events, apr_size_t count, mp_connection_t *connection, mp_result_t *why);

#endif
