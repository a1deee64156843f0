/* SPDX-License-Identifier: Apache-2.0 */
/* Requests for work over connections that stay open, for the answer that pools usually give: libcurl connects (names, TLS, certificates), and what goes over
 * the connection then is a few lines of HTTP/1.1. For everything else, and for every share, there are transfers (upstream/transfer.h). Any thread; a call blocks it.
 * Not for pools behind a proxy. */
#ifndef MP_UPSTREAM_EXCHANGE_H
#define MP_UPSTREAM_EXCHANGE_H

#include "base/result.h"
#include "upstream/answer.h"
#include "upstream/handles.h"
#include "upstream/transfer.h"

typedef enum mp_exchange_outcome_t {
    MP_EXCHANGE_ANSWERED, /* completely, with whatever HTTP status */
    MP_EXCHANGE_FAILED,   /* why: as mp_transfer_failure() */
    MP_EXCHANGE_UNUSUAL   /* nothing is known: the request must be repeated as a transfer */
} mp_exchange_outcome_t;

/* How long a server whose answer was unusual is not asked this way. Then one request tries, and while it does all others are transfers: so few have to wait for two answers. */
#define MP_EXCHANGE_AVOID_TIME apr_time_from_sec(600)

typedef struct mp_exchange_t mp_exchange_t;

/** One for all servers. Dies with p, when no call is under way. options: as for transfers. @return APR_ENOMEM */
apr_status_t mp_exchange_create(mp_exchange_t **exchange, const mp_handles_options_t *options, apr_pool_t *p);

/**
 * Sends a request that may be sent again, and waits for the answer no longer than its time-out. A kept connection that turns out to be dead is replaced.
 * @param answer filled if the outcome is MP_EXCHANGE_ANSWERED; its body lives in p
 */
mp_exchange_outcome_t mp_exchange_run(mp_answer_t *answer, mp_exchange_t *exchange, const mp_transfer_request_t *request, mp_result_t *why,
                                      apr_pool_t *p);

#endif
