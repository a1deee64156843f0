/* SPDX-License-Identifier: Apache-2.0 */
/* The table `alert`: what an operator was told of, and what is still so. Whoever leads next in the farm reads from it what was told already. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_ALERTS_H
#define MP_STORE_STORE_ALERTS_H

#include "core/alert.h"
#include "store/store.h"

#define MP_STORE_OPEN_ALERTS_MOST 20000
#define MP_STORE_ALERTS_MOST 1000

#define MP_STORE_ALERTS_AT_ONCE 500

/** Writes up to MP_STORE_ALERTS_AT_ONCE as they are, all or none: one with an id is over, one without gets a row, with its end if it has one, and its id. Texts that are too long are cut
 * off. What was removed, or ended before, is not written again. */
apr_status_t mp_store_save_alerts(mp_alert_t *const *alerts, apr_size_t count, mp_store_t *store, mp_result_t *why);

/** What became of its last notice; "" if that was sent. */
apr_status_t mp_store_note_alert(apr_uint32_t id, const char *delivery, mp_store_t *store, mp_result_t *why);

/** What is still so, oldest first. alerts: of mp_alert_t, in p. What has a kind that this version does not know is left out, also below */
apr_status_t mp_store_load_open_alerts(apr_array_header_t **alerts, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** The newest ones, newest first, ended or not. most: up to MP_STORE_ALERTS_MOST */
apr_status_t mp_store_load_latest_alerts(apr_array_header_t **alerts, int most, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Removes up to MP_STORE_ALERTS_MOST that ended before that time, oldest first. @param removed how many */
apr_status_t mp_store_remove_alerts(apr_int64_t *removed, apr_time_t before, mp_store_t *store, mp_result_t *why);

#endif
