/* SPDX-License-Identifier: Apache-2.0 */
/* One circuit per pool and child: who may be asked for work now, what went wrong last, and the probes that find out when a pool is well
 * again. Reports and questions come from any thread; probes run on the I/O thread, one at a time per pool, with the account of some worker of that pool. */
#ifndef MP_SERVICE_CIRCUITS_H
#define MP_SERVICE_CIRCUITS_H

#include "core/counters.h"
#include "core/health.h"
#include "service/keeper.h"
#include "upstream/upstream.h"

typedef struct mp_circuits_t mp_circuits_t;

typedef struct mp_circuits_options_t {
    apr_interval_time_t failback_after; /* a recovered pool must stay well this long */
    apr_interval_time_t probe_timeout;  /* one probe's answer */
    mp_counters_t *counters;            /* NULL: nothing is counted */
} mp_circuits_options_t;

/** Dies with p, after the loop was stopped. */
apr_status_t mp_circuits_create(mp_circuits_t **circuits, const mp_circuits_options_t *options, mp_upstream_t *upstream, mp_loop_t *loop,
                                mp_keeper_t *keeper, apr_pool_t *p);

/** A circuit opened, closed, or became half-open. Any thread; under the lock of all circuits: must be quick, and call nothing here. */
typedef void mp_circuits_changed_t(void *baton);

/** Before the loop starts; may be called once. */
void mp_circuits_watch(mp_circuits_t *circuits, mp_circuits_changed_t *changed, void *baton);

/** An mp_choice_circuit_t: baton is the mp_circuits_t. A pool never heard of is closed, i.e. worth asking. */
mp_circuit_t mp_circuits_state(void *baton, apr_uint32_t pool_id);

/** A call to the pool ended well (why NULL), or badly for a reason that is the pool's own fault (blame MP_BLAME_POOL), the account's, or nobody's: only
 * the first of these counts against the pool, all are kept as its last error.
 * @param began when the call began (monotonic): a failure of one that began before the circuit's state was entered says nothing of that state */
void mp_circuits_report(mp_circuits_t *circuits, const mp_pool_t *pool, mp_blame_t blame, const mp_result_t *why, apr_time_t began);

/** Pools that were edited to another URL start anew, deleted ones are no longer probed. Recorder's thread. */
void mp_circuits_adapt(mp_circuits_t *circuits, const mp_roster_t *roster);

/* What is known of one pool in this child, for the console. */
typedef struct mp_circuits_view_t {
    mp_circuit_t state;
    apr_time_t since;       /* wall clock */
    mp_result_t last_error; /* status is APR_SUCCESS if there never was one */
    apr_time_t last_error_time;
    apr_interval_time_t latency; /* of calls that ended well, the last ones count most; 0 if there was none */
} mp_circuits_view_t;

/** @return false if the pool was never asked */
bool mp_circuits_find(mp_circuits_view_t *view, mp_circuits_t *circuits, apr_uint32_t pool_id);

#endif
