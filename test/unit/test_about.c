/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"
#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;

static const mp_json_t *find(const mp_json_t *view, const char *name)
{
    const mp_json_t *facts = mp_json_get(view, "facts");

    for (apr_size_t i = 0; i < mp_json_count(facts); i++)
        if (strcmp(desk_at(mp_json_at(facts, i), "name"), name) == 0)
            return mp_json_at(facts, i);
    return NULL;
}

static void check(const mp_json_t *view, const char *name, const char *words, bool is_ok)
{
    const mp_json_t *fact = find(view, name);

    desk_has(fact, "", "name value is_ok is_problem advice");
    ok(strstr(desk_at(fact, "value"), words) != NULL, "%s: %s", name, desk_at(fact, "value"));
    desk_is(fact, "is_ok", is_ok ? "true" : "false");
    desk_is(fact, "is_problem", is_ok ? "false" : "true");
    ok((strcmp(desk_at(fact, "advice"), "(null)") == 0) == is_ok, "%s", desk_at(fact, "advice"));
}

static mp_json_t *parse(const char *text)
{
    mp_json_t *json = NULL;
    mp_result_t why;
    mp_json_parse(&json, text, strlen(text), &why, p);
    return json;
}

static void test_well(void)
{
    mp_json_t *view = NULL;
    mp_result_t why;
    mp_console_order_t order = desk_order(0, 0, NULL);

    order.facts = parse("[{\"name\":\"MPM\",\"value\":\"event\",\"is_ok\":true,\"is_problem\":false,\"advice\":null}]");
    order.directives = parse("[{\"name\":\"MiningProxyDatabase\",\"value\":\"sqlite:/x\"}]");
    ok(mp_about_view(&view, desk_proxy, &order, &why, p) == APR_SUCCESS, "about");
    check(view, "Version", MP_VERSION, true);
    check(view, "Database", "SQLite 3.", true);
    check(view, "Schema", "version 7", true);
    check(view, "Recording", "at work", true);
    check(view, "Spool", "0 shares waiting, 0 under way", true);
    check(view, "Farm", "1 worker, 1 pool, 1 assignment; in force since 2", true);
    check(view, "Long polls", "0 waiting; answered: block 0, switch 0", true);
    check(view, "Upkeep", "; kept: works forever, shares forever, statistics forever", true);
    desk_is(view, "upkeep.keeps.shares", "forever");
    check(view, "MPM", "event", true);
    desk_is(view, "directives.0.name", "MiningProxyDatabase");
    ok(find(view, "State directory") != NULL, "state directory: %s", desk_at(find(view, "State directory"), "value"));
}

static void test_schema(void)
{
    farm_execute("UPDATE settings SET value = '3' WHERE key = 'version'");
    check(desk_view(mp_about_view, 0, NULL), "Schema", "version 3", false);
    farm_execute("UPDATE settings SET value = '99' WHERE key = 'version'");
    check(desk_view(mp_about_view, 0, NULL), "Schema", "version 99", false);
    farm_execute("UPDATE settings SET value = '7' WHERE key = 'version'");
}

static void test_away(void)
{
    mp_recorder_trouble_t trouble = {.since = 0};

    farm_hide();
    bool is_away = FARM_WAIT(
        (farm_advance(apr_time_from_sec(1)), mp_recorder_find_trouble(&trouble, desk_proxy->recorder), trouble.why.status != APR_SUCCESS));
    ok(is_away, "the recorder finds out");
    const mp_json_t *view = desk_view(mp_about_view, 0, NULL);
    check(view, "Database", "away", false);
    check(view, "Recording", "stands still", false);
    check(view, "Farm", "1 worker", false);
    ok(find(view, "Upkeep") == NULL, "nobody knows about upkeep then");
    desk_is(view, "upkeep", "(null)");
    farm_show();
}

int main(void)
{
    p = desk_open();
    apr_uint32_t alpha = farm_add_pool("alpha", "http://alpha.example/");
    farm_assign(farm_add_worker("rig1", "x"), alpha, "me.rig1", 5);
    desk_begin();
    test_well();
    test_schema();
    test_away();
    desk_close();
    return tap_done();
}
