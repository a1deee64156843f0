/* SPDX-License-Identifier: Apache-2.0 */
/* The clock is moved on by less than the database's own, which SQLite takes from the machine, may differ; what is due is set in the database instead. */
#include "service/upkeep.h"

#include "base/clock.h"
#include "base/text.h"
#include "service/dashboard_sums.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

#define DAY apr_time_from_sec(86400)
#define EUROS "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"

static apr_pool_t *pool;
static mp_store_t *store;

static mp_upkeep_options_t usual(void)
{
    return (mp_upkeep_options_t){.works = DAY, .shares = 14 * DAY, .statistics = 365 * DAY};
}

static apr_interval_time_t moved;

static void move_clock(apr_interval_time_t time)
{
    farm_advance(time);
    moved += time;
}

static mp_upkeep_t *create(const mp_upkeep_options_t *options)
{
    mp_upkeep_t *upkeep = NULL;
    ok(mp_upkeep_create(&upkeep, options, store, pool) == APR_SUCCESS, "a child");
    return upkeep;
}

/* The clock is set right again: whoever looks next is a new child. */
static void end(mp_upkeep_t *upkeep)
{
    mp_upkeep_leave(upkeep);
    farm_advance(-moved);
    moved = 0;
    farm_log_forget();
}

static void tick(mp_upkeep_t *upkeep, int times)
{
    apr_pool_t *p;
    for (int i = 0; i < times; i++) {
        apr_pool_create(&p, pool);
        mp_upkeep_tick(upkeep, p);
        apr_pool_destroy(p);
    }
}

/* The next look of everybody is due. */
static void look(mp_upkeep_t *upkeep)
{
    move_clock(MP_UPKEEP_LOOK_INTERVAL);
    tick(upkeep, 1);
}

/* Pauses between batches are as long as the batches. */
static bool run_through(mp_upkeep_t *upkeep)
{
    return FARM_WAIT((tick(upkeep, 1), farm_number("SELECT value LIKE '%%- %%' FROM settings WHERE key = 'upkeep_last'") == 0));
}

static const char *setting(const char *key)
{
    return apr_pstrdup(pool, farm_text("SELECT value FROM settings WHERE key = 'upkeep_%s'", key));
}

static void keep_before(const char *kept)
{
    farm_execute("INSERT INTO settings VALUES ('upkeep_kept', '%s') ON CONFLICT (key) DO UPDATE SET value = excluded.value", kept);
}

static void plan(int seconds)
{
    keep_before("86400 1209600 31536000");
    farm_execute("UPDATE settings SET value = datetime('now', '%d seconds') WHERE key = 'upkeep_next'", seconds);
}

static void add_share(int hours)
{
    farm_execute("INSERT INTO submitted_work (worker_id, pool_id, result, time) VALUES (1, 1, 1, datetime('now', '-%d hours'))", hours);
}

static void add_rows(int count, int hours)
{
    farm_execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO submitted_work (worker_id, pool_id, "
        "result, time) SELECT 1, 1, 1, datetime('now', '-%d hours') FROM n",
        count, hours);
}

static void add_period(int length, int hours)
{
    farm_execute(
        "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id) VALUES (%d, datetime('now', '-%d hours'), 1, 1)", length,
        hours);
}

static long long shares(void)
{
    return farm_number("SELECT count(*) FROM submitted_work");
}

static void test_words(void)
{
    is_text(mp_upkeep_words(0, pool), "forever", "words");
    is_text(mp_upkeep_words(apr_time_from_sec(36 * 3600), pool), "36h", "hours");
    is_text(mp_upkeep_words(14 * DAY, pool), "14d", "days");
    is_text(mp_upkeep_words(730 * DAY, pool), "2y", "years");
    is_text(mp_upkeep_words(apr_time_from_sec(5400), pool), "5400s", "seconds");
}

