/* SPDX-License-Identifier: Apache-2.0 */
/* All that is counted, and what the children of this httpd see now, for Prometheus and for mod_status. Works while the database is away. Request threads. */
#ifndef MP_SERVICE_METRICS_H
#define MP_SERVICE_METRICS_H

#include "service/proxy.h"
#include "service/sight.h"

/* What httpd knows of itself. */
typedef struct mp_metrics_build_t {
    const char *httpd, *mpm;
    const char *database; /* "sqlite", "mysql" */
} mp_metrics_build_t;

/** In the text format of codec/prom.h. The proxy must have counters. @return the text, from p */
const char *mp_metrics_format(mp_proxy_t *proxy, const mp_metrics_build_t *build, apr_pool_t *p);

/* One line of mod_status: key is one word, name is for people. */
typedef struct mp_metrics_fact_t {
    const char *key, *name, *value;
} mp_metrics_fact_t;

/** The same in few numbers, and a line per pool. @return array of mp_metrics_fact_t, from p */
apr_array_header_t *mp_metrics_summarize(mp_proxy_t *proxy, apr_pool_t *p);

#endif
