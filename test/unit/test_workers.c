/* SPDX-License-Identifier: Apache-2.0 */
/* Workers of the console, over SQLite. */
#include "console_fixture.h"
#include "service/console_outcome.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, rig1, rig2;

static bool can_log_in(const char *name, const char *password)
{
    const mp_worker_t *worker;
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);
    bool can = mp_logins_check(&worker, desk_proxy->logins, roster, &(mp_login_attempt_t){.name = name, .password = password}, p) ==
               MP_LOGIN_GRANTED;

    mp_roster_release(roster);
    return can;
}

static void test_list(void)
{
    const mp_json_t *view = desk_view(mp_workers_view, 0, NULL);

    is_number(mp_json_count(mp_json_get(view, "workers")), 2, "workers");
    desk_has(view, "workers.0", DESK_WORKER);
    desk_is(view, "workers.0.name", "rig2");
    desk_is(view, "workers.1.name", "Rig3's");
    desk_is(view, "workers.1.pool_count", "1");
    desk_is(view, "workers.1.enabled_count", "1");
    desk_is(view, "workers.0.state", "unassigned");
    desk_is(view, "workers.0.is_unassigned", "true");
    desk_is(view, "workers.0.state_text", "no enabled pool");
    desk_is(view, "workers.1.state", "idle");
    desk_is(view, "workers.1.is_unassigned", "false");
    desk_is(view, "workers.1.pools_href", "/admin/workers/1/pools");
}

static void test_forms(void)
{
    const mp_json_t *view = desk_view(mp_workers_view_one, 0, NULL);

    desk_has(view, "", "is_new worker form clone_from can_delete miner");
    desk_is(view, "is_new", "true");
    desk_is(view, "worker", "(null)");
    desk_is(view, "miner", "(null)");
    desk_is(view, "clone_from", "(null)");
    desk_is(view, "form.action", "/admin/workers/new");
    view = desk_view(mp_workers_view_one, 0, apr_psprintf(p, "clone=%u", rig1));
    desk_is(view, "clone_from.name", "Rig3's");
    desk_is(view, "form.values.clone", "1");
    desk_is(desk_view(mp_workers_view_one, 0, "clone=999"), "clone_from", "(null)");
    view = desk_view(mp_workers_view_one, rig1, NULL);
    desk_has(view, "worker", DESK_WORKER);
    desk_has(view, "form", DESK_FORM);
    desk_is(view, "form.values.name", "Rig3's");
    desk_is(view, "can_delete", "false");
    desk_is(view, "miner.url", "http://proxy.example:8332/");
    desk_is(view, "miner.command", "minerd -a sha256d -o http://proxy.example:8332/ -u 'Rig3'\\''s' -p PASSWORD");
    desk_is(desk_view(mp_workers_view_one, rig2, NULL), "can_delete", "true");
    desk_is(desk_view(mp_workers_view_one, rig2, NULL), "miner.command",
            "minerd -a sha256d -o http://proxy.example:8332/ -u rig2 -p PASSWORD");
    is_number(desk_view_fails(mp_workers_view_one, 999), APR_NOTFOUND, "a worker that is not there");
}

