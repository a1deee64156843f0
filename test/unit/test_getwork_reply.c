/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/getwork.h"
#include "tap.h"
#include "upstream/getwork_reply.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define DATA                                                                                                                               \
    "00000001ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000c2b620e3758dfcff8bdb2304ae42b91e1e950e71aff797d7b09288fc2b12" \
    "fcf1"                                                                                                                                 \
    "4dd7f5c71a44b9f200000000000000800000000000000000000000000000000000000000000000000000000000000000000000000000000080020000"
#define WORK "{\"result\":{\"data\":\"" DATA "\"},\"error\":null,\"id\":1}"

static apr_pool_t *p;

static mp_answer_t make(int status, const char *header, const char *body)
{
    mp_answer_t answer = {.status = 0};
    const char *line = apr_psprintf(p, "HTTP/1.1 %d Some Words\r\n", status);

    mp_answer_add_line(&answer, line, strlen(line));
    if (header != NULL)
        mp_answer_add_line(&answer, header, strlen(header));
    mp_answer_add_body(&answer, body, strlen(body), p);
    return answer;
}

static mp_work_t *read_good(const char *header, const char *body)
{
    mp_answer_t answer = make(200, header, body);
    mp_result_t why = MP_RESULT_NONE;
    mp_blame_t blame = MP_BLAME_POOL;
    mp_work_t *work = NULL;

    is_number(mp_getwork_reply_read_work(&work, &blame, &answer, NULL, &why, p), APR_SUCCESS, "work is read");
    is_number(blame, MP_BLAME_NOBODY, "nobody is to blame");
    if (work == NULL)
        exit(1);
    return work;
}

static void test_work(void)
{
    static const unsigned char start[] = {0, 0, 0, 1, 0xab, 2};
    mp_work_t *work = read_good(NULL, WORK);

    ok(memcmp(work->head, start, sizeof(start)) == 0 && work->head[67] == 0xf1, "head");
    ok(work->difficulty > 0.99 && work->difficulty < 1.01, "difficulty");
    is_number(work->roll, MP_ROLL_NO, "without header no rolling");
    is_number(work->block_height, 0, "no height");
    ok(strstr(mp_getwork_format(work->getwork, true, p), "\"midstate\"") != NULL, "completed");
    ok(strstr(mp_getwork_format(work->getwork, true, p), "submitold") == NULL, "no submitold of our own");
    ok(work->announcement == NULL, "nothing about new blocks");
    is_text(read_good("X-Long-Polling:  http://pool.example:81/lp?x \r\n", WORK)->announcement, "http://pool.example:81/lp?x",
            "where new blocks are announced");
    work = read_good("X-Roll-NTime: expire=90\r\n", WORK);
    is_number(work->roll, MP_ROLL_EXPIRE, "rolling with a limit");
    is_number(work->roll_seconds, 90, "in seconds");
    is_number(read_good("X-Roll-NTime: N\r\n", WORK)->roll, MP_ROLL_NO, "rolling forbidden");
    is_number(read_good("X-Blocknum: 254123\r\n", WORK)->block_height, 254123, "a height");
    is_number(read_good("X-Blocknum: 12x\r\n", WORK)->block_height, 0, "a height that is none");
    is_number(read_good("X-Blocknum: -5\r\n", WORK)->block_height, 0, "a negative one");
    is_number(read_good("X-Blocknum: 99999999999999999999\r\n", WORK)->block_height, 0, "one too large");
    ok(strstr(mp_getwork_format(read_good("X-Submit-Old: 1\r\n", WORK)->getwork, true, p), "\"submitold\":true") != NULL, "X-Submit-Old");
    ok(strstr(mp_getwork_format(read_good("X-Submit-Old: N\r\n", WORK)->getwork, true, p), "\"submitold\":false") != NULL,
       "X-Submit-Old: N");
    read_good(NULL, "{\"result\":{\"data\":\"" DATA "\"}}");
}

typedef struct bad_t {
    int status;
    const char *body;
    const char *word;
    mp_blame_t blame;
    const char *sentence;
} bad_t;

