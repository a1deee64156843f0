/* SPDX-License-Identifier: Apache-2.0 */
/* When the next long poll to a pool may begin. A poll that failed is made again after a while that grows, never at once; one that is answered too often counts as
 * failed. A plain value; no lock, no I/O; time (monotonic) and chance are arguments. */
#ifndef MP_SERVICE_WATCH_PACE_H
#define MP_SERVICE_WATCH_PACE_H

#include <apr_time.h>
#include <stdbool.h>

#define MP_WATCH_PACE_GAP apr_time_from_msec(500) /* between two beginnings, whatever happens */
#define MP_WATCH_PACE_MIN apr_time_from_sec(1)    /* after the first failure in a row; doubles with each */
#define MP_WATCH_PACE_MAX apr_time_from_sec(60)
#define MP_WATCH_PACE_LONG apr_time_from_sec(30) /* a poll that lasted so long was well until then */
#define MP_WATCH_PACE_QUICK apr_time_from_sec(5) /* an answer within this time is no wait for a block ... */
#define MP_WATCH_PACE_QUICK_NEWS 3               /* ... unless it brings one; so many times in a row */

typedef struct mp_watch_pace_t {
    unsigned failures; /* in a row */
    unsigned quick;    /* answers in a row that came too soon */
    apr_time_t began;  /* the poll made last */
    apr_time_t next;   /* before which no other may begin */
} mp_watch_pace_t;

/** A poll begins. */
void mp_watch_pace_begin(mp_watch_pace_t *pace, apr_time_t now);

/** It was answered well. @return false if that came too soon: it counts as a failure */
bool mp_watch_pace_answer(mp_watch_pace_t *pace, bool is_news, apr_time_t now, apr_uint32_t chance);

/** It failed. */
void mp_watch_pace_fail(mp_watch_pace_t *pace, apr_time_t now, apr_uint32_t chance);

/** What was learnt is forgotten, but for the gap. */
void mp_watch_pace_reset(mp_watch_pace_t *pace);

#endif
