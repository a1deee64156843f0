/* SPDX-License-Identifier: Apache-2.0 */
/* The dashboard over SQLite: with nothing, with shares of every kind, and without its database. */
#include "console_fixture.h"

#include "base/clock.h"
#include "store/statistics.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOTALS "hashrate workers active silent waiting pools pools_up pools_down " DESK_SUMS " getworks"

static apr_pool_t *p;
static apr_uint32_t alpha, beta, rig1, rig2;

static const mp_json_t *look(const char *query)
{
    return desk_view(mp_dashboard_view, 0, query);
}

static void check_members(const mp_json_t *view)
{
    desk_has(view, "", "window windows has_statistics totals chart workers pools submissions rejections");
    is_number(mp_json_count(mp_json_get(view, "windows")), 5, "windows");
    desk_has(view, "windows.0", "word label href is_current");
    desk_has(view, "totals", TOTALS);
    desk_has(view, "chart", "has_data line area y_labels x_labels summary");
    is_number(mp_json_count(mp_json_get(view, "workers")), 2, "workers");
    desk_has(view, "workers.0", DESK_WORKER " " DESK_SUMS " hashrate spark");
    desk_has(view, "pools.0", DESK_POOL " " DESK_SUMS " getworks");
}

static void test_empty(void)
{
    const mp_json_t *view = look(NULL);

    check_members(view);
    desk_is(view, "window", "1h");
    desk_is(view, "has_statistics", "true");
    desk_is(view, "windows.0.is_current", "true");
    desk_is(view, "windows.4.href", "/admin/?window=30d");
    desk_is(view, "totals.workers", "2");
    desk_is(view, "totals.pools", "2");
    desk_is(view, "totals.hashrate.value", "0.0");
    desk_is(view, "totals.hashrate.text", "0 h/s");
    desk_is(view, "totals.rejected_percent", "(null)");
    desk_is(view, "chart.has_data", "false");
    desk_is(view, "chart.line", "(null)");
    desk_is(view, "chart.y_labels", "[]");
    desk_is(view, "chart.summary", "No share was accepted in the last 1 hour.");
    desk_is(view, "submissions", "[]");
    desk_is(view, "workers.0.spark", "(null)");
}

static void test_windows(void)
{
    static const char *const words[] = {"1h", "6h", "24h", "7d", "30d"};

    for (int i = 0; i < 5; i++) {
        const mp_json_t *view = look(apr_psprintf(p, "window=%s", words[i]));
        desk_is(view, "window", words[i]);
        desk_is(view, apr_psprintf(p, "windows.%d.is_current", i), "true");
        apr_size_t labels = mp_json_count(mp_json_get(mp_json_get(view, "chart"), "x_labels"));
        ok(labels >= 3 && labels <= 8, "%d labels below %s, from \"%s\"", (int)labels, words[i], desk_at(view, "chart.x_labels.0.text"));
    }
    desk_settings.window = apr_time_from_sec(86400);
    desk_is(look(NULL), "window", "24h");
    desk_is(look("window=nonsense"), "window", "24h");
    desk_settings.window = apr_time_from_sec(3600);
}

/* A period that began so many ago. */
static void count(unsigned length, int ago, apr_uint32_t worker, apr_uint32_t pool_id, const char *numbers)
{
    char start[20];
    apr_time_t when = mp_statistics_period(mp_clock_now(), length) - apr_time_from_sec((apr_time_t)length * ago);

    farm_execute("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, "
                 "getworks) VALUES (%u, '%s', %u, %u, %s)",
                 length, mp_clock_format_utc(start, when), worker, pool_id, numbers);
}

static double number_at(const mp_json_t *json, const char *path)
{
    return strtod(desk_at(json, path), NULL);
}

