/* SPDX-License-Identifier: Apache-2.0 */
/* Pools of the console, over SQLite: lists, forms, changes, and who is told what when two edit the same. */
#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, beta, rig1;

static void test_list(void)
{
    const mp_json_t *view = desk_view(mp_pools_view, 0, NULL);

    is_number(mp_json_count(mp_json_get(view, "pools")), 2, "pools");
    desk_has(view, "pools.0", DESK_POOL);
    desk_is(view, "pools.0.name", "Alpha");
    desk_is(view, "pools.1.name", "beta");
    desk_is(view, "pools.0.worker_count", "1");
    desk_is(view, "pools.1.worker_count", "0");
    desk_is(view, "pools.0.href", "/admin/pools/2");
    desk_is(view, "pools.0.workers_href", "/admin/pools/2/workers");
    desk_is(view, "pools.0.state", "unknown");
    desk_is(view, "pools.0.is_unknown", "true");
    desk_is(view, "pools.0.since", "(null)");
    desk_is(view, "pools.0.last_block", "(null)");
}

static void test_forms(void)
{
    const mp_json_t *view = desk_view(mp_pools_view_one, 0, NULL);

    desk_has(view, "", "is_new pool form can_delete");
    desk_is(view, "is_new", "true");
    desk_is(view, "pool", "(null)");
    desk_is(view, "can_delete", "false");
    desk_has(view, "form", DESK_FORM);
    desk_is(view, "form.action", "/admin/pools/new");
    desk_is(view, "form.values", "{\"name\":\"\",\"url\":\"\",\"roll_ntime\":\"\"}");
    view = desk_view(mp_pools_view_one, alpha, NULL);
    desk_is(view, "is_new", "false");
    desk_has(view, "pool", DESK_POOL);
    desk_is(view, "form.action", "/admin/pools/2");
    desk_is(view, "form.values.name", "Alpha");
    desk_is(view, "form.values.url", "http://alpha.example:8332/");
    is_text(desk_at(view, "form.revision"), desk_at(view, "pool.revision"), "one revision, from the database and from the roster");
    desk_is(view, "can_delete", "false");
    desk_is(desk_view(mp_pools_view_one, beta, NULL), "can_delete", "true");
    is_number(desk_view_fails(mp_pools_view_one, 999), APR_NOTFOUND, "a pool that is not there");
}

