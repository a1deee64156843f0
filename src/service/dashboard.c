/* SPDX-License-Identifier: Apache-2.0 */
/* One read of statistics serves sums, sparklines and the chart. Without the database, what the roster and this child know is shown all the same. */
#include "core/chart.h"
#include "core/hashrate.h"
#include "service/console_text.h"
#include "service/dashboard_sums.h"
#include "service/pool_view.h"
#include "service/worker_view.h"

#include <apr_strings.h>

#define CHART_WIDTH 720
#define CHART_HEIGHT 160
#define CHART_MARGIN 20 /* a label closer to an edge than this would stick out */
#define SPARK_WIDTH 100
#define SPARK_HEIGHT 20
#define LAST_SHARES 20
#define ALERT_LEAST 20 /* shares, of which one or two rejected ones say nothing */

/* What the parts of the dashboard are made from. */
typedef struct dashboard_t {
    mp_console_page_t page;
    const mp_dashboard_window_t *window;
    mp_dashboard_sums_t sums;
    mp_worker_view_t workers;
    bool has_statistics;
} dashboard_t;

static void load(dashboard_t *dashboard)
{
    const mp_console_page_t *page = &dashboard->page;
    apr_array_header_t *periods = NULL;
    mp_result_t why;

    dashboard->has_statistics =
        !page->is_away && mp_store_load_periods(&periods, mp_dashboard_window_start(dashboard->window, page->now),
                                                dashboard->window->length, page->proxy->store, &why, page->p) == APR_SUCCESS;
    mp_dashboard_sums_open(&dashboard->sums, dashboard->window, periods, page->now, page->p);
    dashboard->page.is_away |= !dashboard->has_statistics;
    mp_worker_view_open(&dashboard->workers, page);
}

static mp_json_t *show_windows(const dashboard_t *dashboard)
{
    const mp_console_page_t *page = &dashboard->page;
    const mp_dashboard_window_t *windows = mp_dashboard_windows();
    mp_json_t *list = mp_json_array_create(page->p);

    for (int i = 0; i < MP_DASHBOARD_WINDOW_COUNT; i++) {
        mp_json_t *choice = mp_json_object_create(page->p);
        mp_console_page_set_text(page, choice, "word", windows[i].word);
        mp_console_page_set_text(page, choice, "label", windows[i].label);
        mp_console_page_set_text(page, choice, "href", apr_psprintf(page->p, "%s/?window=%s", page->order->base, windows[i].word));
        mp_console_page_set_bool(page, choice, "is_current", &windows[i] == dashboard->window);
        mp_json_append(list, choice);
    }
    return list;
}

/* Nulls while nobody knows. */
static void set_sums(const dashboard_t *dashboard, mp_json_t *json, const mp_dashboard_sum_t *sum)
{
    const mp_console_page_t *page = &dashboard->page;
    apr_int64_t all = sum->accepted + sum->rejected;
    bool is_rejecting = all >= ALERT_LEAST && (double)sum->rejected > page->order->settings->reject_alert * (double)all;
    bool is_known = dashboard->has_statistics;

    mp_json_set(json, "accepted", is_known ? mp_json_integer_create(sum->accepted, page->p) : NULL);
    mp_json_set(json, "rejected", is_known ? mp_json_integer_create(sum->rejected, page->p) : NULL);
    mp_json_set(json, "getworks", is_known ? mp_json_integer_create(sum->getworks, page->p) : NULL);
    mp_console_page_set_text(page, json, "rejected_percent", mp_console_text_percent(sum->rejected, sum->accepted, page->p));
    mp_console_page_set_bool(page, json, "is_rejecting", is_rejecting);
}

static void set_hashrate(const dashboard_t *dashboard, mp_json_t *json, const mp_dashboard_sum_t *sum)
{
    double value = mp_dashboard_sums_hashrate(&dashboard->sums, sum->difficulty);
    mp_json_set(json, "hashrate", dashboard->has_statistics ? mp_console_page_hashrate(&dashboard->page, value) : NULL);
}

static mp_chart_t draw(const dashboard_t *dashboard, const mp_dashboard_sum_t *sum, int width, int height)
{
    mp_chart_t chart = {.values = mp_dashboard_sums_line(&dashboard->sums, sum),
                        .count = dashboard->window->count,
                        .first = dashboard->sums.first,
                        .width = width,
                        .height = height};
    double most = mp_chart_most(&chart);

    chart.top = most > 0 ? most : 1;
    return chart;
}

static mp_json_t *show_worker(const dashboard_t *dashboard, const mp_worker_t *worker)
{
    const mp_console_page_t *page = &dashboard->page;
    mp_json_t *json = mp_worker_view_json(&dashboard->workers, worker);
    mp_dashboard_sum_t sum = mp_dashboard_sums_of_worker(&dashboard->sums, worker->id);
    const char *spark = NULL;

    set_sums(dashboard, json, &sum);
    set_hashrate(dashboard, json, &sum);
    if (sum.difficulty > 0) {
        mp_chart_t chart = draw(dashboard, &sum, SPARK_WIDTH, SPARK_HEIGHT);
        spark = mp_chart_line(&chart, page->p);
    }
    mp_console_page_set_text(page, json, "spark", spark);
    return json;
}

