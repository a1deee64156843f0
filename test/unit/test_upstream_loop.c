/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches and waits on the I/O thread. Each has a pool of its own that its callback destroys, as callers do: the sanitizers tell if anybody
 * looks at it afterwards. */
#include "base/clock.h"
#include "base/log.h"
#include "http_stub.h"
#include "tap.h"
#include "upstream/transfer.h"
#include "upstream/upstream.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD_DIGITS                                                                                                                        \
    "00000001ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000c2b620e3758dfcff8bdb2304ae42b91e1e950e71aff797d7b09288fc2b12" \
    "fcf1"
#define WORK "{\"result\":{\"data\":\"" HEAD_DIGITS "4dd7f5c71a44b9f200000000\"},\"error\":null,\"id\":1}"
#define GOOD ((http_stub_answer_t){.body = WORK, .headers = "X-Long-Polling: /lp\r\n"})

static apr_pool_t *root;
static http_stub_t *stub;
static mp_loop_t *loop;
static mp_upstream_t *upstream;
static char url[64];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* One fetch or wait, and how it ended; the lock covers what is written on the loop. */
typedef struct errand_t {
    const char *pool_url;
    const char *announcement; /* NULL: a fetch */
    bool may_leave_host;
    apr_interval_time_t timeout;
    apr_pool_t *p;
    mp_upstream_wait_t *wait;
    bool is_begun;
    int ended;
    apr_status_t status;
    mp_blame_t blame;
    mp_result_t why;
    bool has_work;
    char announced[64];
    bool is_on_loop;
    struct errand_t *next;  /* begun in the callback */
    struct errand_t *other; /* cancelled there */
} errand_t;

static bool wait_until(const int *number, int value)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&lock);
    while (*number < value && error == 0)
        error = pthread_cond_timedwait(&changed, &lock, &until);
    bool reached = *number >= value;
    pthread_mutex_unlock(&lock);
    return reached;
}

static int read_number(const int *number)
{
    pthread_mutex_lock(&lock);
    int value = *number;
    pthread_mutex_unlock(&lock);
    return value;
}

/* A call on the loop, and that it ran. */
typedef struct task_t {
    mp_loop_call_t *call;
    void *baton;
    int done;
} task_t;

static void run_task_on_loop(void *baton)
{
    task_t *task = baton;

    task->call(task->baton);
    pthread_mutex_lock(&lock);
    task->done = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void run_on_loop(mp_loop_call_t *call, void *baton)
{
    task_t task = {.call = call, .baton = baton};

    if (!mp_loop_post(loop, run_task_on_loop, &task) || !wait_until(&task.done, 1))
        abort();
}

static void begin_on_loop(void *baton);

static void cancel_on_loop(void *baton)
{
    errand_t *errand = baton;

    mp_upstream_cancel_wait_on_loop(errand->wait);
    errand->wait = NULL;
    apr_pool_destroy(errand->p);
}

/* The test goes on, and with it the errand's memory, when ended has risen: that comes last. */
static void ended_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    errand_t *errand = baton;

    errand->status = status;
    errand->blame = blame;
    errand->why = *why;
    errand->has_work = work != NULL && work->getwork != NULL && work->head[67] == 0xf1;
    apr_cpystrn(errand->announced, work != NULL && work->announcement ? work->announcement : "", sizeof(errand->announced));
    errand->is_on_loop = mp_loop_is_current(loop);
    apr_pool_destroy(errand->p);
    if (errand->other != NULL && errand->other->wait != NULL)
        cancel_on_loop(errand->other);
    if (errand->next != NULL)
        begin_on_loop(errand->next);
    pthread_mutex_lock(&lock);
    errand->ended++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* The call's texts are gone when this returns: they must have been copied. */
static void begin_on_loop(void *baton)
{
    errand_t *errand = baton;
    char *copies[] = {strdup(errand->pool_url), strdup("rig1"), strdup("secret"), strdup(errand->announcement ? errand->announcement : ""),
                      strdup("alpha")};
    mp_pool_t pool = {.id = 7, .name = copies[4], .url = copies[0]};
    mp_credentials_t account = {.username = copies[1], .password = copies[2]};
    mp_upstream_vigil_t vigil = {.call = {.pool = &pool, .credentials = &account, .timeout = errand->timeout},
                                 .announcement = copies[3],
                                 .may_leave_host = errand->may_leave_host};

    if (apr_pool_create_unmanaged(&errand->p) != APR_SUCCESS)
        abort();
    errand->is_begun = true;
    if (errand->announcement == NULL)
        mp_upstream_fetch_work_on_loop(upstream, &vigil.call, ended_on_loop, errand, errand->p);
    else
        errand->wait = mp_upstream_wait_block_on_loop(upstream, &vigil, ended_on_loop, errand, errand->p);
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        memset(copies[i], '#', strlen(copies[i]));
        free(copies[i]);
    }
}

