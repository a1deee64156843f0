/* SPDX-License-Identifier: Apache-2.0 */
/* The child's I/O thread: transfers, timers and an inbox. It never blocks and never touches the database. Whatever runs on it is named ..._on_loop().
 * Only mp_loop_post(), start and stop may be called from elsewhere. */
#ifndef MP_UPSTREAM_LOOP_H
#define MP_UPSTREAM_LOOP_H

#include "base/result.h"

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

typedef struct mp_loop_t mp_loop_t;
typedef void mp_loop_call_t(void *baton);
struct mp_transfer_t;
/** The transfer is over; its outcome is in it. The callee destroys it or keeps it. */
typedef void mp_loop_transferred_t(void *baton, struct mp_transfer_t *transfer);

/** After the fork. libcurl must have been initialised (mp_transfer_library_open()). Dies with p, which must not happen while it runs. */
apr_status_t mp_loop_create(mp_loop_t **loop, apr_pool_t *p);
/** Starts the thread. */
apr_status_t mp_loop_start(mp_loop_t *loop, mp_result_t *why);
/** Ends and joins the thread: transfers under way are abandoned (their callbacks run with APR_EINTR), timers and posts not yet run are dropped. */
void mp_loop_stop(mp_loop_t *loop);

/** Runs call(baton) on the I/O thread soon, in the order of posting. Any thread. @return false when the loop is stopping: the call will not run */
bool mp_loop_post(mp_loop_t *loop, mp_loop_call_t *call, void *baton);

/** True on the I/O thread. */
bool mp_loop_is_current(const mp_loop_t *loop);
#define MP_ASSERT_ON_LOOP(loop) MP_ASSERT(mp_loop_is_current(loop))

/** Runs call(baton) after delay (microseconds, monotonic). */
void mp_loop_delay_on_loop(mp_loop_t *loop, apr_interval_time_t delay, mp_loop_call_t *call, void *baton);

/** Starts a transfer that mp_transfer_create() made. @return false if it could not begin, or the loop is ending: transferred ran already */
bool mp_loop_transfer_on_loop(mp_loop_t *loop, struct mp_transfer_t *transfer, mp_loop_transferred_t *transferred, void *baton);

/** Gives up a transfer that is under way: its connection is closed, transferred does not run, the caller destroys it. */
void mp_loop_cancel_on_loop(mp_loop_t *loop, struct mp_transfer_t *transfer);

#endif
