/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are due later, in the order of their times, equal ones in the order of adding. A plain value of one thread; time (monotonic, microseconds)
 * is an argument. Meant for a few per pool, hence a sorted list. */
#ifndef MP_UPSTREAM_TIMERS_H
#define MP_UPSTREAM_TIMERS_H

#include <apr_time.h>
#include <stdbool.h>

typedef void mp_timers_call_t(void *baton);
typedef struct mp_timers_item_t mp_timers_item_t;
typedef struct mp_timers_t {
    mp_timers_item_t *first;
} mp_timers_t;

void mp_timers_add(mp_timers_t *timers, apr_time_t due, mp_timers_call_t *call, void *baton);

/** Runs what is due; calls may add more, which run no earlier than in the next round. */
void mp_timers_run(mp_timers_t *timers, apr_time_t now);

/** Time until the first is due: 0 if it is already, limit if there is none or later than that. */
apr_interval_time_t mp_timers_wait(const mp_timers_t *timers, apr_time_t now, apr_interval_time_t limit);

/** Drops all without running them. */
void mp_timers_clear(mp_timers_t *timers);

#endif
