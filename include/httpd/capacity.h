/* SPDX-License-Identifier: Apache-2.0 */
/* How many long polls a child can hold, from the MPM's settings and the process's limit of descriptors; and the words of the start about it. */
#ifndef MP_HTTPD_CAPACITY_H
#define MP_HTTPD_CAPACITY_H

#include <httpd.h>

typedef struct mp_capacity_t {
    apr_uint32_t polls; /* that a child can hold, with room left for other connections */
    const char *bound;  /* what sets the bound, in words: "ThreadsPerChild 25 and AsyncRequestWorkerFactor 2" */
} mp_capacity_t;

/** Of every child of this configuration. In post_config, or later. */
void mp_capacity_compute(mp_capacity_t *capacity, server_rec *s, apr_pool_t *p);

/** What MiningProxyLongPollLimit comes to: the admin's number, but never above the capacity. */
apr_uint32_t mp_capacity_limit(server_rec *s, apr_pool_t *p);

/** In post_config: says what fits, and warns where the settings cannot hold what the admin asked for, or take more connections than files may be open. */
void mp_capacity_report(server_rec *s, apr_pool_t *ptemp);

/** In child_init: raises the soft limit of descriptors towards the hard one, as far as the connections need. */
void mp_capacity_open(server_rec *s, apr_pool_t *pchild);

#endif
