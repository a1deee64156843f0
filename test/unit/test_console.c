/* SPDX-License-Identifier: Apache-2.0 */
/* What is said at the top of every page. */
#include "console_fixture.h"

#include "base/clock.h"

#include <apr_strings.h>
#include <string.h>

static const mp_result_t trouble = {.status = APR_TIMEUP, .word = "timeout", .sentence = "it did not answer within 2 s"};

static apr_pool_t *p;
static apr_uint32_t alpha, beta, rig1;

static bool is_noticed(const char *words)
{
    const mp_json_t *notices = mp_console_notices(desk_proxy, p);

    for (apr_size_t i = 0; i < mp_json_count(notices); i++)
        if (strstr(desk_at(mp_json_at(notices, i), "text"), words) && mp_json_is_true(mp_json_get(mp_json_at(notices, i), "is_problem")))
            return true;
    return false;
}

static void break_pool(apr_uint32_t id)
{
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);

    for (int i = 0; i < 3; i++)
        mp_circuits_report(desk_proxy->circuits, mp_roster_find_pool(roster, id), MP_BLAME_POOL, &trouble, mp_clock_monotonic());
    mp_roster_release(roster);
}

static void test_pools(void)
{
    is_number(mp_json_count(mp_console_notices(desk_proxy, p)), 0, "all is well: nothing to say");
    break_pool(alpha);
    is_number(mp_json_count(mp_console_notices(desk_proxy, p)), 0, "one pool is down: nor is there");
    break_pool(beta);
    ok(is_noticed("No miner can be served: all 2 pools in use are down."), "both are");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", beta);
    desk_reload();
    ok(is_noticed("the only pool in use is down"), "the only one is");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", alpha);
    desk_reload();
    is_number(mp_json_count(mp_console_notices(desk_proxy, p)), 0, "none is in use: nobody expects anything");
}

static void settle(const char *words)
{
    bool is_said = FARM_WAIT((farm_advance(apr_time_from_sec(1)), is_noticed(words)));
    ok(is_said, "%s: %s", words, desk_at(mp_console_notices(desk_proxy, p), "0.text"));
}

static void test_database(void)
{
    farm_hide();
    settle("The database is away since 20");
    ok(is_noticed("0 shares wait in the spool, which is full to 0 percent."), "how many wait");
    ok(is_noticed(" UTC (for "), "since when, by the clock and as a span");
    farm_show();
    bool is_over = FARM_WAIT((farm_advance(apr_time_from_sec(1)), mp_json_count(mp_console_notices(desk_proxy, p)) == 0));
    ok(is_over, "it is back");
    farm_execute("UPDATE settings SET value = '3' WHERE key = 'version'");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    settle("The database's tables are not those of this version");
    farm_execute("UPDATE settings SET value = '7' WHERE key = 'version'");
    is_over = FARM_WAIT((farm_advance(apr_time_from_sec(1)), mp_json_count(mp_console_notices(desk_proxy, p)) == 0));
    ok(is_over, "they are again");
}

static void test_spool(void)
{
    mp_result_t why;
    mp_share_t share = {.verdict = MP_VERDICT_ACCEPTED, .worker_id = rig1, .pool_id = alpha, .difficulty = 1};
    mp_spool_depth_t depth;

    farm_hide();
    settle("The database is away since 20");
    for (int i = 1; i < 10000; i++) {
        memcpy(share.id, &i, sizeof(i));
        mp_spool_depth(&depth, desk_proxy->spool);
        if (depth.bytes > depth.limit / 2 || mp_spool_intend(desk_proxy->spool, &share, &why) != APR_SUCCESS ||
            mp_spool_settle(desk_proxy->spool, &share, &why) != APR_SUCCESS)
            break;
    }
    ok(is_noticed("The spool of this server is full to 50 percent"), "the spool fills: %d of %d bytes", (int)depth.bytes, (int)depth.limit);
    ok(is_noticed(apr_psprintf(p, "%d shares wait", (int)depth.shares)), "with shares that wait");
    farm_show();
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://127.0.0.1:1/");
    beta = farm_add_pool("beta", "http://127.0.0.1:1/");
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    farm_assign(rig1, beta, "me.rig1", 5);
    desk_begin();
    test_pools();
    test_database();
    test_spool();
    desk_close();
    return tap_done();
}
