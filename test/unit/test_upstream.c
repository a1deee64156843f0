/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "codec/getwork.h"
#include "http_stub.h"
#include "tap.h"
#include "upstream/transfer.h"
#include "upstream/upstream.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_DIGITS                                                                                                                        \
    "00000001ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000c2b620e3758dfcff8bdb2304ae42b91e1e950e71aff797d7b09288fc2b12" \
    "fcf1"
#define WORK "{\"result\":{\"data\":\"" HEAD_DIGITS "4dd7f5c71a44b9f200000000\"},\"error\":null,\"id\":1}"

static apr_pool_t *root;
static http_stub_t *stub;
static mp_loop_t *loop;
static mp_upstream_t *upstream;
static mp_pool_t pool = {.id = 7, .name = "alpha", .enabled = true};
static mp_credentials_t credentials = {.username = "rig1", .password = "secret"};
static char url[64];

static mp_upstream_call_t make_call(const char *pool_url, int milliseconds)
{
    pool.url = pool_url;
    return (mp_upstream_call_t){.pool = &pool, .credentials = &credentials, .timeout = apr_time_from_msec(milliseconds)};
}

static void test_fetch(void)
{
    char text[4096];
    mp_upstream_call_t call = make_call(url, 5000);
    mp_result_t why = MP_RESULT_NONE;
    mp_blame_t blame = MP_BLAME_POOL;
    mp_work_t *work = NULL;

    http_stub_always(stub, (http_stub_answer_t){.body = WORK, .headers = "X-Roll-NTime: expire=60\r\nX-Blocknum: 5\r\n"});
    int before = http_stub_connections(stub);
    int good = 0;
    for (int i = 0; i < 100; i++)
        good += mp_upstream_fetch_work(&work, &blame, upstream, &call, &why, root) == APR_SUCCESS;
    is_number(good, 100, "a hundred fetches");
    is_number(http_stub_connections(stub) - before, 1, "use one connection");
    is_number(blame, MP_BLAME_NOBODY, "nobody is to blame");
    is_number(work->head[67], 0xf1, "head");
    is_number(work->roll_seconds, 60, "roll");
    is_number(work->block_height, 5, "height");
    http_stub_last(stub, text, sizeof(text));
    ok(strstr(text, "\r\nX-Mining-Extensions: longpoll midstate rollntime submitold\r\n") != NULL, "extensions");
    ok(strstr(text, "\r\nUser-Agent: tester/1\r\n") != NULL, "user agent");
    ok(strstr(text, "\"getwork\"") != NULL && strstr(text, "\"params\":[]") != NULL, "the request: %s", strstr(text, "\r\n\r\n") + 4);
}

typedef struct bad_t {
    http_stub_answer_t answer;
    const char *word;
    mp_blame_t blame;
    const char *reason; /* of a share that meets the same */
    mp_delivery_t delivery;
} bad_t;

static const bad_t bad[] = {
    {{.mode = STUB_RESET}, "connection-reset", MP_BLAME_POOL, "connection-lost", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_CLOSE}, "connection-lost", MP_BLAME_POOL, "connection-lost", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_HANG}, "timeout", MP_BLAME_POOL, "timeout", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_HANG_IN_BODY, .body = WORK}, "timeout", MP_BLAME_POOL, "timeout", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_TRICKLE}, "timeout", MP_BLAME_POOL, "timeout", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_ENDLESS}, "answer-too-large", MP_BLAME_POOL, "bad-answer", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_CUT_BODY, .body = WORK}, "connection-lost", MP_BLAME_POOL, "connection-lost", MP_DELIVERY_UNKNOWN},
    {{.status = 502, .body = "<html>"}, "http-502", MP_BLAME_POOL, "http-502", MP_DELIVERY_UNKNOWN},
    {{.body = "<html>"}, "bad-json", MP_BLAME_POOL, "bad-answer", MP_DELIVERY_UNKNOWN},
    {{.mode = STUB_RAW, .body = "hello\r\n"}, "bad-answer", MP_BLAME_POOL, "bad-answer", MP_DELIVERY_UNKNOWN},
    {{.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\r\n"},
     "pool-unauthorized",
     MP_BLAME_CREDENTIALS,
     "pool-unauthorized",
     MP_DELIVERY_ANSWERED},
    {{.status = 404}, "http-404", MP_BLAME_POOL, "http-404", MP_DELIVERY_ANSWERED},
    {{.status = 302, .headers = "Location: http://elsewhere.invalid/\r\n"}, "http-302", MP_BLAME_POOL, "http-302", MP_DELIVERY_UNKNOWN},
    {{.body = "{\"error\":\"stale\"}"}, "pool-error", MP_BLAME_POOL, "stale", MP_DELIVERY_ANSWERED},
};

static mp_submission_t submit(const mp_upstream_call_t *call, mp_result_t *why)
{
    static const unsigned char header[MP_HEADER_SIZE] = {0, 0, 0, 1, 0xAB};
    mp_submission_t submission;

    memset(&submission, 0x55, sizeof(submission));
    mp_upstream_submit_share(&submission, upstream, call, header, why, root);
    return submission;
}