static void test_create(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_save, 0, 0, "{'name':'  gamma ','url':' http://gamma.example/x '}");

    desk_ends(&end, MP_CONSOLE_CREATED, "was added");
    is_text(end.href, apr_psprintf(p, "/admin/pools/%u", end.id), "where it is");
    is_text(farm_text("SELECT name || '|' || url || '|' || enabled FROM pool WHERE id = %u", end.id), "gamma|http://gamma.example/x|1",
            "as typed, trimmed");
    is_number(farm_log_count(apr_psprintf(p, "MP0290: admin alice: pool %u \"gamma\" was added", end.id)), 1, "logged");
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.2.name", "gamma");
    end = desk_change(mp_pools_save, 0, 0, "{'name':'GAMMA','url':'http://gamma.example/'}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing was changed");
    ok(strstr(desk_at(end.view, "form.errors.name"), "amma"), "a name that is taken: %s", desk_at(end.view, "form.errors.name"));
    desk_is(end.view, "form.values.name", "GAMMA");
    desk_is(end.view, "is_new", "true");
    end = desk_change(mp_pools_save, 0, 0, "{'name':' ','url':'http://me:secret@gamma.example/'}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_is(end.view, "form.errors.name", "It is empty.");
    ok(strstr(desk_at(end.view, "form.errors.url"), "assignment"), "where an account belongs: %s", desk_at(end.view, "form.errors.url"));
    end = desk_change(mp_pools_save, 0, 0, "{}");
    desk_is(end.view, "form.errors.url", "It is empty.");
    end = desk_change(mp_pools_save, 0, 0, "{'name':['a'],'url':12}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    is_number(farm_log_count("MP0290"), 1, "refusals are not logged");
}

static void test_edit(void)
{
    const char *revision = apr_pstrdup(p, desk_at(desk_view(mp_pools_view_one, beta, NULL), "form.revision"));
    const char *input = apr_psprintf(p, "{'name':'delta','url':'http://delta.example/','revision':'%s'}", revision);
    mp_console_outcome_t end = desk_change(mp_pools_save, beta, 0, input);

    desk_ends(&end, MP_CONSOLE_DONE, "was saved");
    is_number(end.id, beta, "its id");
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.1.name", "delta");
    end = desk_change(mp_pools_save, beta, 0,
                      apr_psprintf(p, "{'name':'epsilon','url':'http://epsilon.example/','revision':'%s'}", revision));
    desk_ends(&end, MP_CONSOLE_CONFLICT, "Somebody changed this meanwhile: it is \"delta\" at http://delta.example/ now");
    desk_is(end.view, "form.values.name", "epsilon");
    ok(strcmp(desk_at(end.view, "form.revision"), revision) != 0, "with the revision as it is now");
    mp_console_outcome_t typo = desk_change(mp_pools_save, beta, 0, apr_psprintf(p, "{'name':'','revision':'%s'}", revision));
    desk_ends(&typo, MP_CONSOLE_INVALID, "Nothing");
    is_text(desk_at(typo.view, "form.revision"), revision, "but a typing error does not hide that somebody was faster");
    is_text(desk_at(end.view, "form.error"), end.message, "and the sentence");
    desk_is(end.view, "pool.name", "delta");
    end = desk_change(
        mp_pools_save, beta, 0,
        apr_psprintf(p, "{'name':'epsilon','url':'http://epsilon.example/','revision':'%s'}", desk_at(end.view, "form.revision")));
    desk_ends(&end, MP_CONSOLE_DONE, "epsilon");
    farm_execute("UPDATE pool SET url = 'http://me:secret@epsilon.example/' WHERE id = %u", beta);
    end = desk_change(mp_pools_save, beta, 0, "{'name':''}");
    ok(strstr(mp_json_format(end.view, p), "secret") == NULL, "an account in a stored URL is not shown");
    end = desk_change(mp_pools_save, beta, 0, "{'name':'epsilon'}");
    desk_ends(&end, MP_CONSOLE_DONE, "was saved");
    is_text(farm_text("SELECT url FROM pool WHERE id = %u", beta), "http://me:secret@epsilon.example/", "nor in the way of another name");
    farm_execute("UPDATE pool SET url = 'http://epsilon.example/' WHERE id = %u", beta);
    end = desk_change(mp_pools_save, beta, 0, "{'name':'beta'}");
    desk_ends(&end, MP_CONSOLE_DONE, "beta");
    is_text(farm_text("SELECT name || '|' || url FROM pool WHERE id = %u", beta), "beta|http://epsilon.example/", "what is missing stays");
    is_text(farm_text("SELECT roll_ntime FROM pool WHERE id = %u", beta), "0", "nobody asked to roll");
    end = desk_change(mp_pools_save, beta, 0, "{'has_roll_ntime':'1','roll_ntime':'1'}");
    desk_ends(&end, MP_CONSOLE_DONE, "beta");
    is_text(farm_text("SELECT roll_ntime FROM pool WHERE id = %u", beta), "1", "a box that was ticked");
    desk_is(desk_view(mp_pools_view_one, beta, NULL), "form.values.roll_ntime", "1");
    desk_is(desk_view(mp_pools_view_one, beta, NULL), "pool.roll_ntime", "true");
    end = desk_change(mp_pools_save, beta, 0, "{'roll_ntime':'maybe'}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_is(end.view, "form.errors.roll_ntime", "It is neither 1 nor 0.");
    end = desk_change(mp_pools_save, beta, 0, "{'has_roll_ntime':'1'}");
    desk_ends(&end, MP_CONSOLE_DONE, "beta");
    is_text(farm_text("SELECT roll_ntime FROM pool WHERE id = %u", beta), "0", "and one that was not");
    end = desk_change(mp_pools_save, beta, 0, "{'name':'alpha'}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_is(end.view, "is_new", "false");
    end = desk_change(mp_pools_save, 999, 0, "{'name':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
    ok(!end.view && !end.href, "nothing to show");
}

static void test_toggle(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_disable, alpha, 0, "{}");

    desk_ends(&end, MP_CONSOLE_DONE, "Pool 2 \"Alpha\" was disabled.");
    is_text(end.href, "/admin/pools", "back to the list");
    is_number(farm_log_count("MP0290: admin alice: pool 2 \"Alpha\" was disabled"), 1, "logged");
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);
    ok(!mp_roster_find_pool(roster, alpha)->enabled, "in force at once, with no clock moved");
    mp_roster_release(roster);
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.0.state", "disabled");
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.0.is_disabled", "true");
    end = desk_change(mp_pools_enable, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "was enabled");
    end = desk_change(mp_pools_enable, 999, 0, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
}

static void test_delete(void)
{
    mp_console_outcome_t end = desk_change(mp_pools_delete, alpha, 0, "{}");

    desk_ends(&end, MP_CONSOLE_CONFLICT, "1 worker");
    ok(!end.view, "no form was sent");
    end = desk_change(mp_pools_delete, beta, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "Pool 1 \"beta\" was deleted.");
    end = desk_change(mp_pools_delete, beta, 0, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, "1");
}

/* A row that hands wrote, with an account in its URL. */
static void test_foreign_row(void)
{
    apr_uint32_t id = farm_add_pool("legacy", "http://me:secret@old.example:8332/");

    desk_reload();
    const mp_json_t *view = desk_view(mp_pools_view_one, id, NULL);
    ok(strstr(mp_json_format(view, p), "secret") == NULL, "its password is not shown");
    desk_is(view, "pool.url", "http://old.example:8332/");
}

static void test_away(void)
{
    farm_hide();
    desk_is(desk_view(mp_pools_view, 0, NULL), "pools.0.name", "Alpha");
    ok(desk_view_fails(mp_pools_view_one, alpha) != APR_NOTFOUND, "a single one cannot be edited");
    mp_console_outcome_t end = desk_change(mp_pools_disable, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_pools_save, alpha, 0, "{'name':'x'}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_pools_save, 0, 0, "{'name':'x','url':'http://x.example/'}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_pools_delete, alpha, 0, "{}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    farm_show();
}

int main(void)
{
    p = desk_open();
    beta = farm_add_pool("beta", "http://beta.example/");
    alpha = farm_add_pool("Alpha", "http://alpha.example:8332/");
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 10);
    desk_begin();
    test_list();
    test_forms();
    test_create();
    test_edit();
    test_toggle();
    test_delete();
    test_foreign_row();
    test_away();
    desk_close();
    return tap_done();
}
