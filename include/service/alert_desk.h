/* SPDX-License-Identifier: Apache-2.0 */
/* What others want of the thread that tells: blocks that were found, and tests. Requests leave it here and go on, but for whoever pressed the console's button, who waits a moment. One thread serves. */
#ifndef MP_SERVICE_ALERT_DESK_H
#define MP_SERVICE_ALERT_DESK_H

#include "base/result.h"
#include "core/alert.h"
#include "core/model.h"

#include <apr_tables.h>
#include <stdbool.h>

#define MP_ALERT_DESK_BLOCKS 16 /* that wait; what finds no room is in the metrics, and nearly all of it in the log */
#define MP_ALERT_DESK_PATIENCE apr_time_from_sec(15)

typedef struct mp_alert_desk_t mp_alert_desk_t;

/** Dies with p. */
apr_status_t mp_alert_desk_create(mp_alert_desk_t **desk, apr_pool_t *p);

/** Copies everything; never waits. Any thread. @param hash as people write it */
void mp_alert_desk_add_block(mp_alert_desk_t *desk, const mp_worker_t *worker, const mp_pool_t *pool, mp_verdict_t verdict,
                             const char *hash);

/** Wants a test and waits for its outcome, up to MP_ALERT_DESK_PATIENCE. Any thread. @return its status; APR_TIMEUP, or APR_EINTR when everything stops */
apr_status_t mp_alert_desk_want_test(mp_alert_desk_t *desk, mp_result_t *outcome);

/* For the thread that serves. */

/** Waits until something is wanted, or until then. Blocks wait for blocks_from at least; all times are monotonic. @return false when it is time to stop */
bool mp_alert_desk_rest(mp_alert_desk_t *desk, apr_time_t until, apr_time_t blocks_from);

/** Takes the blocks that wait. @return alerts that are over as they begin, in p: of mp_alert_t * */
apr_array_header_t *mp_alert_desk_take_blocks(mp_alert_desk_t *desk, const char *host, apr_pool_t *p);

/** @return a ticket for whoever waits for a test by now; 0: nobody does */
unsigned mp_alert_desk_take_test(mp_alert_desk_t *desk);
void mp_alert_desk_answer_test(mp_alert_desk_t *desk, unsigned ticket, const mp_result_t *outcome);

/** Nobody rests or waits any more. Any thread. */
void mp_alert_desk_close(mp_alert_desk_t *desk);

#endif
