/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts that were changed or removed within the last hour: a share for work that such an account fetched still has to go out under it, to the
 * URL that issued the work. A list made once, as a part of a roster and in the roster's pool, and never changed. */
#ifndef MP_CORE_SUPERSEDED_H
#define MP_CORE_SUPERSEDED_H

#include "core/model.h"
#include "core/roster.h"

#include <apr_tables.h>

typedef struct mp_superseded_t {
    mp_roster_superseded_row_t row;
    const mp_pool_t *pool; /* as it was: the roster's own only while the URL is the same */
    mp_credentials_t credentials;
} mp_superseded_t;

typedef struct mp_superseded_list_t {
    mp_superseded_t *accounts; /* by worker, pool, time: the earliest superseded first */
    apr_size_t count;
} mp_superseded_list_t;

/**
 * Makes the list from rows (of mp_roster_superseded_row_t, sorted in place), leaving out repeated ones and those older than an hour.
 * A time later than now, as a clock that was set back leaves behind, counts as now.
 * @param roster to take pools from that are still as they were
 * @param p everything is copied into it
 */
void mp_superseded_list_create(mp_superseded_list_t *list, apr_array_header_t *rows, const mp_roster_t *roster, apr_time_t now,
                               apr_pool_t *p);

/**
 * The account for a route: among those with the route's fingerprint, or among all of worker and pool if nobody has that fingerprint, the one that
 * was current when the work was fetched.
 * @param current the account that worker and pool have now, or NULL
 * @return NULL if it is the current one, or if there is none
 */
const mp_superseded_t *mp_superseded_list_find(const mp_superseded_list_t *list, const mp_route_t *route, const mp_credentials_t *current);

#endif
