/* SPDX-License-Identifier: Apache-2.0 */
/* The watch of one pool: a state machine on the I/O thread that keeps a long poll open at the pool, or asks for work now and then, as long as somebody waits. What other
 * threads may look at is under one lock for all watches; nobody is called with it held. Made by watches.c, and lives as long as that. */
#ifndef MP_SERVICE_WATCH_H
#define MP_SERVICE_WATCH_H

#include "base/damper.h"
#include "service/watch_known.h"
#include "service/watch_pace.h"
#include "service/watches.h"

#include <apr_thread_mutex.h>

#define MP_WATCH_LINGER apr_time_from_sec(30)         /* how long a watch outlives those who waited: miners come back behind each block */
#define MP_WATCH_TICK apr_time_from_msec(250)         /* between two looks */
#define MP_WATCH_WAIT_TIMEOUT apr_time_from_sec(3900) /* of one long poll; pools let go after an hour */
#define MP_WATCH_REFUSED_PAUSE apr_time_from_sec(600) /* before an announcement that could not be used is tried again */

/* What all watches of a child share. */
typedef struct mp_watch_common_t {
    mp_watches_options_t options;
    mp_watches_listener_t listener;
    mp_circuits_t *circuits;
    mp_upstream_t *upstream;
    mp_loop_t *loop;
    mp_counters_t *counters;
    apr_thread_mutex_t *lock;
    apr_uint32_t chance; /* I/O thread's; never 0 */
} mp_watch_common_t;

struct mp_watch_errand_t;

typedef struct mp_watch_t {
    mp_watch_common_t *common;
    apr_uint32_t pool_id;

    /* Any thread, under the lock. */
    mp_watch_known_t known;
    bool is_active;  /* runs on the loop, or is about to */
    bool is_wanted;  /* somebody began to wait since the loop looked last */
    bool is_stopped; /* the roster has no use for the pool: to be left at once */
    bool was_active; /* ever */
    mp_watch_state_t state;
    apr_time_t since;
    mp_result_t last_error;

    /* I/O thread only. */
    bool is_running;
    bool is_ticking;                 /* its timer is under way: there is never more than one */
    bool is_stepping;                /* what ends before it really began must not make it begin again */
    unsigned epoch;                  /* of what is known, when it was looked at last */
    struct mp_watch_errand_t *poll;  /* the long poll that is open */
    struct mp_watch_errand_t *check; /* the getwork under way */
    mp_watches_loan_t kept;          /* the account for the next poll, between two of them */
    apr_time_t wanted;               /* when somebody was last seen waiting */
    apr_time_t loan_wanted;          /* when the poll's own worker was */
    apr_uint32_t avoid;              /* a worker whose account the pool refused */
    mp_watch_pace_t pace;
    bool is_remade; /* the next poll follows no good answer: a block may have been missed */
    bool must_check;
    apr_time_t check_at;    /* when it must */
    apr_time_t quiet_since; /* when the last getwork began, or a poll failed; 0: never */
    bool is_refused;        /* the announcement could not be used */
    unsigned refused_announcements;
    apr_time_t refused_until;
    mp_damper_t pauses, refusals;
    bool is_pause_told;
} mp_watch_t;

/** watch is all zeros before. Under the lock. */
void mp_watch_open(mp_watch_t *watch, mp_watch_common_t *common, const mp_pool_t *pool);

/** To be posted: somebody waits; something may have changed; the pool has another block. Baton: the watch. */
void mp_watch_start_on_loop(void *baton);
void mp_watch_examine_on_loop(void *baton);
void mp_watch_tell_on_loop(void *baton);

/** After the loop was stopped. */
void mp_watch_close(mp_watch_t *watch);

#endif