static mp_json_t *show_workers(const dashboard_t *dashboard)
{
    const mp_console_page_t *page = &dashboard->page;
    const mp_worker_t **workers = mp_console_page_sort_workers(page);
    mp_json_t *list = mp_json_array_create(page->p);

    for (apr_size_t i = 0; i < mp_roster_worker_count(page->roster); i++)
        mp_json_append(list, show_worker(dashboard, workers[i]));
    return list;
}

static mp_json_t *show_pools(const dashboard_t *dashboard)
{
    const mp_console_page_t *page = &dashboard->page;
    const mp_pool_t **pools = mp_console_page_sort_pools(page);
    mp_json_t *list = mp_json_array_create(page->p);

    for (apr_size_t i = 0; i < mp_roster_pool_count(page->roster); i++) {
        mp_json_t *json = mp_pool_view_json(page, pools[i]);
        mp_dashboard_sum_t sum = mp_dashboard_sums_of_pool(&dashboard->sums, pools[i]->id);
        set_sums(dashboard, json, &sum);
        mp_json_append(list, json);
    }
    return list;
}

static void set_worker_counts(const dashboard_t *dashboard, mp_json_t *totals)
{
    const mp_console_page_t *page = &dashboard->page;
    apr_size_t count = mp_roster_worker_count(page->roster);
    int active = 0, silent = 0, waiting = 0;

    for (apr_size_t i = 0; i < count; i++) {
        const mp_worker_t *worker = mp_roster_worker_at(page->roster, i);
        mp_worker_state_t state = mp_worker_view_state(&dashboard->workers, worker);
        active += state == MP_WORKER_ACTIVE;
        silent += state == MP_WORKER_SILENT;
        waiting += mp_worker_view_is_waiting(&dashboard->workers, worker->id) ? 1 : 0;
    }
    mp_console_page_set_integer(page, totals, "workers", (apr_int64_t)count);
    mp_console_page_set_integer(page, totals, "active", active);
    mp_console_page_set_integer(page, totals, "silent", silent);
    mp_console_page_set_integer(page, totals, "waiting", waiting);
}

static void set_pool_counts(const dashboard_t *dashboard, mp_json_t *totals)
{
    const mp_console_page_t *page = &dashboard->page;
    apr_size_t count = mp_roster_pool_count(page->roster);
    int up = 0, down = 0;

    for (apr_size_t i = 0; i < count; i++) {
        mp_pool_state_t state = mp_pool_view_state(page, mp_roster_pool_at(page->roster, i));
        up += state == MP_POOL_UP;
        down += state == MP_POOL_DOWN;
    }
    mp_console_page_set_integer(page, totals, "pools", (apr_int64_t)count);
    mp_console_page_set_integer(page, totals, "pools_up", up);
    mp_console_page_set_integer(page, totals, "pools_down", down);
}

static mp_json_t *show_totals(const dashboard_t *dashboard)
{
    mp_json_t *totals = mp_json_object_create(dashboard->page.p);

    set_hashrate(dashboard, totals, &dashboard->sums.farm);
    set_worker_counts(dashboard, totals);
    set_pool_counts(dashboard, totals);
    set_sums(dashboard, totals, &dashboard->sums.farm);
    return totals;
}

static void add_label(const mp_console_page_t *page, mp_json_t *labels, double at, const char *text)
{
    mp_json_t *label = mp_json_object_create(page->p);

    mp_json_set(label, "at", mp_json_number_create((double)(apr_int64_t)(at * 10 + 0.5) / 10, page->p));
    mp_console_page_set_text(page, label, "text", text);
    mp_json_append(labels, label);
}

static mp_json_t *label_heights(const mp_console_page_t *page, const mp_chart_t *chart)
{
    mp_json_t *labels = mp_json_array_create(page->p);
    char text[MP_HASHRATE_TEXT_SIZE];

    for (int half = 0; half <= 2; half++)
        add_label(page, labels, CHART_HEIGHT - half * CHART_HEIGHT / 2.0,
                  half ? mp_hashrate_format_short(text, chart->top * half / 2) : "0");
    return labels;
}

static mp_json_t *label_times(const dashboard_t *dashboard, const mp_chart_t *chart)
{
    const mp_console_page_t *page = &dashboard->page;
    const mp_dashboard_window_t *window = dashboard->window;
    mp_json_t *labels = mp_json_array_create(page->p);

    for (apr_size_t i = 0; i < window->count; i++) {
        apr_time_t start = dashboard->sums.start + apr_time_from_sec((apr_time_t)i * window->length);
        double at = mp_chart_x(chart, i);
        if (apr_time_sec(start) % window->step == 0 && at >= CHART_MARGIN && at <= CHART_WIDTH - CHART_MARGIN)
            add_label(page, labels, at, mp_console_text_date(start, window->format, page->p));
    }
    return labels;
}

