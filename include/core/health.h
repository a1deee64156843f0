/* SPDX-License-Identifier: Apache-2.0 */
/* Is one pool well enough to make a miner wait for it? A circuit breaker as a plain value: outcomes go in, a state comes out. No lock, no I/O;
 * time (monotonic, microseconds) is an argument. Closed: used. Open: nobody but a probe asks it. Half-open: a probe was answered; it is used only
 * where no closed pool is left, and closes when it has stayed well for the fail-back time. */
#ifndef MP_CORE_HEALTH_H
#define MP_CORE_HEALTH_H

#include <apr_time.h>
#include <stdbool.h>

typedef enum mp_circuit_t { MP_CIRCUIT_CLOSED, MP_CIRCUIT_HALF_OPEN, MP_CIRCUIT_OPEN } mp_circuit_t;

typedef struct mp_health_t {
    mp_circuit_t state;
    apr_uint32_t outcomes;  /* one bit each, newest lowest; 1: failed */
    unsigned outcome_count; /* how many of those bits are real, at most MP_HEALTH_WINDOW */
    apr_time_t since;       /* when the state was entered */
    apr_time_t well_since;  /* half-open: first success without a failure since */
    unsigned failed_probes; /* in a row: the next one waits longer */
    apr_time_t probed;      /* when the last of them failed */
} mp_health_t;

#define MP_HEALTH_WINDOW 16u         /* outcomes looked at */
#define MP_HEALTH_THRESHOLD 3u       /* failures in a row that open the circuit ... */
#define MP_HEALTH_WINDOW_FAILURES 8u /* ... or that many within the window */
#define MP_HEALTH_PROBE_MIN apr_time_from_sec(1)
#define MP_HEALTH_PROBE_MAX apr_time_from_sec(30)

void mp_health_reset(mp_health_t *health, apr_time_t now);

/**
 * One request or probe ended. A late failure of a request that began before the circuit opened changes nothing more.
 * @param failback_after how long a half-open pool must stay well before it closes
 * @return true if the state changed
 */
bool mp_health_record(mp_health_t *health, bool failed, apr_interval_time_t failback_after, apr_time_t now);

/** Delay until the next probe; 0 while closed. Doubles with failures in a row between MIN and MAX; while half-open, short enough that
 * at least three probes fit into the fail-back time. */
apr_interval_time_t mp_health_probe_delay(const mp_health_t *health, apr_interval_time_t failback_after);

const char *mp_circuit_word(mp_circuit_t state);

#endif
