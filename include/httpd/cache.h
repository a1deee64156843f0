/* SPDX-License-Identifier: Apache-2.0 */
/* The shared cache over httpd's socache providers. shmcb is split into many small instances, each with a mutex of its own, because it scans within an
 * instance and is not safe without a lock; network providers have neither. Instances and mutexes outlive a graceful restart. */
#ifndef MP_HTTPD_CACHE_H
#define MP_HTTPD_CACHE_H

#include "service/shared_cache.h"

#include <httpd.h>

/** Registers the mutex with httpd ("Mutex ... miningproxy-cache"). In pre_config. */
apr_status_t mp_cache_register(apr_pool_t *pconf);

/** Checks a value of MiningProxyCache. @return NULL, or a sentence */
const char *mp_cache_check(const char *spec, apr_pool_t *p);

/** In post_config, before children are made: creates the cache, or takes over the one of before the restart if spec is still the same. */
apr_status_t mp_cache_create(const char *spec, server_rec *s, apr_pool_t *ptemp);

/** In child_init. Stays until the process ends. */
apr_status_t mp_cache_open(mp_shared_cache_t *cache, server_rec *s, apr_pool_t *pchild);

#endif
