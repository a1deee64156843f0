/* SPDX-License-Identifier: Apache-2.0 */
/* Order matters: first the JSON, because old pools send errors with status 200 and bitcoind sends them with 500; then the status; then the result. A verdict
 * is never guessed: whatever does not say true, false or error leaves the share unknown. */
#include "upstream/getwork_reply.h"

#include "base/assert.h"
#include "base/text.h"
#include "codec/getwork.h"
#include "codec/jsonrpc.h"

#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "502 Bad Gateway" */
static const char *status_text(const mp_answer_t *answer, apr_pool_t *p)
{
    return apr_psprintf(p, "%d%s%s", answer->status, answer->phrase[0] ? " " : "", answer->phrase);
}

static const char *status_word(const mp_answer_t *answer, apr_pool_t *p)
{
    return apr_psprintf(p, "http-%d", answer->status);
}

static bool is_unauthorized(const mp_answer_t *answer)
{
    return answer->status == 401 || answer->status == 403;
}

/* Pools have no common code for a wrong account; these are the words that they use. */
static bool speaks_of_credentials(const char *text)
{
    static const char *const signs[] = {"unauthorized", "unauthorised",   "not authorized", "not authorised",
                                        "password",     "credential",     "unknown user",   "unknown worker",
                                        "invalid user", "invalid worker", "no such user",   "no such worker"};

    for (apr_size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (strcasestr(text, signs[i]) != NULL)
            return true;
    }
    return false;
}

/* An answer without a body is none; the parser then says so. */
static apr_status_t parse(mp_jsonrpc_answer_t *reply, const mp_answer_t *answer, mp_result_t *why, apr_pool_t *p)
{
    memset(reply, 0, sizeof(*reply));
    if (answer->size == 0)
        return mp_result_set(why, APR_EINVAL, "bad-json", "its answer is empty");
    return mp_jsonrpc_answer_parse(reply, answer->body, answer->size, why, p);
}

static apr_status_t describe_error(mp_blame_t *blame, const mp_answer_t *answer, const mp_jsonrpc_answer_t *reply, mp_result_t *why)
{
    bool is_account = is_unauthorized(answer) || speaks_of_credentials(reply->error_text);

    *blame = is_account ? MP_BLAME_CREDENTIALS : MP_BLAME_POOL;
    return mp_result_set(why, APR_EGENERAL, is_account ? "pool-unauthorized" : "pool-error", "it answered with the error \"%s\"",
                         reply->error_text);
}

static apr_status_t describe_status(mp_blame_t *blame, const mp_answer_t *answer, const char *redirect_url, mp_result_t *why, apr_pool_t *p)
{
    if (is_unauthorized(answer)) {
        *blame = MP_BLAME_CREDENTIALS;
        return mp_result_set(why, APR_EGENERAL, "pool-unauthorized", "it refused the user name or password of this account (%s)",
                             status_text(answer, p));
    }
    if (redirect_url != NULL)
        return mp_result_set(why, APR_EGENERAL, status_word(answer, p),
                             "it answered %s and redirects to %s; if that is right, enter it as the pool's URL", status_text(answer, p),
                             redirect_url);
    return mp_result_set(why, APR_EGENERAL, status_word(answer, p), "it answered %s", status_text(answer, p));
}

/* A block's height; 0 for anything that is none. */
static apr_int64_t parse_height(const char *text)
{
    char *end = NULL;

    if (text == NULL || *text < '0' || *text > '9' || strlen(text) > 10)
        return 0;
    apr_int64_t height = strtoll(text, &end, 10);
    return *end == '\0' ? height : 0;
}

/* The older form of "submitold" is a header with any value but N; miners read the member of the result. */
static void convert_submit_old(mp_getwork_t *getwork, const char *value)
{
    if (value != NULL && getwork->submit_old == NULL)
        getwork->submit_old = value[0] != 'N' && value[0] != 'n' ? "true" : "false";
}

static mp_work_t *make_work(mp_getwork_t *getwork, const mp_answer_t *answer, apr_pool_t *p)
{
    mp_work_t *work = apr_pcalloc(p, sizeof(*work));

    convert_submit_old(getwork, mp_answer_header(answer, MP_ANSWER_SUBMIT_OLD));
    memcpy(work->head, getwork->header, sizeof(work->head));
    work->difficulty = getwork->difficulty;
    work->getwork = getwork;
    work->roll = (int)mp_roll_parse(&work->roll_seconds, mp_answer_header(answer, MP_ANSWER_ROLL_NTIME));
    work->block_height = parse_height(mp_answer_header(answer, MP_ANSWER_BLOCKNUM));
    work->announcement = apr_pstrdup(p, mp_answer_header(answer, MP_ANSWER_LONG_POLLING));
    return work;
}

