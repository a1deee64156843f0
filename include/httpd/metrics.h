/* SPDX-License-Identifier: Apache-2.0 */
/* The counters' memory, the page that Prometheus reads, and what mod_status shows of it. */
#ifndef MP_HTTPD_METRICS_H
#define MP_HTTPD_METRICS_H

#include "core/counters.h"

#include <httpd.h>

#define MP_METRICS_HANDLER "miningproxy-metrics"

/** In the parent, before children are born: makes memory for so many workers, or goes on with what the generation before had. */
apr_status_t mp_metrics_prepare(unsigned workers, server_rec *s);

/** This process' counters; NULL if none were prepared. */
mp_counters_t *mp_metrics_counters(void);

/** A request of a miner ended so. */
void mp_metrics_count(mp_count_t outcome);

void mp_metrics_register(apr_pool_t *p);

#endif