static void test_periods(void)
{
    mp_upkeep_options_t options = usual();
    const mp_dashboard_window_t *windows = mp_dashboard_windows();

    options.statistics = 31 * DAY;
    for (int i = 0; i < MP_DASHBOARD_WINDOW_COUNT; i++)
        ok(mp_upkeep_period(&options, windows[i].length) >= apr_time_from_sec(windows[i].length) * (apr_time_t)windows[i].count,
           "the shortest time shows all of %s", windows[i].label);
    is_number(mp_upkeep_period(&options, 300), 2 * DAY, "five minutes");
    is_number(mp_upkeep_period(&options, 21600), 31 * DAY, "no longer than asked for");
    options.statistics = 365 * DAY;
    is_number(mp_upkeep_period(&options, 21600), 182 * DAY, "six hours");
    is_number(mp_upkeep_period(&options, 86400), 365 * DAY, "days stay as long as asked for");
    options.statistics = 0;
    is_number(mp_upkeep_period(&options, 300), 0, "for ever means all of them");
}

static void test_first(mp_upkeep_t *upkeep)
{
    add_share(24 * 400);
    tick(upkeep, 10);
    is_number(farm_log_count("MP0241"), 1, "the first that looks takes it on");
    is_number(farm_log_count("MP0236: nobody has kept this database small yet"), 1, "in a database that was never kept, it says so");
    is_number(farm_log_count("works 1d, shares 14d, statistics 1y"), 1, "with what is kept");
    is_number(
        farm_number("SELECT value BETWEEN datetime('now', '86300 seconds') AND datetime('now', '86400 seconds') FROM settings WHERE key = "
                    "'upkeep_next'"),
        1, "the first run is a day away");
    look(upkeep);
    is_number(shares(), 1, "until then everything stays");
    is_number(farm_log_count("MP0236"), 1, "it is said once");
}

static void test_run(mp_upkeep_t *upkeep)
{
    mp_upkeep_state_t state;

    add_rows(3000, 24 * 15);
    add_share(24 * 13);
    for (int i = 0; i < 3; i++)
        farm_execute("INSERT INTO work_data VALUES (1, 'work %d', 1, 1, datetime('now', '-%d hours'))", i, 12 * i + 6);
    for (int hours = 24; hours <= 24 * 400; hours *= 4)
        for (int length = 300; length <= 86400; length *= length == 300 ? 6 : length == 1800 ? 2 : length == 3600 ? 6 : 4)
            add_period(length, hours);
    plan(-60);
    tick(upkeep, 1);
    ok(run_through(upkeep), "a run that is due: %s", setting("last"));
    is_number(shares(), 1, "old shares are gone");
    is_text(farm_text("SELECT group_concat(data) FROM work_data"), "work 1,work 0", "old works as well");
    /* 1, 4, 16, 64, 256 days; and 1024, which is more than 400. */
    is_text(farm_text("SELECT group_concat(n) FROM (SELECT count(*) AS n FROM share_stats GROUP BY period_length ORDER BY period_length)"),
            "1,2,3,4,5", "statistics, the sooner the shorter their period is");
    is_number(farm_log_count("MP0237: removed 1 works, 3001 shares and 10 rows of statistics"), 1, "the log has the counts");
    ok(strstr(setting("last"), " 1 3001 10") != NULL, "so has the database: %s", setting("last"));
    is_number(
        farm_number("SELECT value BETWEEN datetime('now', '3500 seconds') AND datetime('now', '3601 seconds') FROM settings WHERE key = "
                    "'upkeep_next'"),
        1, "the next one is an hour away");
    mp_upkeep_state(&state, upkeep);
    ok(state.failure.status == APR_SUCCESS && state.options.shares == 14 * DAY, "no failure");
}

static void add_alerts(int count, int hours, const char *ended)
{
    farm_execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO alert (kind, subject, host, text, "
        "time_began, time_ended) SELECT 'test', '%d', 'here', 'x', datetime('now', '-%d hours'), %s FROM n",
        count, hours, hours, ended);
}

