/* SPDX-License-Identifier: Apache-2.0 */
/* Use case: a miner asks for work. The worker's pools are tried in order; the first that answers well is it. mp_work_fetch() blocks the calling thread up to the timeout
 * for each pool that is not known to be down. Any thread, but where it says otherwise. */
#ifndef MP_SERVICE_WORK_H
#define MP_SERVICE_WORK_H

#include "service/proxy.h"

typedef struct mp_work_order_t {
    const mp_roster_t *roster;   /* the request's own reference */
    const mp_worker_t *worker;   /* of that roster, already authenticated */
    apr_interval_time_t timeout; /* one pool's answer */
    bool may_roll;               /* a work that serves several requests will do: see rolls.h */
} mp_work_order_t;

typedef struct mp_work_grant_t {
    mp_work_t *work;
    const char *text;                  /* its result as JSON, if it serves several requests; NULL: it is the miner's own */
    const mp_assignment_t *assignment; /* whose account fetched it; borrowed from the roster, like its pool */
    apr_uint64_t wanted;               /* the worker's first choice when the fetch began: mp_work_wanted() */
    bool is_only_pool;                 /* the worker has no other pool enabled */
    apr_time_t fetched;                /* when the pool gave the work */
    apr_interval_time_t upstream_time;
} mp_work_grant_t;

/** Fetches and notes. @return an error if no pool could serve; why then names each pool that was tried and what it did (word "no-pool") */
apr_status_t mp_work_fetch(mp_work_grant_t *grant, mp_proxy_t *proxy, const mp_work_order_t *order, mp_result_t *why, apr_pool_t *p);

/** Runs on the I/O thread when the fetch is over. grant counts only if status is APR_SUCCESS: it is not noted yet. */
typedef void mp_work_fetched_t(void *baton, apr_status_t status, const mp_work_grant_t *grant, const mp_result_t *why);
/** A fetch goes to another pool than the one before: ended 0 at the first, begun 0 at the end. */
typedef void mp_work_moved_t(void *baton, apr_uint32_t ended, apr_uint32_t begun);

/** mp_work_fetch() without blocking, and without the note. order->roster and p must live until fetched ran, which may be before this returns. If the loop stops meanwhile, the
 * status is APR_EINTR. moved may be NULL. I/O thread only. */
void mp_work_fetch_on_loop(mp_proxy_t *proxy, const mp_work_order_t *order, mp_work_fetched_t *fetched, mp_work_moved_t *moved, void *baton,
                           apr_pool_t *p);

/** A work is about to be handed out: its route, for the share that will come; what the worker has now; its pool's block. May ask the shared cache: request threads only. */
void mp_work_note(mp_proxy_t *proxy, const mp_roster_t *roster, const mp_worker_t *worker, const mp_work_grant_t *grant);

/** Names a worker's first choice, account and URL included; 0 for NULL (it has none). Another value: another best pool. */
apr_uint64_t mp_work_wanted(const mp_assignment_t *assignment);

/** The worker's candidates now, as mp_choice_list() orders them, in an array from p. */
apr_size_t mp_work_candidates(const mp_assignment_t ***candidates, mp_proxy_t *proxy, const mp_worker_t *worker, apr_pool_t *p);

#endif
