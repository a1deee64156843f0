/* SPDX-License-Identifier: Apache-2.0 */
/* One change to the assignments of many workers at one pool: all of it or nothing, in one transaction that raises the generation once if anything changed.
 * Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_BULK_H
#define MP_STORE_STORE_BULK_H

#include "store/store.h"

typedef enum mp_store_bulk_action_t {
    MP_STORE_BULK_ADD, /* to those who are not assigned; the others stay as they are */
    MP_STORE_BULK_ENABLE,
    MP_STORE_BULK_DISABLE,
    MP_STORE_BULK_DELETE
} mp_store_bulk_action_t;

typedef struct mp_store_bulk_t {
    mp_store_bulk_action_t action;
    apr_uint32_t pool_id;
    const apr_uint32_t *worker_ids; /* in any order; repeated ones count once */
    apr_size_t worker_count;
    /* for MP_STORE_BULK_ADD only: */
    const char *username; /* each "%w" stands for the worker's name */
    const char *password;
    int priority;
} mp_store_bulk_t;

#define MP_STORE_USERNAME_MOST 255 /* characters that a pool_username can hold */

/**
 * @param changed how many assignments were added, changed or deleted
 * @return APR_NOTFOUND if there is no such pool, or, when adding, no such worker; APR_EINVAL ("invalid") if a user name would be longer than
 * MP_STORE_USERNAME_MOST characters. Nothing has changed then. Workers that are not assigned have nothing to be enabled, disabled or deleted
 */
apr_status_t mp_store_change_assignments(apr_size_t *changed, const mp_store_bulk_t *bulk, mp_store_t *store, mp_result_t *why,
                                         apr_pool_t *p);

#endif