static bool is_success(const mp_answer_t *answer)
{
    return answer->status >= 200 && answer->status <= 299;
}

static apr_status_t read_json(mp_getwork_t **getwork, mp_blame_t *blame, const mp_answer_t *answer, const char *redirect_url,
                              mp_result_t *why, apr_pool_t *p)
{
    mp_jsonrpc_answer_t reply;
    apr_status_t status = parse(&reply, answer, why, p);

    *blame = MP_BLAME_POOL;
    if (status == APR_SUCCESS && reply.is_error)
        return describe_error(blame, answer, &reply, why);
    if (!is_success(answer))
        return describe_status(blame, answer, redirect_url, why, p);
    return status == APR_SUCCESS ? mp_getwork_parse(getwork, reply.result, why, p) : status;
}

apr_status_t mp_getwork_reply_read_work(mp_work_t **work, mp_blame_t *blame, const mp_answer_t *answer, const char *redirect_url,
                                        mp_result_t *why, apr_pool_t *p)
{
    mp_getwork_t *getwork = NULL;
    bool is_usual = is_success(answer) && answer->size > 0 && mp_getwork_scan(&getwork, answer->body, answer->size, p);
    apr_status_t status = is_usual ? APR_SUCCESS : read_json(&getwork, blame, answer, redirect_url, why, p);

    if (status != APR_SUCCESS)
        return status;
    MP_ASSERT(getwork != NULL);
    *blame = MP_BLAME_NOBODY;
    *work = make_work(getwork, answer, p);
    return APR_SUCCESS;
}

static void reject(mp_submission_t *submission, const char *reason)
{
    submission->delivery = MP_DELIVERY_ANSWERED;
    submission->verdict = MP_VERDICT_REJECTED;
    mp_text_clean_ascii(submission->reason, sizeof(submission->reason), reason);
    if (submission->reason[0] == '\0')
        apr_cpystrn(submission->reason, "rejected", sizeof(submission->reason));
}

static void leave_unknown(mp_submission_t *submission, const char *reason)
{
    submission->delivery = MP_DELIVERY_UNKNOWN;
    submission->verdict = MP_VERDICT_UNKNOWN;
    mp_text_clean_ascii(submission->reason, sizeof(submission->reason), reason);
}

static bool is_false(const mp_json_t *json, apr_pool_t *p)
{
    return json != NULL && strcmp(mp_json_format(json, p), "false") == 0;
}

/* What no JSON explains. 4xx says that the request, as it was, will not be taken: a definite answer. Of a redirect that was not followed the same
 * could be argued, but programs also redirect after they acted: unknown. So is 5xx, where a gateway may have lost the pool's answer. */
static void judge_status(mp_submission_t *submission, const mp_answer_t *answer, const mp_result_t *parse_why, mp_result_t *why,
                         apr_pool_t *p)
{
    if (is_unauthorized(answer)) {
        reject(submission, "pool-unauthorized");
    } else if (answer->status >= 400 && answer->status <= 499) {
        reject(submission, status_word(answer, p));
    } else if (is_success(answer)) {
        leave_unknown(submission, "bad-answer");
        mp_result_set(why, APR_EGENERAL, "bad-answer", "it answered the share neither with true nor with false: %s", parse_why->sentence);
    } else {
        leave_unknown(submission, status_word(answer, p));
        mp_result_set(why, APR_EGENERAL, status_word(answer, p), "it answered the share with %s", status_text(answer, p));
    }
}

void mp_getwork_reply_read_verdict(mp_submission_t *submission, const mp_answer_t *answer, mp_result_t *why, apr_pool_t *p)
{
    mp_jsonrpc_answer_t reply;
    mp_result_t parse_why = MP_RESULT_NONE;
    bool is_parsed = parse(&reply, answer, &parse_why, p) == APR_SUCCESS;

    memset(submission, 0, sizeof(*submission));
    if (is_parsed && reply.is_error) {
        reject(submission, reply.error_text);
    } else if (is_parsed && is_false(reply.result, p)) {
        const char *reason = mp_answer_header(answer, MP_ANSWER_REJECT_REASON);
        reject(submission, reason ? reason : "rejected");
    } else if (is_parsed && mp_json_is_true(reply.result) && is_success(answer)) {
        submission->delivery = MP_DELIVERY_ANSWERED;
        submission->verdict = MP_VERDICT_ACCEPTED;
    } else if (is_parsed && mp_json_is_true(reply.result)) {
        leave_unknown(submission, status_word(answer, p));
        mp_result_set(why, APR_EGENERAL, submission->reason, "it answered the share with true, but also with %s", status_text(answer, p));
    } else {
        if (is_parsed)
            mp_result_set(&parse_why, APR_EINVAL, "bad-answer", "its result is %s", mp_json_format(reply.result, p));
        judge_status(submission, answer, &parse_why, why, p);
    }
}
