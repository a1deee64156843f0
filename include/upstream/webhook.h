/* SPDX-License-Identifier: Apache-2.0 */
/* Tells another server something: a POST whose answer says no more than yes or no. Goes through the same proxy, and trusts the same authorities, as what goes to pools. Follows no redirects:
 * the URL is a secret, and so are the headers. One thread posts; any thread may interrupt it. */
#ifndef MP_UPSTREAM_WEBHOOK_H
#define MP_UPSTREAM_WEBHOOK_H

#include "upstream/upstream.h"

typedef struct mp_webhook_t mp_webhook_t;

/* Borrowed until the post ends. */
typedef struct mp_webhook_request_t {
    const char *url;            /* http or https; user:password@ in it goes along as Basic */
    const char *const *headers; /* "Name: value"; ends with NULL */
    const char *body;
    apr_interval_time_t timeout; /* for everything */
} mp_webhook_request_t;

/** Checks a webhook's URL. @return NULL, or a sentence, without anything of the URL in it */
const char *mp_webhook_url_check(const char *url, apr_pool_t *p);

/** libcurl is open already, see mp_transfer_library_open(). Dies with p. @return APR_ENOMEM */
apr_status_t mp_webhook_create(mp_webhook_t **webhook, const mp_upstream_options_t *options, apr_pool_t *p);

/** Blocks. The answer's body is thrown away.
 * @return APR_SUCCESS if the answer's status is 2xx; else why says what happened, without anything of the URL, and speaks of the server as "it":
 * words of mp_failure_describe(), "http-status", "answer-too-large"; APR_EINTR and "stopped" if it was interrupted */
apr_status_t mp_webhook_post(mp_webhook_t *webhook, const mp_webhook_request_t *request, mp_result_t *why, apr_pool_t *p);

/** What is under way, and what follows, ends at once with APR_EINTR. Any thread. */
void mp_webhook_interrupt(mp_webhook_t *webhook);

#endif
