/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "http_stub.h"
#include "tap.h"
#include "upstream/exchange.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static apr_pool_t *root;
static http_stub_t *stub;
static mp_exchange_t *exchange;
static mp_answer_t answer;
static mp_result_t why;
static apr_interval_time_t took;

static void create(const char *proxy)
{
    static const char *const headers[] = {"Content-Type: application/json", "Expect:", NULL};
    mp_handles_options_t options = {.user_agent = "mod_miningproxy/test", .headers = headers, .idle_max = 8, .proxy = proxy};

    is_number(mp_exchange_create(&exchange, &options, root), APR_SUCCESS, "created");
}

static mp_exchange_outcome_t ask_port(int port, int milliseconds)
{
    apr_time_t start = mp_clock_monotonic();
    mp_transfer_request_t request = {.url = apr_psprintf(root, "http://127.0.0.1:%d/work", port),
                                     .username = "rig1",
                                     .password = "secret",
                                     .body = "{\"a\":1}",
                                     .timeout = apr_time_from_msec(milliseconds),
                                     .is_repeatable = true};
    why = MP_RESULT_NONE;
    memset(&answer, 0, sizeof(answer));
    mp_exchange_outcome_t outcome = mp_exchange_run(&answer, exchange, &request, &why, root);
    took = mp_clock_monotonic() - start;
    return outcome;
}

static mp_exchange_outcome_t ask(void)
{
    return ask_port(http_stub_port(stub), 5000);
}

static void begin(http_stub_answer_t what)
{
    create(NULL); /* which knows no server yet */
    http_stub_always(stub, what);
}

static void test_kept(void)
{
    char text[4096];
    int connections;

    begin((http_stub_answer_t){.mode = STUB_LENGTH, .headers = "X-Blocknum: 7\r\n", .body = "{\"b\":2}"});
    connections = http_stub_connections(stub);
    for (int i = 0; i < 20; i++)
        ok(ask() == MP_EXCHANGE_ANSWERED && answer.status == 200 && strcmp(answer.body, "{\"b\":2}") == 0, "an answer");
    is_number(http_stub_connections(stub) - connections, 1, "over one connection");
    is_text(mp_answer_header(&answer, MP_ANSWER_BLOCKNUM), "7", "with its headers");
    http_stub_last(stub, text, sizeof(text));
    ok(strncmp(text, "POST /work HTTP/1.1\r\n", 21) == 0 && strstr(text, "Authorization: Basic cmlnMTpzZWNyZXQ=\r\n") &&
           strstr(text, "\r\n\r\n{\"a\":1}"),
       "what the pool read: %s", text);
    http_stub_hang_up(stub);
    ok(ask() == MP_EXCHANGE_ANSWERED, "a connection that died is replaced");
    is_number(http_stub_connections(stub) - connections, 2, "by one");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .status = 500, .body = "{\"error\":\"x\"}"});
    ok(ask() == MP_EXCHANGE_ANSWERED && answer.status == 500, "an error is an answer as well");
}

static void test_large(void)
{
    char *body = apr_palloc(root, 100001);

    memset(body, 'x', 100000);
    body[100000] = '\0';
    begin((http_stub_answer_t){.mode = STUB_LENGTH, .body = body});
    ok(ask() == MP_EXCHANGE_ANSWERED && answer.size == 100000 && strcmp(answer.body, body) == 0, "a body of many pieces");
    body = apr_pcalloc(root, MP_ANSWER_BODY_MAX + 2);
    memset(body, 'x', MP_ANSWER_BODY_MAX + 1);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .body = body});
    is_number(ask(), MP_EXCHANGE_UNUSUAL, "one that is too large is left to others");
}

