/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool's complete HTTP answer to a getwork or a share means. A JSON-RPC error is authoritative whatever the HTTP status; otherwise the
 * status decides; a success is only what says so in so many words. Pure. */
#ifndef MP_UPSTREAM_GETWORK_REPLY_H
#define MP_UPSTREAM_GETWORK_REPLY_H

#include "upstream/answer.h"
#include "upstream/upstream.h"

/**
 * The answer to a request for work.
 * @param redirect_url where a redirect that was not followed leads; NULL if nowhere
 * @return APR_SUCCESS and *work; otherwise words pool-unauthorized (blame: credentials), pool-error, http-<status>, bad-json, bad-work
 */
apr_status_t mp_getwork_reply_read_work(mp_work_t **work, mp_blame_t *blame, const mp_answer_t *answer, const char *redirect_url,
                                        mp_result_t *why, apr_pool_t *p);

/** The answer to a share: MP_DELIVERY_ANSWERED, or MP_DELIVERY_UNKNOWN with the reasons http-<status> and bad-answer. */
void mp_getwork_reply_read_verdict(mp_submission_t *submission, const mp_answer_t *answer, mp_result_t *why, apr_pool_t *p);

#endif
