/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at what may be worth an alert, and tells core/alert_policy what is so. A host looks at its own database and spool, one process of the farm at pools and workers. How often workers are
 * looked at follows from what that costs the database: a hundredth of the time at most. The thread of the alerts only. */
#ifndef MP_SERVICE_ALERT_LOOK_H
#define MP_SERVICE_ALERT_LOOK_H

#include "core/alert_policy.h"
#include "service/proxy.h"
#include "service/sight.h"

/* Of what one host knows by itself, and of what one process of the farm looks at. */
#define MP_ALERT_HOST_KINDS (MP_ALERT_KIND_BIT(MP_ALERT_DATABASE_AWAY) | MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF))
#define MP_ALERT_FARM_KINDS                                                                                                                \
    (MP_ALERT_KIND_BIT(MP_ALERT_POOL_DOWN) | MP_ALERT_KIND_BIT(MP_ALERT_WORKER_SILENT) | MP_ALERT_KIND_BIT(MP_ALERT_REJECTS))

typedef struct mp_alert_look_options_t {
    apr_interval_time_t interval; /* between two looks at workers, at least */
    apr_interval_time_t settling; /* so long the database must have been there before workers are looked at */
    apr_interval_time_t silence;
    double reject_share;
    const char *host;
} mp_alert_look_options_t;

typedef struct mp_alert_look_t mp_alert_look_t;

/** Borrows everything; has memory of its own until p ends. */
mp_alert_look_t *mp_alert_look_create(const mp_alert_look_options_t *options, mp_proxy_t *proxy, mp_alert_policy_t *policy, apr_pool_t *p);

/** @return the kinds that were looked at, as bits; also below. p is for what is needed meanwhile */
unsigned mp_alert_look_at_host(mp_alert_look_t *look, const mp_sight_t *sight, apr_pool_t *p);
unsigned mp_alert_look_at_farm(mp_alert_look_t *look, const mp_sight_t *sight, const mp_roster_t *roster, apr_pool_t *p);

/** Is there still somebody to be well again? A worker or a pool that was deleted, disabled or left without the other is not. */
bool mp_alert_look_has_subject(const mp_alert_t *alert, const mp_roster_t *roster);

#endif
