/* SPDX-License-Identifier: Apache-2.0 */
/* What longpoll.c (the face, any thread) and wakes.c (the I/O thread) share: the seats, and the lock that covers them. A seat is held by its taker and by a fetch under way;
 * whoever lets go last frees it. */
#ifndef MP_SERVICE_SEATS_H
#define MP_SERVICE_SEATS_H

#include "service/longpoll.h"

#include <apr_thread_mutex.h>

#define MP_SEATS_SPARE 256

/* Those that one event wakes: reported when the last of them is served. */
typedef struct mp_seats_batch_t {
    unsigned references; /* seats, and whoever still adds some */
    unsigned answered, cancelled;
    mp_wake_t reason;
    apr_time_t began; /* monotonic */
    char *subject;    /* "pool 3 "alpha"", or "" */
} mp_seats_batch_t;

struct mp_longpoll_seat_t {
    mp_waiter_t waiter; /* first: a waiter is its seat */
    mp_longpoll_t *longpoll;
    unsigned references;
    bool is_attended; /* a thread has its connection */
    bool is_left;
    apr_interval_time_t timeout; /* of one pool */
    apr_time_t due_at;           /* WAITING: when it gets work whatever happens; 0: it need not. Monotonic */
    mp_wake_t due_reason;        /* then */
    /* That the worker's last work named when it arrived: news of it is none. Zeros if nobody knows. */
    unsigned char previous[MP_PREVIOUS_SIZE];
    apr_uint64_t password; /* a hash of the stored one that its miner was checked against; 0: none that counts */
    mp_longpoll_wake_t *wake;
    void *baton;
    mp_longpoll_answer_t *answer; /* from malloc */
    apr_pool_t *answer_pool;      /* what the answer's work lives in; NULL for an answer without */
    mp_seats_batch_t *batch;
};

struct mp_longpoll_t {
    mp_proxy_t *proxy;
    mp_watches_t *watches;
    mp_longpoll_idle_t *idle;                /* NULL: nobody knows */
    volatile apr_uint32_t is_serving_posted; /* atomics: one post of its kind at a time is enough */
    volatile apr_uint32_t is_adapting_posted;
    apr_uint32_t most_waiting; /* since memory was given back last; I/O thread only */
    bool is_telling_later;     /* a timer will tell those who are ready; I/O thread only */
    apr_thread_mutex_t *lock;  /* covers what follows, and every seat */
    mp_waiters_t *waiters;
    /* Of answers that were given: a pool costs several system calls, which thousands of them at once would feel. */
    apr_pool_t *spare[MP_SEATS_SPARE];
    apr_size_t spare_count;
    bool is_spare_used; /* since the last tick */
    bool is_ticking;
    bool is_stopping;
    mp_longpoll_counts_t counts;
    bool is_counted; /* the counts changed since they were logged */
};

/** Tells those whose answers are there: at most so many, and never more than threads may be busy with answers. */
void mp_seats_tell_ready_locked(mp_longpoll_t *longpoll, apr_uint32_t most);

/** Its answer is there. Takes over the roster's reference and p (both may be NULL), when the seat was left at once. answer is copied. */
void mp_seats_give_locked(mp_longpoll_seat_t *seat, const mp_longpoll_answer_t *answer, apr_pool_t *p);

/** It is to get work. batch may be NULL. */
void mp_seats_make_due_locked(mp_longpoll_seat_t *seat, mp_wake_t reason, apr_uint32_t target, mp_seats_batch_t *batch);

/** Names a worker's stored password; 0 for a plain one, which is about to be stored as a hash, and for NULL. */
apr_uint64_t mp_seats_name_password(const char *stored);

/** A pool for one answer: an empty one. Any thread, not under the lock. */
apr_pool_t *mp_seats_acquire_pool(mp_longpoll_t *longpoll);
/** The answer is given, or there is none. */
void mp_seats_release_pool_locked(mp_longpoll_t *longpoll, apr_pool_t *p);
/** Nobody needs pools at the moment: gives their memory back. */
void mp_seats_free_pools_locked(mp_longpoll_t *longpoll);

/** It belongs to the batch, unless it does to another. */
void mp_seats_join_batch_locked(mp_longpoll_seat_t *seat, mp_seats_batch_t *batch);
/** subject is copied. One reference, for the caller. */
mp_seats_batch_t *mp_seats_batch_create(mp_wake_t reason, const char *subject);
/** The last one reports what became of it. */
void mp_seats_batch_release_locked(mp_seats_batch_t *batch);

/** Lets go of a seat; frees it with the last reference. */
void mp_seats_release_locked(mp_longpoll_seat_t *seat);

#endif