static const bad_t bad[] = {
    {200, "{\"result\":null,\"error\":{\"code\":-10,\"message\":\"downloading blocks\"}}", "pool-error", MP_BLAME_POOL,
     "\"downloading blocks\""},
    {200, "{\"result\":{\"data\":\"" DATA "\"},\"error\":\"both\"}", "pool-error", MP_BLAME_POOL, "\"both\""},
    {500, "{\"result\":null,\"error\":\"busy\"}", "pool-error", MP_BLAME_POOL, "\"busy\""},
    {200, "{\"result\":null,\"error\":[24,\"Unauthorized worker\",null]}", "pool-unauthorized", MP_BLAME_CREDENTIALS,
     "Unauthorized worker"},
    {200, "{\"result\":null,\"error\":{\"message\":\"Wrong password\"}}", "pool-unauthorized", MP_BLAME_CREDENTIALS, "Wrong password"},
    {403, "{\"result\":null,\"error\":{\"message\":\"go away\"}}", "pool-unauthorized", MP_BLAME_CREDENTIALS, "go away"},
    {401, "", "pool-unauthorized", MP_BLAME_CREDENTIALS, "401 Some Words"},
    {403, "<html>no</html>", "pool-unauthorized", MP_BLAME_CREDENTIALS, "403 Some Words"},
    {502, "<html>Bad</html>", "http-502", MP_BLAME_POOL, "it answered 502 Some Words"},
    {500, WORK, "http-500", MP_BLAME_POOL, "it answered 500 Some Words"},
    {404, "", "http-404", MP_BLAME_POOL, "it answered 404"},
    {301, "", "http-301", MP_BLAME_POOL, "redirects to http://elsewhere/"},
    {200, "", "bad-json", MP_BLAME_POOL, "empty"},
    {200, "<html>hello</html>", "bad-json", MP_BLAME_POOL, ""},
    {200, "[1,2]", NULL, MP_BLAME_POOL, ""},
    {200, "{\"x\":1}", NULL, MP_BLAME_POOL, ""},
    {200, "{\"result\":true,\"error\":null}", "bad-work", MP_BLAME_POOL, ""},
    {200, "{\"result\":null,\"error\":null}", "bad-work", MP_BLAME_POOL, ""},
    {200, "{\"result\":\"data\",\"error\":null}", "bad-work", MP_BLAME_POOL, ""},
    {200, "{\"result\":{\"data\":\"00\"},\"error\":null}", "bad-work", MP_BLAME_POOL, ""},
    {200, "{\"result\":{\"data\":5},\"error\":null}", "bad-work", MP_BLAME_POOL, ""},
};

static void test_bad_work(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mp_answer_t answer = make(bad[i].status, NULL, bad[i].body);
        mp_result_t why = MP_RESULT_NONE;
        mp_blame_t blame = MP_BLAME_NOBODY;
        mp_work_t *work = NULL;
        apr_status_t status =
            mp_getwork_reply_read_work(&work, &blame, &answer, bad[i].status == 301 ? "http://elsewhere/" : NULL, &why, p);
        ok(status != APR_SUCCESS && work == NULL, "%d %s is no work", bad[i].status, bad[i].body);
        if (bad[i].word != NULL)
            is_text(why.word, bad[i].word, "word");
        is_number(blame, bad[i].blame, "blame");
        ok(why.sentence[0] != '\0' && strstr(why.sentence, bad[i].sentence) != NULL, "\"%s\" says \"%s\"", why.sentence, bad[i].sentence);
    }
}

typedef struct share_t {
    int status;
    const char *header;
    const char *body;
    mp_delivery_t delivery;
    mp_verdict_t verdict;
    const char *reason;
} share_t;

#define ANSWERED MP_DELIVERY_ANSWERED
#define REJECTED MP_VERDICT_REJECTED