static void test_create(void)
{
    mp_console_outcome_t end = desk_change(mp_workers_save, 0, 0, "{'name':' new ','password':'secret word'}");

    desk_ends(&end, MP_CONSOLE_CREATED, "\"new\" was added.");
    is_text(end.href, apr_psprintf(p, "/admin/workers/%u", end.id), "where it is");
    ok(can_log_in("new", "secret word"), "it can log in, at once");
    ok(strncmp(farm_text("SELECT password FROM worker WHERE id = %u", end.id), "$2y$", 4) == 0, "its password is stored as a hash");
    end = desk_change(mp_workers_save, 0, 0, apr_psprintf(p, "{'name':'copy','password':'x','clone':'%u'}", rig1));
    desk_ends(&end, MP_CONSOLE_CREATED, "was added, as a copy of worker 1");
    is_text(farm_text("SELECT pool_username || '|' || priority FROM worker_pool WHERE worker_id = %u", end.id), "me.rig1|10",
            "with assignments");
    const char *long_name = "a name of forty characters, more or less";
    end = desk_change(mp_workers_save, 0, 0, apr_psprintf(p, "{'name':'%s','password':'a password of twenty'}", long_name));
    desk_ends(&end, MP_CONSOLE_CREATED, "Phoenix");
    is_number(farm_log_count("Phoenix"), 0, "which is nothing for the log");
    is_number(farm_log_count("secret word") + farm_log_count("a password of twenty"), 0, "no password in the log");
    end = desk_change(mp_workers_save, 0, 0, "{'name':'NEW','password':'secret'}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_has(end.view, "form.errors", "name");
    ok(strstr(mp_json_format(end.view, p), "secret") == NULL, "the password is not shown again");
    end = desk_change(mp_workers_save, 0, 0, "{'name':'a:b','clone':'x'}");
    ok(strstr(desk_at(end.view, "form.errors.name"), "colon"), "a colon in the name");
    desk_is(end.view, "form.errors.password", "It is empty.");
    desk_is(end.view, "form.errors.clone", "It is not the id of a worker.");
    end = desk_change(mp_workers_save, 0, 0, "{'name':'other','password':'x','clone':999}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_has(end.view, "form.errors", "clone");
    is_number(farm_number("SELECT count(*) FROM worker WHERE name = 'other'"), 0, "nothing was made");
}

static void test_edit(void)
{
    const char *revision = apr_pstrdup(p, desk_at(desk_view(mp_workers_view_one, rig2, NULL), "form.revision"));
    mp_console_outcome_t end = desk_change(mp_workers_save, rig2, 0, apr_psprintf(p, "{'name':'rig two','revision':'%s'}", revision));

    desk_ends(&end, MP_CONSOLE_DONE, "\"rig two\" was saved.");
    end = desk_change(mp_workers_save, rig2, 0, apr_psprintf(p, "{'name':'rig zwei','revision':'%s'}", revision));
    desk_ends(&end, MP_CONSOLE_CONFLICT, "it is \"rig two\" now");
    desk_is(end.view, "form.values.name", "rig zwei");
    desk_is(end.view, "worker.name", "rig two");
    ok(strcmp(desk_at(end.view, "form.revision"), revision) != 0, "the revision as it is now");
    end = desk_change(mp_workers_save, rig2, 0, "{'name':''}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    end = desk_change(mp_workers_save, rig2, 0, "{'name':'rig2'}");
    desk_ends(&end, MP_CONSOLE_DONE, "rig2");
    end = desk_change(mp_workers_save, 999, 0, "{'name':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
}

static void test_password(void)
{
    mp_console_outcome_t end = desk_change(mp_workers_set_password, rig2, 0, "{'password':'another'}");

    desk_ends(&end, MP_CONSOLE_DONE, "Worker 2 \"rig2\" has a new password.");
    ok(can_log_in("rig2", "another") && !can_log_in("rig2", "x"), "it counts at once");
    is_number(farm_log_count("another"), 0, "no password in the log");
    end = desk_change(mp_workers_set_password, rig2, 0, "{'password':''}");
    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_has(end.view, "form.errors", "password");
    desk_is(end.view, "form.values.name", "rig2");
    end = desk_change(mp_workers_set_password, 999, 0, "{'password':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
}

static void test_delete(void)
{
    mp_console_outcome_t end = desk_change(mp_workers_delete, rig1, 0, "{}");

    desk_ends(&end, MP_CONSOLE_CONFLICT, "1 pool");
    end = desk_change(mp_workers_delete, rig2, 0, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "was deleted.");
    is_text(end.href, "/admin/workers", "back to the list");
    end = desk_change(mp_workers_delete, rig2, 0, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, "2");
}

static void test_away(void)
{
    farm_hide();
    ok(mp_json_count(mp_json_get(desk_view(mp_workers_view, 0, NULL), "workers")) > 1, "the list is there");
    desk_view_fails(mp_workers_view_one, rig1);
    mp_console_outcome_t end = desk_change(mp_workers_save, 0, 0, "{'name':'x','password':'x'}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_workers_save, rig1, 0, "{'name':'x'}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_workers_set_password, rig1, 0, "{'password':'x'}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    end = desk_change(mp_workers_delete, rig1, 0, "{}");
    desk_ends(&end, MP_CONSOLE_AWAY, ".");
    farm_show();
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://alpha.example/");
    rig1 = farm_add_worker("Rig3''s", "x");
    rig2 = farm_add_worker("rig2", "x");
    farm_assign(rig1, alpha, "me.rig1", 10);
    desk_begin();
    test_list();
    test_forms();
    test_create();
    test_edit();
    test_password();
    test_delete();
    test_away();
    desk_close();
    return tap_done();
}
