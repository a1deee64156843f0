/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface polls the sockets; a wake-up that it offers (curl_multi_wakeup) is the only thing that other threads touch.
 * What is posted or under way comes from malloc, because the loop lives as long as the child. */
#include "upstream/loop.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "base/memory.h"
#include "upstream/timers.h"
#include "upstream/transfer.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define WAIT_MAX apr_time_from_sec(1)
#define CONNECTIONS_MAX 256L /* kept warm by the loop, for all pools */

typedef struct post_t {
    struct post_t *next;
    mp_loop_call_t *call;
    void *baton;
} post_t;

typedef struct flight_t {
    TAILQ_ENTRY(flight_t) link;
    mp_transfer_t *transfer;
    CURL *easy;
    mp_loop_transferred_t *transferred;
    void *baton;
} flight_t;

struct mp_loop_t {
    CURLM *multi;
    pthread_t thread;
    bool is_started;      /* written before anybody else may look */
    pthread_mutex_t lock; /* covers the next three */
    post_t *inbox;
    post_t **inbox_end;
    bool is_stopping;
    mp_timers_t timers; /* from here on: the thread's own */
    TAILQ_HEAD(flights_t, flight_t) flights;
    bool is_over; /* nothing new may begin */
    mp_damper_t damper;
};

static void drop_inbox(mp_loop_t *loop)
{
    while (loop->inbox != NULL) {
        post_t *post = loop->inbox;
        loop->inbox = post->next;
        free(post);
    }
    loop->inbox_end = &loop->inbox;
}

static apr_status_t destroy(void *baton)
{
    mp_loop_t *loop = baton;

    mp_loop_stop(loop);
    drop_inbox(loop);
    curl_multi_cleanup(loop->multi);
    pthread_mutex_destroy(&loop->lock);
    return APR_SUCCESS;
}

apr_status_t mp_loop_create(mp_loop_t **out, apr_pool_t *p)
{
    mp_loop_t *loop = apr_pcalloc(p, sizeof(*loop));

    loop->multi = curl_multi_init();
    if (loop->multi == NULL)
        return APR_ENOMEM;
    curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
    curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    loop->inbox_end = &loop->inbox;
    loop->damper = MP_DAMPER(apr_time_from_sec(60));
    TAILQ_INIT(&loop->flights);
    pthread_mutex_init(&loop->lock, NULL);
    apr_pool_cleanup_register(p, loop, destroy, apr_pool_cleanup_null);
    *out = loop;
    return APR_SUCCESS;
}

bool mp_loop_is_current(const mp_loop_t *loop)
{
    return loop->is_started && pthread_equal(loop->thread, pthread_self());
}

/* Whoever finds the inbox empty wakes the thread, which empties it before it waits again: for those who post behind him, it is awake already. */
bool mp_loop_post(mp_loop_t *loop, mp_loop_call_t *call, void *baton)
{
    post_t *post = mp_memory_allocate(sizeof(*post));

    post->call = call;
    post->baton = baton;
    pthread_mutex_lock(&loop->lock);
    bool is_accepted = !loop->is_stopping;
    if (is_accepted) {
        bool is_first = loop->inbox == NULL;
        *loop->inbox_end = post;
        loop->inbox_end = &post->next;
        if (is_first)
            curl_multi_wakeup(loop->multi);
    }
    pthread_mutex_unlock(&loop->lock);
    if (!is_accepted)
        free(post);
    return is_accepted;
}

void mp_loop_delay_on_loop(mp_loop_t *loop, apr_interval_time_t delay, mp_loop_call_t *call, void *baton)
{
    MP_ASSERT_ON_LOOP(loop);
    mp_timers_add(&loop->timers, mp_clock_monotonic() + delay, call, baton);
}

/* @return false if the transfer is over already */
static bool begin_on_loop(mp_loop_t *loop, flight_t *flight)
{
    flight->easy = mp_transfer_begin(flight->transfer);
    if (flight->easy == NULL)
        return false;
    curl_easy_setopt(flight->easy, CURLOPT_PRIVATE, flight);
    if (curl_multi_add_handle(loop->multi, flight->easy) == CURLM_OK)
        return true;
    mp_transfer_end(flight->transfer, CURLE_OUT_OF_MEMORY);
    return false;
}

/* The flight is freed first: the callback may begin the next one. */
static void land_on_loop(mp_loop_t *loop, flight_t *flight)
{
    flight_t landed = *flight;

    TAILQ_REMOVE(&loop->flights, flight, link);
    free(flight);
    landed.transferred(landed.baton, landed.transfer);
}

bool mp_loop_transfer_on_loop(mp_loop_t *loop, mp_transfer_t *transfer, mp_loop_transferred_t *transferred, void *baton)
{
    flight_t *flight = mp_memory_allocate(sizeof(*flight));

    MP_ASSERT_ON_LOOP(loop);
    flight->transfer = transfer;
    flight->transferred = transferred;
    flight->baton = baton;
    TAILQ_INSERT_TAIL(&loop->flights, flight, link);
    if (loop->is_over)
        mp_transfer_abandon(transfer);
    else if (begin_on_loop(loop, flight))
        return true;
    land_on_loop(loop, flight);
    return false;
}

