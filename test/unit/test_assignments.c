/* SPDX-License-Identifier: Apache-2.0 */
/* One worker's assignments: shown, made, edited, moved; two who edit the same; passwords that stay. */
#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, beta, gamma_, rig1;

static const char *order_now(void)
{
    const mp_json_t *list = mp_json_get(desk_view(mp_assignments_view, rig1, NULL), "assignments");
    const char *text = "";

    for (apr_size_t i = 0; i < mp_json_count(list); i++)
        text = apr_pstrcat(p, text, i ? " " : "", desk_at(mp_json_at(list, i), "pool.name"), NULL);
    return text;
}

static const char *row_of(apr_uint32_t pool_id)
{
    return apr_pstrdup(p, farm_text("SELECT pool_username || '|' || pool_password || '|' || priority || '|' || enabled FROM worker_pool "
                                    "WHERE worker_id = %u AND pool_id = %u",
                                    rig1, pool_id));
}

static void test_view(void)
{
    const mp_json_t *view = desk_view(mp_assignments_view, rig1, NULL);

    desk_has(view, "", "worker assignments unassigned form");
    desk_has(view, "worker", DESK_WORKER);
    desk_has(view, "assignments.0", DESK_ASSIGNMENT);
    is_text(order_now(), "beta alpha", "in the order in which they are tried");
    desk_is(view, "assignments.0.is_first", "true");
    desk_is(view, "assignments.0.is_last", "false");
    desk_is(view, "assignments.1.is_last", "true");
    desk_is(view, "assignments.0.is_used", "false");
    desk_is(view, "assignments.0.pool.enabled", "false");
    desk_is(view, "assignments.0.pool.state", "disabled");
    desk_is(view, "assignments.1.is_used", "true");
    desk_is(view, "assignments.1.username", "me.rig1");
    desk_is(view, "assignments.1.edit_href", "/admin/workers/1/pools?edit=1");
    desk_is(view, "unassigned.0.name", "gamma");
    desk_has(view, "unassigned.0", DESK_POOL);
    desk_is(view, "form", "(null)");
    ok(strstr(mp_json_format(view, p), "pool secret") == NULL, "no password is shown");
    is_number(desk_view_fails(mp_assignments_view, 999), APR_NOTFOUND, "a worker that is not there");
}

static void test_forms(void)
{
    const mp_json_t *view = desk_view(mp_assignments_view, rig1, apr_psprintf(p, "edit=%u", alpha));

    desk_has(view, "form", DESK_FORM " pool is_new has_password");
    desk_is(view, "form.action", "/admin/workers/1/pools/1");
    desk_is(view, "form.values", "{\"username\":\"me.rig1\",\"priority\":\"5\"}");
    desk_is(view, "form.is_new", "false");
    desk_is(view, "form.has_password", "true");
    is_text(desk_at(view, "form.revision"), desk_at(view, "assignments.1.revision"), "its revision");
    view = desk_view(mp_assignments_view, rig1, apr_psprintf(p, "new=%u", gamma_));
    desk_is(view, "form.is_new", "true");
    desk_is(view, "form.pool.name", "gamma");
    desk_is(view, "form.values", "{\"username\":\"\",\"priority\":\"0\"}");
    desk_is(view, "form.revision", "");
    desk_is(desk_view(mp_assignments_view, rig1, apr_psprintf(p, "new=%u", alpha)), "form.is_new", "false");
    desk_is(desk_view(mp_assignments_view, rig1, "edit=999"), "form", "(null)");
    desk_is(desk_view(mp_assignments_view, rig1, "new=999"), "form", "(null)");
    desk_is(desk_view(mp_assignments_view, rig1, "new=x"), "form", "(null)");
}

static void test_create(void)
{
    mp_console_outcome_t end = desk_change(mp_assignments_save, rig1, gamma_, "{'username':'a:b','password':' x','priority':'1.5'}");

    desk_ends(&end, MP_CONSOLE_INVALID, "Nothing");
    desk_has(end.view, "form.errors", "username password priority");
    desk_is(end.view, "form.values", "{\"username\":\"a:b\",\"priority\":\"1.5\"}");
    desk_is(end.view, "form.is_new", "true");
    end = desk_change(mp_assignments_save, rig1, gamma_, "{'username':'me','password':'top secret','priority':7,'revision':''}");
    desk_ends(&end, MP_CONSOLE_CREATED, "The assignment of worker 1 \"rig1\" to pool 3 \"gamma\" was added.");
    is_text(end.href, "/admin/workers/1/pools", "shown there");
    is_text(row_of(gamma_), "me|top secret|7|1", "as typed, enabled");
    is_number(farm_log_count("top secret"), 0, "no password in the log");
    is_text(order_now(), "beta gamma alpha", "in its place");
    end = desk_change(mp_assignments_save, rig1, gamma_, "{'username':'other','revision':''}");
    desk_ends(&end, MP_CONSOLE_CONFLICT, "the user name is \"me\", the priority 7");
    desk_is(end.view, "form.values.username", "other");
    desk_is(end.view, "form.is_new", "false");
    is_text(row_of(gamma_), "me|top secret|7|1", "who makes one that is there by now overwrites nothing");
    end = desk_change(mp_assignments_save, rig1, gamma_,
                      apr_psprintf(p, "{'username':'other','revision':'%s'}", desk_at(end.view, "form.revision")));
    desk_ends(&end, MP_CONSOLE_DONE, "was saved");
    is_text(row_of(gamma_), "other|top secret|7|1", "unless he insists; what is missing stays");
}

