/* SPDX-License-Identifier: Apache-2.0 */
/* Shares never let libcurl repeat them; requests for work do, because a lost work costs nothing. Nothing is asked of a pool that could lead a miner
 * away from the proxy: no noncerange, no hostlist, no switchto. */
#include "upstream/getwork_http.h"

#include "base/assert.h"
#include "codec/getwork.h"
#include "codec/jsonrpc.h"
#include "upstream/exchange.h"
#include "upstream/getwork_reply.h"
#include "upstream/transfer.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <string.h>

#define IDLE_MAX 256      /* connections that worker threads keep, for all pools */
#define LOOP_IDLE_MAX 256 /* handles of the I/O thread, whose connections belong to the loop: as many as it keeps of those */

typedef struct getwork_http_t {
    mp_handles_t *handles;
    mp_handles_t *loop_handles;
    mp_exchange_t *exchange; /* for requests for work on request threads */
    mp_loop_t *loop;
} getwork_http_t;

static const char *const schemes[] = {"http", "https", NULL};
/* Without X-Minimum-Wait some pools hold every long poll for 15 seconds, however new the block. */
static const char *const headers[] = {"Content-Type: application/json", "X-Mining-Extensions: longpoll midstate rollntime submitold",
                                      "X-Minimum-Wait: 0", "Expect:", NULL};

static apr_status_t create(void **state, const mp_upstream_options_t *options, mp_loop_t *loop, apr_pool_t *p)
{
    getwork_http_t *http = apr_pcalloc(p, sizeof(*http));
    mp_handles_options_t wanted = {
        .proxy = options->proxy, .user_agent = options->user_agent, .ca_file = options->ca_file, .headers = headers, .idle_max = IDLE_MAX};

    apr_status_t status = mp_handles_create(&http->handles, &wanted, p);
    if (status == APR_SUCCESS)
        status = mp_exchange_create(&http->exchange, &wanted, p);
    if (status != APR_SUCCESS)
        return status;
    wanted.idle_max = LOOP_IDLE_MAX;
    http->loop = loop;
    *state = http;
    return mp_handles_create(&http->loop_handles, &wanted, p);
}

static mp_transfer_request_t make_request(const mp_upstream_call_t *call, const char *param, apr_pool_t *p)
{
    return (mp_transfer_request_t){
        .url = call->pool->url,
        .username = call->credentials->username,
        .password = call->credentials->password,
        .body = mp_jsonrpc_format_request("getwork", param, p),
        .timeout = call->timeout,
        .is_repeatable = param == NULL,
    };
}

static apr_status_t describe_no_memory(mp_result_t *why)
{
    return mp_result_set(why, APR_ENOMEM, "out-of-memory", "this server is out of memory");
}

static mp_blame_t blame_for(const mp_result_t *failure)
{
    return failure->status == APR_ENOMEM || failure->status == APR_EINTR ? MP_BLAME_NOBODY : MP_BLAME_POOL;
}

static apr_status_t read_work(mp_work_t **work, mp_blame_t *blame, const mp_transfer_t *transfer, mp_result_t *why, apr_pool_t *p)
{
    const mp_result_t *failure = mp_transfer_failure(transfer);

    if (failure->status == APR_SUCCESS)
        return mp_getwork_reply_read_work(work, blame, mp_transfer_answer(transfer), mp_transfer_redirect_url(transfer), why, p);
    *blame = blame_for(failure);
    *why = *failure;
    return failure->status;
}

static apr_status_t fetch_by_transfer(mp_work_t **work, mp_blame_t *blame, getwork_http_t *http, const mp_transfer_request_t *request,
                                      mp_result_t *why, apr_pool_t *p)
{
    mp_transfer_t *transfer = NULL;

    *blame = MP_BLAME_NOBODY;
    if (mp_transfer_create(&transfer, http->handles, request, p) != APR_SUCCESS)
        return describe_no_memory(why);
    mp_transfer_run(transfer);
    apr_status_t status = read_work(work, blame, transfer, why, p);
    mp_transfer_destroy(transfer);
    return status;
}

static apr_status_t fetch_work(mp_work_t **work, mp_blame_t *blame, void *state, const mp_upstream_call_t *call, mp_result_t *why,
                               apr_pool_t *p)
{
    getwork_http_t *http = state;
    mp_transfer_request_t request = make_request(call, NULL, p);
    mp_answer_t *answer = apr_pcalloc(p, sizeof(*answer));

    switch (mp_exchange_run(answer, http->exchange, &request, why, p)) {
    case MP_EXCHANGE_ANSWERED:
        return mp_getwork_reply_read_work(work, blame, answer, NULL, why, p);
    case MP_EXCHANGE_FAILED:
        *blame = blame_for(why);
        return why->status;
    default:
        return fetch_by_transfer(work, blame, http, &request, why, p);
    }
}

/* A share's reason comes from a short list that people count by; the finer word stays in the result. */
static const char *unknown_reason(const mp_result_t *failure)
{
    if (failure->status == APR_TIMEUP)
        return "timeout";
    if (strcmp(failure->word, "bad-answer") == 0 || strcmp(failure->word, "answer-too-large") == 0)
        return "bad-answer";
    return "connection-lost";
}

