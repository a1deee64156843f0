/* SPDX-License-Identifier: Apache-2.0 */
/* Use case: a miner hands in a share. It goes to the pool that issued the work, under the account that fetched it, once; its verdict is on disk
 * before the miner hears it. Blocks the calling thread up to the timeout, and before that up to another's while the same share is
 * under way already. Any thread. */
#ifndef MP_SERVICE_SUBMIT_H
#define MP_SERVICE_SUBMIT_H

#include "service/proxy.h"

typedef struct mp_submit_order_t {
    const mp_roster_t *roster;   /* the request's own reference */
    const mp_worker_t *worker;   /* of that roster, already authenticated */
    const unsigned char *header; /* MP_HEADER_SIZE bytes, data order */
    apr_interval_time_t timeout; /* for all attempts together */
    bool is_fixed_difficulty;    /* the device knows difficulty 1 only: what is easier than the work's target is taken and dropped */
    int retries;                 /* further attempts while surely nothing reached the pool */
} mp_submit_order_t;

typedef struct mp_submit_outcome_t {
    bool is_accepted;
    bool is_repeated;            /* its verdict was known already */
    bool is_unknown_work;        /* of no pool, as far as anybody knows */
    bool is_dropped;             /* not sent to anybody: too easy, from a device that cannot know */
    char reason[MP_REASON_SIZE]; /* why not; printable ASCII */
    const mp_pool_t *pool;       /* borrowed from the roster; NULL if the pool is not known (any more) */
    mp_verdict_t verdict;
    double difficulty;
    apr_interval_time_t upstream_time; /* 0 for a repeated share */
} mp_submit_outcome_t;

/** @return an error only if repeating the share can help: it could not be recorded, or nobody could look for its work, now. A share that is bad for good is an outcome with a reason */
apr_status_t mp_submit_share(mp_submit_outcome_t *outcome, mp_proxy_t *proxy, const mp_submit_order_t *order, mp_result_t *why,
                             apr_pool_t *p);

#endif
