/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "http_stub.h"
#include "tap.h"
#include "upstream/loop.h"
#include "upstream/transfer.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What calls on the loop leave behind, and how a test waits for it. */
typedef struct board_t {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    mp_loop_t *loop;
    char text[256];
    int count;
    int landed;
    mp_result_t failure;
    int status;
    bool is_on_loop;
    sigset_t blocked;
    apr_interval_time_t delay;
} board_t;

static board_t board = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

typedef struct mark_t {
    const char *text;
    apr_time_t due;
} mark_t;

static bool wait_for(const int *number, int value)
{
    struct timespec until;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    pthread_mutex_lock(&board.lock);
    while (*number < value && error == 0)
        error = pthread_cond_timedwait(&board.changed, &board.lock, &until);
    bool reached = *number >= value;
    pthread_mutex_unlock(&board.lock);
    return reached;
}

static void start_over(void)
{
    pthread_mutex_lock(&board.lock);
    board.text[0] = '\0';
    board.count = 0;
    board.landed = 0;
    pthread_mutex_unlock(&board.lock);
}

static void note_on_loop(void *baton)
{
    mark_t *mark = baton;

    pthread_mutex_lock(&board.lock);
    strncat(board.text, mark->text, sizeof(board.text) - strlen(board.text) - 1);
    board.count++;
    board.is_on_loop = mp_loop_is_current(board.loop);
    pthread_sigmask(SIG_BLOCK, NULL, &board.blocked);
    if (mark->due)
        board.delay = mp_clock_monotonic() - mark->due;
    pthread_cond_broadcast(&board.changed);
    pthread_mutex_unlock(&board.lock);
}

static mp_loop_t *create(apr_pool_t *p)
{
    is_number(mp_loop_create(&board.loop, p), APR_SUCCESS, "a loop is created");
    start_over();
    return board.loop;
}

static void test_posts(apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mark_t marks[] = {{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}};
    mp_loop_t *loop = create(p);

    ok(!mp_loop_is_current(loop), "nobody is on a loop that does not run");
    ok(mp_loop_post(loop, note_on_loop, &marks[0]), "posts are taken before the start");
    is_number(mp_loop_start(loop, &why), APR_SUCCESS, "it starts");
    for (int i = 1; i < 4; i++)
        ok(mp_loop_post(loop, note_on_loop, &marks[i]), "posts are taken while it runs");
    ok(wait_for(&board.count, 4), "all run");
    is_text(board.text, "abcd", "in the order of posting");
    ok(board.is_on_loop, "on the loop");
    ok(!mp_loop_is_current(loop), "which is not this thread");
    ok(sigismember(&board.blocked, SIGTERM) && sigismember(&board.blocked, SIGUSR1) && sigismember(&board.blocked, SIGPIPE),
       "with signals blocked");
    sigset_t mine;
    pthread_sigmask(SIG_BLOCK, NULL, &mine);
    ok(!sigismember(&mine, SIGTERM), "but not here");
    mp_loop_stop(loop);
    ok(!mp_loop_post(loop, note_on_loop, &marks[0]), "after the stop a post is refused");
    mp_loop_stop(loop);
    is_text(board.text, "abcd", "nothing ran twice");
}

static void set_timers_on_loop(void *baton)
{
    static mark_t late = {"late", 0}, soon = {"soon ", 0}, never = {"never", 0};

    (void)baton;
    soon.due = mp_clock_monotonic() + apr_time_from_msec(30);
    mp_loop_delay_on_loop(board.loop, apr_time_from_sec(3600), note_on_loop, &never);
    late.due = mp_clock_monotonic() + apr_time_from_msec(60);
    mp_loop_delay_on_loop(board.loop, apr_time_from_msec(60), note_on_loop, &late);
    mp_loop_delay_on_loop(board.loop, apr_time_from_msec(30), note_on_loop, &soon);
}

static void test_timers(apr_pool_t *p)
{
    mp_loop_t *loop = create(p);

    mp_loop_start(loop, NULL);
    mp_loop_post(loop, set_timers_on_loop, NULL);
    ok(wait_for(&board.count, 2), "timers run");
    is_text(board.text, "soon late", "in the order of their times");
    ok(board.delay >= 0 && board.delay < apr_time_from_msec(500), "not early, and not late (%d ms)", (int)apr_time_as_msec(board.delay));
    mp_loop_stop(loop);
    is_number(board.count, 2, "those that were not due are dropped");
}

/* A transfer for the loop, in a pool of its own. */
typedef struct flight_t {
    apr_pool_t *p;
    mp_handles_t *handles;
    const char *url;
    apr_interval_time_t timeout;
    bool is_restarting;
} flight_t;

static void begin_on_loop(void *baton);