static void test_unusual(void)
{
    static const http_stub_answer_t rows[] = {
        {.mode = STUB_CHUNKED, .body = "{\"b\":2}"},
        {.mode = STUB_CLOSE_DELIMITED, .body = "{\"b\":2}"},
        {.mode = STUB_LENGTH, .status = 302, .headers = "Location: /other\r\n"},
        {.mode = STUB_RAW, .body = "hello\r\n\r\n"},
        {.mode = STUB_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n"},
        {.mode = STUB_TRICKLE, .body = "{}"},
        {.mode = STUB_ENDLESS_HEAD}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(rows[i]);
        int requests = http_stub_requests(stub);
        is_number(ask(), MP_EXCHANGE_UNUSUAL, "an answer of another kind");
        is_number(ask(), MP_EXCHANGE_UNUSUAL, "and again");
        ok(http_stub_wait(stub, requests + 1) && http_stub_requests(stub) == requests + 1, "but that server was asked once only");
    }
}

static void test_failures(void)
{
    static const struct {
        http_stub_mode_t mode;
        const char *word;
    } rows[] = {{STUB_CLOSE, "connection-lost"}, {STUB_RESET, "connection-reset"},         {STUB_HANG, "timeout"},
                {STUB_HANG_IN_BODY, "timeout"},  {STUB_RESET_IN_BODY, "connection-reset"}, {STUB_CUT_BODY, "connection-lost"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin((http_stub_answer_t){.mode = rows[i].mode, .body = "{\"result\":true}"});
        is_number(ask_port(http_stub_port(stub), 300), MP_EXCHANGE_FAILED, rows[i].word);
        is_text(why.word, rows[i].word, why.sentence);
        ok(took < apr_time_from_sec(3), "in time");
    }
}

static void *ask_anew(void *outcome)
{
    mp_transfer_request_t request = {
        .url = apr_psprintf(root, "http://127.0.0.1:%d/work", http_stub_port(stub)), .body = "{}", .timeout = apr_time_from_sec(5)};
    mp_answer_t mine = {0};
    mp_result_t reason = MP_RESULT_NONE;

    *(mp_exchange_outcome_t *)outcome = mp_exchange_run(&mine, exchange, &request, &reason, root);
    return NULL;
}

/* On a kept connection the first wait is the socket's own, each time as long as this request may take. */
static void test_patience(void)
{
    const http_stub_answer_t answers[] = {{.mode = STUB_LENGTH, .body = "{}"}, {.mode = STUB_HANG}};

    begin((http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    int connections = http_stub_connections(stub);
    ok(ask() == MP_EXCHANGE_ANSWERED && ask() == MP_EXCHANGE_ANSWERED, "a connection whose requests may take 5 s");
    http_stub_script(stub, answers, 2);
    is_number(ask_port(http_stub_port(stub), 250), MP_EXCHANGE_ANSWERED, "then 250 ms");
    is_number(ask_port(http_stub_port(stub), 250), MP_EXCHANGE_FAILED, "no answer");
    is_text(why.word, "timeout", why.sentence);
    ok(strstr(why.sentence, "sent no answer within 250 ms") && took >= apr_time_from_msec(240) && took < apr_time_from_sec(3),
       "in time (%d ms)", (int)apr_time_as_msec(took));
    is_number(http_stub_connections(stub) - connections, 1, "all on one connection");
    begin((http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    is_number(ask_port(http_stub_port(stub), 250), MP_EXCHANGE_ANSWERED, "250 ms");
    is_number(ask_port(http_stub_port(stub), 250), MP_EXCHANGE_ANSWERED, "once more");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}", .is_held = true});
    int requests = http_stub_requests(stub);
    pthread_t thread;
    mp_exchange_outcome_t outcome = MP_EXCHANGE_FAILED;
    pthread_create(&thread, NULL, ask_anew, &outcome);
    ok(http_stub_wait(stub, requests + 1), "then 5 s");
    usleep(400000);
    http_stub_release(stub);
    pthread_join(thread, NULL);
    is_number(outcome, MP_EXCHANGE_ANSWERED, "which are waited for");
}

static void test_no_connection(void)
{
    int fd = -1, fds[3];

    create(NULL);
    is_number(ask_port(http_stub_refusing_port(&fd), 1000), MP_EXCHANGE_FAILED, "nobody listens");
    is_text(why.word, "connection-refused", why.sentence);
    is_number(ask_port(http_stub_unanswered_port(fds), 300), MP_EXCHANGE_FAILED, "nobody answers");
    is_text(why.word, "timeout", why.sentence);
    ok(strstr(why.sentence, "no connection") != NULL && took < apr_time_from_sec(3), "and says so in time");
    close(fd);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static apr_time_t later;

static apr_time_t read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return mp_clock_of(&now) + later;
}

/* What is known of a server: usual, unusual, or nothing, and then one request at a time finds out. */
static void test_knowledge(void)
{
    mp_clock_replace(read_clock);
    begin((http_stub_answer_t){.mode = STUB_CHUNKED, .body = "{}"});
    is_number(ask(), MP_EXCHANGE_UNUSUAL, "unusual");
    int requests = http_stub_requests(stub);
    later += MP_EXCHANGE_AVOID_TIME - apr_time_from_sec(60);
    is_number(ask(), MP_EXCHANGE_UNUSUAL, "nobody tries");
    is_number(http_stub_requests(stub), requests, "and nobody asks");
    later += apr_time_from_sec(61);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    is_number(ask(), MP_EXCHANGE_ANSWERED, "until it is time, and it has become usual");
    is_number(ask(), MP_EXCHANGE_ANSWERED, "and stays so");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_CLOSE});
    is_number(ask(), MP_EXCHANGE_FAILED, "no answer");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    is_number(ask(), MP_EXCHANGE_ANSWERED, "says nothing of its kind");
    mp_clock_replace(NULL);
}

static void test_one_tries(void)
{
    pthread_t thread;
    mp_exchange_outcome_t outcome = MP_EXCHANGE_FAILED;

    begin((http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}", .is_held = true});
    int requests = http_stub_requests(stub);
    pthread_create(&thread, NULL, ask_anew, &outcome);
    ok(http_stub_wait(stub, requests + 1), "the first to ask an unknown server waits for its answer");
    is_number(ask(), MP_EXCHANGE_UNUSUAL, "others do not wait with it");
    http_stub_release(stub);
    pthread_join(thread, NULL);
    is_number(outcome, MP_EXCHANGE_ANSWERED, "the answer");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    is_number(ask(), MP_EXCHANGE_ANSWERED, "and now it is known");
}

static void test_idle_time(void)
{
    begin((http_stub_answer_t){.mode = STUB_LENGTH, .body = "{}"});
    is_number(ask(), MP_EXCHANGE_ANSWERED, "a connection");
    const http_stub_answer_t answers[] = {{.mode = STUB_LENGTH, .status = 408, .headers = "Connection: close\r\n"},
                                          {.mode = STUB_LENGTH, .body = "{\"b\":2}"}};
    http_stub_script(stub, answers, 2);
    ok(ask() == MP_EXCHANGE_ANSWERED && answer.status == 200, "that was idle for too long, as the server says, is replaced");
}

/* Its answer comes, and with it the end of the connection, every time. */
static void test_last(void)
{
    begin((http_stub_answer_t){.mode = STUB_LENGTH, .headers = "Connection: close\r\n", .body = "{}"});
    int connections = http_stub_connections(stub);
    ok(ask() == MP_EXCHANGE_ANSWERED && ask() == MP_EXCHANGE_ANSWERED, "answers that are the last of their connection");
    is_number(http_stub_connections(stub) - connections, 2, "each over its own");
    begin((http_stub_answer_t){.mode = STUB_ANSWER_AND_CLOSE, .body = "{}"});
    for (int i = 0; i < 10; i++)
        ok(ask() == MP_EXCHANGE_ANSWERED, "a server that promises to keep its connection, and does not");
}

static void test_proxy(void)
{
    create("http://127.0.0.1:9");
    is_number(ask(), MP_EXCHANGE_UNUSUAL, "behind a proxy it is not for us");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&root, NULL);
    mp_transfer_library_open(root);
    stub = http_stub_start();
    test_kept();
    test_large();
    test_unusual();
    test_failures();
    test_patience();
    test_no_connection();
    test_last();
    test_knowledge();
    test_one_tries();
    test_idle_time();
    test_proxy();
    http_stub_hang_up(stub);
    http_stub_stop(stub);
    apr_pool_destroy(root);
    apr_terminate();
    return tap_done();
}
