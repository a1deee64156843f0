/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of a watch: its state, its last error, and a line in the log when it is another one. I/O thread only; others read it under the lock. */
#ifndef MP_SERVICE_WATCH_STATE_H
#define MP_SERVICE_WATCH_STATE_H

#include "service/watch.h"

#define MP_WATCH_STATE_REPEATS apr_time_from_sec(60) /* troubles that come again are logged no more often */

void mp_watch_state_enter(mp_watch_t *watch, mp_watch_state_t state, apr_time_t now);

/** Its long poll failed. Kept, unless it speaks of a URL that was edited meanwhile. */
void mp_watch_state_fail(mp_watch_t *watch, const mp_result_t *why);

#endif
