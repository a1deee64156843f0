/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts, and where notices of them go, as the console shows them. Request threads; all lives as long as the page. */
#ifndef MP_SERVICE_ALERT_VIEW_H
#define MP_SERVICE_ALERT_VIEW_H

#include "core/alert.h"
#include "service/alert_channels.h"
#include "service/console_page.h"

#define MP_ALERT_VIEW_MOST 100 /* in a list */

mp_json_t *mp_alert_view_json(const mp_console_page_t *page, const mp_alert_t *alert);

/** In their order. alerts: of mp_alert_t, also below */
mp_json_t *mp_alert_view_latest(const mp_console_page_t *page, const apr_array_header_t *alerts);

/** Those about the farm first, so that no crowd of silent workers hides the pool that is down. */
mp_json_t *mp_alert_view_open(const mp_console_page_t *page, const apr_array_header_t *alerts);

/** The webhooks, as much of them as may be shown, and the command. */
mp_json_t *mp_alert_view_channels(const mp_console_page_t *page, const mp_alert_channels_t *channels);

#endif
