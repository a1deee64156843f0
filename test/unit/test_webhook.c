/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "http_stub.h"
#include "tap.h"
#include "upstream/transfer.h"
#include "upstream/webhook.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define LONG_TIME apr_time_from_sec(20)

static apr_pool_t *p;
static http_stub_t *stub;
static const char *const headers[] = {"Content-Type: text/plain", "X-Secret: hush", NULL};

static mp_webhook_t *create(const char *proxy)
{
    mp_upstream_options_t options = {.user_agent = "test", .proxy = proxy};
    mp_webhook_t *webhook = NULL;

    is_number(mp_webhook_create(&webhook, &options, p), APR_SUCCESS, "a webhook's client");
    return webhook;
}

static apr_status_t post(mp_webhook_t *webhook, const char *url, apr_interval_time_t timeout, mp_result_t *why)
{
    mp_webhook_request_t request = {.url = url, .headers = headers, .body = "hello", .timeout = timeout};

    *why = MP_RESULT_NONE;
    return mp_webhook_post(webhook, &request, why, p);
}

static const char *url(const char *account)
{
    return apr_psprintf(p, "http://%s127.0.0.1:%d/secret/path?secret=query", account, http_stub_port(stub));
}

static void answer(http_stub_mode_t mode, int status, const char *body)
{
    http_stub_always(stub, (http_stub_answer_t){.mode = mode, .status = status, .body = body});
}

static void fails(mp_webhook_t *webhook, const char *word, const char *sentence)
{
    mp_result_t why;

    ok(post(webhook, url("me:hush@"), LONG_TIME, &why) != APR_SUCCESS, "it fails: %s", why.sentence);
    is_text(why.word, word, "a word");
    ok(strstr(why.sentence, sentence) != NULL, "a sentence: %s", why.sentence);
    ok(strstr(why.sentence, "secret") == NULL && strstr(why.sentence, "hush") == NULL, "nothing secret is in it");
}

static void test_checks(void)
{
    static const char *const bad[] = {"",
                                      "ntfy.sh/x",
                                      "ftp://ntfy.sh/x",
                                      "file:///etc/passwd",
                                      "https://",
                                      "https:///x",
                                      "https://a b/",
                                      "https://a/\r\nX: y",
                                      "https://u:p%0a@a/",
                                      "https://u%00:p@a/",
                                      "https://a/#x",
                                      "http:/a",
                                      "https://a:0/"};

    ok(mp_webhook_url_check("https://ntfy.sh/topic?auth=x", p) == NULL, "a URL");
    ok(mp_webhook_url_check("HTTP://me:pa%20ss@[::1]:8080/a@b", p) == NULL, "one with an account");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(mp_webhook_url_check(bad[i], p) != NULL, "\"%s\" is refused", bad[i]);
}

static void test_request(mp_webhook_t *webhook)
{
    mp_result_t why;
    char text[4096];

    answer(STUB_LENGTH, 200, "thanks");
    is_number(post(webhook, url(""), LONG_TIME, &why), APR_SUCCESS, "it is posted");
    http_stub_last(stub, text, sizeof(text));
    ok(strncmp(text, "POST /secret/path?secret=query HTTP/1.1\r\n", 41) == 0, "with path and query");
    ok(strstr(text, "\r\nContent-Type: text/plain\r\n") != NULL && strstr(text, "\r\nX-Secret: hush\r\n") != NULL, "with its headers");
    ok(strstr(text, "\r\nUser-Agent: test\r\n") != NULL && strstr(text, "\r\n\r\nhello") != NULL, "and its body");
    ok(strstr(text, "Authorization") == NULL && strstr(text, "Cookie") == NULL, "and no login");
    answer(STUB_CHUNKED, 204, "");
    is_number(post(webhook, url("me:pa%20ss@"), LONG_TIME, &why), APR_SUCCESS, "any 2xx will do");
    http_stub_last(stub, text, sizeof(text));
    ok(strstr(text, "\r\nAuthorization: Basic bWU6cGEgc3M=\r\n") != NULL, "an account in the URL goes along");
    ok(strncmp(text, "POST /secret", 12) == 0 && strstr(text, "me:pa") == NULL, "as a header only");
    ok(http_stub_wait_closed(stub, 0), "no connection is kept");
}

static void test_answers(mp_webhook_t *webhook)
{
    mp_result_t why;

    answer(STUB_LENGTH, 404, "no hook /secret/path");
    fails(webhook, "http-status", "it answered with HTTP status 404: there is no such webhook");
    answer(STUB_LENGTH, 403, "X-Secret: hush");
    fails(webhook, "http-status", "403: it wants a login");
    answer(STUB_LENGTH, 429, "");
    fails(webhook, "http-status", "429");
    answer(STUB_LENGTH, 500, "");
    fails(webhook, "http-status", "500");
    answer(STUB_CLOSE, 0, NULL);
    fails(webhook, "connection-lost", "closed the connection");
    answer(STUB_RESET, 0, NULL);
    fails(webhook, "connection-reset", "reset the connection");
    answer(STUB_RAW, 0, "hello, I speak no HTTP /secret/path\r\n\r\n");
    fails(webhook, "bad-answer", "not HTTP");
    char *early = apr_palloc(p, 3001 * sizeof(CONTINUE));
    for (int i = 0; i < 3000; i++)
        apr_cpystrn(early + i * (int)strlen(CONTINUE), CONTINUE, sizeof(CONTINUE));
    answer(STUB_RAW, 0, early);
    fails(webhook, "answer-too-large", "larger than 64 KB");
    answer(STUB_ENDLESS_HEAD, 0, NULL);
    ok(post(webhook, url(""), LONG_TIME, &why) == APR_SUCCESS, "200 is 200, whatever its head");
    answer(STUB_ENDLESS, 200, NULL);
    ok(post(webhook, url(""), LONG_TIME, &why) == APR_SUCCESS, "an endless answer is not read to its end");
    answer(STUB_CUT_BODY, 200, "thanks");
    ok(post(webhook, url(""), LONG_TIME, &why) == APR_SUCCESS, "nor need it be complete");
}