static errand_t make_fetch(const char *pool_url, int milliseconds)
{
    return (errand_t){.pool_url = pool_url, .timeout = apr_time_from_msec(milliseconds)};
}

static errand_t make_wait(const char *announcement)
{
    return (errand_t){.pool_url = url, .announcement = announcement, .timeout = apr_time_from_sec(7200)};
}

static errand_t run_fetch(const char *pool_url, int milliseconds)
{
    errand_t errand = make_fetch(pool_url, milliseconds);

    run_on_loop(begin_on_loop, &errand);
    ok(wait_until(&errand.ended, 1), "a fetch ends");
    return errand;
}

/* Begins it and waits until the pool has its request. */
static void begin_wait(errand_t *errand)
{
    int before = http_stub_requests(stub);

    run_on_loop(begin_on_loop, errand);
    ok(http_stub_wait(stub, before + 1) && errand->wait != NULL, "the pool is asked to tell at %s", errand->announcement);
}

static void test_fetch(void)
{
    char text[4096];

    http_stub_always(stub, GOOD);
    errand_t errand = run_fetch(url, 5000);
    is_number(errand.status, APR_SUCCESS, "with success");
    ok(errand.has_work, "and work");
    is_text(errand.announced, "/lp", "that says where new blocks are announced");
    is_number(errand.blame, MP_BLAME_NOBODY, "with nobody to blame");
    ok(errand.is_on_loop, "on the loop");
    http_stub_last(stub, text, sizeof(text));
    ok(strncmp(text, "POST / HTTP/1.1\r\n", 17) == 0, "a POST");
    ok(strstr(text, "\r\nAuthorization: Basic cmlnMTpzZWNyZXQ=\r\n") != NULL, "with an account that was copied");
    ok(strstr(text, "\r\nX-Minimum-Wait: 0\r\n") != NULL, "that is in a hurry");
    ok(strstr(text, "\"params\":[]") != NULL, "for work");
    http_stub_always(stub, (http_stub_answer_t){.body = WORK});
    errand = run_fetch(url, 5000);
    is_text(errand.announced, "", "a pool that announces nothing");
}

typedef struct bad_t {
    http_stub_answer_t answer;
    const char *word;
    mp_blame_t blame;
} bad_t;

static const bad_t bad[] = {
    {{.status = 503}, "http-503", MP_BLAME_POOL},
    {{.status = 401}, "pool-unauthorized", MP_BLAME_CREDENTIALS},
    {{.body = "<html>"}, "bad-json", MP_BLAME_POOL},
    {{.body = "{\"result\":true}"}, "bad-work", MP_BLAME_POOL},
    {{.mode = STUB_RAW, .body = "hello\r\n"}, "bad-answer", MP_BLAME_POOL},
    {{.mode = STUB_RESET}, "connection-reset", MP_BLAME_POOL},
    {{.mode = STUB_CLOSE}, "connection-lost", MP_BLAME_POOL},
    {{.mode = STUB_CUT_BODY, .body = WORK}, "connection-lost", MP_BLAME_POOL},
    {{.mode = STUB_ENDLESS}, "answer-too-large", MP_BLAME_POOL},
    {{.status = 302, .headers = "Location: http://elsewhere.invalid/lp\r\n"}, "http-302", MP_BLAME_POOL},
};

static void is_bad(const errand_t *errand, const char *word, mp_blame_t blame)
{
    ok(errand->status != APR_SUCCESS && !errand->has_work, "without work");
    is_text(errand->why.word, word, "word");
    is_number(errand->blame, blame, "blame");
    ok(errand->why.sentence[0] != '\0' && strstr(errand->why.sentence, "secret") == NULL, "\"%s\"", errand->why.sentence);
}

