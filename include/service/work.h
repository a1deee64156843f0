/* SPDX-License-Identifier: Apache-2.0 */
/* Use case: a miner asks for work. The worker's pools are tried in order; the first that answers well is it. Blocks the calling thread up to the timeout for
 * each pool that is not known to be down. Any thread. */
#ifndef MP_SERVICE_WORK_H
#define MP_SERVICE_WORK_H

#include "service/proxy.h"

typedef struct mp_work_order_t {
    const mp_roster_t *roster;   /* the request's own reference */
    const mp_worker_t *worker;   /* of that roster, already authenticated */
    apr_interval_time_t timeout; /* one pool's answer */
} mp_work_order_t;

typedef struct mp_work_grant_t {
    mp_work_t *work;
    const mp_pool_t *pool; /* borrowed from the roster */
    bool is_only_pool;     /* the worker has no other pool enabled */
    apr_interval_time_t upstream_time;
} mp_work_grant_t;

/** @return an error if no pool could serve; why then names each pool that was tried and what it did (word "no-pool") */
apr_status_t mp_work_fetch(mp_work_grant_t *grant, mp_proxy_t *proxy, const mp_work_order_t *order, mp_result_t *why, apr_pool_t *p);

#endif
