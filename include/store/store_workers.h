/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as the operator changes them; each verb but the rehash is one transaction that raises the generation once if it changed anything, not otherwise. Names are
 * stored as given, and compare without regard to case and trailing blanks; passwords come as hashes. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_WORKERS_H
#define MP_STORE_STORE_WORKERS_H

#include "store/revision.h"
#include "store/store.h"

typedef struct mp_store_worker_t {
    mp_roster_worker_row_t row; /* its text lives in the pool that the verb was given */
    char revision[MP_REVISION_SIZE];
} mp_store_worker_t;

/** A worker's name and password, as a new one gets them. */
typedef struct mp_store_account_t {
    const char *name;
    const char *password_hash;
} mp_store_account_t;

/** One worker, for the page that edits it. @return APR_NOTFOUND */
apr_status_t mp_store_find_worker(mp_store_worker_t *found, apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** A new worker without assignments. id may be NULL. @return APR_EEXIST for a name that is taken */
apr_status_t mp_store_add_worker(apr_uint32_t *id, const char *name, const char *password_hash, mp_store_t *store, mp_result_t *why,
                                 apr_pool_t *p);

/** A new worker with all assignments that another one has, accounts at the pools included. id may be NULL.
 * @return APR_NOTFOUND if there is no such worker to clone, APR_EEXIST */
apr_status_t mp_store_clone_worker(apr_uint32_t *id, apr_uint32_t from_id, const mp_store_account_t *account, mp_store_t *store,
                                   mp_result_t *why, apr_pool_t *p);

/** revision: of the row as it was shown; NULL: whatever it is by now. A name that differs in case or trailing blanks only is taken by nobody else.
 * @return APR_NOTFOUND, APR_EEXIST for a name that another worker has, APR_EINCOMPLETE */
apr_status_t mp_store_rename_worker(apr_uint32_t id, const char *name, const char *revision, mp_store_t *store, mp_result_t *why,
                                    apr_pool_t *p);

/** @return APR_NOTFOUND */
apr_status_t mp_store_set_worker_password(apr_uint32_t id, const char *password_hash, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/**
 * Deletes the worker, and then what it left behind: works, shares, statistics, status, in small transactions that let others in between. A failure of those has its
 * own sentence, and the worker is gone all the same; what remains is old rows that nobody shows.
 * @return APR_NOTFOUND, or APR_EBUSY ("assigned") while it is assigned to pools: the sentence says how many
 */
apr_status_t mp_store_delete_worker(apr_uint32_t id, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Replaces a stored password if it still is what it was; does not raise the generation. @return APR_NOTFOUND if it had changed meanwhile */
apr_status_t mp_store_save_rehash(apr_uint32_t worker_id, const char *old_password, const char *new_password, mp_store_t *store,
                                  mp_result_t *why, apr_pool_t *p);

#endif