static flight_t *find_flight_on_loop(mp_loop_t *loop, const mp_transfer_t *transfer)
{
    flight_t *flight;

    TAILQ_FOREACH (flight, &loop->flights, link) {
        if (flight->transfer == transfer)
            return flight;
    }
    return NULL;
}

/* libcurl closes the connection of a handle that is removed before its answer is complete, and forgets what it had to say about it: this
 * may run in a callback while other handles' messages are still being read. */
void mp_loop_cancel_on_loop(mp_loop_t *loop, mp_transfer_t *transfer)
{
    MP_ASSERT_ON_LOOP(loop);
    flight_t *flight = find_flight_on_loop(loop, transfer);

    MP_ASSERT(flight != NULL);
    curl_multi_remove_handle(loop->multi, flight->easy);
    TAILQ_REMOVE(&loop->flights, flight, link);
    free(flight);
}

static void finish_on_loop(mp_loop_t *loop, CURL *easy, CURLcode code)
{
    flight_t *flight = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&flight);
    curl_multi_remove_handle(loop->multi, easy);
    if (mp_transfer_end(flight->transfer, (int)code) && begin_on_loop(loop, flight))
        return;
    land_on_loop(loop, flight);
}

static void run_transfers_on_loop(mp_loop_t *loop)
{
    int count = 0;
    CURLMsg *message;

    curl_multi_perform(loop->multi, &count);
    while ((message = curl_multi_info_read(loop->multi, &count)) != NULL) {
        /* Removing the handle frees the message. */
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE)
            finish_on_loop(loop, easy, code);
    }
}

/* Takes everything posted so far. @return false when the loop is to end */
static bool take_posts_on_loop(mp_loop_t *loop, post_t **posts)
{
    pthread_mutex_lock(&loop->lock);
    bool is_stopping = loop->is_stopping;
    *posts = NULL;
    if (!is_stopping) {
        *posts = loop->inbox;
        loop->inbox = NULL;
        loop->inbox_end = &loop->inbox;
    }
    pthread_mutex_unlock(&loop->lock);
    return !is_stopping;
}

static void run_posts_on_loop(post_t *posts)
{
    while (posts != NULL) {
        post_t *post = posts;
        posts = post->next;
        post->call(post->baton);
        free(post);
    }
}

static void wait_on_loop(mp_loop_t *loop)
{
    apr_interval_time_t wait = mp_timers_wait(&loop->timers, mp_clock_monotonic(), WAIT_MAX);
    CURLMcode code = curl_multi_poll(loop->multi, NULL, 0, (int)apr_time_as_msec(wait + 999), NULL);

    if (code == CURLM_OK)
        return;
    if (mp_damper_admits(&loop->damper, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_ERROR, "MP0502: the I/O thread cannot wait for its sockets: %s; it goes on polling them", curl_multi_strerror(code));
    apr_sleep(apr_time_from_msec(10));
}

static void abandon_on_loop(mp_loop_t *loop)
{
    loop->is_over = true;
    while (!TAILQ_EMPTY(&loop->flights)) {
        flight_t *flight = TAILQ_FIRST(&loop->flights);
        curl_multi_remove_handle(loop->multi, flight->easy);
        mp_transfer_abandon(flight->transfer);
        land_on_loop(loop, flight);
    }
    mp_timers_clear(&loop->timers);
}

static void *run(void *baton)
{
    mp_loop_t *loop = baton;
    post_t *posts = NULL;

    while (take_posts_on_loop(loop, &posts)) {
        run_posts_on_loop(posts);
        mp_timers_run(&loop->timers, mp_clock_monotonic());
        run_transfers_on_loop(loop);
        wait_on_loop(loop);
    }
    abandon_on_loop(loop);
    return NULL;
}

/* Signals are for httpd's own threads: all are blocked while the thread is made, and it inherits that. The lock is held until the thread's id is written;
 * the thread takes it before anything else. */
apr_status_t mp_loop_start(mp_loop_t *loop, mp_result_t *why)
{
    sigset_t all;
    sigset_t before;
    char words[128];

    MP_ASSERT(!loop->is_started);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&loop->lock);
    int error = pthread_create(&loop->thread, NULL, run, loop);
    loop->is_started = error == 0;
    pthread_mutex_unlock(&loop->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return mp_result_set(why, error, "no-thread", "the I/O thread towards pools could not be started: %s",
                             apr_strerror(error, words, sizeof(words)));
    mp_log(MP_LOG_DEBUG, "MP0500: the I/O thread towards pools runs");
    return APR_SUCCESS;
}

void mp_loop_stop(mp_loop_t *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool is_first = !loop->is_stopping;
    loop->is_stopping = true;
    curl_multi_wakeup(loop->multi);
    pthread_mutex_unlock(&loop->lock);
    if (!is_first || !loop->is_started)
        return;
    MP_ASSERT(!mp_loop_is_current(loop));
    pthread_join(loop->thread, NULL);
    mp_log(MP_LOG_DEBUG, "MP0501: the I/O thread towards pools has ended");
}
