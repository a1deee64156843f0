/* SPDX-License-Identifier: Apache-2.0 */
/* A pool through its states, as this child sees them. */
#include "service/pool_view.h"

#include "base/clock.h"
#include "console_fixture.h"
#include "pool_stub.h"

#include <apr_strings.h>
#include <string.h>

static const mp_result_t trouble = {.status = APR_TIMEUP, .word = "timeout", .sentence = "it did not answer within 2 s"};

static apr_pool_t *p;
static pool_stub_t *stub;
static apr_uint32_t alpha, rig1;

static const mp_json_t *look(void)
{
    return mp_json_at(mp_json_get(desk_view(mp_pools_view, 0, NULL), "pools"), 0);
}

static void report(const mp_result_t *why, apr_interval_time_t took, int times)
{
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);

    for (int i = 0; i < times; i++)
        mp_circuits_report(desk_proxy->circuits, mp_roster_find_pool(roster, alpha), MP_BLAME_POOL, why, mp_clock_monotonic() - took);
    mp_roster_release(roster);
}

static void test_up(void)
{
    desk_is(look(), "state_text", "not asked yet");
    desk_is(look(), "latency_ms", "(null)");
    report(NULL, apr_time_from_msec(80), 1);
    const mp_json_t *pool = look();
    desk_is(pool, "state", "up");
    desk_is(pool, "is_up", "true");
    desk_is(pool, "is_unknown", "false");
    desk_has(pool, "since", DESK_TIME);
    desk_is(pool, "reason", "(null)");
    desk_is(pool, "watch", "idle");
    ok(mp_json_integer(mp_json_get(pool, "latency_ms")) >= 80, "its latency is that of the first call");
    report(NULL, apr_time_from_msec(880), 1);
    apr_int64_t latency = mp_json_integer(mp_json_get(look(), "latency_ms"));
    ok(latency >= 175 && latency < 250, "an eighth of the next: %d ms", (int)latency);
    report(&trouble, 0, 1);
    desk_is(look(), "state", "up");
    desk_is(look(), "reason", trouble.sentence);
    farm_advance(apr_time_from_sec(601));
    desk_is(look(), "reason", "(null)");
    desk_is(look(), "state_text", "up for 10 min");
}

static void test_down(void)
{
    report(&trouble, -1, 3);
    const mp_json_t *pool = look();
    desk_is(pool, "state", "down");
    desk_is(pool, "is_down", "true");
    ok(strstr(desk_at(pool, "state_text"), "down for ") && strstr(desk_at(pool, "state_text"), ": it did not answer within 2 s"), "%s",
       desk_at(pool, "state_text"));
    desk_is(pool, "reason", trouble.sentence);
    report(NULL, -1, 1);
    desk_is(look(), "state", "half-open");
    desk_is(look(), "is_half_open", "true");
    ok(strstr(desk_at(look(), "state_text"), "answers again"), "%s", desk_at(look(), "state_text"));
    desk_is(look(), "reason", trouble.sentence);
    farm_execute("UPDATE pool SET enabled = 0");
    desk_reload();
    desk_is(look(), "state", "disabled");
    desk_is(look(), "reason", "(null)");
    desk_is(look(), "state_text", "disabled");
}

static void test_dates(void)
{
    const mp_json_t *pool = look();

    ok(strlen(desk_at(pool, "since.iso")) == 20 && desk_at(pool, "since.iso")[19] == 'Z', "%s", desk_at(pool, "since.iso"));
    ok(strstr(desk_at(pool, "since.full"), " UTC"), "%s", desk_at(pool, "since.full"));
    desk_settings.date_format = "at %H h";
    ok(strncmp(desk_at(look(), "since.text"), "at ", 3) == 0, "as the admin wants it: %s", desk_at(look(), "since.text"));
    desk_settings.date_format = NULL;
}

int main(void)
{
    p = desk_open();
    is_text(mp_pool_view_url("http://a.example/x@y", p), "http://a.example/x@y", "a sign in the path");
    is_text(mp_pool_view_url("http://me:secret@a.example/", p), "http://a.example/", "an account");
    is_text(mp_pool_view_url("http://me:secret@a.example:x/", p), "(not a URL that can be used)", "one that cannot be read");
    stub = pool_stub_start();
    pool_stub_set_mode(stub, POOL_BROKEN);
    alpha = farm_add_pool("alpha", apr_psprintf(p, "http://127.0.0.1:%d/", pool_stub_port(stub)));
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    desk_begin();
    test_up();
    test_down();
    test_dates();
    desk_close();
    pool_stub_stop(stub);
    return tap_done();
}
