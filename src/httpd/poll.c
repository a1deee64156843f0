/* SPDX-License-Identifier: Apache-2.0 */
/* A request that waits keeps its words, not its roster: thousands of them would keep every old one alive. It finds its worker again in the roster that its answer comes with, and
 * proves itself once more if the worker's password changed meanwhile. */
#include "httpd/poll.h"

#include "httpd/metrics.h"
#include "httpd/parking.h"
#include "httpd/public_url.h"
#include "httpd/reply.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_protocol.h>

/* What is kept of whoever waits. */
typedef struct visitor_t {
    mp_call_t *call;
    const char *stored_password; /* that it was checked against; NULL if another provider than ours let it in */
} visitor_t;

static bool is_still_welcome(const visitor_t *visitor, const mp_roster_t *roster, const mp_worker_t *worker)
{
    const char *typed = NULL;
    const mp_worker_t *found = NULL;
    request_rec *r = visitor->call->r;
    if (!visitor->stored_password || strcmp(visitor->stored_password, worker->password) == 0)
        return true;
    if (ap_get_basic_auth_pw(r, &typed) != OK)
        return false;
    mp_login_attempt_t attempt = {.name = r->user, .password = typed};
    return mp_logins_check(&found, visitor->call->proxy->logins, roster, &attempt, r->pool) == MP_LOGIN_GRANTED && found->id == worker->id;
}

static int refuse(mp_call_t *call, const char *sentence)
{
    mp_result_t why;
    mp_result_set(&why, APR_EACCES, "wrong-password", "%s", sentence);
    return mp_call_send_failure(call, MP_COUNT_LONGPOLL_TURNED_AWAY, &why);
}

static void finish_with(const visitor_t *visitor, const mp_longpoll_answer_t *answer)
{
    mp_call_t *call = visitor->call;
    mp_call_note(call->r, "miningproxy-wake", mp_wake_word(answer->reason));
    if (answer->status != APR_SUCCESS) {
        mp_call_send_failure(call, MP_COUNT_LONGPOLL_NO_POOL, &answer->why);
    } else if (!is_still_welcome(visitor, answer->roster, answer->worker)) {
        refuse(call, "the worker's password was changed");
    } else {
        mp_work_note(call->proxy, answer->roster, answer->worker, &answer->grant);
        mp_call_send_work(call, &answer->grant, answer->must_submit_old, answer->p);
    }
}

/* The miner does not wait any longer, or the child ends and httpd cannot tell us otherwise: an ordinary request for work. */
static void finish_at_once(const visitor_t *visitor)
{
    mp_call_t *call = visitor->call;
    call->miner = mp_miner_get(call->r, call->proxy);
    const mp_roster_t *roster = call->miner->roster;
    call->miner->worker = roster ? mp_roster_find_worker(roster, call->r->user, call->r->pool) : NULL;
    if (!call->miner->worker)
        refuse(call, "there is no worker of this name any more");
    else if (!is_still_welcome(visitor, roster, call->miner->worker))
        refuse(call, "the worker's password was changed");
    else
        mp_call_serve_work(call, true);
}

static void finish(void *baton, const mp_longpoll_answer_t *answer)
{
    if (answer)
        finish_with(baton, answer);
    else
        finish_at_once(baton);
}

/* Not a 200: what miners do after a failed poll is slower than what they do after a good one. */
static int turn_away(const visitor_t *visitor, const mp_result_t *why)
{
    mp_call_t *call = visitor->call;
    request_rec *r = call->r;
    mp_metrics_count(MP_COUNT_LONGPOLL_TURNED_AWAY);
    apr_table_setn(r->err_headers_out, "Retry-After", "30");
    mp_call_note(r, "miningproxy-verdict", apr_pstrdup(r->pool, why->word));
    return mp_reply_json(r, HTTP_SERVICE_UNAVAILABLE,
                         mp_jsonrpc_format_error(MP_JSONRPC_INTERNAL_ERROR, why->sentence, call->request.id, r->pool));
}

int mp_poll_serve(mp_call_t *call)
{
    request_rec *r = call->r;
    mp_result_t why = MP_RESULT_NONE;
    visitor_t *visitor = apr_palloc(r->pool, sizeof(*visitor));
    const mp_worker_t *worker = call->miner->worker;
    apr_interval_time_t limit = mp_parking_limit(r);
    mp_longpoll_order_t order = {.roster = call->miner->roster,
                                 .worker = worker,
                                 .password = call->miner->is_ours ? worker->password : NULL,
                                 .address = r->useragent_ip,
                                 .hold = limit < call->config->long_poll_timeout ? limit : call->config->long_poll_timeout,
                                 .timeout = call->config->work_timeout};
    *visitor = (visitor_t){.call = call, .stored_password = call->miner->is_ours ? apr_pstrdup(r->pool, worker->password) : NULL};
    int status = mp_parking_wait(r, call->proxy->longpoll, &order, finish, visitor, &why);
    return status == HTTP_SERVICE_UNAVAILABLE ? turn_away(visitor, &why) : status;
}

/* By its path alone: its handler is known only when most of its memory is taken. */
static int expect_wait(request_rec *r)
{
    if (mp_public_url_is_long_poll(r))
        mp_parking_expect(r->connection);
    return DECLINED;
}

void mp_poll_register(apr_pool_t *p)
{
    (void)p;
    ap_hook_post_read_request(expect_wait, NULL, NULL, APR_HOOK_MIDDLE);
}
