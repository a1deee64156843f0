/* SPDX-License-Identifier: Apache-2.0 */
/* How a network's cache is, as this child sees it. A cache that fails is left alone for a moment, and then tried by one request at a time: a redis
 * that hangs delays one request, not all of them. Also the memory of what was reported of it. Any thread. */
#ifndef MP_SERVICE_CACHE_PULSE_H
#define MP_SERVICE_CACHE_PULSE_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

#define MP_CACHE_PULSE_PAUSE apr_time_from_sec(2)          /* for which it is left alone; twice as long each time that it fails again */
#define MP_CACHE_PULSE_LONGEST_PAUSE apr_time_from_sec(16) /* but no longer */

typedef struct mp_cache_pulse_t mp_cache_pulse_t;

/* What is reported of single entries; each is damped by itself. */
typedef enum mp_cache_doubt_t { MP_CACHE_FORGED, MP_CACHE_STALE, MP_CACHE_EARLY, MP_CACHE_DISOWNED, MP_CACHE_DOUBTS } mp_cache_doubt_t;

/** Dies with p. */
apr_status_t mp_cache_pulse_create(mp_cache_pulse_t **pulse, apr_pool_t *p);

/** May the cache be asked? After true, the answer must be reported. NULL is a cache that always may. */
bool mp_cache_pulse_admits(mp_cache_pulse_t *pulse);

/** What the cache said, and how long that took. APR_NOTFOUND proves nothing: providers also say so of a server that they gave up. */
void mp_cache_pulse_report(mp_cache_pulse_t *pulse, apr_status_t status, apr_interval_time_t took);

/** Counts an entry that was not believed. @return true if that is to be logged now; *suppressed: how many before it were not */
bool mp_cache_pulse_tells(mp_cache_pulse_t *pulse, mp_cache_doubt_t doubt, unsigned *suppressed);

#endif
