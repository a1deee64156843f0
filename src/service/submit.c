/* SPDX-License-Identifier: Apache-2.0 */
/* Route, claim, intent, send, verdict, reply: in this order, because a child may be killed between any two of them. Before the intent nothing was
 * sent; between intent and verdict only the pool knows, and the spool says so; after the verdict a repeat gets the stored answer. The route comes before the
 * claim, so that shares for no work at all cannot crowd the verdicts out of the shared cache. */
#include "service/submit.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/target.h"
#include "base/text.h"
#include "codec/getwork.h"
#include "service/alerts.h"
#include "service/verdicts.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#define REPORT_WINDOW apr_time_from_sec(10)
#define RETRY_DELAY_MIN apr_time_from_msec(100)
#define RETRY_DELAY_MAX apr_time_from_sec(2)
#define SHORTEST_ATTEMPT apr_time_from_sec(1) /* a shorter one might send the share and not hear the answer */
#define FOLLOW_PATIENCE apr_time_from_sec(1)
#define LEASE_MARGIN apr_time_from_sec(5) /* for a shortest attempt behind the deadline, and for the record */

/* One share on its way. */
typedef struct passage_t {
    mp_proxy_t *proxy;
    const mp_submit_order_t *order;
    const char *secret;
    mp_roster_t *newer; /* than the request's; destination is borrowed from it then */
    mp_share_t share;
    mp_destination_t destination;
    apr_pool_t *pool;
    apr_time_t began; /* monotonic; when the claim was made, whose lease outlasts the sending */
    bool is_in_sickroom;
    bool may_be_known; /* somebody may have sent it before */
    apr_interval_time_t upstream_time;
} passage_t;

static void set_verdict(mp_share_t *share, mp_verdict_t verdict, const char *reason)
{
    share->verdict = verdict;
    apr_cpystrn(share->reason, reason, sizeof(share->reason));
}

static void conclude(mp_submit_outcome_t *outcome, const passage_t *passage)
{
    const mp_share_t *share = &passage->share;
    *outcome = (mp_submit_outcome_t){.is_accepted = share->verdict == MP_VERDICT_ACCEPTED,
                                     .pool = mp_roster_find_pool(passage->order->roster, share->pool_id),
                                     .verdict = share->verdict,
                                     .difficulty = share->difficulty,
                                     .upstream_time = passage->upstream_time};
    /* A reason that comes from the database may be anybody's. */
    if (!outcome->is_accepted)
        mp_text_clean_ascii(outcome->reason, sizeof(outcome->reason), share->reason[0] ? share->reason : mp_verdict_word(share->verdict));
}

/* Nobody can be asked about this share, now or ever. No row is written, because no pool is to blame. */
static apr_status_t refuse(mp_submit_outcome_t *outcome, passage_t *passage, const char *cause)
{
    const mp_worker_t *worker = passage->order->worker;
    mp_log(MP_LOG_INFO, "MP0250: unknown work from " MP_WORKER_FMT ": %s", MP_WORKER_ARG(worker), cause);
    set_verdict(&passage->share, MP_VERDICT_REJECTED, "unknown-work");
    conclude(outcome, passage);
    outcome->is_unknown_work = true;
    return APR_SUCCESS;
}

static apr_status_t record(passage_t *passage, mp_result_t *why)
{
    const mp_share_t *share = &passage->share;
    apr_status_t status = mp_spool_settle(passage->proxy->spool, share, why);
    mp_verdicts_settle(share, status == APR_SUCCESS, &passage->proxy->cache, passage->secret);
    if (status != APR_SUCCESS && mp_damper_ticks(&passage->proxy->unrecorded_reported, REPORT_WINDOW, mp_clock_monotonic()))
        mp_log(MP_LOG_ERROR, "MP0251: a share of " MP_WORKER_FMT " was %s by its pool but could not be recorded: %s",
               MP_WORKER_ARG(passage->order->worker), mp_verdict_word(share->verdict), why->sentence);
    return status;
}

