/* SPDX-License-Identifier: Apache-2.0 */
/* The table `alert`: what an operator was told of, and what is still so. Whoever leads next in the farm reads from it what was told already. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_ALERTS_H
#define MP_STORE_STORE_ALERTS_H

#include "core/alert.h"
#include "store/store.h"

#define MP_STORE_OPEN_ALERTS_MOST 20000
#define MP_STORE_ALERTS_MOST 1000

/** Writes a new one, with its end if it has one. Texts that are too long are cut off. @param id of its row */
apr_status_t mp_store_add_alert(apr_uint32_t *id, const mp_alert_t *alert, mp_store_t *store, mp_result_t *why);

/** It is over. @return APR_NOTFOUND (word "gone") if there is no such row, or it ended before */
apr_status_t mp_store_end_alert(apr_uint32_t id, apr_time_t ended, mp_store_t *store, mp_result_t *why);

/** What became of its last notice; "" if that was sent. */
apr_status_t mp_store_note_alert(apr_uint32_t id, const char *delivery, mp_store_t *store, mp_result_t *why);

/** What is still so, oldest first. alerts: of mp_alert_t, in p. What has a kind that this version does not know is left out, also below */
apr_status_t mp_store_load_open_alerts(apr_array_header_t **alerts, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** The newest ones, newest first, ended or not. most: up to MP_STORE_ALERTS_MOST */
apr_status_t mp_store_load_latest_alerts(apr_array_header_t **alerts, int most, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Removes up to MP_STORE_ALERTS_MOST that ended before that time, oldest first. @param removed how many */
apr_status_t mp_store_remove_alerts(apr_int64_t *removed, apr_time_t before, mp_store_t *store, mp_result_t *why);

#endif