/* As long as statistics; a batch is 1,000 of them. */
static void test_alerts(mp_upkeep_t *upkeep)
{
    add_alerts(2500, 24 * 400, "datetime('now', '-366 days')");
    add_alerts(1, 24 * 399, "datetime('now', '-364 days')");
    add_alerts(1, 24 * 398, "NULL");
    plan(-60);
    tick(upkeep, 1);
    ok(run_through(upkeep), "a run");
    is_text(farm_text("SELECT group_concat(subject) FROM (SELECT subject FROM alert ORDER BY id)"), "9576,9552",
            "old alerts are gone; what ended a year ago, or is still so, stays");
    farm_execute("DELETE FROM alert");
}

/* No more than one batch each time, and each leaves as much time as it took. */
static void test_pace(mp_upkeep_t *upkeep)
{
    add_rows(12000, 24 * 15);
    plan(-60);
    long long before = shares();
    tick(upkeep, 2); /* works */
    ok(FARM_WAIT((tick(upkeep, 1), shares() < before)), "a batch");
    ok(before - shares() <= 5000, "of at most 5,000 rows: %lld", before - shares());
    ok(FARM_WAIT((tick(upkeep, 1), shares() == 1)), "then the others");
    ok(run_through(upkeep), "to the end");
}

static void test_forever(mp_upkeep_t *upkeep)
{
    const mp_upkeep_options_t options = {.works = 0, .shares = 0, .statistics = 0};
    mp_upkeep_t *other = create(&options);

    (void)upkeep;
    add_share(24 * 400);
    plan(-60);
    tick(other, 1);
    ok(farm_number("SELECT value < datetime('now') FROM settings WHERE key = 'upkeep_next'") == 0,
       "a run with nothing to do is over at once");
    is_number(shares(), 2, "for ever is for ever");
    mp_upkeep_leave(other);
    farm_execute("DELETE FROM submitted_work WHERE time < datetime('now', '-15 days')");
}

/* One in the farm: another child waits until the lease is given up, or runs out, also in the middle of a run. */
static void test_lease(mp_upkeep_t *upkeep)
{
    const mp_upkeep_options_t options = usual();
    mp_upkeep_t *other = create(&options);

    add_rows(2001, 24 * 15);
    plan(3600);
    tick(upkeep, 1);
    const char *holder = setting("lease") + 20;
    tick(other, 3);
    ok(mp_upkeep_is_leader(upkeep) && !mp_upkeep_is_leader(other), "who has the lease leads");
    is_number(farm_log_count("MP0241"), 1, "another child finds the lease taken");
    plan(-60);
    look(upkeep);
    tick(upkeep, 1);
    ok(strncmp(setting("last") + 20, "- ", 2) == 0, "a run is under way: %s", setting("last"));
    look(other);
    is_number(farm_log_count("MP0241"), 1, "still with the one");
    farm_execute("UPDATE settings SET value = datetime('now', '-1 seconds') || substr(value, 20) WHERE key = 'upkeep_lease'");
    look(other);
    is_number(farm_log_count("MP0241"), 2, "when its holder is dead, the other takes it");
    ok(mp_upkeep_is_leader(upkeep) && mp_upkeep_is_leader(other), "which the dead one does not know");
    ok(strcmp(holder, setting("lease") + 20) != 0, "under its own name: %s", setting("lease"));
    tick(upkeep, 5);
    look(upkeep);
    tick(upkeep, 5);
    is_number(farm_log_count("MP0241"), 2, "if the first comes back, it finds out");
    ok(!mp_upkeep_is_leader(upkeep) && mp_upkeep_is_leader(other), "and leads no more");
    ok(run_through(other) && shares() == 1, "the run is ended by the other");
    is_number(farm_log_count("2001 shares"), 1, "and counted as one");
    mp_upkeep_leave(other);
    is_text(setting("lease"), "-", "who leaves gives it up");
    ok(!mp_upkeep_is_leader(other), "and leads no more");
    look(upkeep);
    is_number(farm_log_count("MP0241"), 3, "and it can be taken at once");
}

static bool is_over;

static bool is_leaving(void)
{
    return is_over;
}