/* Shares for pools that are known to be down may hold a quarter of the threads, no more: the rest are for miners that can be served. */
static bool enter_sickroom(mp_proxy_t *proxy)
{
    if (apr_atomic_inc32(&proxy->shares_to_sick_pools) < mp_proxy_share_of_threads(proxy))
        return true;
    apr_atomic_dec32(&proxy->shares_to_sick_pools);
    return false;
}

static void count_answer(const passage_t *passage, mp_delivery_t delivery, mp_blame_t blame, apr_time_t start)
{
    apr_uint32_t pool_id = passage->destination.pool->id;
    if (delivery == MP_DELIVERY_ANSWERED)
        mp_counters_add_pool_answer(passage->proxy->counters, pool_id, MP_POOL_CALL_SHARE, mp_clock_monotonic() - start);
    else if (blame == MP_BLAME_POOL)
        mp_counters_add_pool_failure(passage->proxy->counters, pool_id, MP_POOL_CALL_SHARE);
}

static void send_once(mp_submission_t *submission, passage_t *passage, apr_interval_time_t timeout)
{
    mp_result_t why = MP_RESULT_NONE;
    const mp_pool_t *pool = passage->destination.pool;
    mp_upstream_call_t call = {.pool = pool, .credentials = passage->destination.credentials, .timeout = timeout};
    apr_time_t start = mp_clock_monotonic();
    mp_upstream_submit_share(submission, passage->proxy->upstream, &call, passage->order->header, &why, passage->pool);
    passage->upstream_time += mp_clock_monotonic() - start;
    bool failed = submission->delivery != MP_DELIVERY_ANSWERED;
    mp_blame_t blame = failed && why.status != APR_ENOMEM ? MP_BLAME_POOL : MP_BLAME_NOBODY;
    count_answer(passage, submission->delivery, blame, start);
    mp_circuits_report(passage->proxy->circuits, pool, blame, failed ? &why : NULL, start);
    if (failed)
        mp_log(MP_LOG_INFO, "MP0252: a share of " MP_WORKER_FMT " for " MP_POOL_FMT " %s: %s", MP_WORKER_ARG(passage->order->worker),
               MP_POOL_ARG(pool), submission->delivery == MP_DELIVERY_NOT_SENT ? "was not sent" : "has no verdict", why.sentence);
}

/* @return false when the share has to be given up: it waits for a pool that is down, and too many do already */
static bool may_go_on(passage_t *passage)
{
    bool is_down = mp_circuits_state(passage->proxy->circuits, passage->destination.pool->id) == MP_CIRCUIT_OPEN;
    if (is_down && !passage->is_in_sickroom)
        passage->is_in_sickroom = enter_sickroom(passage->proxy);
    return !is_down || passage->is_in_sickroom;
}

static void send_patiently(mp_submission_t *submission, passage_t *passage)
{
    apr_time_t deadline = passage->began + passage->order->timeout;
    apr_interval_time_t delay = RETRY_DELAY_MIN;
    *submission = (mp_submission_t){.delivery = MP_DELIVERY_NOT_SENT};
    for (int attempt = 0; may_go_on(passage); attempt++) {
        apr_interval_time_t left = deadline - mp_clock_monotonic();
        send_once(submission, passage, left > SHORTEST_ATTEMPT ? left : SHORTEST_ATTEMPT);
        if (submission->delivery != MP_DELIVERY_NOT_SENT || attempt >= passage->order->retries)
            break;
        if (mp_clock_monotonic() + delay + SHORTEST_ATTEMPT >= deadline)
            break;
        apr_sleep(delay);
        delay = delay * 2 < RETRY_DELAY_MAX ? delay * 2 : RETRY_DELAY_MAX;
    }
    if (passage->is_in_sickroom)
        apr_atomic_dec32(&passage->proxy->shares_to_sick_pools);
}

/* An earlier attempt of a child that was killed may have reached the pool, or what redirected the share may have judged it: "duplicate" then means
 * that this was so. */