static const share_t shares[] = {
    {200, NULL, "{\"result\":true,\"error\":null,\"id\":1}", ANSWERED, MP_VERDICT_ACCEPTED, ""},
    {200, "X-Reject-Reason: odd\r\n", "{\"result\":true}", ANSWERED, MP_VERDICT_ACCEPTED, ""},
    {200, NULL, "{\"result\":false,\"error\":null}", ANSWERED, REJECTED, "rejected"},
    {200, "X-Reject-Reason: stale-\x01prevblk\xff\r\n", "{\"result\":false}", ANSWERED, REJECTED, "stale- prevblk?"},
    {500, "X-Reject-Reason: duplicate\r\n", "{\"result\":false}", ANSWERED, REJECTED, "duplicate"},
    {200, NULL, "{\"result\":true,\"error\":{\"code\":1,\"message\":\"Duplicate share\"}}", ANSWERED, REJECTED, "Duplicate share"},
    {500, NULL, "{\"result\":null,\"error\":\"high-hash\"}", ANSWERED, REJECTED, "high-hash"},
    {401, NULL, "{\"result\":null,\"error\":\"\"}", ANSWERED, REJECTED, NULL},
    {401, NULL, "", ANSWERED, REJECTED, "pool-unauthorized"},
    {403, NULL, "<html>", ANSWERED, REJECTED, "pool-unauthorized"},
    {404, NULL, "", ANSWERED, REJECTED, "http-404"},
    {405, NULL, "", ANSWERED, REJECTED, "http-405"},
    {400, NULL, "bad", ANSWERED, REJECTED, "http-400"},
    {413, NULL, "", ANSWERED, REJECTED, "http-413"},
    {502, NULL, "<html>", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "http-502"},
    {503, NULL, "", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "http-503"},
    {503, NULL, "{\"result\":true}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "http-503"},
    {302, NULL, "", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "http-302"},
    {200, NULL, "", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "true", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":\"true\"}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":1}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":null,\"error\":null}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":{\"data\":\"x\"}}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":[true]}", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "{\"result\":tru", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
    {200, NULL, "<html>true</html>", MP_DELIVERY_UNKNOWN, MP_VERDICT_UNKNOWN, "bad-answer"},
};

static void test_verdicts(void)
{
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        mp_answer_t answer = make(shares[i].status, shares[i].header, shares[i].body);
        mp_result_t why = MP_RESULT_NONE;
        mp_submission_t submission;
        memset(&submission, 0x55, sizeof(submission));
        mp_getwork_reply_read_verdict(&submission, &answer, &why, p);
        is_number(submission.delivery, shares[i].delivery, apr_psprintf(p, "%d %s: delivery", shares[i].status, shares[i].body));
        is_number(submission.verdict, shares[i].verdict, "verdict");
        if (shares[i].reason != NULL)
            is_text(submission.reason, shares[i].reason, "reason");
        if (shares[i].verdict == REJECTED)
            ok(submission.reason[0] != '\0', "a rejection has a reason");
        if (submission.delivery == MP_DELIVERY_UNKNOWN)
            ok(why.sentence[0] != '\0', "an unknown one is explained: %s", why.sentence);
    }
}

static void test_long_reasons(void)
{
    char *line = apr_pcalloc(p, 400);
    mp_result_t why = MP_RESULT_NONE;
    mp_submission_t submission;

    memset(line, 'r', 399);
    memcpy(line, "X-Reject-Reason: ", 17);
    mp_answer_t answer = make(200, line, "{\"result\":false}");
    mp_getwork_reply_read_verdict(&submission, &answer, &why, p);
    is_number(strlen(submission.reason), MP_REASON_SIZE - 1, "a long reason is cut");
    answer = make(200, NULL, "{\"result\":null,\"error\":\"na\\u00efve\\r\\nX-Evil: 1\"}");
    mp_getwork_reply_read_verdict(&submission, &answer, &why, p);
    is_text(submission.reason, "na?ve  X-Evil: 1", "an error's text is made fit for a header");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_work();
    test_bad_work();
    test_verdicts();
    test_long_reasons();
    return tap_done();
}
