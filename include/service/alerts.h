/* SPDX-License-Identifier: Apache-2.0 */
/* Tells an operator without being asked: a thread of its own per child, of which one leads in the whole farm, the one that keeps the database small. It looks every few seconds, decides by
 * core/alert_policy, keeps what is open in the database and sends notices. No request ever waits for it, but the console's test. */
#ifndef MP_SERVICE_ALERTS_H
#define MP_SERVICE_ALERTS_H

#include "base/result.h"
#include "core/alert.h"
#include "core/model.h"
#include "service/alert_channels.h"

#include <stdbool.h>

struct mp_proxy_t;
struct mp_upstream_options_t;
typedef struct mp_alerts_t mp_alerts_t;

typedef struct mp_alerts_options_t {
    mp_alert_channels_t channels;
    apr_interval_time_t silence; /* a worker without a share for so long is silent, if it is not its habit */
    apr_interval_time_t delay;   /* how long something must be so before it is told, and well again before that is told */
    double reject_share;         /* above it, of an hour's shares, there are many rejects */
    bool (*is_leaving)(void);    /* true: this child's time is over, and others tell; NULL: it never is. The thread of the alerts */
} mp_alerts_options_t;

/** Borrows the proxy, whose other parts exist, and the texts of the options. upstream: how webhooks are reached. Dies with p. */
apr_status_t mp_alerts_create(mp_alerts_t **alerts, const mp_alerts_options_t *options, const struct mp_upstream_options_t *upstream,
                              struct mp_proxy_t *proxy, apr_pool_t *p);
apr_status_t mp_alerts_start(mp_alerts_t *alerts, mp_result_t *why);
/** Ends what it sends, and the thread. Before the parts that it borrows are stopped. */
void mp_alerts_stop(mp_alerts_t *alerts);

/** A share meets the network's target. Where alerts are off, nothing. Never blocks; the names are copied. Any thread. @param hash as people write it */
void mp_alerts_block_found(struct mp_proxy_t *proxy, const mp_worker_t *worker, const mp_pool_t *pool, mp_verdict_t verdict,
                           const char *hash);

/** Sends a test notice on this child's alert thread and waits up to 15 seconds for what becomes of it.
 * @param outcome its sentence says what happened, also where that is APR_SUCCESS */
apr_status_t mp_alerts_test(struct mp_proxy_t *proxy, mp_result_t *outcome);

/** Are alerts looked for at all? */
bool mp_alerts_are_on(const struct mp_proxy_t *proxy);
/** Where notices go. Borrowed for the child's life. */
const mp_alert_channels_t *mp_alerts_channels(const struct mp_proxy_t *proxy);

#endif
