/* SPDX-License-Identifier: Apache-2.0 */
/* Pools as the operator changes them. Each verb is one transaction, and raises the generation once if it changed anything, not otherwise. Names and URLs are stored
 * as given; the caller has checked them. Names compare as worker names do: without regard to case and trailing blanks. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_POOLS_H
#define MP_STORE_STORE_POOLS_H

#include "store/revision.h"
#include "store/store.h"

typedef struct mp_store_pool_t {
    mp_roster_pool_row_t row; /* its text lives in the pool that the verb was given */
    char revision[MP_REVISION_SIZE];
} mp_store_pool_t;

/** One pool, for the page that edits it. @return APR_NOTFOUND */
apr_status_t mp_store_find_pool(mp_store_pool_t *found, apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

typedef struct mp_store_pool_edit_t {
    apr_uint32_t id; /* not of one that is to be made */
    const char *name;
    const char *url;
    bool roll_ntime;
    const char *revision; /* of the row as it was shown; NULL: whatever it is by now */
} mp_store_pool_edit_t;

/** A new pool, enabled. id may be NULL. @return APR_EEXIST for a name that is taken */
apr_status_t mp_store_add_pool(apr_uint32_t *id, const mp_store_pool_edit_t *edit, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** All that the edit has; whether it is enabled stays. @return APR_NOTFOUND, APR_EEXIST for a name that another pool has, APR_EINCOMPLETE */
apr_status_t mp_store_update_pool(const mp_store_pool_edit_t *edit, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** @return APR_NOTFOUND; APR_SUCCESS also if it was so before */
apr_status_t mp_store_set_pool_enabled(apr_uint32_t id, bool enabled, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Its shares and statistics stay. @return APR_NOTFOUND, or APR_EBUSY ("assigned") while workers are assigned to it: the sentence says how many */
apr_status_t mp_store_delete_pool(apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

#endif
