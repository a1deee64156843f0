/* SPDX-License-Identifier: Apache-2.0 */
/* How many works each worker was given, by pool and shortest period, on the way to the database: thousands of getworks become one row's change. A hash table of fixed
 * size. Not locked: the work queue's lock guards it while works are added. */
#ifndef MP_SERVICE_WORK_SUMS_H
#define MP_SERVICE_WORK_SUMS_H

#include "store/store.h"

typedef struct mp_work_sums_t mp_work_sums_t;

#define MP_WORK_SUMS_MOST 32768u

mp_work_sums_t *mp_work_sums_create(apr_pool_t *p);

/** One more work. @return false if there is no room for another sum: it is not counted */
bool mp_work_sums_add(mp_work_sums_t *sums, const mp_route_t *route);

apr_size_t mp_work_sums_count(const mp_work_sums_t *sums);

/** All of them, by period, worker and pool. Borrowed; nothing can be added until mp_work_sums_clear(). */
const mp_store_getworks_t *mp_work_sums_sort(mp_work_sums_t *sums);

void mp_work_sums_clear(mp_work_sums_t *sums);

#endif