static void test_statistics(void)
{
    count(300, 2, rig1, alpha, "90, 10, 900, 50");
    count(300, 1, rig1, beta, "10, 0, 100, 5");
    count(300, 2, rig2, alpha, "18, 1, 20, 5");
    count(300, 40, rig2, alpha, "1000, 1000, 1000, 1000");
    count(1800, 1, rig2, alpha, "1, 2, 3, 4");
    const mp_json_t *view = look(NULL);

    check_members(view);
    desk_is(view, "totals.accepted", "118");
    desk_is(view, "totals.rejected", "11");
    desk_is(view, "totals.getworks", "60");
    desk_is(view, "totals.rejected_percent", "8.5");
    desk_is(view, "totals.is_rejecting", "true");
    desk_is(view, "workers.0.accepted", "100");
    desk_is(view, "workers.0.rejected_percent", "9.1");
    desk_is(view, "workers.0.is_rejecting", "true");
    desk_is(view, "workers.1.rejected_percent", "5.3");
    desk_is(view, "workers.1.is_rejecting", "false");
    desk_is(view, "pools.0.accepted", "108");
    desk_is(view, "pools.1.getworks", "5");
    double sum = number_at(view, "workers.0.hashrate.value") + number_at(view, "workers.1.hashrate.value");
    double total = number_at(view, "totals.hashrate.value");
    ok(total > 0 && fabs(sum - total) < 1e-6 * total, "workers sum up to the farm: %g", total);
    ok(total <= 1020 * 4294967296.0 / 600 && total >= 1020 * 4294967296.0 / 900, "over what is covered: two periods and the running one");
    desk_is(view, "chart.has_data", "true");
    ok(strncmp(desk_at(view, "chart.line"), "M589.1 ", 7) == 0 && strstr(desk_at(view, "chart.line"), "L720.0 "), "%s",
       desk_at(view, "chart.line"));
    ok(strstr(desk_at(view, "chart.area"), "160.0Z") != NULL, "an area");
    is_number(mp_json_count(mp_json_get(mp_json_get(view, "chart"), "y_labels")), 3, "heights");
    desk_is(view, "chart.y_labels.0.at", "160.0");
    desk_is(view, "chart.y_labels.0.text", "0");
    desk_is(view, "chart.y_labels.2.text", "20 Gh/s");
    desk_is(view, "chart.y_labels.1.text", "10 Gh/s");
    ok(strstr(desk_at(view, "chart.summary"), "13.2 Gh/s at most") != NULL, "%s", desk_at(view, "chart.summary"));
    ok(strncmp(desk_at(view, "workers.0.spark"), "M81.8 ", 6) == 0, "a sparkline: %s", desk_at(view, "workers.0.spark"));
    desk_is(look("window=6h"), "totals.accepted", "1");
    desk_settings.reject_alert = 0.5;
    desk_is(look(NULL), "totals.is_rejecting", "false");
    desk_settings.reject_alert = 0.03;
}

static void submit(int number, const char *result, const char *reason)
{
    char now[20];

    farm_execute(
        "INSERT INTO submitted_work (share_id, worker_id, pool_id, result, reason, difficulty, time) VALUES (x'%064x', %u, %u, %s, "
        "%s, 0.99998, '%s')",
        number + 1, number % 2 ? rig1 : 77, alpha, result, reason, mp_clock_format_utc(now, mp_clock_now()));
}

static void test_shares(void)
{
    for (int i = 0; i < 25; i++)
        submit(i, "1", "NULL");
    submit(25, "0", "'stale-work'");
    submit(26, "NULL", "NULL");
    const mp_json_t *view = look(NULL);

    is_number(mp_json_count(mp_json_get(view, "submissions")), 20, "the last twenty");
    is_number(mp_json_count(mp_json_get(view, "rejections")), 1, "and rejected ones");
    desk_has(view, "submissions.0", "time worker pool verdict is_accepted is_rejected is_unknown reason difficulty");
    desk_has(view, "submissions.0.time", DESK_TIME);
    desk_is(view, "submissions.0.verdict", "unknown");
    desk_is(view, "submissions.0.is_unknown", "true");
    desk_is(view, "submissions.0.worker.name", "#77");
    desk_is(view, "submissions.1.is_rejected", "true");
    desk_is(view, "submissions.1.reason", "stale-work");
    desk_is(view, "submissions.1.difficulty", "1");
    desk_is(view, "submissions.1.worker.name", "<script>alert(1)</script>");
    desk_is(view, "submissions.1.worker.is_deleted", "false");
    desk_is(view, "submissions.2.is_accepted", "true");
    desk_is(view, "submissions.2.reason", "(null)");
    desk_is(view, "rejections.0.reason", "stale-work");
}

static void test_away(void)
{
    farm_hide();
    const mp_json_t *view = look(NULL);

    check_members(view);
    desk_is(view, "has_statistics", "false");
    desk_is(view, "totals.hashrate", "(null)");
    desk_is(view, "totals.accepted", "(null)");
    desk_is(view, "totals.workers", "2");
    desk_is(view, "workers.0.hashrate", "(null)");
    desk_is(view, "workers.0.accepted", "(null)");
    desk_is(view, "pools.0.state", "unknown");
    desk_is(view, "chart.has_data", "false");
    ok(strstr(desk_at(view, "chart.summary"), "away") != NULL, "%s", desk_at(view, "chart.summary"));
    desk_is(view, "submissions", "[]");
    farm_show();
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://127.0.0.1:1/");
    beta = farm_add_pool("Beta", "http://127.0.0.1:1/");
    rig1 = farm_add_worker("<script>alert(1)</script>", "x");
    rig2 = farm_add_worker("rig2", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    /* In the first half of a period of any window that is looked at: what follows takes seconds at most. */
    farm_advance(apr_time_from_sec(1800 + 100 - apr_time_sec(mp_clock_now()) % 1800));
    desk_begin();
    test_empty();
    test_windows();
    test_statistics();
    test_shares();
    test_away();
    desk_close();
    return tap_done();
}