static void landed_on_loop(void *baton, mp_transfer_t *transfer)
{
    flight_t *flight = baton;

    pthread_mutex_lock(&board.lock);
    board.landed++;
    board.failure = *mp_transfer_failure(transfer);
    board.status = mp_transfer_answer(transfer)->status;
    board.is_on_loop = mp_loop_is_current(board.loop);
    pthread_cond_broadcast(&board.changed);
    pthread_mutex_unlock(&board.lock);
    mp_transfer_destroy(transfer);
    if (flight->is_restarting) {
        flight->is_restarting = false;
        begin_on_loop(flight);
    }
}

static void begin_on_loop(void *baton)
{
    flight_t *flight = baton;
    mp_transfer_t *transfer = NULL;
    mp_transfer_request_t request = {.url = flight->url, .body = "{}", .timeout = flight->timeout, .is_repeatable = true};

    if (mp_transfer_create(&transfer, flight->handles, &request, flight->p) != APR_SUCCESS)
        abort();
    mp_loop_transfer_on_loop(board.loop, transfer, landed_on_loop, flight);
}

static flight_t make_flight(mp_handles_t *handles, const char *url, apr_pool_t *p)
{
    flight_t flight = {.handles = handles, .url = url, .timeout = apr_time_from_sec(30)};

    apr_pool_create(&flight.p, p);
    return flight;
}

static mp_handles_t *create_handles(apr_pool_t *p)
{
    mp_handles_options_t options = {.idle_max = 4};
    mp_handles_t *handles = NULL;

    mp_handles_create(&handles, &options, p);
    return handles;
}

static void test_transfers(http_stub_t *stub, const char *url, apr_pool_t *p)
{
    mp_loop_t *loop = create(p);
    flight_t flight = make_flight(create_handles(p), url, p);
    int before = http_stub_connections(stub);

    http_stub_always(stub, (http_stub_answer_t){.body = "{}"});
    mp_loop_start(loop, NULL);
    for (int i = 1; i <= 20; i++) {
        mp_loop_post(loop, begin_on_loop, &flight);
        ok(wait_for(&board.landed, i), "transfer %d ends", i);
    }
    is_number(board.failure.status, APR_SUCCESS, "with an answer");
    is_number(board.status, 200, "of the pool");
    ok(board.is_on_loop, "told on the loop");
    is_number(http_stub_connections(stub) - before, 1, "all on one connection");

    http_stub_answer_t redirect[] = {{.status = 307, .headers = "Location: /elsewhere\r\n"}, {.body = "{}", .status = 200}};
    http_stub_script(stub, redirect, 2);
    mp_loop_post(loop, begin_on_loop, &flight);
    ok(wait_for(&board.landed, 21) && board.status == 200, "a redirect is followed on the loop, too");

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    flight.timeout = apr_time_from_msec(200);
    mp_loop_post(loop, begin_on_loop, &flight);
    ok(wait_for(&board.landed, 22), "a hanging pool ends by its time-out");
    is_text(board.failure.word, "timeout", "and says so");

    flight.url = "gopher://nothing";
    mp_loop_post(loop, begin_on_loop, &flight);
    ok(wait_for(&board.landed, 23), "a URL that cannot be used ends at once");
    flight.timeout = 0;
    mp_loop_post(loop, begin_on_loop, &flight);
    ok(wait_for(&board.landed, 24) && board.failure.status == APR_TIMEUP, "no time at all, no transfer");
    mp_loop_stop(loop);
}