static void test_bad_fetches(void)
{
    int fd = -1;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        http_stub_hang_up(stub);
        http_stub_always(stub, bad[i].answer);
        errand_t errand = run_fetch(url, 5000);
        is_bad(&errand, bad[i].word, bad[i].blame);
    }
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    errand_t errand = run_fetch(url, 200);
    is_bad(&errand, "timeout", MP_BLAME_POOL);
    errand = run_fetch(apr_psprintf(root, "http://127.0.0.1:%d/", http_stub_refusing_port(&fd)), 2000);
    is_bad(&errand, "connection-refused", MP_BLAME_POOL);
    close(fd);
    errand = run_fetch("stratum+tcp://127.0.0.1:3333", 2000);
    is_bad(&errand, "bad-url", MP_BLAME_POOL);
    errand = run_fetch(url, 0);
    is_bad(&errand, "timeout", MP_BLAME_POOL);
}

#define IN_FLIGHT 32
#define FETCHES 2000

/* Fetches of which each begins the next. */
typedef struct chain_t {
    apr_pool_t *p[IN_FLIGHT];
    int begun, good, ended;
} chain_t;

static chain_t chain;

static void begin_link_on_loop(apr_pool_t **p);

static void link_ended_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    apr_pool_t **p = baton;

    (void)blame;
    (void)why;
    pthread_mutex_lock(&lock);
    chain.good += status == APR_SUCCESS && work != NULL;
    chain.ended++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    apr_pool_destroy(*p);
    begin_link_on_loop(p);
}

static void begin_link_on_loop(apr_pool_t **p)
{
    mp_pool_t pool = {.id = 7, .name = "alpha", .url = url};
    mp_credentials_t account = {.username = "rig1", .password = "secret"};
    mp_upstream_call_t call = {.pool = &pool, .credentials = &account, .timeout = apr_time_from_sec(20)};

    if (chain.begun == FETCHES)
        return;
    chain.begun++;
    if (apr_pool_create_unmanaged(p) != APR_SUCCESS)
        abort();
    mp_upstream_fetch_work_on_loop(upstream, &call, link_ended_on_loop, p, *p);
}

static void begin_chain_on_loop(void *baton)
{
    (void)baton;
    for (int i = 0; i < IN_FLIGHT; i++)
        begin_link_on_loop(&chain.p[i]);
}

static void test_many(void)
{
    http_stub_hang_up(stub);
    http_stub_always(stub, GOOD);
    int before = http_stub_connections(stub);
    apr_time_t start = mp_clock_monotonic();
    run_on_loop(begin_chain_on_loop, NULL);
    ok(wait_until(&chain.ended, FETCHES), "%d fetches, of which %d are under way at a time, end", FETCHES, IN_FLIGHT);
    apr_interval_time_t took = mp_clock_monotonic() - start;
    is_number(chain.good, FETCHES, "with work");
    int opened = http_stub_connections(stub) - before;
    ok(opened <= IN_FLIGHT + 2, "over %d connections that stay warm (%d ms)", opened, (int)apr_time_as_msec(took));
}

static void test_wait(void)
{
    char text[4096];
    errand_t errand = make_wait(" /lp/x?y=1#top ");

    http_stub_always(stub, (http_stub_answer_t){.body = WORK, .is_held = true});
    begin_wait(&errand);
    http_stub_last(stub, text, sizeof(text));
    ok(strncmp(text, "POST /lp/x?y=1 HTTP/1.1\r\n", 25) == 0, "with a POST to what was announced");
    ok(strstr(text, "\r\nAuthorization: Basic cmlnMTpzZWNyZXQ=\r\n") != NULL, "with its account");
    ok(strstr(text, "\r\nX-Minimum-Wait: 0\r\n") != NULL && strstr(text, "\"params\":[]") != NULL, "for work, without delay");
    http_stub_always(stub, GOOD);
    errand_t fetch = run_fetch(url, 5000);
    ok(fetch.has_work && read_number(&errand.ended) == 0, "others get work while it waits");
    http_stub_release(stub);
    ok(wait_until(&errand.ended, 1) && errand.has_work && errand.status == APR_SUCCESS, "another block brings work");
    ok(errand.is_on_loop && errand.blame == MP_BLAME_NOBODY, "on the loop");

    errand = make_wait("lp");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_TRICKLE_HELD, .body = WORK});
    begin_wait(&errand);
    fetch = make_fetch(url, 100);
    run_on_loop(begin_on_loop, &fetch);
    ok(wait_until(&fetch.ended, 1) && strcmp(fetch.why.word, "timeout") == 0 && read_number(&errand.ended) == 0, "blanks are no answer");
    http_stub_release(stub);
    ok(wait_until(&errand.ended, 1) && errand.has_work, "and may stand before it");
}

