/* SPDX-License-Identifier: Apache-2.0 */
/* Status 200 wherever a miner is to read words: libcurl miners do not look into the body of anything else, and several repeat for ever what failed.
 * A share that is bad for good is "false" with X-Reject-Reason, never an error. */
#include "httpd/getwork.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/text.h"
#include "codec/getwork.h"
#include "httpd/body.h"
#include "httpd/call.h"
#include "httpd/child.h"
#include "httpd/metrics.h"
#include "httpd/parking.h"
#include "httpd/poll.h"
#include "httpd/public_url.h"
#include "httpd/reply.h"
#include "service/submit.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

APLOG_USE_MODULE(miningproxy);

#define REPORT_WINDOW apr_time_from_sec(10)

static int send_verdict(mp_call_t *call, bool is_accepted, const char *reason)
{
    if (!is_accepted)
        apr_table_setn(call->r->headers_out, "X-Reject-Reason", apr_pstrdup(call->r->pool, reason));
    return mp_reply_json(call->r, HTTP_OK, mp_jsonrpc_format_result(is_accepted ? "true" : "false", call->request.id, call->r->pool));
}

/* The first stand-alone miners: their firmware takes every work for one of difficulty 1, and returns what fits that. */
static bool is_fixed_difficulty(const request_rec *r)
{
    const char *agent = apr_table_get(r->headers_in, "User-Agent");
    return agent && (strncmp(agent, "Jephis PIC Miner", 16) == 0 || strncmp(agent, "BE Cube BTC Miner", 17) == 0);
}

static void count_outcome(const mp_submit_outcome_t *outcome)
{
    static const mp_count_t verdicts[] = {[MP_VERDICT_UNKNOWN] = MP_COUNT_SHARE_UNKNOWN,
                                          [MP_VERDICT_ACCEPTED] = MP_COUNT_SHARE_ACCEPTED,
                                          [MP_VERDICT_REJECTED] = MP_COUNT_SHARE_REJECTED};
    if (outcome->is_dropped)
        mp_metrics_count(MP_COUNT_SHARE_DROPPED);
    else if (outcome->is_repeated)
        mp_metrics_count(MP_COUNT_SHARE_REPEATED);
    else
        mp_metrics_count(outcome->is_unknown_work ? MP_COUNT_SHARE_UNKNOWN_WORK : verdicts[outcome->verdict]);
}

static int serve_share(mp_call_t *call)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_submit_outcome_t outcome;
    unsigned char header[MP_GETWORK_HEADER_SIZE];
    if (mp_getwork_share_parse(header, call->request.param, &why) != APR_SUCCESS) {
        mp_metrics_count(MP_COUNT_SHARE_MALFORMED);
        mp_call_note(call->r, "miningproxy-verdict", "malformed");
        return send_verdict(call, false, why.word);
    }
    mp_submit_order_t order = {.roster = call->miner->roster,
                               .worker = call->miner->worker,
                               .header = header,
                               .is_fixed_difficulty = is_fixed_difficulty(call->r),
                               .timeout = call->config->submit_timeout,
                               .retries = call->config->submit_retries};
    if (mp_submit_share(&outcome, call->proxy, &order, &why, call->r->pool) != APR_SUCCESS) {
        static volatile apr_uint32_t reported;
        mp_metrics_count(MP_COUNT_SHARE_UNRECORDED);
        if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, call->r, "MP0040: a share was not taken, the miner is to repeat it: %s", why.sentence);
        mp_call_note(call->r, "miningproxy-verdict", "unrecorded");
        return mp_reply_error(call->r, MP_JSONRPC_INTERNAL_ERROR, "the share cannot be taken now; send it again", call->request.id);
    }
    count_outcome(&outcome);
    mp_call_note(call->r, "miningproxy-verdict", outcome.is_dropped ? "dropped" : mp_verdict_word(outcome.verdict));
    mp_call_note_upstream(call->r, outcome.pool, outcome.difficulty, outcome.upstream_time);
    return send_verdict(call, outcome.is_accepted, outcome.reason);
}

/* In a 200: cpuminer repeats getblocktemplate for ever on most other statuses, and falls back to getwork on this. */
static int refuse_method(mp_call_t *call)
{
    char method[64];
    mp_call_note(call->r, "miningproxy-verdict", "unknown-method");
    mp_metrics_count(MP_COUNT_GETWORK_OTHER_METHOD);
    const char *message = apr_psprintf(call->r->pool, "method \"%s\" is not offered here; use getwork",
                                       mp_text_clean(method, sizeof(method), call->request.method));
    return mp_reply_error(call->r, MP_JSONRPC_UNKNOWN_METHOD, message, call->request.id);
}

