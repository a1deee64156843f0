/* SPDX-License-Identifier: Apache-2.0 */
/* The roster: an immutable snapshot of workers, pools and assignments, so that no request asks the database who somebody is. Built from
 * rows (of the database, or of the file saved for bad times), it lives in a pool of its own and is counted: whoever acquired it keeps it. Superseded
 * accounts stay in it for an hour, because shares for work that they fetched are still under way. Any thread may read. */
#ifndef MP_CORE_ROSTER_H
#define MP_CORE_ROSTER_H

#include "base/result.h"
#include "core/model.h"

#include <apr_tables.h>

#define MP_ROSTER_SUPERSEDED_KEPT apr_time_from_sec(3600)

/* Rows as they are stored. Arrays hold structs, not pointers. All text is borrowed from whoever filled them. */
typedef struct mp_roster_pool_row_t {
    apr_uint32_t id;
    const char *name, *url;
    bool enabled, roll_ntime;
} mp_roster_pool_row_t;
typedef struct mp_roster_worker_row_t {
    apr_uint32_t id;
    const char *name, *password;
} mp_roster_worker_row_t;
typedef struct mp_roster_assignment_row_t {
    apr_uint32_t worker_id, pool_id;
    const char *username, *password;
    int priority;
    bool enabled;
} mp_roster_assignment_row_t;
/* An account that was changed or removed: enough to send one more share with it, even if its pool is gone. */
typedef struct mp_roster_superseded_row_t {
    apr_uint32_t worker_id, pool_id;
    const char *pool_name, *pool_url, *username, *password;
    apr_time_t until; /* when it was found changed */
} mp_roster_superseded_row_t;

typedef struct mp_roster_rows_t {
    apr_int64_t generation;
    const char *secret;              /* settings.secret: hex digits; keys of MACs come from it */
    apr_array_header_t *pools;       /* of mp_roster_pool_row_t */
    apr_array_header_t *workers;     /* of mp_roster_worker_row_t */
    apr_array_header_t *assignments; /* of mp_roster_assignment_row_t */
    apr_array_header_t *superseded;  /* of mp_roster_superseded_row_t; the database has none */
} mp_roster_rows_t;

/** Empty rows with allocated arrays. */
mp_roster_rows_t *mp_roster_rows_create(apr_pool_t *p);

typedef struct mp_roster_t mp_roster_t;

/**
 * Builds a snapshot with one reference, copying everything. Assignments of unknown workers or pools are left out; of two workers whose
 * names compare equal the lower id stays (the database forbids it; a file edited by hand may not).
 * @param previous its accounts that differ now, and its superseded ones younger than an hour, are carried over; may be NULL
 */
mp_roster_t *mp_roster_create(const mp_roster_rows_t *rows, const mp_roster_t *previous, apr_time_t now);

mp_roster_t *mp_roster_acquire(mp_roster_t *roster);
/** Destroys the snapshot with its last reference. NULL is allowed. */
void mp_roster_release(mp_roster_t *roster);

/** True if both hold the same pools, workers, assignments and secret (generation and superseded accounts do not count). */
bool mp_roster_equals(const mp_roster_t *a, const mp_roster_t *b);

apr_int64_t mp_roster_generation(const mp_roster_t *roster);
const char *mp_roster_secret(const mp_roster_t *roster);
apr_size_t mp_roster_worker_count(const mp_roster_t *roster);
apr_size_t mp_roster_pool_count(const mp_roster_t *roster);
const mp_worker_t *mp_roster_worker_at(const mp_roster_t *roster, apr_size_t index);
const mp_pool_t *mp_roster_pool_at(const mp_roster_t *roster, apr_size_t index);

/** NULL if there is none of that name; compared as mp_text_fold() says. p is for the folded name. */
const mp_worker_t *mp_roster_find_worker(const mp_roster_t *roster, const char *name, apr_pool_t *p);
const mp_worker_t *mp_roster_find_worker_by_id(const mp_roster_t *roster, apr_uint32_t id);
const mp_pool_t *mp_roster_find_pool(const mp_roster_t *roster, apr_uint32_t id);

/** Any enabled assignment to the (enabled) pool, to probe with; NULL if there is none. */
const mp_assignment_t *mp_roster_find_assignment_of_pool(const mp_roster_t *roster, apr_uint32_t pool_id);

/* Pool and account to send a share with; both borrowed from the roster. */
typedef struct mp_destination_t {
    const mp_pool_t *pool;
    const mp_credentials_t *credentials;
} mp_destination_t;

/**
 * Who gets a share for this route: the account with the route's fingerprint, current or superseded, enabled or not; for a route without
 * fingerprint, or with one that nobody knows any more, the account that was current when the work was fetched.
 * @return false if worker and pool have no account, now or within the last hour
 */
bool mp_roster_find_destination(mp_destination_t *destination, const mp_roster_t *roster, const mp_route_t *route);

/** A pool as the row that it was made of; borrowed from it. */
mp_roster_pool_row_t mp_roster_pool_row(const mp_pool_t *pool);

/** The snapshot as rows (borrowed from it), to be saved. */
mp_roster_rows_t *mp_roster_rows(const mp_roster_t *roster, apr_pool_t *p);

#endif
