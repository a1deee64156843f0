/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments as the operator changes them one by one; many at once are in store_bulk.h. Each verb is one transaction, and raises the generation once if it changed
 * anything, not otherwise. What is stored is what is given; the caller has checked it. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_ASSIGNMENTS_H
#define MP_STORE_STORE_ASSIGNMENTS_H

#include "store/revision.h"
#include "store/store.h"

typedef struct mp_store_assignment_t {
    mp_roster_assignment_row_t row; /* its text lives in the pool that the verb was given */
    char revision[MP_REVISION_SIZE];
} mp_store_assignment_t;

/** One worker's assignments in the order in which they are tried; an unknown worker has none. *found: of mp_store_assignment_t */
apr_status_t mp_store_load_assignments_of_worker(apr_array_header_t **found, apr_uint32_t worker_id, mp_store_t *store, mp_result_t *why,
                                                 apr_pool_t *p);

/** One pool's assignments by worker id; an unknown pool has none. *found: of mp_store_assignment_t */
apr_status_t mp_store_load_assignments_of_pool(apr_array_header_t **found, apr_uint32_t pool_id, mp_store_t *store, mp_result_t *why,
                                               apr_pool_t *p);

/** @return APR_NOTFOUND (the sentence says whether worker or pool is missing), APR_EEXIST if this worker is assigned to this pool already */
apr_status_t mp_store_add_assignment(const mp_roster_assignment_row_t *row, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Everything but the key. row->password: NULL keeps the stored one. revision: of the row as it was shown; NULL: whatever it is by now.
 * @return APR_NOTFOUND if this worker is not assigned to this pool, APR_EINCOMPLETE */
apr_status_t mp_store_update_assignment(const mp_roster_assignment_row_t *row, const char *revision, mp_store_t *store, mp_result_t *why,
                                        apr_pool_t *p);

/** Creates or replaces the assignment, whichever it takes. @return APR_NOTFOUND if there is no such pool or worker */
apr_status_t mp_store_save_assignment(const mp_roster_assignment_row_t *row, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** @return APR_NOTFOUND; APR_SUCCESS also if it was so before */
apr_status_t mp_store_set_assignment_enabled(apr_uint32_t worker_id, apr_uint32_t pool_id, bool enabled, mp_store_t *store,
                                             mp_result_t *why, apr_pool_t *p);

/** @return APR_NOTFOUND */
apr_status_t mp_store_delete_assignment(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

typedef enum mp_store_move_t { MP_STORE_MOVE_UP, MP_STORE_MOVE_DOWN } mp_store_move_t;

/** Lets it be tried one place earlier or later among all assignments of its worker, disabled ones included: assignment_order.h says which priorities change.
 * @return APR_NOTFOUND; APR_SUCCESS also if it is at that end already */
apr_status_t mp_store_move_assignment(apr_uint32_t worker_id, apr_uint32_t pool_id, mp_store_move_t move, mp_store_t *store,
                                      mp_result_t *why, apr_pool_t *p);

#endif