static const char *summarize(const dashboard_t *dashboard, const mp_chart_t *chart)
{
    const mp_console_page_t *page = &dashboard->page;
    char mean[MP_HASHRATE_TEXT_SIZE], most[MP_HASHRATE_TEXT_SIZE], last[MP_HASHRATE_TEXT_SIZE];

    if (!dashboard->has_statistics)
        return "The database is away: nothing is known of the past.";
    if (dashboard->sums.farm.difficulty <= 0)
        return apr_psprintf(page->p, "No share was accepted in the last %s.", dashboard->window->label);
    mp_hashrate_format(mean, mp_dashboard_sums_hashrate(&dashboard->sums, dashboard->sums.farm.difficulty));
    mp_hashrate_format(most, mp_chart_most(chart));
    mp_hashrate_format(last, chart->values[chart->count - 1]);
    return apr_psprintf(page->p, "Hashrate of the farm in the last %s: %s in the mean, %s at most, %s now.", dashboard->window->label, mean,
                        most, last);
}

static mp_json_t *show_chart(const dashboard_t *dashboard)
{
    const mp_console_page_t *page = &dashboard->page;
    mp_json_t *json = mp_json_object_create(page->p);
    mp_chart_t chart = draw(dashboard, &dashboard->sums.farm, CHART_WIDTH, CHART_HEIGHT);
    bool has_data = dashboard->sums.farm.difficulty > 0;

    chart.top = mp_chart_top(mp_chart_most(&chart));
    mp_console_page_set_bool(page, json, "has_data", has_data);
    mp_console_page_set_text(page, json, "line", has_data ? mp_chart_line(&chart, page->p) : NULL);
    mp_console_page_set_text(page, json, "area", has_data ? mp_chart_area(&chart, page->p) : NULL);
    mp_json_set(json, "y_labels", has_data ? label_heights(page, &chart) : mp_json_array_create(page->p));
    mp_json_set(json, "x_labels", label_times(dashboard, &chart));
    mp_console_page_set_text(page, json, "summary", summarize(dashboard, &chart));
    return json;
}

static mp_json_t *show_share(const mp_console_page_t *page, const mp_share_t *share)
{
    mp_json_t *json = mp_json_object_create(page->p);

    mp_json_set(json, "time", mp_console_page_time(page, share->time));
    mp_json_set(json, "worker", mp_console_page_worker(page, share->worker_id));
    mp_json_set(json, "pool", mp_console_page_pool(page, share->pool_id));
    mp_console_page_set_text(page, json, "verdict", mp_verdict_word(share->verdict));
    mp_console_page_set_bool(page, json, "is_accepted", share->verdict == MP_VERDICT_ACCEPTED);
    mp_console_page_set_bool(page, json, "is_rejected", share->verdict == MP_VERDICT_REJECTED);
    mp_console_page_set_bool(page, json, "is_unknown", share->verdict == MP_VERDICT_UNKNOWN);
    mp_console_page_set_text(page, json, "reason", share->reason[0] ? share->reason : NULL);
    mp_console_page_set_text(page, json, "difficulty", mp_console_text_difficulty(share->difficulty, page->p));
    return json;
}

static mp_json_t *show_shares(const dashboard_t *dashboard, mp_store_shares_t which)
{
    const mp_console_page_t *page = &dashboard->page;
    mp_json_t *list = mp_json_array_create(page->p);
    apr_array_header_t *shares;
    mp_result_t why;

    if (!dashboard->has_statistics ||
        mp_store_load_last_shares(&shares, which, LAST_SHARES, page->proxy->store, &why, page->p) != APR_SUCCESS)
        return list;
    for (int i = 0; i < shares->nelts; i++)
        mp_json_append(list, show_share(page, &APR_ARRAY_IDX(shares, i, mp_share_t)));
    return list;
}

apr_status_t mp_dashboard_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    dashboard_t dashboard;
    mp_json_t *json = mp_json_object_create(p);

    (void)why;
    mp_console_page_open(&dashboard.page, proxy, order, p);
    dashboard.window = mp_dashboard_window_find(mp_console_page_query(&dashboard.page, "window"), order->settings->window);
    load(&dashboard);
    mp_console_page_set_text(&dashboard.page, json, "window", dashboard.window->word);
    mp_json_set(json, "windows", show_windows(&dashboard));
    mp_console_page_set_bool(&dashboard.page, json, "has_statistics", dashboard.has_statistics);
    mp_json_set(json, "totals", show_totals(&dashboard));
    mp_json_set(json, "chart", show_chart(&dashboard));
    mp_json_set(json, "workers", show_workers(&dashboard));
    mp_json_set(json, "pools", show_pools(&dashboard));
    mp_json_set(json, "submissions", show_shares(&dashboard, MP_STORE_SHARES_ALL));
    mp_json_set(json, "rejections", show_shares(&dashboard, MP_STORE_SHARES_REJECTED));
    *view = json;
    return APR_SUCCESS;
}
