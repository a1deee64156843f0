/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON-RPC call of a miner, taken apart, and the answers that getwork and long polls have in common. Lives in the request; its thread's. */
#ifndef MP_HTTPD_CALL_H
#define MP_HTTPD_CALL_H

#include "codec/jsonrpc.h"
#include "core/counters.h"
#include "httpd/config.h"
#include "httpd/miner.h"
#include "service/work.h"

typedef struct mp_call_t {
    request_rec *r;
    mp_proxy_t *proxy;
    mp_miner_t *miner;
    const mp_config_t *config;
    mp_jsonrpc_request_t request;
    bool is_long_poll; /* without a share in it, it waits */
} mp_call_t;

/** For CustomLog: %{miningproxy-pool}n and its like. value lives as long as the request. */
void mp_call_note(request_rec *r, const char *name, const char *value);
/** pool may be NULL. */
void mp_call_note_upstream(request_rec *r, const mp_pool_t *pool, double difficulty, apr_interval_time_t time);

/** must_submit_old: the miner is told that its older work is still worth something. p is needed during the call only. @return OK */
int mp_call_send_work(mp_call_t *call, const mp_work_grant_t *grant, bool must_submit_old, apr_pool_t *p);
/** In a 200, with the reason for the log. @return OK */
int mp_call_send_failure(mp_call_t *call, mp_count_t outcome, const mp_result_t *why);

/** Fetches work on this thread, and sends it or why there is none. With must_submit_old the work is this miner's own. @return OK */
int mp_call_serve_work(mp_call_t *call, bool must_submit_old);

#endif
