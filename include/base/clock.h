/* SPDX-License-Identifier: Apache-2.0 */
/* The time, replaceable by tests. Wall clock for what is stored or shown; monotonic for delays, which a changed wall clock must not
 * disturb. */
#ifndef MP_BASE_CLOCK_H
#define MP_BASE_CLOCK_H

#include <apr_time.h>
#include <time.h>

typedef apr_time_t mp_clock_source_t(void);

/** Wall clock, microseconds since 1970 UTC. Any thread. */
apr_time_t mp_clock_now(void);

/** Microseconds since an arbitrary start; never goes backwards. Any thread. */
apr_time_t mp_clock_monotonic(void);

/** What the system tells of a file's times, for example. */
apr_time_t mp_clock_of(const struct timespec *when);

/** Tests only, before threads exist: both clocks read from the source; NULL restores the real ones. */
void mp_clock_replace(mp_clock_source_t *source);

/** "2026-11-22 15:04:05" in UTC, as the database stores times. buffer holds at least 20 bytes. @return buffer */
char *mp_clock_format_utc(char *buffer, apr_time_t when);

/** Reads what mp_clock_format_utc() writes; fractions of a second behind it are ignored. @return APR_EINVAL for anything else */
apr_status_t mp_clock_parse_utc(apr_time_t *when, const char *text);

#endif
