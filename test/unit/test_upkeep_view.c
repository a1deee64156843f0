/* SPDX-License-Identifier: Apache-2.0 */
#include "service/upkeep_view.h"

#include "base/clock.h"
#include "console_fixture.h"

#include <string.h>

#define MINUTES(n) apr_time_from_sec(60 * (n))
#define DAY apr_time_from_sec(86400)

static apr_pool_t *p;
static mp_upkeep_view_t view;

static mp_store_upkeep_t found_now(void)
{
    apr_time_t now = mp_clock_now();
    mp_store_upkeep_t found = {
        .now = now,
        .lease = {.end = now + apr_time_from_sec(30), .holder = "web1.example/4711/00ff"},
        .next = now + MINUTES(48),
        .run = {.began = now - MINUTES(12) - apr_time_from_sec(3), .ended = now - MINUTES(12), .removed = {1, 5000000, 8}}};
    return found;
}

static mp_upkeep_state_t state_now(void)
{
    return (mp_upkeep_state_t){.options = {.works = DAY, .shares = 14 * DAY}};
}

static void fill(const mp_store_upkeep_t *found, const mp_upkeep_state_t *state)
{
    mp_console_page_t page;
    mp_console_order_t order = desk_order(0, 0, NULL);
    mp_console_page_open(&page, desk_proxy, &order, p);
    mp_upkeep_view_fill(&view, found, state, &page);
    desk_is(view.json, "is_problem", view.advice ? "true" : "false");
}

static void says(const char *words)
{
    ok(strstr(view.words, words) != NULL, "%s: %s", words, view.words);
}

static void advises(const char *words)
{
    ok(view.advice && strstr(view.advice, words), "%s: %s", words, view.advice ? view.advice : "(no advice)");
}

static void test_well(void)
{
    mp_store_upkeep_t found = found_now();
    mp_upkeep_state_t state = state_now();

    fill(&found, &state);
    says(
        "last run 12 min ago, 3 s long: 1 work, 5000000 shares and 8 rows of statistics removed; next run in 48 min; done by web1.example, "
        "process 4711; kept: works 1d, shares 14d, statistics forever");
    ok(view.advice == NULL && !strstr(view.words, "first"), "nothing is wrong");
    desk_has(view.json, "", "keeps last next holder error clock_difference is_under_way is_problem");
    desk_is(view.json, "keeps.shares", "14d");
    desk_is(view.json, "keeps.statistics", "forever");
    desk_is(view.json, "last.shares", "5000000");
    desk_is(view.json, "last.statistics", "8");
    desk_has(view.json, "last.ended", "iso text full");
    desk_is(view.json, "next.text", "in 47 min");
    desk_is(view.json, "holder", "web1.example, process 4711");
    desk_is(view.json, "error", "(null)");
    desk_is(view.json, "is_under_way", "false");
}

static void test_first(void)
{
    mp_store_upkeep_t found = found_now();
    mp_upkeep_state_t state = state_now();

    found.run = (mp_upkeep_run_t){0};
    fill(&found, &state);
    says("no run yet; next run in");
    says("what is older than that is removed for the first time at 2");
    desk_is(view.json, "last", "(null)");
    found.run = (mp_upkeep_run_t){.began = found.now - MINUTES(60), .ended = found.now - MINUTES(30)};
    found.next = found.now + DAY - MINUTES(1);
    fill(&found, &state);
    says("last run 30 min ago");
    says("what is older than that is removed again, by these values for the first time, at 2");
    found.next = found.now + MINUTES(30);
    fill(&found, &state);
    ok(!strstr(view.words, "first time"), "an hour after a run is nothing new");
    state.options = (mp_upkeep_options_t){0};
    found.next = found.now + DAY;
    fill(&found, &state);
    ok(!strstr(view.words, "first time"), "where all is kept, nothing is announced");
    found = (mp_store_upkeep_t){.now = found.now};
    fill(&found, &state);
    says("the next one is not planned yet; no process does it at the moment");
    desk_is(view.json, "holder", "(null)");
    desk_is(view.json, "next", "(null)");
}

static void test_under_way(void)
{
    mp_store_upkeep_t found = found_now();
    mp_upkeep_state_t state = state_now();

    found.run.ended = 0;
    found.next = found.now - MINUTES(200);
    fill(&found, &state);
    says("under way since 12 min: 1 work, 5000000 shares and 8 rows of statistics removed so far; done by");
    ok(view.advice == NULL, "a long run is no problem");
    desk_is(view.json, "is_under_way", "true");
    desk_is(view.json, "last.ended", "(null)");
    found.lease.end = found.now - MINUTES(1);
    fill(&found, &state);
    advises("nobody has removed old rows, although it was due 3 h ago");
}

static void test_problems(void)
{
    mp_store_upkeep_t found = found_now();
    mp_upkeep_state_t state = state_now();

    found.next = found.now - MINUTES(10);
    fill(&found, &state);
    says("the next one is due");
    ok(view.advice == NULL, "ten minutes late is no problem");
    found.next = found.now - MINUTES(130);
    fill(&found, &state);
    advises("although it was due 2 h ago");
    mp_result_set(&state.failure, APR_EGENERAL, "database-error", "no rights");
    fill(&found, &state);
    advises("old rows could not be removed: no rights");
    desk_is(view.json, "error", "no rights");
    strcpy(found.run.error, "another host has none");
    fill(&found, &state);
    advises("another host has none");
    found.now += MINUTES(6);
    fill(&found, &state);
    advises("this host's clock and the database's differ by");
}

int main(void)
{
    p = desk_open();
    desk_begin();
    test_well();
    test_first();
    test_under_way();
    test_problems();
    desk_close();
    return tap_done();
}
