/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tap.h"
#include "upstream/handles.h"
#include "upstream/transfer.h"

#include <apr_general.h>
#include <pthread.h>
#include <stdlib.h>

static apr_time_t now = 1000;

static apr_time_t read_now(void)
{
    return now;
}

static mp_handles_t *create(apr_size_t idle_max, apr_pool_t *p)
{
    static const char *const headers[] = {"X-A: b", NULL};
    mp_handles_options_t options = {.user_agent = "test", .headers = headers, .idle_max = idle_max};
    mp_handles_t *handles = NULL;

    is_number(mp_handles_create(&handles, &options, p), APR_SUCCESS, "handles are created");
    return handles;
}

static void test_order(mp_handles_t *handles)
{
    mp_handles_item_t *a = mp_handles_acquire(handles, "http://pool:1/path");
    mp_handles_item_t *b = mp_handles_acquire(handles, "http://pool:1");
    mp_handles_item_t *c = mp_handles_acquire(handles, "http://pool:12/path");

    ok(a && b && c && a != b && b != c, "each user has its own handle");
    ok(mp_handles_easy(a) != mp_handles_easy(b), "and libcurl's with it");
    is_number(mp_handles_idle_count(handles), 0, "none is idle");
    mp_handles_release(handles, a);
    mp_handles_release(handles, b);
    mp_handles_release(handles, c);
    is_number(mp_handles_idle_count(handles), 3, "all are idle");
    ok(mp_handles_acquire(handles, "http://pool:1/other?x") == b, "the last one of this server comes first, whatever the path");
    ok(mp_handles_acquire(handles, "http://pool:1/") == a, "then the one before");
    mp_handles_item_t *d = mp_handles_acquire(handles, "http://pool:1/");
    ok(d != a && d != b && d != c, "a handle of another server is not taken");
    mp_handles_release(handles, a);
    mp_handles_release(handles, b);
    mp_handles_release(handles, d);
    is_number(mp_handles_idle_count(handles), 4, "four are kept");
}

static void test_bounds(mp_handles_t *handles)
{
    mp_handles_item_t *items[6];

    for (int i = 0; i < 6; i++)
        items[i] = mp_handles_acquire(handles, "http://pool:2/");
    for (int i = 0; i < 6; i++)
        mp_handles_release(handles, items[i]);
    is_number(mp_handles_idle_count(handles), 4, "no more than the limit are kept");
    ok(mp_handles_acquire(handles, "http://pool:2/") == items[5], "the newest survive");
    now += MP_HANDLES_IDLE_TIME;
    mp_handles_release(handles, items[5]);
    is_number(mp_handles_idle_count(handles), 2, "old ones are closed, two at a time");
    mp_handles_item_t *newest = mp_handles_acquire(handles, "http://pool:2/");
    mp_handles_release(handles, newest);
    is_number(mp_handles_idle_count(handles), 1, "until only the one in use is left");
}

static void *use_handles(void *baton)
{
    mp_handles_t *handles = baton;
    void *bad = NULL;

    for (int i = 0; i < 2000; i++) {
        mp_handles_item_t *item = mp_handles_acquire(handles, i % 3 ? "http://pool:3/" : "http://pool:4/");
        if (item == NULL)
            bad = handles;
        else
            mp_handles_release(handles, item);
    }
    return bad;
}

static void test_threads(mp_handles_t *handles)
{
    pthread_t threads[4];
    void *bad = NULL;

    now = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use_handles, handles);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], &bad);
        ok(bad == NULL, "thread %d got a handle every time", i);
    }
    ok(mp_handles_idle_count(handles) <= 4, "the limit holds among threads");
}

int main(void)
{
    apr_pool_t *p = NULL;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    is_number(mp_transfer_library_open(p), APR_SUCCESS, "libcurl works");
    mp_clock_replace(read_now);
    mp_handles_t *handles = create(4, p);
    ok(!mp_handles_has_proxy(handles), "no proxy was asked for");
    test_order(handles);
    test_bounds(handles);
    test_threads(handles);
    apr_pool_destroy(p);
    return tap_done();
}
