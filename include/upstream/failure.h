/* SPDX-License-Identifier: Apache-2.0 */
/* Why a transfer failed, in words for people: the one place that translates libcurl's codes. Pure. */
#ifndef MP_UPSTREAM_FAILURE_H
#define MP_UPSTREAM_FAILURE_H

#include "base/result.h"

#include <apr_time.h>

/* How far a transfer got. */
typedef enum mp_failure_phase_t {
    MP_FAILURE_NOT_CONNECTED,
    MP_FAILURE_NOTHING_SENT, /* connected, but TLS or a proxy's tunnel was not ready */
    MP_FAILURE_MAYBE_SENT,   /* the request was handed over, at least in part */
    MP_FAILURE_ANSWERING     /* the answer had begun */
} mp_failure_phase_t;

typedef struct mp_failure_t {
    int code;         /* a CURLcode other than CURLE_OK */
    int os_error;     /* errno of the socket, or 0 */
    int proxy_status; /* what a proxy answered to CONNECT, or 0 */
    mp_failure_phase_t phase;
    apr_interval_time_t timeout; /* that was in force */
    const char *detail;          /* libcurl's own words; may be empty */
} mp_failure_t;

/**
 * Fills why: words connection-refused, connection-reset, connection-lost, unreachable, connect-failed, dns-failed, timeout, tls-failed, proxy-failed,
 * bad-answer, bad-url, out-of-memory, out-of-descriptors. The sentence speaks of the pool as "it". Status APR_TIMEUP for time-outs, APR_ENOMEM for what we
 * lack ourselves, else APR_EGENERAL.
 */
apr_status_t mp_failure_describe(mp_result_t *why, const mp_failure_t *failure);

/** "250 ms", "1.5 s", "60 min", "2 h"; buffer holds at least 32 bytes. @return buffer */
char *mp_failure_format_time(char *buffer, apr_interval_time_t time);

#endif
