/* SPDX-License-Identifier: Apache-2.0 */
/* Status 200 wherever a miner is to read words: libcurl miners do not look into the body of anything else, and several repeat for ever what failed. */
#include "httpd/call.h"

#include "codec/getwork.h"
#include "httpd/metrics.h"
#include "httpd/reply.h"

#include <apr_strings.h>

void mp_call_note(request_rec *r, const char *name, const char *value)
{
    apr_table_setn(r->notes, name, value);
}

void mp_call_note_upstream(request_rec *r, const mp_pool_t *pool, double difficulty, apr_interval_time_t time)
{
    if (pool)
        mp_call_note(r, "miningproxy-pool", apr_pstrdup(r->pool, pool->name));
    mp_call_note(r, "miningproxy-difficulty", apr_psprintf(r->pool, "%.8g", difficulty));
    mp_call_note(r, "miningproxy-upstream-ms", apr_psprintf(r->pool, "%" APR_TIME_T_FMT, apr_time_as_msec(time)));
}

/* Where the proxy rolls, no miner does, whatever work it has: DiabloMiner goes by the last answer that said anything, whichever work that was for. */
static const char *format_roll(const request_rec *r, const mp_work_grant_t *grant)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    mp_roll_t roll = grant->assignment->pool->roll_ntime ? MP_ROLL_NO : (mp_roll_t)grant->work->roll;
    return mp_roll_format(roll, grant->work->roll_seconds, agent, r->pool);
}

static const char *format_work(const mp_work_grant_t *grant, bool must_submit_old, apr_pool_t *p)
{
    mp_getwork_t getwork = *grant->work->getwork;
    if (must_submit_old)
        getwork.submit_old = "true";
    return mp_getwork_format(&getwork, grant->is_only_pool, p);
}

int mp_call_send_work(mp_call_t *call, const mp_work_grant_t *grant, bool must_submit_old, apr_pool_t *p)
{
    request_rec *r = call->r;
    const mp_work_t *work = grant->work;
    mp_metrics_count(call->is_long_poll ? MP_COUNT_LONGPOLL_WORK : MP_COUNT_GETWORK_WORK);
    const char *roll = format_roll(r, grant);
    if (roll)
        apr_table_setn(r->headers_out, "X-Roll-NTime", roll);
    if (work->block_height > 0)
        apr_table_setn(r->headers_out, "X-Blocknum", apr_psprintf(r->pool, "%" APR_INT64_T_FMT, work->block_height));
    mp_call_note_upstream(r, grant->assignment->pool, work->difficulty, grant->upstream_time);
    const char *result = grant->text ? grant->text : format_work(grant, must_submit_old, p);
    return mp_reply_json(r, HTTP_OK, mp_jsonrpc_format_result(result, call->request.id, p));
}

int mp_call_send_failure(mp_call_t *call, mp_count_t outcome, const mp_result_t *why)
{
    mp_metrics_count(outcome);
    mp_call_note(call->r, "miningproxy-verdict", apr_pstrdup(call->r->pool, why->word));
    return mp_reply_error(call->r, MP_JSONRPC_NOT_CONNECTED, why->sentence, call->request.id);
}

int mp_call_serve_work(mp_call_t *call, bool must_submit_old)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_work_grant_t grant;
    mp_work_order_t order = {
        .roster = call->miner->roster, .worker = call->miner->worker, .timeout = call->config->work_timeout, .may_roll = !must_submit_old};
    if (mp_work_fetch(&grant, call->proxy, &order, &why, call->r->pool) == APR_SUCCESS)
        return mp_call_send_work(call, &grant, must_submit_old, call->r->pool);
    return mp_call_send_failure(call, call->is_long_poll ? MP_COUNT_LONGPOLL_NO_POOL : MP_COUNT_GETWORK_NO_POOL, &why);
}
