/* SPDX-License-Identifier: Apache-2.0 */
/* One watch per pool and child, while somebody waits for that pool's next block: a long poll at the pool with the account of one who waits, or, where the pool
 * offers none or its poll is broken, a getwork now and then when none pass by. Whatever work passes is looked at as well. Polls and getworks of a watch run on the
 * I/O thread; whoever listens is told there, once per block. */
#ifndef MP_SERVICE_WATCHES_H
#define MP_SERVICE_WATCHES_H

#include "core/blocks.h"
#include "service/circuits.h"

typedef struct mp_watches_t mp_watches_t;

typedef struct mp_watches_options_t {
    apr_interval_time_t interval;     /* between two getworks of a watch without a poll */
    apr_interval_time_t work_timeout; /* one getwork's answer */
    bool may_leave_host;              /* see mp_upstream_vigil_t */
} mp_watches_options_t;

/* An account with which somebody waits, lent to a watch. */
typedef struct mp_watches_loan_t {
    mp_roster_t *roster; /* a reference, for whoever takes the loan */
    const mp_assignment_t *assignment;
} mp_watches_loan_t;

/* A pool works on another block. If its own long poll said so, work is the answer: work for one miner of the loan's worker, in the pool p. The listener then takes
 * over p and the loan's reference; otherwise work, p and the loan's roster are NULL. */
typedef struct mp_watches_news_t {
    apr_uint32_t pool_id;
    unsigned char previous[MP_PREVIOUS_SIZE]; /* that its works name now */
    mp_work_t *work;
    apr_pool_t *p;
    mp_watches_loan_t loan;
} mp_watches_news_t;

/* Whoever knows who waits. */
typedef struct mp_watches_listener_t {
    void *baton;
    /** Lends an account of a worker that waits for this pool, of another than avoid if there is one. @return false if nobody waits */
    bool (*borrow_on_loop)(mp_watches_loan_t *loan, void *baton, apr_uint32_t pool_id, apr_uint32_t avoid);
    /** Does this worker still wait for this pool, with this account? */
    bool (*is_waiting_on_loop)(void *baton, apr_uint32_t pool_id, apr_uint32_t worker_id, apr_uint64_t fingerprint);
    void (*tell_on_loop)(void *baton, const mp_watches_news_t *news);
} mp_watches_listener_t;

/* What they work with; each outlives them. */
typedef struct mp_watches_means_t {
    mp_circuits_t *circuits;
    mp_upstream_t *upstream;
    mp_loop_t *loop;
    mp_counters_t *counters; /* of blocks; NULL: none */
} mp_watches_means_t;

/** Dies with p, after the loop was stopped. options, listener and means are copied. */
apr_status_t mp_watches_create(mp_watches_t **watches, const mp_watches_options_t *options, const mp_watches_listener_t *listener,
                               const mp_watches_means_t *means, apr_pool_t *p);

/** Somebody waits for this pool from now on. Cheap if it is watched already. Any thread. */
void mp_watches_begin(mp_watches_t *watches, const mp_pool_t *pool);

/** A work of this pool passes by. Cheap. Any thread. */
void mp_watches_observe(mp_watches_t *watches, const mp_pool_t *pool, const mp_work_t *work);

/** Is a work of this pool still for its current block? One that is ahead of what is known here is news by itself. Any thread. */
mp_currency_t mp_watches_judge(mp_watches_t *watches, const mp_pool_t *pool, const unsigned char previous[MP_PREVIOUS_SIZE],
                               apr_time_t fetched);

/** Pools that were edited to another URL start anew, deleted ones are forgotten. Any thread. */
void mp_watches_adapt(mp_watches_t *watches, const mp_roster_t *roster);

/* How a pool is watched: value, word. */
#define MP_WATCH_LIST(X)                                                                                                                   \
    X(MP_WATCH_IDLE, "idle")       /* nobody waits */                                                                                      \
    X(MP_WATCH_POLLING, "polling") /* its long poll is open */                                                                             \
    X(MP_WATCH_PAUSING, "pausing") /* its long poll failed, and is made again after a while */                                             \
    X(MP_WATCH_ASKING, "asking")   /* it offers no long poll, or none that may be used: getworks tell */

typedef enum mp_watch_state_t {
#define MP_WATCH_VALUE(name, word) name,
    MP_WATCH_LIST(MP_WATCH_VALUE)
#undef MP_WATCH_VALUE
} mp_watch_state_t;

const char *mp_watch_word(mp_watch_state_t state);

/* For the console. */
typedef struct mp_watches_view_t {
    mp_watch_state_t state;
    apr_time_t since;       /* of that state; wall clock */
    apr_time_t last_block;  /* when another block was last heard of; 0: never */
    mp_result_t last_error; /* of its long poll; status is APR_SUCCESS if there never was one */
} mp_watches_view_t;

/** @return false if the pool was never watched */
bool mp_watches_find(mp_watches_view_t *view, mp_watches_t *watches, apr_uint32_t pool_id);

#endif