static void describe_undelivered(mp_submission_t *submission, const mp_transfer_t *transfer, mp_result_t *why)
{
    const mp_result_t *failure = mp_transfer_failure(transfer);
    bool is_maybe_sent = mp_transfer_is_maybe_sent(transfer);

    memset(submission, 0, sizeof(*submission));
    *why = *failure;
    submission->verdict = MP_VERDICT_UNKNOWN;
    submission->delivery = is_maybe_sent ? MP_DELIVERY_UNKNOWN : MP_DELIVERY_NOT_SENT;
    apr_cpystrn(submission->reason, is_maybe_sent ? unknown_reason(failure) : failure->word, sizeof(submission->reason));
}

static void submit_share(mp_submission_t *submission, void *state, const mp_upstream_call_t *call,
                         const unsigned char header[MP_HEADER_SIZE], mp_result_t *why, apr_pool_t *p)
{
    getwork_http_t *http = state;
    char data[MP_GETWORK_DATA_DIGITS + 1];
    mp_transfer_request_t request = make_request(call, mp_getwork_share_format(data, header), p);
    mp_transfer_t *transfer = NULL;

    if (mp_transfer_create(&transfer, http->handles, &request, p) != APR_SUCCESS) {
        memset(submission, 0, sizeof(*submission));
        submission->delivery = MP_DELIVERY_NOT_SENT;
        describe_no_memory(why);
        apr_cpystrn(submission->reason, why->word, sizeof(submission->reason));
        return;
    }
    mp_transfer_run(transfer);
    if (mp_transfer_failure(transfer)->status == APR_SUCCESS)
        mp_getwork_reply_read_verdict(submission, mp_transfer_answer(transfer), why, p);
    else
        describe_undelivered(submission, transfer, why);
    submission->is_redirected = mp_transfer_is_redirected(transfer);
    mp_transfer_destroy(transfer);
}

/* A request for work on the I/O thread. It lives in its caller's pool, which may be gone once fetched ran. */
typedef struct errand_t {
    getwork_http_t *http;
    mp_transfer_t *transfer;
    mp_upstream_fetched_t *fetched;
    void *baton;
    apr_pool_t *p;
    bool is_wait;
} errand_t;

static void transferred_on_loop(void *baton, mp_transfer_t *transfer)
{
    errand_t *errand = baton;
    mp_work_t *work = NULL;
    mp_blame_t blame = MP_BLAME_NOBODY;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = read_work(&work, &blame, transfer, &why, errand->p);

    mp_transfer_destroy(transfer);
    errand->fetched(errand->baton, status, work, blame, &why);
}

static errand_t *create_errand(getwork_http_t *http, mp_upstream_fetched_t *fetched, void *baton, apr_pool_t *p)
{
    errand_t *errand = apr_pcalloc(p, sizeof(*errand));

    *errand = (errand_t){.http = http, .fetched = fetched, .baton = baton, .p = p};
    return errand;
}

/* The account is copied; url is not. @return false if it could not begin: fetched ran already */
static bool begin_on_loop(errand_t *errand, const mp_upstream_call_t *call, const char *url)
{
    apr_pool_t *p = errand->p;
    mp_transfer_request_t request = make_request(call, NULL, p);

    MP_ASSERT_ON_LOOP(errand->http->loop);
    request.url = url;
    request.is_alone = errand->is_wait;
    request.username = apr_pstrdup(p, request.username);
    request.password = apr_pstrdup(p, request.password);
    if (mp_transfer_create(&errand->transfer, errand->http->loop_handles, &request, p) == APR_SUCCESS)
        return mp_loop_transfer_on_loop(errand->http->loop, errand->transfer, transferred_on_loop, errand);
    mp_result_t why = MP_RESULT_NONE;
    describe_no_memory(&why);
    errand->fetched(errand->baton, why.status, NULL, MP_BLAME_NOBODY, &why);
    return false;
}

static void fetch_work_on_loop(void *state, const mp_upstream_call_t *call, mp_upstream_fetched_t *fetched, void *baton, apr_pool_t *p)
{
    begin_on_loop(create_errand(state, fetched, baton, p), call, apr_pstrdup(p, call->pool->url));
}

/* A long poll is a request for work at another URL. All known pools take it as a POST. If its connection breaks, a block may have been missed: above
 * that must be known. */
static void *wait_block_on_loop(void *state, const mp_upstream_vigil_t *vigil, mp_upstream_fetched_t *told, void *baton, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    const char *url = NULL;
    apr_status_t status = mp_upstream_url_resolve(&url, vigil->call.pool->url, vigil->announcement, vigil->may_leave_host, &why, p);

    if (status != APR_SUCCESS) {
        told(baton, status, NULL, MP_BLAME_NOBODY, &why);
        return NULL;
    }
    errand_t *errand = create_errand(state, told, baton, p);
    errand->is_wait = true;
    return begin_on_loop(errand, &vigil->call, url) ? errand : NULL;
}

static void cancel_wait_on_loop(void *wait)
{
    errand_t *errand = wait;

    mp_loop_cancel_on_loop(errand->http->loop, errand->transfer);
    mp_transfer_destroy(errand->transfer);
}

const mp_upstream_ops_t mp_getwork_http_ops = {
    .schemes = schemes,
    .check_url = mp_upstream_url_check_http,
    .create = create,
    .fetch_work = fetch_work,
    .submit_share = submit_share,
    .fetch_work_on_loop = fetch_work_on_loop,
    .wait_block_on_loop = wait_block_on_loop,
    .cancel_wait_on_loop = cancel_wait_on_loop,
};
