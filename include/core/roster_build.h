/* SPDX-License-Identifier: Apache-2.0 */
/* How a roster is made of rows, and what it is made of: private to roster.c and roster_build.c. Everybody else reads it through core/roster.h.
 * Whatever is double in the rows or points nowhere is left out: they may come from a file that somebody edited. */
#ifndef MP_CORE_ROSTER_BUILD_H
#define MP_CORE_ROSTER_BUILD_H

#include "core/roster.h"
#include "core/superseded.h"

#include <apr_hash.h>

struct mp_roster_t {
    apr_pool_t *p; /* unmanaged, with an allocator of its own: whichever thread releases last destroys it */
    volatile apr_uint32_t references;
    apr_int64_t generation;
    const char *secret;
    mp_pool_t *pools; /* by id */
    apr_size_t pool_count;
    const mp_assignment_t **samples; /* beside pools: an enabled assignment of each enabled pool, or NULL */
    mp_worker_t *workers;            /* by id */
    apr_size_t worker_count;
    apr_hash_t *workers_by_name;  /* folded */
    mp_assignment_t *assignments; /* by worker, highest priority, pool */
    apr_size_t assignment_count;
    mp_superseded_list_t superseded;
};

/** Fills an empty roster, which has its pool only. Everything is copied. */
void mp_roster_build(mp_roster_t *roster, const mp_roster_rows_t *rows, const mp_roster_t *previous, apr_time_t now);

/** The assignment of worker and pool, or NULL. */
const mp_assignment_t *mp_roster_build_find(const mp_roster_t *roster, apr_uint32_t worker_id, apr_uint32_t pool_id);

/** The order in which a worker's requests try their pools, behind that of workers: highest priority first, then by pool id. For qsort(). */
int mp_roster_build_compare(const void *left, const void *right);

/** True for the same user name and password. */
bool mp_roster_build_is_same(const mp_credentials_t *a, const mp_credentials_t *b);

#endif
