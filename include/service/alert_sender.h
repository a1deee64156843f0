/* SPDX-License-Identifier: Apache-2.0 */
/* Brings a notice to every channel, and again where one did not take it. One thread sends, and waits meanwhile; any thread may interrupt it. What no channel took is logged, without a webhook's
 * secrets. */
#ifndef MP_SERVICE_ALERT_SENDER_H
#define MP_SERVICE_ALERT_SENDER_H

#include "base/result.h"
#include "service/alert_channels.h"
#include "service/alert_notice.h"
#include "upstream/upstream.h"

typedef struct mp_alert_sender_t mp_alert_sender_t;

/** Borrows both; authorities are those of the channels. After mp_transfer_library_open(), after the fork. Dies with p. */
apr_status_t mp_alert_sender_create(mp_alert_sender_t **sender, const mp_alert_channels_t *channels, const mp_upstream_options_t *upstream,
                                    apr_pool_t *p);

/** Blocks: up to 10 s for a webhook, 30 s for the command, and between attempts 1 s, 4 s, 16 s.
 * @param tries at each channel; at least 1
 * @param outcome its sentence says what happened, also where that is APR_SUCCESS
 * @return APR_SUCCESS if every channel took it, or there is none; APR_EINTR if it was interrupted before; else APR_EGENERAL */
apr_status_t mp_alert_sender_send(mp_alert_sender_t *sender, const mp_alert_notice_t *notice, int tries, mp_result_t *outcome,
                                  apr_pool_t *p);

/** What is under way, and what follows, ends at once. Any thread. */
void mp_alert_sender_interrupt(mp_alert_sender_t *sender);

#endif
