/* SPDX-License-Identifier: Apache-2.0 */
/* The page of alerts over SQLite, and its button. */
#include "console_fixture.h"
#include "service/alerts.h"
#include "service/console_text.h"

#include <apr_strings.h>

static apr_pool_t *p;
static apr_uint32_t rig1;

static void add(const char *kind, int minutes, const char *ended)
{
    farm_execute(
        "INSERT INTO alert (kind, subject_id, subject, host, text, time_began, time_ended) VALUES ('%s', %u, 'rig1', 'web1', 'so', "
        "datetime('now', '-%d minutes'), %s)",
        kind, rig1, minutes, ended);
}

static void test_none(void)
{
    const mp_json_t *view = desk_view(mp_alert_page_view, 0, NULL);

    desk_has(view, "", "are_on is_known open open_count more_open latest channels");
    desk_is(view, "is_known", "true");
    desk_is(view, "open", "[]");
    desk_is(view, "open_count", "0");
    desk_is(view, "more_open", "(null)");
    desk_is(view, "latest", "[]");
    desk_is(view, "channels.has_any", "false");
    desk_is(view, "are_on", mp_alerts_are_on(desk_proxy) ? "true" : "false");
}

static void test_some(void)
{
    add("worker-silent", 30, "NULL");
    add("rejects", 20, "datetime('now', '-10 minutes')");
    const mp_json_t *view = desk_view(mp_alert_page_view, 0, NULL);
    desk_is(view, "open_count", "1");
    desk_is(view, "open.0.kind", "worker-silent");
    desk_is(view, "open.0.subject.href", apr_psprintf(p, "/admin/workers/%u", rig1));
    desk_is(view, "latest.0.kind", "rejects");
    desk_is(view, "latest.0.lasted", "10 min");
    desk_is(view, "latest.1.is_open", "true");
}

static void test_many(void)
{
    for (int i = 0; i < 101; i++)
        add("worker-silent", 1, "NULL");
    const mp_json_t *view = desk_view(mp_alert_page_view, 0, NULL);
    is_number(mp_json_count(mp_json_get(view, "open")), 100, "as many as a page holds");
    desk_is(view, "open_count", "102");
    desk_is(view, "more_open", "2");
    is_number(mp_json_count(mp_json_get(view, "latest")), 100, "and of the others");
}

static void test_button(void)
{
    mp_result_t result = MP_RESULT_NONE;
    mp_console_outcome_t end = desk_change(mp_alert_page_test, 0, 0, "{}");

    mp_alerts_test(desk_proxy, &result);
    desk_ends(&end, MP_CONSOLE_DONE, mp_console_text_sentence(result.sentence, p));
    ok(end.is_bad_news, "that nobody is told is no good news");
    is_text(end.href, "/admin/alerts", "shown there");
    is_number(farm_log_count("MP0290"), 0, "a test changes nothing");
}

static void test_away(void)
{
    farm_hide();
    ok(FARM_WAIT((farm_advance(apr_time_from_sec(1)), mp_json_count(mp_console_notices(desk_proxy, p)) > 0)), "it is noticed");
    const mp_json_t *view = desk_view(mp_alert_page_view, 0, NULL);
    desk_is(view, "is_known", "false");
    desk_is(view, "open", "[]");
    desk_is(view, "open_count", "(null)");
    desk_is(view, "latest", "[]");
    farm_show();
}

int main(void)
{
    p = desk_open();
    rig1 = farm_add_worker("rig1", "x");
    desk_begin();
    test_none();
    test_some();
    test_many();
    test_button();
    test_away();
    desk_close();
    return tap_done();
}
