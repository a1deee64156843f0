/* SPDX-License-Identifier: Apache-2.0 */
/* How handed-out works get out of their queue into the database: their routes at once, because another host may need one; how many there were at a pace that the
 * database bears, because with thousands of workers that is far more rows' change than there are works. Holds what was taken and is not stored yet. The recorder's thread only. */
#ifndef MP_SERVICE_WORK_DRAIN_H
#define MP_SERVICE_WORK_DRAIN_H

#include "service/work_queue.h"

typedef struct mp_work_drain_t mp_work_drain_t;

#define MP_WORK_DRAIN_PAUSE_MOST apr_time_from_sec(10) /* so many getworks are not counted when the child is killed */

/** Borrows both for its life. */
mp_work_drain_t *mp_work_drain_create(mp_work_queue_t *queue, mp_store_t *store, apr_pool_t *p);

/**
 * Stores what is to be stored now; p is cleared in between. Failures lose nothing: the next run goes on.
 * @param is_behind more waits than one run takes
 * @param is_last the sums do not wait for their time
 */
apr_status_t mp_work_drain_run(bool *is_behind, mp_work_drain_t *drain, bool is_last, mp_result_t *why, apr_pool_t *p);

#endif