/* After a graceful restart a slow request may hold a child for long; what it was told to keep holds no more. */
static void test_leaving(mp_upkeep_t *upkeep)
{
    mp_upkeep_options_t options = usual();
    options.is_leaving = is_leaving;
    mp_upkeep_t *old = create(&options);

    add_rows(20000, 24 * 15);
    plan(-60);
    ok(FARM_WAIT((tick(old, 1), shares() < 20001)), "a run is under way");
    is_over = true;
    tick(old, 1);
    long long left = shares();
    is_text(setting("lease"), "-", "the child's time is over: it gives the lease up");
    for (int i = 0; i < 3; i++)
        look(old);
    ok(shares() == left && left > 1, "and removes nothing more: %lld", left);
    is_text(setting("lease"), "-", "nor takes it again");
    tick(upkeep, 1);
    is_number(farm_log_count("MP0241"), 2, "another one can take it at once");
    ok(run_through(upkeep) && shares() == 1, "and ends the run");
}

static void test_clock(mp_upkeep_t *upkeep)
{
    add_share(24 * 400);
    look(upkeep);
    plan(-60);
    move_clock(MP_UPKEEP_CLOCK_TOLERANCE);
    look(upkeep);
    look(upkeep);
    is_number(farm_log_count("MP0239: this host's clock says 2"), 1, "a host whose clock differs says so, once");
    is_text(setting("lease"), "-", "and leaves the work to others");
    is_number(shares(), 2, "nothing is removed");
    ok(mp_upkeep_clock_difference(mp_clock_now() + apr_time_from_sec(400)) > apr_time_from_sec(399) &&
           mp_upkeep_clock_difference(mp_clock_now() - apr_time_from_sec(400)) > apr_time_from_sec(399),
       "differences have no sign");
}

/* All clocks of the farm jump together, or nobody was there for long: nothing is removed before somebody had time to see it. */
static void test_jump(mp_upkeep_t *upkeep)
{
    static const int odd[] = {-86400, 3 * 86400};
    for (unsigned i = 0; i < 2; i++) {
        plan(odd[i]);
        farm_log_forget();
        look(upkeep);
        is_number(farm_log_count("MP0236: nobody has kept this database small for long, or a clock was wrong"), 1,
                  "a plan that makes no sense");
        is_number(farm_number("SELECT value > datetime('now', '86300 seconds') FROM settings WHERE key = 'upkeep_next'"), 1, "is put off");
    }
    is_number(shares(), 2, "nothing is removed");
    farm_execute("UPDATE settings SET value = 'some day' WHERE key = 'upkeep_next'");
    look(upkeep);
    is_number(farm_number("SELECT value > datetime('now', '86300 seconds') FROM settings WHERE key = 'upkeep_next'"), 1, "nor by no plan");
}

static bool is_put_off(void)
{
    return farm_number("SELECT value > datetime('now', '86300 seconds') FROM settings WHERE key = 'upkeep_next'") == 1;
}

/* A host that joins, or an admin who mistypes a value: what was to stay so far stays a day longer. */
static void test_shorter(mp_upkeep_t *upkeep)
{
    plan(-60);
    keep_before("0 1209600 31536000");
    farm_execute("UPDATE settings SET value = substr(value, 1, 20) || '-' || substr(value, 40) WHERE key = 'upkeep_last'");
    look(upkeep);
    ok(is_put_off(), "less is kept than before: put off");
    is_number(farm_log_count("MP0236: this configuration keeps less in the database than the one before (works forever, shares 14d, "
                             "statistics 1y): from 2"),
              1, "which is said");
    ok(strncmp(setting("last") + 20, "2", 1) == 0, "a run that was left before its end is over: %s", setting("last"));
    look(upkeep);
    is_number(farm_log_count("MP0236"), 1, "once");
    is_number(shares(), 2, "until then everything stays");
    farm_execute("UPDATE settings SET value = datetime('now', '-60 seconds') WHERE key = 'upkeep_next'");
    look(upkeep);
    ok(run_through(upkeep) && shares() == 1, "a day later it goes");

    farm_execute("DELETE FROM settings WHERE key = 'upkeep_kept'");
    look(upkeep);
    ok(is_put_off() && farm_log_count("MP0236: nobody has written down") == 1, "what was kept before is not known");
    plan(-60);
    keep_before("3600 3600 3600");
    look(upkeep);
    ok(run_through(upkeep) && farm_log_count("MP0236") == 2, "who keeps more need not wait");
    is_text(setting("kept"), "86400 1209600 31536000", "and says so");
    plan(-60);
    keep_before("86400 1209600 nonsense");
    look(upkeep);
    ok(is_put_off(), "nor is what makes no sense");
    add_share(24 * 400);
}

