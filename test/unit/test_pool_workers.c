/* SPDX-License-Identifier: Apache-2.0 */
/* Many workers at one pool at once. */
#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, rigs[4];

static void test_view(void)
{
    const mp_json_t *view = desk_view(mp_pools_view_workers, alpha, NULL);

    desk_has(view, "", "pool assignments unassigned form");
    desk_has(view, "pool", DESK_POOL);
    is_number(mp_json_count(mp_json_get(view, "assignments")), 1, "who is assigned");
    desk_has(view, "assignments.0", DESK_ASSIGNMENT);
    desk_has(view, "assignments.0.worker", DESK_REFERENCE);
    desk_has(view, "assignments.0.pool", DESK_REFERENCE " enabled state state_text");
    desk_is(view, "assignments.0.username", "me.rig0");
    desk_is(view, "assignments.0.has_password", "true");
    ok(strstr(mp_json_format(view, p), "pool secret") == NULL, "no password is shown");
    is_number(mp_json_count(mp_json_get(view, "unassigned")), 3, "who is not");
    desk_has(view, "unassigned.0", DESK_REFERENCE);
    desk_is(view, "form.action", "/admin/pools/1/workers");
    is_number(desk_view_fails(mp_pools_view_workers, 999), APR_NOTFOUND, "a pool that is not there");
}

static void test_changes(void)
{
    mp_console_outcome_t end =
        desk_change(mp_pools_change_workers, alpha, 0,
                    apr_psprintf(p, "{'action':'add','worker':['%u',%u,%u],'username':'me.%%w','password':'x','priority':7}", rigs[0],
                                 rigs[1], rigs[2]));

    desk_ends(&end, MP_CONSOLE_DONE, "Pool 1 \"alpha\": 2 assignments were added.");
    is_text(end.href, "/admin/pools/1/workers", "shown there");
    is_text(
        farm_text("SELECT pool_username || '|' || pool_password || '|' || priority || '|' || enabled FROM worker_pool WHERE worker_id = %u",
                  rigs[1]),
        "me.rig1|x|7|1", "each with its own name");
    is_text(farm_text("SELECT pool_username FROM worker_pool WHERE worker_id = %u", rigs[0]), "me.rig0", "who was assigned stays");
    end = desk_change(mp_pools_change_workers, alpha, 0, apr_psprintf(p, "{'action':'disable','worker':%u}", rigs[1]));
    desk_ends(&end, MP_CONSOLE_DONE, "1 assignment was disabled.");
    end = desk_change(mp_pools_change_workers, alpha, 0, apr_psprintf(p, "{'action':'enable','worker':['%u','%u']}", rigs[1], rigs[2]));
    desk_ends(&end, MP_CONSOLE_DONE, "1 assignment was enabled.");
    end = desk_change(mp_pools_change_workers, alpha, 0, apr_psprintf(p, "{'action':'delete','worker':['%u','%u']}", rigs[1], rigs[2]));
    desk_ends(&end, MP_CONSOLE_DONE, "2 assignments were deleted.");
    is_number(farm_log_count("MP0290"), 4, "each is logged");
}

static void test_refusals(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_change_workers, alpha, 0, "{'action':'explode','worker':'x'}");

    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    ok(strstr(desk_at(end.view, "form.errors.action"), "add, enable"), "an unknown action");
    ok(strstr(desk_at(end.view, "form.errors.worker"), "not the id"), "an unknown worker");
    desk_has(end.view, "", "pool assignments unassigned form");
    end = desk_change(mp_pools_change_workers, alpha, 0, "{'action':'enable'}");
    desk_is(end.view, "form.errors.worker", "None was chosen.");
    desk_is(end.view, "is_adding", "false");
    end = desk_change(mp_pools_change_workers, alpha, 0,
                      apr_psprintf(p, "{'action':'add','worker':%u,'username':'','priority':'high','password':' x'}", rigs[3]));
    desk_is(end.view, "form.errors.username", "It is empty.");
    desk_is(end.view, "is_adding", "true");
    desk_is(end.view, "unassigned.2.is_chosen", "true");
    desk_is(end.view, "unassigned.1.is_chosen", "false");
    desk_is(end.view, "assignments.0.is_chosen", "false");
    desk_is(end.view, "form.values.priority", "high");
    desk_has(end.view, "form.errors", "priority password");
    ok(!mp_json_get(mp_json_get(mp_json_get(end.view, "form"), "values"), "password"), "passwords are not shown again");
    const char *name = "";
    for (int i = 0; i < 64; i++)
        name = apr_pstrcat(p, name, "%w", NULL);
    end = desk_change(mp_pools_change_workers, alpha, 0, apr_psprintf(p, "{'action':'add','worker':%u,'username':'%s'}", rigs[3], name));
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_has(end.view, "form.errors", "username");
    end = desk_change(mp_pools_change_workers, alpha, 0, "{'action':'add','worker':[999],'username':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, ".");
    end = desk_change(mp_pools_change_workers, 999, 0, "{'action':'enable','worker':1}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
    is_number(farm_number("SELECT count(*) FROM worker_pool"), 1, "nothing was done");
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://alpha.example/");
    for (int i = 0; i < 4; i++)
        rigs[i] = farm_add_worker(apr_psprintf(p, "rig%d", i), "x");
    farm_assign(rigs[0], alpha, "me.rig0", 10);
    desk_begin();
    test_view();
    test_changes();
    test_refusals();
    desk_close();
    return tap_done();
}
