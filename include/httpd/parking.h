/* SPDX-License-Identifier: Apache-2.0 */
/* How a request waits: parked without a thread where the MPM can (event), otherwise by blocking its thread. The one place that knows the difference. */
#ifndef MP_HTTPD_PARKING_H
#define MP_HTTPD_PARKING_H

#include "service/longpoll.h"

#include <httpd.h>

typedef enum mp_parking_way_t {
    MP_PARKING_FREE,  /* no thread is held */
    MP_PARKING_THREAD /* each waiting request holds one; a process where children have one thread each */
} mp_parking_way_t;

/** How requests wait under this MPM. After its configuration was read. */
mp_parking_way_t mp_parking_way(void);

/** Can a request on this connection wait? Not a stream within another connection (HTTP/2). */
bool mp_parking_can_wait(const conn_rec *c);

/** For a request that has just been read and is likely to wait: whatever it takes from now on is to stay small. */
void mp_parking_expect(const conn_rec *c);

/** This was a miner's request: its next one is to be looked for before the connection is given back (httpd/stay.h), and the connection keeps no more memory than such requests need. */
void mp_parking_expect_next(const conn_rec *c);

/** This connection's memory goes back to the system as it is freed. httpd hands what a connection holds to another one when it is over, with all that it ever held: so this is for whoever is given
 * up, and for requests that take many times what a miner's do. */
void mp_parking_keep_nothing(const conn_rec *c);

/** An mp_longpoll_idle_t; only where requests wait without a thread. */
apr_uint32_t mp_parking_idle_threads(void);

/** How long a poll may wait where httpd closes a connection that waited for this time-out: an answer must be out before. */
apr_interval_time_t mp_parking_hold(apr_interval_time_t timeout);

/** How long a connection of this request may wait before httpd closes it, by its own time-out. */
apr_interval_time_t mp_parking_limit(const request_rec *r);

/** Is httpd done with this child? It may live on for requests that are under way, with the configuration of its time. Any thread. */
bool mp_parking_is_child_ending(void);

/** Writes the answer of a poll. answer is NULL if there is none but the request cannot wait on (its miner sent more, or the child ends): then it is to be answered on the spot.
 * Runs on a request thread; the order's roster may be gone. */
typedef void mp_parking_finish_t(void *baton, const mp_longpoll_answer_t *answer);

/** Takes a seat and lets the request wait; finish(baton) ends it. order's wake and baton are filled in here. The request's roster is let go.
 * @return what the handler is to return: SUSPENDED, or OK if it waited and was answered; HTTP_SERVICE_UNAVAILABLE if no seat is free (why says so; nothing was written) */
int mp_parking_wait(request_rec *r, mp_longpoll_t *longpoll, mp_longpoll_order_t *order, mp_parking_finish_t *finish, void *baton,
                    mp_result_t *why);

/** The hooks that it stands on. */
void mp_parking_register(apr_pool_t *p);

#endif
