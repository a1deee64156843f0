/* SPDX-License-Identifier: Apache-2.0 */
/* One report per window for a failure that repeats. A plain value owned by whoever reports; no lock: the owner's lock covers it. Time
 * is an argument. */
#ifndef MP_BASE_DAMPER_H
#define MP_BASE_DAMPER_H

#include <apr_time.h>
#include <stdbool.h>

typedef struct mp_damper_t {
    apr_interval_time_t window; /* microseconds between two reports */
    apr_time_t next;            /* earliest time of the next report */
    unsigned suppressed;        /* events since the last report */
} mp_damper_t;

#define MP_DAMPER(microseconds) ((mp_damper_t){.window = (microseconds)})

/** Counts one event. @return true if it is to be reported now; *suppressed (may be NULL) then says how many before it were not */
bool mp_damper_admits(mp_damper_t *damper, apr_time_t now, unsigned *suppressed);

/**
 * For reporters on many threads that need no count: true once per window.
 * @param last the second of the last report; 0 at first; only touched here
 */
bool mp_damper_ticks(volatile apr_uint32_t *last, apr_interval_time_t window, apr_time_t now);

/** The failure is over: the next event is reported at once. */
void mp_damper_reset(mp_damper_t *damper);

#endif
