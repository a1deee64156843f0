/* SPDX-License-Identifier: Apache-2.0 */
/* What a protocol towards pools must be able to do; upstream.c has one entry per protocol and picks by the URL's scheme. The functions
 * keep the promises that upstream.h makes for the verbs of the same name; state is what create made. */
#ifndef MP_UPSTREAM_UPSTREAM_OPS_H
#define MP_UPSTREAM_UPSTREAM_OPS_H

#include "upstream/upstream.h"

typedef struct mp_upstream_ops_t {
    const char *const *schemes; /* lower case; ends with NULL */
    /** @return NULL, or what is wrong with a URL of one of the schemes */
    const char *(*check_url)(const char *url, apr_pool_t *p);
    apr_status_t (*create)(void **state, const mp_upstream_options_t *options, mp_loop_t *loop, apr_pool_t *p);
    apr_status_t (*fetch_work)(mp_work_t **work, mp_blame_t *blame, void *state, const mp_upstream_call_t *call, mp_result_t *why,
                               apr_pool_t *p);
    void (*submit_share)(mp_submission_t *submission, void *state, const mp_upstream_call_t *call,
                         const unsigned char header[MP_HEADER_SIZE], mp_result_t *why, apr_pool_t *p);
    void (*fetch_work_on_loop)(void *state, const mp_upstream_call_t *call, mp_upstream_fetched_t *fetched, void *baton, apr_pool_t *p);
    /** NULL: this protocol has no such thing. What is returned is the state of mp_upstream_wait_t. */
    void *(*wait_block_on_loop)(void *state, const mp_upstream_vigil_t *vigil, mp_upstream_fetched_t *told, void *baton, apr_pool_t *p);
    void (*cancel_wait_on_loop)(void *wait);
} mp_upstream_ops_t;

#endif