static void test_failures(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mp_upstream_call_t call = make_call(url, strcmp(bad[i].word, "timeout") == 0 ? 200 : 5000);
        mp_result_t why = MP_RESULT_NONE;
        mp_blame_t blame = MP_BLAME_NOBODY;
        mp_work_t *work = NULL;
        http_stub_hang_up(stub);
        http_stub_always(stub, bad[i].answer);
        ok(mp_upstream_fetch_work(&work, &blame, upstream, &call, &why, root) != APR_SUCCESS, "no work");
        is_text(why.word, bad[i].word, "word of a failed fetch");
        is_number(blame, bad[i].blame, "blame");
        ok(why.sentence[0] != '\0' && strstr(why.sentence, "secret") == NULL, "\"%s\"", why.sentence);
        http_stub_hang_up(stub);
        int before = http_stub_requests(stub);
        mp_submission_t submission = submit(&call, &why);
        is_number(submission.delivery, bad[i].delivery, "delivery of a share");
        is_text(submission.reason, bad[i].reason, "reason");
        is_number(http_stub_requests(stub) - before, 1, "seen once");
    }
}

static void test_shares(void)
{
    char text[4096];
    mp_upstream_call_t call = make_call(url, 5000);
    mp_result_t why = MP_RESULT_NONE;

    http_stub_always(stub, (http_stub_answer_t){.body = "{\"result\":true,\"error\":null,\"id\":1}"});
    mp_submission_t submission = submit(&call, &why);
    is_number(submission.delivery, MP_DELIVERY_ANSWERED, "an answer");
    is_number(submission.verdict, MP_VERDICT_ACCEPTED, "accepted");
    is_text(submission.reason, "", "no reason");
    http_stub_last(stub, text, sizeof(text));
    const char *param = strstr(text, "\"params\":[\"");
    ok(param != NULL && strncmp(param + 11, "00000001ab000000", 16) == 0 && param[11 + 256] == '"',
       "canonical form: 256 lower-case digits");
    ok(param != NULL && strncmp(param + 11 + 160, "00000080", 8) == 0, "with its padding");
    http_stub_always(stub, (http_stub_answer_t){.body = "{\"result\":false}", .headers = "X-Reject-Reason: stale\r\n"});
    submission = submit(&call, NULL);
    is_number(submission.verdict, MP_VERDICT_REJECTED, "rejected; nobody wants to know why");
    is_text(submission.reason, "stale", "the pool's reason");
}

static void test_undelivered(void)
{
    int fds[3];
    int port = http_stub_refusing_port(&fds[0]);
    mp_upstream_call_t call = make_call(apr_psprintf(root, "http://127.0.0.1:%d/", port), 2000);
    mp_result_t why = MP_RESULT_NONE;
    mp_blame_t blame = MP_BLAME_NOBODY;
    mp_work_t *work = NULL;

    is_number(submit(&call, &why).delivery, MP_DELIVERY_NOT_SENT, "refused: not sent");
    is_text(why.word, "connection-refused", "and why");
    close(fds[0]);
    port = http_stub_unanswered_port(fds);
    call = make_call(apr_psprintf(root, "http://127.0.0.1:%d/", port), 300);
    mp_submission_t submission = submit(&call, &why);
    is_number(submission.delivery, MP_DELIVERY_NOT_SENT, "not connected in time: not sent");
    is_text(submission.reason, "timeout", "and why");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    call = make_call("http://nowhere.invalid/", 5000);
    is_number(submit(&call, &why).delivery, MP_DELIVERY_NOT_SENT, "no such host: not sent");
    is_text(why.word, "dns-failed", "and why");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_CLOSE});
    call = make_call(apr_psprintf(root, "https://127.0.0.1:%d/", http_stub_port(stub)), 500);
    is_number(submit(&call, &why).delivery, MP_DELIVERY_NOT_SENT, "no TLS there: not sent");
    call = make_call("stratum+tcp://127.0.0.1:3333", 500);
    is_number(submit(&call, &why).delivery, MP_DELIVERY_NOT_SENT, "unknown scheme: not sent");
    is_text(why.word, "bad-url", "and why");
    ok(mp_upstream_fetch_work(&work, &blame, upstream, &call, NULL, root) != APR_SUCCESS && blame == MP_BLAME_POOL, "nor is work fetched");
}

static int lines;

static void count_line(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    (void)level;
    if (strstr(line, "secret") != NULL || strncmp(line, "MP05", 4) != 0)
        __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
}

int main(void)
{
    mp_upstream_options_t options = {.user_agent = "tester/1"};

    apr_initialize();
    atexit(apr_terminate);
    mp_log_install(count_line, NULL, MP_LOG_DEBUG);
    apr_pool_create(&root, NULL);
    stub = http_stub_start();
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", http_stub_port(stub));
    mp_transfer_library_open(root);
    mp_loop_create(&loop, root);
    mp_loop_start(loop, NULL);
    is_number(mp_upstream_create(&upstream, &options, loop, root), APR_SUCCESS, "the upstream is created");
    test_fetch();
    test_failures();
    test_shares();
    test_undelivered();
    mp_loop_stop(loop);
    apr_pool_destroy(root);
    http_stub_stop(stub);
    is_number(lines, 0, "every log line has a tag of this layer, and none a password");
    return tap_done();
}