/* A farm that is off each night, or each week: what was put off is not put off again whenever it comes back. */
static void test_not_always_on(mp_upkeep_t *upkeep)
{
    plan(-3 * 86400);
    farm_execute("UPDATE settings SET value = datetime('now', '-5 days') || ' ' || datetime('now', '-5 days') || ' 0 0 0' WHERE key = "
                 "'upkeep_last'");
    look(upkeep);
    ok(run_through(upkeep) && shares() == 1 && !is_put_off(), "it was announced, and nobody was there since: it is done now");
    add_share(24 * 400);
    plan(-8 * 86400);
    farm_execute("UPDATE settings SET value = datetime('now', '-12 days') || ' ' || datetime('now', '-12 days') || ' 0 0 0' WHERE key = "
                 "'upkeep_last'");
    look(upkeep);
    ok(is_put_off() && shares() == 2, "that was too long ago");
}

static bool fail_again(mp_upkeep_t *upkeep)
{
    mp_upkeep_state_t state;
    move_clock(apr_time_from_sec(61));
    for (int i = 0; i < 3; i++) {
        tick(upkeep, 1);
        farm_pause();
        mp_upkeep_state(&state, upkeep);
    }
    return state.failure.status != APR_SUCCESS;
}

static void test_failure(mp_upkeep_t *upkeep)
{
    mp_upkeep_state_t state;

    farm_execute("CREATE TRIGGER no_deletion BEFORE DELETE ON submitted_work BEGIN SELECT RAISE(ABORT, 'not today:" EUROS EUROS EUROS
                 "'); END");
    plan(-60);
    ok(FARM_WAIT((tick(upkeep, 1), mp_upkeep_state(&state, upkeep), state.failure.status != APR_SUCCESS)), "rows cannot be removed: %s",
       state.failure.sentence);
    is_number(farm_log_count("MP0238"), 0, "the first failure may be the database going away");
    ok(mp_upkeep_is_leader(upkeep), "who has the lease leads all the same");
    ok(strstr(setting("last"), "not today") != NULL, "the console knows of it: %s", setting("last"));
    const char *last = setting("last");
    char cleaned[MP_UPKEEP_RUN_SIZE];
    is_text(mp_text_clean(cleaned, sizeof(cleaned), last), last, "as far as there is room, in whole characters");
    ok(fail_again(upkeep) && farm_log_count("MP0238") == 1, "the next one is told");
    ok(fail_again(upkeep) && farm_log_count("MP0238") == 1, "once");
    farm_execute("DROP TRIGGER no_deletion");
    move_clock(apr_time_from_sec(61));
    tick(upkeep, 1);
    ok(run_through(upkeep), "then the run is ended");
    is_number(farm_log_count("MP0242"), 1, "which is told as well");
    mp_upkeep_state(&state, upkeep);
    ok(state.failure.status == APR_SUCCESS && !strstr(setting("last"), "today"), "and nothing is wrong any more");
}

static void run_test(void (*test)(mp_upkeep_t *))
{
    const mp_upkeep_options_t options = usual();
    mp_upkeep_t *upkeep = create(&options);
    test(upkeep);
    end(upkeep);
}

int main(void)
{
    pool = farm_open();
    store = farm_store(pool);
    test_words();
    test_periods();
    run_test(test_first);
    run_test(test_run);
    run_test(test_alerts);
    run_test(test_pace);
    run_test(test_forever);
    run_test(test_lease);
    run_test(test_leaving);
    run_test(test_clock);
    run_test(test_jump);
    run_test(test_shorter);
    run_test(test_not_always_on);
    run_test(test_failure);
    farm_close();
    return tap_done();
}