/* The method is judged before the parameters, whose form only our own method defines. */
static int serve_request(mp_call_t *call, const mp_body_t *body)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_jsonrpc_request_t *request = &call->request;
    apr_status_t status = mp_jsonrpc_request_parse(request, body->text, body->length, &why, call->r->pool);
    if (request->method && strcmp(request->method, "getwork") != 0)
        return refuse_method(call);
    if (status != APR_SUCCESS) {
        mp_call_note(call->r, "miningproxy-verdict", "malformed");
        mp_metrics_count(MP_COUNT_GETWORK_MALFORMED);
        return mp_reply_error(call->r, request->code, why.sentence, request->id);
    }
    if (request->param)
        return serve_share(call);
    return call->is_long_poll ? mp_poll_serve(call) : mp_call_serve_work(call, false);
}

/* httpd said who it is, perhaps by another provider than ours. @return NULL, or what to tell the miner */
static const char *identify(mp_miner_t *miner, request_rec *r)
{
    if (!r->user) {
        static volatile apr_uint32_t reported;
        if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
            ap_log_rerror(
                APLOG_MARK, APLOG_ERR, 0, r,
                "MP0041: a request came through without a login: this location needs AuthType Basic, AuthBasicProvider miningproxy "
                "and Require valid-user");
        return "the proxy is not set up to ask for a login here; its error log says what is missing";
    }
    if (!miner->worker)
        miner->worker = mp_roster_find_worker(miner->roster, r->user, r->pool);
    return miner->worker ? NULL : "there is no worker of this name";
}

static int refuse_body(request_rec *r, int status, apr_off_t limit)
{
    if (status != HTTP_REQUEST_ENTITY_TOO_LARGE)
        return status;
    mp_metrics_count(MP_COUNT_GETWORK_MALFORMED);
    const char *message = apr_psprintf(r->pool, "the request is larger than %" APR_OFF_T_FMT " bytes", limit);
    return mp_reply_json(r, status, mp_jsonrpc_format_error(MP_JSONRPC_INVALID_REQUEST, message, NULL, r->pool));
}

/* A poll by GET, or with an empty body, is a request for work. */
static int serve_body(mp_call_t *call, const mp_body_t *body)
{
    if (call->is_long_poll && body->length == 0) {
        call->request.id = "1";
        return mp_poll_serve(call);
    }
    return serve_request(call, body);
}

static int serve_call(request_rec *r, bool is_long_poll)
{
    mp_body_t body;
    mp_result_t why = MP_RESULT_NONE;
    mp_child_hold_signals(r);
    mp_proxy_t *proxy = mp_child_proxy(&why);
    mp_miner_t *miner = proxy ? mp_miner_get(r, proxy) : NULL;
    mp_call_t *call = apr_palloc(r->pool, sizeof(*call));
    *call = (mp_call_t){.r = r, .proxy = proxy, .miner = miner, .config = mp_config_get(r->server), .is_long_poll = is_long_poll};
    int status = mp_body_read(&body, r, call->config->max_request_body);
    if (status != OK)
        return refuse_body(r, status, call->config->max_request_body);
    if (proxy && !miner->roster)
        mp_miner_explain(&why, proxy);
    if (!proxy || !miner->roster) {
        mp_metrics_count(MP_COUNT_GETWORK_UNAVAILABLE);
        return mp_reply_unavailable(r, &why);
    }
    const char *complaint = identify(miner, r);
    if (complaint) {
        mp_metrics_count(MP_COUNT_GETWORK_STRANGER);
        return mp_reply_error(r, MP_JSONRPC_INTERNAL_ERROR, complaint, NULL);
    }
    mp_call_note(r, "miningproxy-worker", apr_pstrdup(r->pool, miner->worker->name));
    mp_parking_expect_next(r->connection);
    return serve_body(call, &body);
}

static int serve_page(request_rec *r)
{
    mp_child_hold_signals(r);
    mp_proxy_t *proxy = mp_child_proxy(NULL);
    const char *state = proxy && mp_miner_get(r, proxy)->roster ? "It is running."
                                                                : "It cannot serve miners at the moment; the server's error log says why.";
    const char *url = ap_construct_url(r->pool, r->uri, r);
    return mp_reply_text(r, apr_pstrcat(r->pool, "This is a mining proxy.\n\n", state,
                                        "\n\n"
                                        "Point your miner at ",
                                        url,
                                        " (protocol: getwork),\n"
                                        "with the name and the password of a worker that the proxy's operator gave you.\n",
                                        NULL));
}

/* Behind the path of long polls everything is one, wherever the location that names the handler begins. */
static bool is_long_poll(request_rec *r)
{
    return strcmp(r->handler, "miningproxy-longpoll") == 0 || mp_public_url_is_long_poll(r);
}

int mp_getwork_handle(request_rec *r)
{
    if (!r->handler || (strcmp(r->handler, "miningproxy-getwork") != 0 && strcmp(r->handler, "miningproxy-longpoll") != 0))
        return DECLINED;
    bool is_poll = is_long_poll(r);
    if (is_poll && !mp_public_url_is_offered(r))
        return HTTP_NOT_FOUND;
    if (r->method_number == M_POST || (is_poll && r->method_number == M_GET && !r->header_only))
        return serve_call(r, is_poll);
    if (r->method_number == M_GET && !is_poll)
        return serve_page(r);
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, -1);
    return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
}
