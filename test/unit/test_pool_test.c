/* SPDX-License-Identifier: Apache-2.0 */
/* "Test this pool now", against pools that answer, fail, and refuse. */
#include "console_fixture.h"
#include "pool_stub.h"

#include <apr_strings.h>

static apr_pool_t *p;
static pool_stub_t *stub;
static apr_uint32_t alpha, dead, lonely, rig1, rig2;

static void test_answers(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_test, alpha, 0, "{}");

    desk_ends(&end, MP_CONSOLE_DONE, "\"alpha\" answered with work of difficulty 1 in ");
    desk_ends(&end, MP_CONSOLE_DONE, ", as rig1 (me.rig1).");
    ok(!end.is_bad_news, "good news");
    is_text(end.href, "/admin/pools/1", "shown there");
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.0.state", "up");
    ok(mp_json_is_number(mp_json_get(mp_json_at(mp_json_get(desk_view(mp_pools_view, 0, NULL), "pools"), 0), "latency_ms")),
       "its latency is known");
    pool_stub_set_mode(stub, POOL_REFUSING);
    end = desk_change(mp_pools_test, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "\"alpha\" gave no work to rig1 (me.rig1): ");
    ok(end.is_bad_news, "bad news");
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.0.state", "up");
    ok(mp_json_is_text(mp_json_get(mp_json_at(mp_json_get(desk_view(mp_pools_view, 0, NULL), "pools"), 0), "reason")),
       "a fresh reason is shown though it is up");
    pool_stub_set_mode(stub, POOL_WELL);
    end = desk_change(mp_pools_test, dead, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "\"dead\" gave no work");
    ok(end.is_bad_news, "bad news");
}

static void test_accounts(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_test, lonely, 0, "{}");

    desk_ends(&end, MP_CONSOLE_CONFLICT, "No worker is assigned");
    end = desk_change(mp_pools_test, 999, 0, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
    farm_assign(rig2, alpha, "me.rig2", 1);
    farm_execute("UPDATE worker_pool SET enabled = 0 WHERE worker_id = %u AND pool_id = %u", rig1, alpha);
    desk_reload();
    end = desk_change(mp_pools_test, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "as rig2 (me.rig2)");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", alpha);
    desk_reload();
    end = desk_change(mp_pools_test, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "as rig2 (me.rig2)");
    farm_execute("UPDATE worker_pool SET enabled = 0 WHERE pool_id = %u", alpha);
    desk_reload();
    end = desk_change(mp_pools_test, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "as rig1 (me.rig1)");
    is_number(farm_log_count("MP0290"), 0, "a test changes nothing");
}

int main(void)
{
    p = desk_open();
    stub = pool_stub_start();
    alpha = farm_add_pool("alpha", apr_psprintf(p, "http://127.0.0.1:%d/", pool_stub_port(stub)));
    dead = farm_add_pool("dead", "http://127.0.0.1:1/");
    lonely = farm_add_pool("lonely", "http://127.0.0.1:1/");
    rig1 = farm_add_worker("rig1", "x");
    rig2 = farm_add_worker("rig2", "x");
    farm_assign(rig1, alpha, "me.rig1", 10);
    farm_assign(rig1, dead, "me.rig1", 5);
    desk_begin();
    test_answers();
    test_accounts();
    desk_close();
    pool_stub_stop(stub);
    return tap_done();
}
