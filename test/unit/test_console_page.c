/* SPDX-License-Identifier: Apache-2.0 */
/* What every view begins with: it sees what others changed a moment ago, and does not wait for a database that is away. */
#include "service/console_page.h"

#include "base/clock.h"
#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, rig1;
static mp_console_order_t order;

static void open_page(mp_console_page_t *page)
{
    order = desk_order(0, 0, "window=6h&list=a&list=b");
    mp_console_page_open(page, desk_proxy, &order, p);
}

static void test_references(void)
{
    mp_console_page_t page;

    open_page(&page);
    is_text(mp_json_format(mp_console_page_worker(&page, rig1), p),
            "{\"id\":1,\"name\":\"rig1\",\"href\":\"/admin/workers/1\",\"is_deleted\":false}", "a worker");
    is_text(mp_json_format(mp_console_page_pool(&page, 9), p), "{\"id\":9,\"name\":\"#9\",\"href\":null,\"is_deleted\":true}",
            "a pool that is gone");
    ok(mp_console_page_pool(&page, 0) == NULL && mp_console_page_time(&page, 0) == NULL, "nothing");
    is_text(mp_console_page_pool_href(&page, alpha, "/workers"), "/admin/pools/1/workers", "a path");
    is_text(mp_console_page_query(&page, "window"), "6h", "what was asked for");
    ok(!mp_console_page_query(&page, "list") && !mp_console_page_query(&page, "other"), "once, or not at all");
    is_text(desk_at(mp_console_page_hashrate(&page, 1.21e9), "text"), "1.21 Gh/s", "a hashrate");
    is_text(desk_at(mp_console_page_time(&page, page.now - apr_time_from_sec(180)), "text"), "3 min ago", "a time");
}

static void test_order(void)
{
    mp_console_page_t page;

    farm_add_pool("Zeta", "http://x/");
    farm_add_pool("beta", "http://x/");
    farm_add_worker("Anton", "x");
    desk_reload();
    open_page(&page);
    const mp_pool_t **pools = mp_console_page_sort_pools(&page);
    const mp_worker_t **workers = mp_console_page_sort_workers(&page);
    ok(strcmp(pools[0]->name, "alpha") == 0 && strcmp(pools[1]->name, "beta") == 0 && strcmp(pools[2]->name, "Zeta") == 0, "pools by name");
    ok(strcmp(workers[0]->name, "Anton") == 0 && strcmp(workers[1]->name, "rig1") == 0, "workers by name");
    const mp_assignment_t *assignment = mp_console_page_find_assignment(workers[1], alpha);
    ok(assignment && assignment->pool->id == alpha, "an assignment");
    ok(!mp_console_page_find_assignment(workers[0], alpha), "or none");
}

/* Another child's change: nobody tells this one. */
static void test_follows(void)
{
    mp_console_page_t page;

    for (int i = 0; i < 5; i++) {
        farm_execute("UPDATE pool SET name = 'name %d' WHERE id = %u", i, alpha);
        farm_raise_generation();
        double began = farm_seconds();
        open_page(&page);
        is_text(mp_roster_find_pool(page.roster, alpha)->name, apr_psprintf(p, "name %d", i), "what was changed elsewhere is seen at once");
        ok(farm_seconds() - began < 0.4, "within %.3f s", farm_seconds() - began);
    }
}

static void test_away(void)
{
    mp_console_page_t page;
    mp_recorder_trouble_t trouble;

    farm_hide();
    bool is_away = FARM_WAIT(
        (farm_advance(apr_time_from_sec(1)), mp_recorder_find_trouble(&trouble, desk_proxy->recorder), trouble.why.status != APR_SUCCESS));
    ok(is_away && trouble.since > 0 && trouble.since <= mp_clock_now(), "the database is away: %s", trouble.why.sentence);
    double began = farm_seconds();
    open_page(&page);
    ok(farm_seconds() - began < 0.1 && mp_roster_pool_count(page.roster) == 3, "the roster is there, without waiting");
    farm_show();
    bool is_back = FARM_WAIT(
        (farm_advance(apr_time_from_sec(1)), mp_recorder_find_trouble(&trouble, desk_proxy->recorder), trouble.why.status == APR_SUCCESS));
    ok(is_back, "and back");
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://alpha.example/");
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    desk_begin();
    test_references();
    test_order();
    test_follows();
    test_away();
    desk_close();
    return tap_done();
}
