/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator reads: one notice of alerts of one kind that begin, or are over, together; and how each format writes it. Subjects and texts may come from strangers: what leaves here has
 * no control characters and is well-formed UTF-8, header values are ASCII. Pure, any thread. */
#ifndef MP_SERVICE_ALERT_NOTICE_H
#define MP_SERVICE_ALERT_NOTICE_H

#include "core/alert.h"
#include "service/alert_channels.h"

#define MP_ALERT_STATE_LIST(X)                                                                                                             \
    X(MP_ALERT_BEGUN, "begun")                                                                                                             \
    X(MP_ALERT_RECOVERED, "recovered")                                                                                                     \
    X(MP_ALERT_EVENT, "event") /* nothing that could end: a block, a test */

typedef enum mp_alert_state_t {
#define MP_ALERT_STATE_VALUE(name, word) name,
    MP_ALERT_STATE_LIST(MP_ALERT_STATE_VALUE)
#undef MP_ALERT_STATE_VALUE
} mp_alert_state_t;

typedef struct mp_alert_notice_t {
    mp_alert_kind_t kind;
    mp_alert_state_t state;
    const char *title; /* "worker rig1 is silent" */
    const char *text;  /* a sentence or two */
    const char *host;  /* who found out */
    apr_time_t time;   /* now for what begins; else when the last of the alerts was over */
    const mp_alert_t *const *alerts;
    apr_size_t count; /* of alerts; at least one */
} mp_alert_notice_t;

#define MP_ALERT_POST_HEADERS 4 /* at most */

/* A notice as a webhook gets it. */
typedef struct mp_alert_post_t {
    const char *body;
    const char *headers[MP_ALERT_POST_HEADERS + 1]; /* "Name: value"; ends with NULL */
} mp_alert_post_t;

/** For notices, commands and JSON. */
const char *mp_alert_state_word(mp_alert_state_t state);

/** @param alerts at least one, all of one kind; borrowed as long as the notice is used */
void mp_alert_notice_fill(mp_alert_notice_t *notice, mp_alert_state_t state, const mp_alert_t *const *alerts, apr_size_t count,
                          apr_pool_t *p);

/** Writes it in a webhook's format, into p. */
void mp_alert_notice_post(mp_alert_post_t *post, const mp_alert_notice_t *notice, mp_alert_format_t format, apr_pool_t *p);

/** "2026-11-22T15:04:05Z" */
const char *mp_alert_notice_format_time(apr_time_t time, apr_pool_t *p);

#endif
