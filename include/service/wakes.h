/* SPDX-License-Identifier: Apache-2.0 */
/* What happens to waiting polls on the I/O thread: who is to be woken and why, the fetches for them, the clock. */
#ifndef MP_SERVICE_WAKES_H
#define MP_SERVICE_WAKES_H

#include "service/seats.h"

#define MP_WAKES_TICK apr_time_from_msec(250)
#define MP_WAKES_RETRY apr_time_from_sec(3)     /* until a poll for which no pool had work is tried again */
#define MP_WAKES_GRACE apr_time_from_sec(3)     /* behind its deadline a poll gets an error if its work still is not there */
#define MP_WAKES_EARLIEST apr_time_from_sec(30) /* miners take a poll that fails sooner for a broken one, and repeat it at once */

/** For watches: see mp_watches_listener_t; baton is the mp_longpoll_t. */
bool mp_wakes_borrow_on_loop(mp_watches_loan_t *loan, void *longpoll, apr_uint32_t pool_id, apr_uint32_t avoid);
bool mp_wakes_is_waiting_on_loop(void *longpoll, apr_uint32_t pool_id, apr_uint32_t worker_id, apr_uint64_t fingerprint);
void mp_wakes_tell_on_loop(void *longpoll, const mp_watches_news_t *news);

/* Posted to the loop. */

/** Fetches for those that are due. */
void mp_wakes_serve_on_loop(void *longpoll);
/** Looks for those whose best pool is another one now. */
void mp_wakes_adapt_on_loop(void *longpoll);
/** The clock, from the first seat on until none is left. */
void mp_wakes_tick_on_loop(void *longpoll);
/** The child ends: all are due. */
void mp_wakes_stop_on_loop(void *longpoll);

#endif