static void test_edit(void)
{
    const char *revision =
        apr_pstrdup(p, desk_at(desk_view(mp_assignments_view, rig1, apr_psprintf(p, "edit=%u", alpha)), "form.revision"));
    mp_console_outcome_t end = desk_change(mp_assignments_save, rig1, alpha,
                                           apr_psprintf(p, "{'username':'you','password':'','priority':'-5','revision':'%s'}", revision));

    desk_ends(&end, MP_CONSOLE_DONE, "was saved");
    is_text(row_of(alpha), "you|pool secret|-5|1", "an empty password is the old one");
    end = desk_change(mp_assignments_save, rig1, alpha,
                      apr_psprintf(p, "{'username':'she','password':'new','priority':'1','revision':'%s'}", revision));
    desk_ends(&end, MP_CONSOLE_CONFLICT,
              "Somebody changed this meanwhile: the user name is \"you\", the priority -5, and it is enabled now");
    desk_is(end.view, "form.values.username", "she");
    ok(strcmp(desk_at(end.view, "form.revision"), revision) != 0, "the revision as it is now");
    is_text(row_of(alpha), "you|pool secret|-5|1", "nothing changed");
    end = desk_change(mp_assignments_save, rig1, alpha, "{'password':'new'}");
    desk_ends(&end, MP_CONSOLE_DONE, "was saved");
    is_text(row_of(alpha), "you|new|-5|1", "a script sets the password alone");
    end = desk_change(mp_assignments_disable, rig1, alpha, "{}");
    end = desk_change(mp_assignments_save, rig1, alpha, "{'priority':5}");
    is_text(row_of(alpha), "you|new|5|0", "an edit does not enable what is disabled");
    end = desk_change(mp_assignments_save, rig1, 999, "{'username':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, "There is no pool 999.");
    end = desk_change(mp_assignments_save, 999, alpha, "{'username':'x'}");
    desk_ends(&end, MP_CONSOLE_MISSING, "There is no worker 999.");
}

static void test_small_changes(void)
{
    mp_console_outcome_t end = desk_change(mp_assignments_enable, rig1, alpha, "{}");

    desk_ends(&end, MP_CONSOLE_DONE, "was enabled");
    end = desk_change(mp_assignments_up, rig1, alpha, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "was moved up");
    is_text(order_now(), "beta alpha gamma", "it is tried earlier");
    end = desk_change(mp_assignments_down, rig1, beta, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "was moved down");
    is_text(order_now(), "alpha beta gamma", "later");
    const char *revision =
        apr_pstrdup(p, desk_at(desk_view(mp_assignments_view, rig1, apr_psprintf(p, "edit=%u", gamma_)), "form.revision"));
    end = desk_change(mp_assignments_delete, rig1, gamma_, "{}");
    desk_ends(&end, MP_CONSOLE_DONE, "was deleted");
    end = desk_change(mp_assignments_save, rig1, gamma_, apr_psprintf(p, "{'username':'x','revision':'%s'}", revision));
    desk_ends(&end, MP_CONSOLE_CONFLICT, "Somebody deleted this assignment meanwhile");
    desk_is(end.view, "form.values.username", "x");
    end = desk_change(mp_assignments_delete, rig1, gamma_, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, ".");
    end = desk_change(mp_assignments_enable, rig1, gamma_, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, ".");
    end = desk_change(mp_assignments_up, rig1, 999, "{}");
    desk_ends(&end, MP_CONSOLE_MISSING, "999");
}

static void test_away(void)
{
    farm_hide();
    is_text(order_now(), "alpha beta", "the list is there");
    mp_console_outcome_t end = desk_change(mp_assignments_disable, rig1, alpha, "{}");
    desk_ends(&end, MP_CONSOLE_AWAY, "The database cannot be used now");
    end = desk_change(mp_assignments_save, rig1, alpha, "{'username':'x'}");
    desk_ends(&end, MP_CONSOLE_AWAY, "The database cannot be used now");
    farm_show();
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://alpha.example/");
    beta = farm_add_pool("beta", "http://beta.example/");
    gamma_ = farm_add_pool("gamma", "http://gamma.example/");
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    farm_assign(rig1, beta, "me.rig1", 10);
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", beta);
    desk_begin();
    test_view();
    test_forms();
    test_create();
    test_edit();
    test_small_changes();
    test_away();
    desk_close();
    return tap_done();
}
