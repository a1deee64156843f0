/* SPDX-License-Identifier: Apache-2.0 */
/* Long polls that wait: how many are admitted, what state each is in, in which order they get work and a thread. Policy and lists only: no lock, no I/O;
 * time (monotonic, microseconds) is an argument. Owned by service/longpoll, which calls it under its lock. A waiter belongs to whoever made it; between
 * mp_waiters_add() and mp_waiters_remove() it stands in these lists.
 *
 *   WAITING --due--> DUE --take_due--> FETCHING --ready--> READY --take_ready--> WOKEN
 *      ^               ^                  |
 *      |               +--due-- RETRYING <+ retry                    ready also takes a WAITING one: its work came by itself */
#ifndef MP_CORE_WAITERS_H
#define MP_CORE_WAITERS_H

#include "core/model.h"

#include <apr_tables.h>
#include <sys/queue.h>

/* Why a poll ends: value, word for logs and notes. */
#define MP_WAKE_LIST(X)                                                                                                                    \
    X(MP_WAKE_BLOCK, "block")   /* the pool of the worker's last work has a new block */                                                   \
    X(MP_WAKE_SWITCH, "switch") /* the worker's best pool is another one now */                                                            \
    X(MP_WAKE_HOLD, "hold")     /* it was held as long as may be */                                                                        \
    X(MP_WAKE_ROOM, "room")     /* the longest wait, ended so that another can begin */                                                    \
    X(MP_WAKE_STOP, "stop")     /* this child ends */

typedef enum mp_wake_t {
#define MP_WAKE_VALUE(name, word) name,
    MP_WAKE_LIST(MP_WAKE_VALUE)
#undef MP_WAKE_VALUE
        MP_WAKE_COUNT
} mp_wake_t;

const char *mp_wake_word(mp_wake_t reason);

typedef enum mp_waiter_state_t {
    MP_WAITER_WAITING,  /* nothing to tell it */
    MP_WAITER_DUE,      /* is to get work; in its pool's queue */
    MP_WAITER_FETCHING, /* its work is being fetched */
    MP_WAITER_RETRYING, /* is to get work, but no pool could serve */
    MP_WAITER_READY,    /* its answer is there; waits for a thread */
    MP_WAITER_WOKEN     /* its connection was told, or is with a thread that answers it */
} mp_waiter_state_t;

struct mp_waiters_group_t;

typedef struct mp_waiter_t {
    /* Its maker's, before it is added. */
    apr_uint32_t worker_id;
    apr_uint32_t pool_id; /* that issued the worker's last work: its blocks matter; 0 if none is known */
    apr_uint64_t wanted;  /* the worker's first choice when that work was fetched; 0: it had none */
    apr_time_t arrived;
    apr_time_t deadline; /* when it must get its answer */
    /* Kept here; read only for others. */
    mp_waiter_state_t state;
    mp_wake_t reason;    /* from DUE on */
    apr_uint32_t target; /* DUE: the pool in whose queue it stands */
    apr_time_t retry_at; /* RETRYING */
    TAILQ_ENTRY(mp_waiter_t) in_all, of_worker, of_address, in_queue;
    struct mp_waiters_group_t *worker, *address;
} mp_waiter_t;

TAILQ_HEAD(mp_waiter_list_t, mp_waiter_t);
typedef struct mp_waiter_list_t mp_waiter_list_t;

typedef struct mp_waiters_limits_t {
    apr_uint32_t all;
    apr_uint32_t per_worker;  /* 0: no limit of its own */
    apr_uint32_t per_address; /* likewise */
    /* The next three are at least 1, or nobody would ever get an answer. */
    apr_uint32_t woken;           /* at the same time: threads that may be busy with answers */
    apr_uint32_t fetches;         /* answers under way or ready but not yet given, all together */
    apr_uint32_t fetches_of_pool; /* requests to one pool at the same time */
    apr_interval_time_t patience; /* who waited this long may be ended to make room */
} mp_waiters_limits_t;