static bool is_known_as_duplicate(const mp_submission_t *submission, const passage_t *passage)
{
    return (passage->may_be_known || submission->is_redirected) && submission->verdict == MP_VERDICT_REJECTED &&
           strncasecmp(submission->reason, "duplicate", 9) == 0;
}

static void send_share(passage_t *passage)
{
    mp_submission_t submission;
    send_patiently(&submission, passage);
    if (submission.delivery == MP_DELIVERY_UNKNOWN)
        set_verdict(&passage->share, MP_VERDICT_UNKNOWN, submission.reason);
    else if (submission.delivery == MP_DELIVERY_NOT_SENT)
        set_verdict(&passage->share, passage->may_be_known ? MP_VERDICT_UNKNOWN : MP_VERDICT_REJECTED, "pool-unreachable");
    else if (submission.verdict == MP_VERDICT_ACCEPTED || is_known_as_duplicate(&submission, passage))
        set_verdict(&passage->share, MP_VERDICT_ACCEPTED, "");
    else
        set_verdict(&passage->share, MP_VERDICT_REJECTED, submission.reason);
}

/* Whatever the pool says of it: if it does not take a block, somebody wants to know that most of all. */
static void tell_block(const passage_t *passage)
{
    unsigned char hash[MP_SHA256_SIZE], shown[MP_SHA256_SIZE];
    char digits[2 * MP_SHA256_SIZE + 1];
    if (!mp_getwork_is_block(hash, passage->order->header))
        return;
    mp_counters_add_block_found(passage->proxy->counters, passage->destination.pool->id);
    for (int i = 0; i < MP_SHA256_SIZE; i++)
        shown[i] = hash[MP_SHA256_SIZE - 1 - i];
    mp_hex_format(digits, shown, sizeof(shown));
    mp_alerts_block_found(passage->proxy, passage->order->worker, passage->destination.pool, passage->share.verdict, digits);
    if (mp_damper_ticks(&passage->proxy->block_reported, REPORT_WINDOW, mp_clock_monotonic()))
        mp_log(MP_LOG_NOTICE, "MP0253: a share of " MP_WORKER_FMT " meets the network's target: block %s, %s by " MP_POOL_FMT,
               MP_WORKER_ARG(passage->order->worker), digits,
               passage->share.verdict == MP_VERDICT_UNKNOWN ? "not judged" : mp_verdict_word(passage->share.verdict),
               MP_POOL_ARG(passage->destination.pool));
}

static apr_status_t send_and_record(mp_submit_outcome_t *outcome, passage_t *passage, mp_result_t *why)
{
    apr_status_t status = mp_spool_intend(passage->proxy->spool, &passage->share, why);
    if (status != APR_SUCCESS) {
        mp_verdicts_drop(&passage->share, &passage->proxy->cache, passage->secret);
        return status;
    }
    send_share(passage);
    tell_block(passage);
    status = record(passage, why);
    if (status == APR_SUCCESS)
        conclude(outcome, passage);
    return status;
}

/* A verdict that an earlier request could not get onto the disk. */
static apr_status_t record_again(mp_submit_outcome_t *outcome, passage_t *passage, mp_result_t *why)
{
    apr_status_t status = mp_spool_intend(passage->proxy->spool, &passage->share, why);
    if (status == APR_SUCCESS)
        status = record(passage, why);
    if (status == APR_SUCCESS)
        conclude(outcome, passage);
    return status;
}

/* What the database knows of the share, the shared cache has forgotten. */
static apr_status_t answer_recorded(mp_submit_outcome_t *outcome, passage_t *passage, const mp_share_t *recorded)
{
    passage->share = *recorded;
    mp_verdicts_settle(&passage->share, true, &passage->proxy->cache, passage->secret);
    conclude(outcome, passage);
    outcome->is_repeated = true;
    return APR_SUCCESS;
}

