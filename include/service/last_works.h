/* SPDX-License-Identifier: Apache-2.0 */
/* What each worker was given last: a long poll that arrives is measured against it. Kept in this child's memory, and in the shared cache only when something but
 * the time changed (a new block, another pool), so that an ordinary getwork costs no second entry. Any thread. */
#ifndef MP_SERVICE_LAST_WORKS_H
#define MP_SERVICE_LAST_WORKS_H

#include "service/shared_cache.h"

typedef struct mp_last_works_t mp_last_works_t;

typedef struct mp_last_work_t {
    apr_uint32_t pool_id; /* that issued it */
    apr_uint64_t wanted;  /* the worker's first choice then: mp_work_wanted() */
    unsigned char previous[MP_PREVIOUS_SIZE];
    apr_time_t fetched; /* wall clock; found as 0 if it is yet to come, as a clock that was set back leaves it behind */
} mp_last_work_t;

/** The cache is borrowed. Dies with p; allocates from memory of its own afterwards. */
apr_status_t mp_last_works_create(mp_last_works_t **works, const mp_shared_cache_t *cache, apr_pool_t *p);

/** A worker is about to get this. secret: the roster's. */
void mp_last_works_save(mp_last_works_t *works, apr_uint32_t worker_id, const mp_last_work_t *work, const char *secret);

/** The newer one of what this child and what the shared cache remembers. Asks the cache: request threads only. @return false if nobody does */
bool mp_last_works_find(mp_last_work_t *work, mp_last_works_t *works, apr_uint32_t worker_id, const char *secret);

#endif