/* libcurl repeats a request for work when a kept connection turns out dead; a wait that broke must be told instead. */
static void test_broken_wait(void)
{
    errand_t errand = make_wait("/lp");

    http_stub_always(stub, GOOD);
    run_fetch(url, 5000);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_CLOSE, .is_held = true});
    int connections = http_stub_connections(stub);
    int requests = http_stub_requests(stub);
    begin_wait(&errand);
    is_number(http_stub_connections(stub) - connections, 1, "a wait has a connection of its own");
    http_stub_release(stub);
    ok(wait_until(&errand.ended, 1), "and ends with it");
    is_bad(&errand, "connection-lost", MP_BLAME_POOL);
    is_number(http_stub_requests(stub) - requests, 1, "it is not begun anew in silence");
}

static void test_bad_waits(void)
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        http_stub_answer_t answer = bad[i].answer;
        errand_t errand = make_wait("/lp");
        answer.is_held = true;
        http_stub_hang_up(stub);
        http_stub_always(stub, answer);
        begin_wait(&errand);
        is_number(read_number(&errand.ended), 0, "nothing is told yet");
        http_stub_release(stub);
        ok(wait_until(&errand.ended, 1), "a wait ends");
        is_bad(&errand, bad[i].word, bad[i].blame);
    }
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_TRICKLE});
    errand_t errand = make_wait("/lp");
    errand.timeout = apr_time_from_msec(200);
    begin_wait(&errand);
    ok(wait_until(&errand.ended, 1), "a wait has an end");
    is_bad(&errand, "timeout", MP_BLAME_POOL);
}

/* What must not even be connected to. The pool's host differs from the stub's, which would hear of it. */
static void test_refused_announcements(void)
{
    static const char *const unusable[] = {"", "javascript:alert(1)", "ftp://127.0.0.1/lp", "/l p", "http:///lp"};
    int before = http_stub_connections(stub);
    errand_t errand = make_wait(url);

    http_stub_always(stub, GOOD);
    errand.pool_url = apr_psprintf(root, "http://localhost:%d/", http_stub_port(stub));
    run_on_loop(begin_on_loop, &errand);
    is_number(errand.ended, 1, "an announcement of another host is refused at once");
    ok(errand.wait == NULL, "there is no wait");
    is_number(errand.status, APR_EACCES, "with a status of its own");
    is_bad(&errand, "foreign-host", MP_BLAME_NOBODY);
    for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        errand = make_wait(unusable[i]);
        run_on_loop(begin_on_loop, &errand);
        ok(errand.ended == 1 && errand.wait == NULL && errand.status == APR_EINVAL, "\"%s\" is refused at once", unusable[i]);
        is_bad(&errand, "bad-long-poll-url", MP_BLAME_NOBODY);
    }
    errand = make_wait("/lp");
    errand.pool_url = "stratum+tcp://127.0.0.1:3333";
    run_on_loop(begin_on_loop, &errand);
    ok(errand.ended == 1 && errand.wait == NULL, "so is a pool of an unknown protocol");
    errand = make_wait("/lp");
    errand.timeout = 0;
    run_on_loop(begin_on_loop, &errand);
    ok(errand.ended == 1 && errand.wait == NULL && errand.status == APR_TIMEUP, "without any time there is no wait");
    is_number(http_stub_connections(stub) - before, 0, "nobody was connected to");
}

static void test_other_places(void)
{
    http_stub_t *other = http_stub_start();
    errand_t errand = make_wait(apr_psprintf(root, "http://user:word@127.0.0.1:%d/lp", http_stub_port(other)));
    char text[4096];

    http_stub_always(other, GOOD);
    run_on_loop(begin_on_loop, &errand);
    ok(wait_until(&errand.ended, 1) && errand.has_work, "another port of the pool's host is asked");
    ok(strstr(http_stub_last(other, text, sizeof(text)), "\r\nAuthorization: Basic cmlnMTpzZWNyZXQ=\r\n") != NULL,
       "as the worker, not as the announcement says");
    errand.pool_url = apr_psprintf(root, "http://localhost:%d/", http_stub_port(stub));
    errand.may_leave_host = true;
    run_on_loop(begin_on_loop, &errand);
    ok(wait_until(&errand.ended, 2) && errand.has_work, "and another host, if that is allowed");
    is_number(http_stub_requests(other), 2, "each once");
    http_stub_stop(other);
}