static apr_status_t claim_and_send(mp_submit_outcome_t *outcome, passage_t *passage, mp_result_t *why)
{
    mp_claim_t claim = mp_verdicts_claim(&passage->share, &passage->proxy->cache, passage->order->timeout + LEASE_MARGIN, passage->secret);
    if (claim == MP_CLAIM_SETTLED) {
        conclude(outcome, passage);
        outcome->is_repeated = true;
        return APR_SUCCESS;
    }
    if (claim == MP_CLAIM_UNRECORDED)
        return record_again(outcome, passage, why);
    passage->may_be_known = claim == MP_CLAIM_TAKEN_OVER;
    passage->began = mp_clock_monotonic();
    return send_and_record(outcome, passage, why);
}

/* A hundredth of slack: the difficulty went through a floating point number, and a doubtful share is the pool's to judge. */
static bool is_too_easy(const unsigned char *header, double difficulty)
{
    unsigned char target[MP_TARGET_SIZE], hash[MP_TARGET_SIZE];
    mp_target_from_difficulty(target, difficulty * 0.99);
    mp_getwork_hash(hash, header);
    return !mp_target_is_met(target, hash);
}

/* Another host's console may have made pool and account a moment ago, and that host given work for it. */
static mp_roster_t *acquire_newer(mp_proxy_t *proxy, const mp_roster_t *roster, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation;
    if (mp_store_load_generation(&generation, proxy->store, &why, p) != APR_SUCCESS)
        return NULL;
    if (!mp_keeper_await(proxy->keeper, generation, 0)) {
        mp_recorder_hurry(proxy->recorder);
        mp_keeper_await(proxy->keeper, generation, FOLLOW_PATIENCE);
    }
    mp_roster_t *newer = mp_keeper_acquire(proxy->keeper);
    if (newer && newer != roster)
        return newer;
    mp_roster_release(newer);
    return NULL;
}

static bool find_destination(passage_t *passage, const mp_route_t *route)
{
    mp_proxy_t *proxy = passage->proxy;
    if (mp_roster_find_destination(&passage->destination, passage->order->roster, route))
        return true;
    if (apr_atomic_inc32(&proxy->routes.lookups) < proxy->routes.lookups_max)
        passage->newer = acquire_newer(proxy, passage->order->roster, passage->pool);
    apr_atomic_dec32(&proxy->routes.lookups);
    return passage->newer && mp_roster_find_destination(&passage->destination, passage->newer, route);
}

static apr_status_t route_and_send(mp_submit_outcome_t *outcome, passage_t *passage, const mp_routes_answer_t *answer, mp_result_t *why)
{
    if (answer->is_recorded)
        return answer_recorded(outcome, passage, &answer->recorded);
    if (!find_destination(passage, &answer->route))
        return refuse(outcome, passage, "the pool that issued it is no longer assigned, for more than an hour");
    passage->share.pool_id = answer->route.pool_id;
    passage->share.difficulty = answer->route.difficulty;
    if (passage->order->is_fixed_difficulty && is_too_easy(passage->order->header, answer->route.difficulty)) {
        *outcome = (mp_submit_outcome_t){.is_accepted = true, .is_dropped = true, .difficulty = answer->route.difficulty};
        return APR_SUCCESS;
    }
    return claim_and_send(outcome, passage, why);
}

apr_status_t mp_submit_share(mp_submit_outcome_t *outcome, mp_proxy_t *proxy, const mp_submit_order_t *order, mp_result_t *why,
                             apr_pool_t *p)
{
    mp_routes_answer_t answer;
    mp_result_t cause = MP_RESULT_NONE;
    passage_t passage = {.proxy = proxy,
                         .pool = p,
                         .order = order,
                         .secret = mp_roster_secret(order->roster),
                         .share = {.worker_id = order->worker->id, .time = mp_clock_now()}};
    mp_share_key(passage.share.id, order->worker->id, order->header);
    apr_status_t status = mp_routes_find(&answer, &proxy->routes, order->worker->id, order->header, order->roster, &cause);
    if (status == APR_NOTFOUND)
        return refuse(outcome, &passage, "it was never given such work");
    if (status != APR_SUCCESS) {
        *why = cause;
        return status;
    }
    status = route_and_send(outcome, &passage, &answer, why);
    mp_roster_release(passage.newer);
    return status;
}
