/* SPDX-License-Identifier: Apache-2.0 */
/* Use case: a miner waits until its work should be replaced. It takes a seat; when the time has come, fresh work is fetched for it on the I/O thread, and it is woken
 * to be answered by a request thread. Everything here may be called from any thread but where it says otherwise; nothing blocks. */
#ifndef MP_SERVICE_LONGPOLL_H
#define MP_SERVICE_LONGPOLL_H

#include "core/waiters.h"
#include "service/watches.h"
#include "service/work.h"

typedef struct mp_longpoll_t mp_longpoll_t;
typedef struct mp_longpoll_seat_t mp_longpoll_seat_t; /* one poll; its taker's until mp_longpoll_leave() */

/** Brings the poll's connection back to a request thread. Called at most once, under the lock of all seats, never while it is attended: must be quick
 * and call nothing here. */
typedef void mp_longpoll_wake_t(void *baton);

typedef struct mp_longpoll_order_t {
    const mp_roster_t *roster;   /* the request's own reference */
    const mp_worker_t *worker;   /* of that roster, already authenticated */
    const char *password;        /* the worker's stored one, if the miner was checked against it; NULL otherwise */
    const char *address;         /* of the miner; limits count by it */
    apr_interval_time_t hold;    /* after which it gets its answer whatever happens */
    apr_interval_time_t timeout; /* of one pool, for its work */
    mp_longpoll_wake_t *wake;
    void *baton;
} mp_longpoll_order_t;

/* What a poll is answered with. */
typedef struct mp_longpoll_answer_t {
    mp_wake_t reason;
    apr_status_t status; /* APR_SUCCESS: grant is work, which mp_work_note() must see before the miner does; otherwise why */
    apr_pool_t *p;       /* memory that lasts as long as the answer; NULL for an answer without work */
    mp_roster_t *roster; /* that the grant borrows from; the seat's */
    const mp_worker_t *worker;
    mp_work_grant_t grant;
    bool must_submit_old; /* say "submitold": true: what the miner has is still worth something */
    mp_result_t why;
} mp_longpoll_answer_t;

/** Takes a seat. p is needed during the call only. @return APR_EAGAIN (word "full") if a limit is reached and nobody can be ended for it */
apr_status_t mp_longpoll_join(mp_longpoll_seat_t **seat, mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, mp_result_t *why,
                              apr_pool_t *p);

/** A thread has the connection: it is not woken any more. @return what mp_longpoll_answer() does */
const mp_longpoll_answer_t *mp_longpoll_attend(mp_longpoll_seat_t *seat);
/** The answer; NULL if there is none yet. Only while attended; valid until the seat is left. */
const mp_longpoll_answer_t *mp_longpoll_answer(mp_longpoll_seat_t *seat);
/** The thread lets the connection wait again. @return false if its answer came meanwhile: it is still attended */
bool mp_longpoll_resume(mp_longpoll_seat_t *seat);

/** Gives the seat up. is_answered: its miner got an answer, this one or, if there is none yet, another; otherwise it counts as cancelled. */
void mp_longpoll_leave(mp_longpoll_seat_t *seat, bool is_answered);

/** The child ends: every poll gets its answer now, and new ones at once. */
void mp_longpoll_stop(mp_longpoll_t *longpoll);

typedef struct mp_longpoll_counts_t {
    apr_uint32_t waiting; /* now */
    apr_uint64_t woken[MP_WAKE_COUNT];
    apr_uint64_t
        on_the_spot;        /* answered before there was a reason: the miner sent more, or its thread was needed for the end of the child */
    apr_uint64_t cancelled; /* the miner went away */
    apr_uint64_t refused;   /* no room */
} mp_longpoll_counts_t;

void mp_longpoll_counts(mp_longpoll_counts_t *counts, mp_longpoll_t *longpoll);

/** How many request threads have nothing to do at the moment. I/O thread, a thousand times a second: must be quick. */
typedef apr_uint32_t mp_longpoll_idle_t(void);

/** Whose polls wait in this child, in no order; in p. @return array of mp_waiters_worker_t */
apr_array_header_t *mp_longpoll_list_workers(mp_longpoll_t *longpoll, apr_pool_t *p);

/** How the pools' blocks are watched. */
mp_watches_t *mp_longpoll_watches(mp_longpoll_t *longpoll);

/* For proxy.c. */
typedef struct mp_longpoll_options_t {
    apr_uint32_t limit, limit_per_worker, limit_per_address; /* of polls in this child; 0: none; a limit of 0 turns long polls away */
    mp_longpoll_idle_t *idle; /* wakes wait while no more than three quarters of the threads are idle; NULL: they never do */
    mp_watches_options_t watches;
} mp_longpoll_options_t;

/** Dies with p, after the loop was stopped. */
apr_status_t mp_longpoll_create(mp_longpoll_t **longpoll, const mp_longpoll_options_t *options, mp_proxy_t *proxy, apr_pool_t *p);
/** A work is about to be handed out: what it says of its pool's block. */
void mp_longpoll_observe(mp_longpoll_t *longpoll, const mp_pool_t *pool, const mp_work_t *work);
/** Rosters or circuits changed: whoever has another best pool now is woken. roster: the new one; NULL if it is the same. */
void mp_longpoll_adapt(mp_longpoll_t *longpoll, const mp_roster_t *roster);

#endif