static void test_cancel(void)
{
    int fds[3];
    http_stub_answer_t answers[] = {{.mode = STUB_HANG}, {.mode = STUB_TRICKLE}, {.mode = STUB_LENGTH, .body = WORK, .is_held = true}};

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        errand_t errand = make_wait("/lp");
        http_stub_hang_up(stub);
        http_stub_always(stub, answers[i]);
        begin_wait(&errand);
        run_on_loop(cancel_on_loop, &errand);
        ok(http_stub_wait_closed(stub, 0), "a wait given up closes its connection");
        http_stub_release(stub);
        http_stub_always(stub, GOOD);
        int before = http_stub_connections(stub);
        errand_t fetch = run_fetch(url, 5000);
        ok(fetch.has_work && http_stub_connections(stub) == before + 1, "which nobody uses again");
        is_number(errand.ended, 0, "and nothing is told");
    }
    errand_t errand = make_wait("/lp");
    errand.pool_url = apr_psprintf(root, "http://127.0.0.1:%d/", http_stub_unanswered_port(fds));
    run_on_loop(begin_on_loop, &errand);
    ok(errand.wait != NULL, "one that is not connected yet");
    run_on_loop(cancel_on_loop, &errand);
    is_number(errand.ended, 0, "can be given up as well");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* The loop is busy until the test has seen what it waits for. */
static int may_go_on;

static void block_on_loop(void *baton)
{
    (void)baton;
    wait_until(&may_go_on, 1);
}

/* Both answers are there when the loop comes to look, so that the one given up was about to be told. */
static void test_callbacks(void)
{
    errand_t fetch = make_fetch(url, 5000);
    errand_t first = make_wait("/lp?1");
    errand_t second = make_wait("/lp?2");

    http_stub_hang_up(stub);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_CLOSE_DELIMITED, .body = WORK, .is_held = true});
    first.other = &second;
    second.other = &first;
    first.next = second.next = &fetch;
    begin_wait(&first);
    begin_wait(&second);
    mp_loop_post(loop, block_on_loop, NULL);
    http_stub_always(stub, GOOD);
    http_stub_release(stub);
    ok(http_stub_wait_closed(stub, 0), "two answers are there");
    pthread_mutex_lock(&lock);
    may_go_on = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    ok(wait_until(&fetch.ended, 1) && fetch.has_work, "a callback begins a fetch");
    is_number(first.ended + second.ended, 1, "and gives up another wait, which is not told");
}

/* At the stop the callbacks still run, and may do the same. */
static void test_stop(void)
{
    errand_t late = make_wait("/lp");
    errand_t fetch = make_fetch(url, 30000);
    errand_t given_up = make_wait("/lp?1");
    errand_t wait = make_wait("/lp?2");
    int before = http_stub_requests(stub);

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    fetch.other = &given_up;
    wait.next = &late;
    run_on_loop(begin_on_loop, &fetch);
    run_on_loop(begin_on_loop, &given_up);
    run_on_loop(begin_on_loop, &wait);
    ok(http_stub_wait(stub, before + 3), "a fetch and two waits hang");
    apr_time_t start = mp_clock_monotonic();
    mp_loop_stop(loop);
    ok(mp_clock_monotonic() - start < apr_time_from_sec(1), "the loop stops nevertheless");
    errand_t *told[] = {&fetch, &wait, &late};
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        is_number(told[i]->ended, 1, "each is told once");
        is_number(told[i]->status, APR_EINTR, "that it was interrupted");
        is_number(told[i]->blame, MP_BLAME_NOBODY, "which is nobody's fault");
    }
    ok(late.is_begun && late.wait == NULL, "what begins now has ended already");
    is_number(given_up.ended, 0, "what was given up is not told");
    is_number(http_stub_requests(stub) - before, 3, "the pool hears no more");
}

static int lines, reports;

static void count_line(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    (void)level;
    if (strstr(line, "secret") != NULL || strncmp(line, "MP05", 4) != 0)
        __atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
    if (strstr(line, "MP0510: pool 7 \"alpha\" gave no work: http-503: it answered 503") != NULL ||
        strstr(line, "MP0512: the long poll at pool 7 \"alpha\" brought no work: http-503: it answered 503") != NULL)
        __atomic_add_fetch(&reports, 1, __ATOMIC_RELAXED);
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
    test_bad_fetches();
    test_many();
    test_wait();
    test_broken_wait();
    test_bad_waits();
    test_refused_announcements();
    test_other_places();
    test_cancel();
    test_callbacks();
    test_stop();
    apr_pool_destroy(root);
    http_stub_stop(stub);
    is_number(lines, 0, "every log line has a tag of this layer, and none a password");
    is_number(reports, 2, "failures are logged with pool and reason, of fetches and of waits");
    return tap_done();
}
