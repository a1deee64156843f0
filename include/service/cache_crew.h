/* SPDX-License-Identifier: Apache-2.0 */
/* A few threads that ask a network's cache, so that nobody else waits for it longer than he can bear: providers know no time-out of their own (that of mod_socache_redis
 * counts a million times too long, mod_socache_memcache has none). Whoever asks waits for a moment; a call that hangs holds one of these threads and no request. To
 * the rest it is a cache like any other. */
#ifndef MP_SERVICE_CACHE_CREW_H
#define MP_SERVICE_CACHE_CREW_H

#include "service/shared_cache.h"

#define MP_CACHE_CREW_PATIENCE apr_time_from_sec(2)
#define MP_CACHE_CREW_LARGEST 16 /* threads: more would wait for each other on the cache's side */

typedef struct mp_cache_crew_t mp_cache_crew_t;

/** Starts up to MP_CACHE_CREW_LARGEST threads with all signals blocked, and puts the crew between the cache and its users. It owns itself, as threads that hang may outlive everything. */
apr_status_t mp_cache_crew_start(mp_cache_crew_t **crew, mp_shared_cache_t *cache, int size);

/** Sends them home, and frees the crew. Nobody may ask any more. NULL is allowed.
 *  @return false if some hang: they are left behind after a second, for the end of the process; it may be called again */
bool mp_cache_crew_stop(mp_cache_crew_t *crew);

#endif