static void test_stop(http_stub_t *stub, const char *url, apr_pool_t *p)
{
    int fds[3];
    mp_handles_t *handles = create_handles(p);
    flight_t flights[3] = {make_flight(handles, url, p), make_flight(handles, url, p), make_flight(handles, url, p)};
    mp_loop_t *loop = create(p);
    int before = http_stub_requests(stub);

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    mp_loop_start(loop, NULL);
    flights[1].is_restarting = true;
    flights[2].url = apr_psprintf(p, "http://127.0.0.1:%d/", http_stub_unanswered_port(fds));
    /* The one that nobody answers first: a post that was not run when the loop stops is dropped. */
    for (int i = 2; i >= 0; i--)
        mp_loop_post(loop, begin_on_loop, &flights[i]);
    ok(http_stub_wait(stub, before + 2), "two requests hang, one connection is not made");
    apr_time_t start = mp_clock_monotonic();
    mp_loop_stop(loop);
    apr_interval_time_t took = mp_clock_monotonic() - start;
    ok(took < apr_time_from_sec(1), "stop does not wait for pools (%d ms)", (int)apr_time_as_msec(took));
    is_number(board.landed, 4, "every transfer is told, and the one begun anew as well");
    is_number(board.failure.status, APR_EINTR, "that it was interrupted");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* A transfer that the test may give up. */
typedef struct given_up_t {
    flight_t flight;
    mp_transfer_t *transfer;
    mark_t begun, ended;
    bool is_under_way;
} given_up_t;

static void begin_hanging_on_loop(void *baton)
{
    given_up_t *it = baton;
    mp_transfer_request_t request = {.url = it->flight.url, .body = "{}", .timeout = it->flight.timeout, .is_repeatable = true};

    if (mp_transfer_create(&it->transfer, it->flight.handles, &request, it->flight.p) != APR_SUCCESS)
        abort();
    it->is_under_way = mp_loop_transfer_on_loop(board.loop, it->transfer, landed_on_loop, &it->flight);
    note_on_loop(&it->begun);
}

static void give_up_on_loop(void *baton)
{
    given_up_t *it = baton;

    mp_loop_cancel_on_loop(board.loop, it->transfer);
    mp_transfer_destroy(it->transfer);
    note_on_loop(&it->ended);
}

static void test_cancel(http_stub_t *stub, const char *url, apr_pool_t *p)
{
    mp_loop_t *loop = create(p);
    mp_handles_t *handles = create_handles(p);
    given_up_t it = {.flight = make_flight(handles, url, p), .begun = {"begun ", 0}, .ended = {"ended", 0}};
    flight_t flight = make_flight(handles, url, p);
    int before = http_stub_requests(stub);

    http_stub_hang_up(stub);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG_IN_BODY, .body = "{}"});
    mp_loop_start(loop, NULL);
    mp_loop_post(loop, begin_hanging_on_loop, &it);
    ok(http_stub_wait(stub, before + 1) && wait_for(&board.count, 1) && it.is_under_way, "a transfer hangs");
    mp_loop_post(loop, give_up_on_loop, &it);
    ok(wait_for(&board.count, 2), "and is given up");
    ok(http_stub_wait_closed(stub, 0), "its connection is closed");
    http_stub_always(stub, (http_stub_answer_t){.body = "{}"});
    mp_loop_post(loop, begin_on_loop, &flight);
    ok(wait_for(&board.landed, 1) && board.status == 200, "its handle serves the next one");
    mp_loop_stop(loop);
    is_number(board.landed, 1, "it is not told itself");
}

/* Each posts the next: a thread that slept among them would take its longest wait every time. */
static void post_next_on_loop(void *baton)
{
    mark_t *mark = baton;

    note_on_loop(mark);
    if (board.count < 2000)
        mp_loop_post(board.loop, post_next_on_loop, mark);
    else
        mp_loop_delay_on_loop(board.loop, 0, note_on_loop, mark);
}

static void test_chain(apr_pool_t *p)
{
    static mark_t dot = {"", 0};
    mp_loop_t *loop = create(p);

    mp_loop_start(loop, NULL);
    mp_loop_post(loop, post_next_on_loop, &dot);
    ok(wait_for(&board.count, 2001), "what is posted on the loop itself runs without delay");
    mp_loop_stop(loop);
}

static void *post_many(void *baton)
{
    static mark_t dot = {"", 0};
    int *accepted = calloc(1, sizeof(int));

    for (int i = 0; i < 1000; i++)
        *accepted += mp_loop_post(baton, note_on_loop, &dot);
    return accepted;
}

static void test_many_posters(apr_pool_t *p)
{
    pthread_t threads[3];
    mp_loop_t *loop = create(p);
    int accepted = 0;

    mp_loop_start(loop, NULL);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, post_many, loop);
    for (int i = 0; i < 3; i++) {
        void *part = NULL;
        pthread_join(threads[i], &part);
        accepted += *(int *)part;
        free(part);
    }
    is_number(accepted, 3000, "posts of three threads are taken");
    ok(wait_for(&board.count, 3000), "and run");
    mp_loop_stop(loop);

    loop = create(p);
    mp_loop_start(loop, NULL);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, post_many, loop);
    mp_loop_stop(loop);
    for (int i = 0; i < 3; i++) {
        void *part = NULL;
        pthread_join(threads[i], &part);
        free(part);
    }
    ok(board.count <= 3000, "a stop among posts loses them, but nothing else");
}

static void test_never_started(apr_pool_t *p)
{
    static mark_t mark = {"x", 0};
    mp_loop_t *loop = create(p);

    mp_loop_post(loop, note_on_loop, &mark);
    mp_loop_stop(loop);
    is_number(board.count, 0, "a loop that never started runs nothing");
}

int main(void)
{
    apr_pool_t *root = NULL;
    apr_pool_t *p = NULL;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&root, NULL);
    mp_transfer_library_open(root);
    apr_pool_create(&p, root);
    http_stub_t *stub = http_stub_start();
    const char *url = apr_psprintf(root, "http://127.0.0.1:%d/", http_stub_port(stub));
    test_posts(p);
    test_timers(p);
    test_transfers(stub, url, p);
    test_stop(stub, url, p);
    test_cancel(stub, url, p);
    test_chain(p);
    test_many_posters(p);
    test_never_started(p);
    apr_pool_destroy(p);
    http_stub_stop(stub);
    apr_pool_destroy(root);
    return tap_done();
}