/* Who was ended for another is there until it has its answer: so many more than a limit there may be meanwhile, but never twice the limit. */
#define MP_WAITERS_MARGIN(limit) (4 + (limit) / 8)

typedef struct mp_waiters_t mp_waiters_t;

/** Groups and queues come from malloc and go with their last member; the rest lives in p, as does what it still holds then. */
mp_waiters_t *mp_waiters_create(const mp_waiters_limits_t *limits, apr_pool_t *p);

typedef enum mp_room_t {
    MP_ROOM_FREE,  /* add it */
    MP_ROOM_TAKEN, /* end *oldest (it is WAITING and waited long enough), and add it */
    MP_ROOM_NONE   /* refuse it */
} mp_room_t;

/** Is there room for one more of this worker from this address? Of several limits that are reached the narrowest names the oldest, which is NULL unless
 * room is taken. */
mp_room_t mp_waiters_find_room(mp_waiter_t **oldest, const mp_waiters_t *waiters, apr_uint32_t worker_id, const char *address,
                               apr_time_t now);
/** Adds it, WAITING. The address is copied. */
void mp_waiters_add(mp_waiters_t *waiters, mp_waiter_t *waiter, const char *address);
/** In whatever state it is. A fetch for it goes on counting until mp_waiters_end_fetch(). */
void mp_waiters_remove(mp_waiters_t *waiters, mp_waiter_t *waiter);

/** WAITING or RETRYING: is to get work, first from the pool target. A DUE one changes its queue, and keeps its reason. */
void mp_waiters_make_due(mp_waiters_t *waiters, mp_waiter_t *waiter, mp_wake_t reason, apr_uint32_t target);

/** The next whose work may be fetched now: pools take turns, within a pool it is the one that was due first. It is FETCHING, and counts as a fetch of its target.
 * @return NULL if there is none, or the limits are reached */
mp_waiter_t *mp_waiters_take_due(mp_waiters_t *waiters);
/** One request to this pool begins (a fetch that goes on at another pool; beyond the limit, if need be), or ends. */
void mp_waiters_begin_fetch(mp_waiters_t *waiters, apr_uint32_t pool_id);
void mp_waiters_end_fetch(mp_waiters_t *waiters, apr_uint32_t pool_id);

/** FETCHING, or DUE: no pool could serve it; to be made due again at that time. */
void mp_waiters_retry(mp_waiters_t *waiters, mp_waiter_t *waiter, apr_time_t at);
/** WAITING, DUE, FETCHING or RETRYING: its answer is there. reason counts for a WAITING one only. */
void mp_waiters_make_ready(mp_waiters_t *waiters, mp_waiter_t *waiter, mp_wake_t reason);
/** The next that may be told, in the order of getting ready; it is WOKEN. @return NULL if none is ready, or enough are woken */
mp_waiter_t *mp_waiters_take_ready(mp_waiters_t *waiters);

/** Would mp_waiters_take_ready() give one? */
bool mp_waiters_has_ready(const mp_waiters_t *waiters);

/** All, the longest wait first: TAILQ_FOREACH(waiter, list, in_all). */
const mp_waiter_list_t *mp_waiters_all(const mp_waiters_t *waiters);
/** Those of a worker, the longest wait first (of_worker); NULL if there are none. */
const mp_waiter_list_t *mp_waiters_of_worker(const mp_waiters_t *waiters, apr_uint32_t worker_id);
apr_uint32_t mp_waiters_count(const mp_waiters_t *waiters);
/* How many polls of one worker wait. */
typedef struct mp_waiters_worker_t {
    apr_uint32_t worker_id;
    apr_uint32_t count;
} mp_waiters_worker_t;
/** Adds one for each worker who has any, in no order. workers: of mp_waiters_worker_t */
void mp_waiters_list_workers(apr_array_header_t *workers, const mp_waiters_t *waiters);
/** Threads busy with answers. */
apr_uint32_t mp_waiters_woken_count(const mp_waiters_t *waiters);

#endif
