/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_upkeep.h"

#include "base/clock.h"
#include "store/statements.h"
#include "store_fixture.h"

#include <stdarg.h>

#define ME "web1/1/me"
#define OTHER "web2/2/other"
#define DAY 86400

static const char *ago(int seconds)
{
    static char texts[4][20];
    static unsigned turn;
    return mp_clock_format_utc(texts[turn++ % 4], mp_clock_now() - apr_time_from_sec(seconds));
}

static const char *sqlf(apr_pool_t *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *sqlf(apr_pool_t *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *statement = apr_pvsprintf(p, format, args);
    va_end(args);
    return sql(statement);
}

/* Keys and quotes of the engines differ; the shell takes backquotes for its own. */
static const char *setting(const char *key, apr_pool_t *p)
{
    return apr_pstrdup(p, sqlf(p, "SELECT value FROM settings WHERE settings.key = 'upkeep_%s'", key));
}

static void set_lease(int seconds, const char *holder, apr_pool_t *p)
{
    sqlf(p, "UPDATE settings SET value = '%s %s' WHERE settings.key = 'upkeep_lease'", ago(-seconds), holder);
}

static void check_empty(mp_store_t *store, apr_pool_t *p)
{
    mp_store_upkeep_t found;
    mp_result_t why = MP_RESULT_NONE;
    mp_store_upkeep_note_t note = {.next = mp_clock_now()};

    ok(mp_store_load_upkeep(&found, store, &why, p) == APR_SUCCESS, "nobody looked after it yet: %s", why.sentence);
    ok(found.now > mp_clock_now() - apr_time_from_sec(10) && found.now <= mp_clock_now(), "the database's clock");
    ok(found.lease.end == 0 && found.next == 0 && found.run.began == 0 && !found.kept.is_known, "no lease, no plan, no run");
    is_refused(mp_store_note_upkeep(ME, &note, store, &why), APR_EBUSY, &why, "taken", "who has no lease plans nothing");
    ok(mp_store_leave_upkeep(ME, store, &why) == APR_SUCCESS, "nor has anything to leave");
    is_text(sql("SELECT count(*) FROM settings WHERE value LIKE '2%-%:%'"), "0", "nothing is written down");
}

static void check_lease(mp_store_t *store, apr_pool_t *p)
{
    mp_store_upkeep_t found;
    mp_result_t why = MP_RESULT_NONE;

    for (int i = 0; i < 2; i++) {
        ok(mp_store_take_upkeep(&found, ME, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME), "taken: %s", why.sentence);
        ok(found.lease.end >= found.now + apr_time_from_sec(58) && found.lease.end <= found.now + apr_time_from_sec(60), "for a minute");
    }
    ok(mp_store_take_upkeep(&found, OTHER, store, &why, p) == APR_SUCCESS && !mp_store_holds_upkeep(&found, OTHER), "no other gets it");
    is_text(found.lease.holder, ME, "and learns who has it");
    ok(mp_store_leave_upkeep(OTHER, store, &why) == APR_SUCCESS, "who has it not");
    ok(mp_store_load_upkeep(&found, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME), "cannot give it up");
    set_lease(-1, ME, p);
    ok(mp_store_take_upkeep(&found, OTHER, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, OTHER), "it ends");
    ok(mp_store_take_upkeep(&found, ME, store, &why, p) == APR_SUCCESS && !mp_store_holds_upkeep(&found, ME), "then it is another's");
    ok(mp_store_leave_upkeep(OTHER, store, &why) == APR_SUCCESS, "given up");
    ok(mp_store_take_upkeep(&found, ME, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME), "it can be had at once");
    set_lease(3 * DAY, OTHER, p);
    ok(mp_store_take_upkeep(&found, ME, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME),
       "one that never ends was not written by us");
    sqlf(p, "UPDATE settings SET value = 'whatever' WHERE settings.key = 'upkeep_lease'");
    ok(mp_store_take_upkeep(&found, ME, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME), "nor was this");
}

static void check_notes(mp_store_t *store, apr_pool_t *p)
{
    mp_store_upkeep_t found;
    mp_result_t why = MP_RESULT_NONE;
    apr_time_t when = apr_time_from_sec(1793372645);
    mp_upkeep_run_t run = {.began = when, .ended = when, .removed = {1, 2, 3}};
    mp_upkeep_kept_t kept = {.is_known = true, .times = {apr_time_from_sec(DAY), 0, apr_time_from_sec(90)}};
    mp_store_upkeep_note_t both = {.next = when, .run = &run, .kept = &kept}, later = {.next = when + apr_time_from_sec(1)},
                           only_run = {.run = &run};

    strcpy(run.error, "it's odd");
    ok(mp_store_note_upkeep(ME, &both, store, &why) == APR_SUCCESS, "a plan and a run: %s", why.sentence);
    is_text(setting("next", p), "2026-10-30 15:04:05", "the plan");
    is_text(setting("last", p), "2026-10-30 15:04:05 2026-10-30 15:04:05 1 2 3 it's odd", "the run");
    is_text(setting("kept", p), "86400 0 90", "what it kept");
    ok(mp_store_load_upkeep(&found, store, &why, p) == APR_SUCCESS && found.next == when && found.run.removed[2] == 3, "read back");
    ok(found.kept.is_known && memcmp(found.kept.times, kept.times, sizeof(kept.times)) == 0, "all of it");
    ok(mp_store_note_upkeep(ME, &later, store, &why) == APR_SUCCESS, "a plan alone");
    is_text(setting("next", p), "2026-10-30 15:04:06", "changes");
    ok(strncmp(setting("last", p), "2026", 4) == 0, "the run stays");
    is_refused(mp_store_note_upkeep(OTHER, &both, store, &why), APR_EBUSY, &why, "taken", "another");
    set_lease(-5, ME, p);
    ok(mp_store_note_upkeep(ME, &only_run, store, &why) == APR_SUCCESS, "a lease that ended, but that nobody took");
    ok(mp_store_load_upkeep(&found, store, &why, p) == APR_SUCCESS && mp_store_holds_upkeep(&found, ME), "is prolonged");
}

/* 1,600 rows with one time. */
#define MANY "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT "
#define OF_MANY " FROM n, n AS m"

static void add_shares(const char *when, apr_pool_t *p)
{
    sqlf(p, "INSERT INTO submitted_work (worker_id, pool_id, result, time) " MANY "n.i, 1, 1, '%s'" OF_MANY, when);
}

static const char *count_of(const char *table, apr_pool_t *p)
{
    return apr_pstrdup(p, sqlf(p, "SELECT count(*) FROM %s", table));
}

static mp_store_sweep_t sweep_of(mp_upkeep_table_t table, int seconds, int most, mp_upkeep_run_t *run)
{
    return (mp_store_sweep_t){
        .table = table, .before = mp_clock_now() - apr_time_from_sec(seconds), .most = most, .holder = ME, .run = run};
}

static void check_shares(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_upkeep_run_t run = {.began = mp_clock_now()};
    mp_store_sweep_t sweep = sweep_of(MP_UPKEEP_SHARES, DAY, 1000, &run);
    int batches = 0;

    add_shares(ago(2 * DAY), p);
    add_shares(ago(3 * DAY), p);
    add_shares(ago(DAY - 60), p);
    sqlf(p, "INSERT INTO submitted_work (worker_id, pool_id, result, time) VALUES (1, 1, NULL, '%s'), (1, 1, 0, '%s')", ago(DAY + 10),
         fx_server ? "0000-00-00 00:00:00" : "1970-01-01 00:00:00");
    ok(mp_store_sweep(&sweep, store, &why) == APR_SUCCESS, "a batch: %s", why.sentence);
    is_number(sweep.removed, 1000, "as large as it may be");
    ok(!sweep.is_done && sweep.took > 0 && run.removed[MP_UPKEEP_SHARES] == 1000, "is counted");
    is_text(sqlf(p, "SELECT count(*) FROM submitted_work WHERE time < '%s'", ago(2 * DAY + 60)), "601", "the oldest went first");
    ok(strstr(setting("last", p), " - 0 1000 0") != NULL, "and written down: %s", setting("last", p));
    while (!sweep.is_done && batches++ < 10 && mp_store_sweep(&sweep, store, &why) == APR_SUCCESS)
        continue;
    is_number(run.removed[MP_UPKEEP_SHARES], 3202, "all that are old, unknown verdicts and odd times as well");
    is_number(batches, 3, "in as many batches as it takes");
    is_text(count_of("submitted_work", p), "1600", "none that is young");
    sweep = sweep_of(MP_UPKEEP_SHARES, DAY, 1000, &run);
    ok(mp_store_sweep(&sweep, store, &why) == APR_SUCCESS && sweep.is_done && sweep.removed == 0, "nothing is left to do");
}

static void check_works(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_upkeep_run_t run = {.began = mp_clock_now()};
    mp_store_sweep_t sweep = sweep_of(MP_UPKEEP_WORKS, 3600, 100, &run);
    int batches = 0;

    for (int i = 0; i < 250; i++)
        sqlf(p, "INSERT INTO work_data (worker_id, data, pool_id, time_requested) VALUES (%d, 'data %d', 1, '%s')", i % 3, i,
             ago(i < 30 ? 3540 : 3660 + i));
    while (!sweep.is_done && batches++ < 10 && mp_store_sweep(&sweep, store, &why) == APR_SUCCESS)
        continue;
    is_number(run.removed[MP_UPKEEP_WORKS], 220, "old works");
    is_number(batches, 3, "in batches");
    is_text(count_of("work_data", p), "30", "the others stay");
}

static void check_statistics(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_upkeep_run_t run = {.began = mp_clock_now()};
    mp_store_sweep_t sweep = sweep_of(MP_UPKEEP_STATISTICS, DAY, 150, &run);
    int batches = 0;

    for (int length = 300; length <= 1800; length += 1500)
        sqlf(p,
             "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id) " MANY "%d, '%s', n.i, m.i" OF_MANY
             " WHERE m.i <= 10",
             length, ago(2 * DAY));
    sqlf(p, "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id) VALUES (300, '%s', 1, 1)", ago(3600));
    sweep.length = 300;
    while (!sweep.is_done && batches++ < 10 && mp_store_sweep(&sweep, store, &why) == APR_SUCCESS)
        continue;
    is_number(run.removed[MP_UPKEEP_STATISTICS], 400, "old statistics of one length");
    is_number(batches, 3, "in batches");
    is_text(sql("SELECT count(*), sum(period_length) FROM share_stats"), "401|720300", "other lengths and young ones stay");
}

static void check_lost_lease(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_upkeep_run_t run = {.began = mp_clock_now()};
    mp_store_sweep_t sweep = sweep_of(MP_UPKEEP_SHARES, 0, 1000, &run);

    set_lease(30, OTHER, p);
    is_refused(mp_store_sweep(&sweep, store, &why), APR_EBUSY, &why, "taken", "who lost the lease");
    is_text(count_of("submitted_work", p), "1600", "removes nothing");
    is_number(run.removed[MP_UPKEEP_SHARES], 0, "and counts nothing");
    set_lease(30, ME, p);
    sql("UPDATE settings SET value = '4' WHERE value = '4'");
}

/* The statement with its parameters filled in, and the engine's words on how it would go about it. */
static const char *plan_of(mp_statement_t statement, const char *const *params, apr_pool_t *p)
{
    const char *text = mp_statement_sql(statement, fx_server ? MP_DIALECT_MYSQL : MP_DIALECT_SQLITE);
    const char *filled = fx_server ? "EXPLAIN " : "EXPLAIN QUERY PLAN ";

    for (const char *mark; (mark = strchr(text, '?')); text = mark + 1)
        filled = apr_pstrcat(p, filled, apr_pstrmemdup(p, text, (apr_size_t)(mark - text)), *params++, NULL);
    char *plan = apr_pstrdup(p, sql(apr_pstrcat(p, filled, text, NULL)));
    for (char *end = plan; (end = strchr(end, '\n'));)
        *end = ' ';
    return plan;
}

static void check_plan(mp_statement_t statement, const char *length, const char *mysql_key, const char *sqlite_key, apr_pool_t *p)
{
    const char *first = "'0000-00-00 00:00:00'", *last = apr_psprintf(p, "'%s'", ago(3 * DAY));
    const char *const params[] = {length, first, last, "1000"};
    const char *plan = plan_of(statement, length ? params : params + 1, p);
    bool is_sorted = strstr(plan, "filesort") || strstr(plan, "TEMP B-TREE");

    ok(strstr(plan, fx_server ? mysql_key : sqlite_key) && !is_sorted, "%s walks along the index: %s", mp_statement_word(statement), plan);
}

/* With most rows old, when an engine is most tempted to read the whole table. */
static void check_plans(mp_store_t *store, apr_pool_t *p)
{
    (void)store;
    for (int i = 0; i < 4; i++)
        add_shares(ago((4 + i) * DAY), p);
    if (fx_server)
        sql("ANALYZE TABLE submitted_work; ANALYZE TABLE work_data; ANALYZE TABLE share_stats");
    check_plan(MP_STATEMENT_FIND_OLD_SHARES, NULL, "|time_worker|", "COVERING INDEX submitted_work_time_worker", p);
    check_plan(MP_STATEMENT_DELETE_OLD_SHARES, NULL, "|time_worker|", "INDEX submitted_work_time_worker", p);
    check_plan(MP_STATEMENT_FIND_OLD_WORKS, NULL, "|time_requested|", "INDEX work_data_time", p);
    check_plan(MP_STATEMENT_DELETE_OLD_WORKS, NULL, "|time_requested|", "INDEX work_data_time", p);
    check_plan(MP_STATEMENT_DELETE_OLD_WORKS, NULL, "|time_requested|", "PRIMARY KEY (worker_id=? AND data=?)", p);
    check_plan(MP_STATEMENT_FIND_OLD_STATISTICS, "1800", "|PRIMARY|", "PRIMARY KEY", p);
    check_plan(MP_STATEMENT_DELETE_OLD_STATISTICS, "1800", "|PRIMARY|", "PRIMARY KEY", p);
}

static void save_share(unsigned number, int age, mp_store_t *store, apr_pool_t *p)
{
    mp_share_t share = {.worker_id = 7, .pool_id = 1, .verdict = MP_VERDICT_ACCEPTED, .difficulty = 1};
    const mp_share_t *pointer = &share;
    mp_result_t why = MP_RESULT_NONE;
    double began = db_seconds();

    memcpy(share.id, &number, sizeof(number));
    share.time = mp_clock_now() - apr_time_from_sec(age);
    ok(mp_store_save_shares(NULL, &pointer, 1, store, &why, p) == APR_SUCCESS && db_seconds() - began < 3, "a share of %d s ago: %.2f s %s",
       age, db_seconds() - began, why.sentence);
}

/* A batch that takes ten seconds, as a very slow server may have them: shares are recorded meanwhile, whatever their time. */
static void check_nobody_waits(mp_store_t *store, apr_pool_t *p)
{
    const char *text = mp_statement_sql(MP_STATEMENT_DELETE_OLD_SHARES, MP_DIALECT_MYSQL), *filled = "";
    const char *const params[] = {"'0000-00-00 00:00:00'", apr_psprintf(p, "'%s'", ago(DAY)), "100000"}, *const *param = params;
    double deadline = db_seconds() + 30;

    if (!fx_server)
        return;
    for (const char *mark; (mark = strchr(text, '?')); text = mark + 1)
        filled = apr_pstrcat(p, filled, apr_pstrmemdup(p, text, (apr_size_t)(mark - text)), *param++, NULL);
    ok(db_shell(NULL,
                apr_psprintf(p,
                             "mariadb --no-defaults -u root -S '%s' -e \"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; START "
                             "TRANSACTION; %s%s; SELECT SLEEP(10)\" mining >/dev/null 2>&1 &",
                             fx_server->socket, filled, text)),
       "a slow batch");
    while (strcmp(sql("SELECT count(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(10)'"), "1") != 0 &&
           db_seconds() < deadline)
        db_pause();
    ok(db_seconds() < deadline, "holds its locks");
    save_share(1, 0, store, p);
    save_share(2, DAY - 60, store, p);
    save_share(3, DAY, store, p);
    save_share(4, 5 * DAY, store, p);
    is_text(sql("SELECT count(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(10)'"), "1", "all that before its end");
    sql("SELECT id INTO @id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(10)'; KILL @id");
}

int main(void)
{
    fx_check_t *const checks[] = {check_empty,      check_lease,      check_notes, check_shares,      check_works,
                                  check_statistics, check_lost_lease, check_plans, check_nobody_waits};
    return FX_RUN(checks);
}