static void test_redirect(mp_webhook_t *webhook)
{
    int before = http_stub_requests(stub);

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .status = 307, .headers = "Location: /other\r\n"});
    fails(webhook, "http-status", "307: it is elsewhere");
    is_number(http_stub_requests(stub), before + 1, "no redirect is followed");
}

static void test_nobody(mp_webhook_t *webhook)
{
    mp_result_t why;
    int fd;

    is_number(post(webhook, apr_psprintf(p, "http://127.0.0.1:%d/secret", http_stub_refusing_port(&fd)), LONG_TIME, &why), APR_EGENERAL,
              "nobody listens");
    is_text(why.word, "connection-refused", "a word");
    close(fd);
    is_number(post(webhook, "http://no.such.host.invalid/secret", LONG_TIME, &why), APR_EGENERAL, "no such host");
    is_text(why.word, "dns-failed", "a word");
    ok(strstr(why.sentence, "secret") == NULL, "without the path: %s", why.sentence);
    is_number(post(webhook, "file:///etc/passwd", LONG_TIME, &why), APR_EGENERAL, "no file");
}

static void test_timeout(mp_webhook_t *webhook)
{
    mp_result_t why;

    answer(STUB_HANG, 0, NULL);
    is_number(post(webhook, url(""), apr_time_from_sec(1), &why), APR_TIMEUP, "a server that hangs");
    is_text(why.sentence, "it accepted the connection but sent no answer within 1 s", "says so");
    answer(STUB_HANG_IN_BODY, 200, "thanks");
    is_number(post(webhook, url(""), apr_time_from_sec(1), &why), APR_SUCCESS, "one that hangs after its 200 has taken it");
}

static void test_environment(void)
{
    mp_result_t why;
    mp_webhook_t *webhook;

    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    webhook = create(NULL);
    answer(STUB_LENGTH, 200, "");
    is_number(post(webhook, url(""), LONG_TIME, &why), APR_SUCCESS, "the environment's proxy is not asked");
    unsetenv("http_proxy");
}

static void test_proxy(void)
{
    mp_result_t why;
    char text[4096];
    mp_webhook_t *webhook = create(apr_psprintf(p, "http://127.0.0.1:%d", http_stub_port(stub)));

    is_number(post(webhook, "http://hook.invalid/x", LONG_TIME, &why), APR_SUCCESS, "through the proxy that is configured");
    ok(strncmp(http_stub_last(stub, text, sizeof(text)), "POST http://hook.invalid/x HTTP/1.1\r\n", 37) == 0, "which gets it all");
    answer(STUB_RAW, 0, "HTTP/1.1 200 OK\r\n\r\n");
    is_number(post(webhook, "https://hook.invalid/x", LONG_TIME, &why), APR_EGENERAL, "a tunnel is no answer");
    is_text(why.word, "tls-failed", "without TLS there is none");
    answer(STUB_LENGTH, 403, "");
    is_number(post(webhook, "https://hook.invalid/x", LONG_TIME, &why), APR_EGENERAL, "nor is a refused tunnel");
    is_text(why.word, "proxy-failed", "which is the proxy's word");
}

static void *interrupt(void *webhook)
{
    http_stub_wait(stub, 1);
    mp_webhook_interrupt(webhook);
    return NULL;
}

static void test_interrupt(mp_webhook_t *webhook)
{
    mp_result_t why;
    pthread_t thread;
    apr_time_t began = mp_clock_monotonic();
    http_stub_t *before = stub;

    stub = http_stub_start();
    answer(STUB_HANG, 0, NULL);
    pthread_create(&thread, NULL, interrupt, webhook);
    is_number(post(webhook, url(""), LONG_TIME, &why), APR_EINTR, "it is interrupted");
    is_text(why.word, "stopped", "a word");
    pthread_join(thread, NULL);
    is_number(post(webhook, url(""), LONG_TIME, &why), APR_EINTR, "and so is what follows");
    is_number(http_stub_requests(stub), 1, "which does not begin");
    ok(mp_clock_monotonic() - began < LONG_TIME / 2, "at once");
    http_stub_stop(stub);
    stub = before;
}

int main(void)
{
    mp_webhook_t *webhook;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    is_number(mp_transfer_library_open(p), APR_SUCCESS, "libcurl works");
    stub = http_stub_start();
    webhook = create(NULL);
    test_checks();
    test_request(webhook);
    test_answers(webhook);
    test_redirect(webhook);
    test_nobody(webhook);
    test_timeout(webhook);
    test_environment();
    test_proxy();
    test_interrupt(webhook);
    apr_pool_destroy(p);
    http_stub_stop(stub);
    return tap_done();
}
