/* SPDX-License-Identifier: Apache-2.0 */
/* A farm of two workers and two pools, as the database and the children tell of it: what is so, and what is not. */
#include "service/alert_look.h"

#include "base/clock.h"
#include "store_fixture.h"

#define NOW apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */
#define MINUTE apr_time_from_sec(60)
#define ALL (MP_ALERT_HOST_KINDS | MP_ALERT_FARM_KINDS)

static apr_time_t clock_now = NOW;
static mp_roster_t *roster;
static mp_proxy_t proxy;
static mp_alert_policy_t *policy;
static mp_alert_look_t *eye;

static apr_time_t read_clock(void)
{
    return clock_now;
}

static void make_roster(bool is_assigned, apr_pool_t *p)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    rows->generation = 1;
    rows->secret = "00";
    APR_ARRAY_PUSH(rows->pools, mp_roster_pool_row_t) =
        (mp_roster_pool_row_t){.id = 1, .name = "alpha", .url = "http://127.0.0.1:1/", .enabled = true};
    APR_ARRAY_PUSH(rows->pools, mp_roster_pool_row_t) =
        (mp_roster_pool_row_t){.id = 2, .name = "beta", .url = "http://127.0.0.1:2/", .enabled = true};
    for (apr_uint32_t id = 7; id <= 8; id++) {
        APR_ARRAY_PUSH(rows->workers, mp_roster_worker_row_t) =
            (mp_roster_worker_row_t){.id = id, .name = id == 7 ? "rig7" : "rig8", .password = "x"};
        APR_ARRAY_PUSH(rows->assignments, mp_roster_assignment_row_t) = (mp_roster_assignment_row_t){
            .worker_id = id, .pool_id = 1, .username = "u", .password = "p", .priority = 1, .enabled = is_assigned};
    }
    mp_roster_release(roster);
    roster = mp_roster_create(rows, NULL, NOW);
}

static const mp_sight_t *sight_of(const char *text, apr_pool_t *p)
{
    const mp_json_t *descriptions[1];
    mp_json_t *json = NULL;
    mp_json_parse(&json, text, strlen(text), NULL, p);
    descriptions[0] = json;
    return mp_sight_join(descriptions, 1, p);
}

static void begin(mp_store_t *store, apr_pool_t *p)
{
    mp_alert_look_options_t options = {
        .interval = MINUTE / 12, .settling = MINUTE, .silence = 10 * MINUTE, .reject_share = 0.03, .host = "web1"};
    clock_now = NOW;
    sql("DELETE FROM share_stats");
    sql("DELETE FROM worker_status");
    make_roster(true, p);
    proxy = (mp_proxy_t){.store = store};
    if (policy)
        mp_alert_policy_destroy(policy);
    policy = mp_alert_policy_create(0);
    eye = mp_alert_look_create(&options, &proxy, policy, p);
}

/* @return what begins ("+kind:subject "), and what is over ("-kind:subject "), by one look a minute later */
static const char *look(const char *sight, apr_pool_t *p)
{
    const char *text = "";
    const mp_sight_t *seen = sight_of(sight, p);
    clock_now += MINUTE;
    unsigned looked_at = mp_alert_look_at_host(eye, seen, p) | mp_alert_look_at_farm(eye, seen, roster, p);
    apr_array_header_t *changes = mp_alert_policy_conclude(policy, looked_at, clock_now, clock_now, p);
    for (int i = 0; i < changes->nelts; i++) {
        const mp_alert_t *alert = APR_ARRAY_IDX(changes, i, const mp_alert_t *);
        printf("# %s\n", alert->text);
        text = apr_psprintf(p, "%s%c%s:%s ", text, alert->ended ? '-' : '+', mp_alert_kind_word(alert->kind), alert->subject);
    }
    return text;
}

/* How worker 7 does as a rule: so many shares in each of the last hours. */
static void plant_habit(int hours, int shares)
{
    char statement[300], text[20];
    for (int i = 0; i < hours; i++) {
        apr_time_t start = NOW - NOW % apr_time_from_sec(3600) - apr_time_from_sec(3600 * i);
        apr_snprintf(statement, sizeof(statement),
                     "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted) VALUES (3600, '%s', 7, 1, %d)",
                     mp_clock_format_utc(text, start), shares);
        sql(statement);
    }
}

static void note_share(apr_time_t when)
{
    char statement[300], text[20];
    sql("DELETE FROM worker_status");
    apr_snprintf(statement, sizeof(statement), "INSERT INTO worker_status (worker_id, last_accepted_time) VALUES (7, '%s')",
                 mp_clock_format_utc(text, when));
    sql(statement);
}

static void check_host(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    is_text(look("{\"bytes\":49,\"limit\":100}", p), "", "a spool below half");
    is_text(look("{\"bytes\":51,\"limit\":100}", p), "+spool-half:web1 ", "above half");
    is_text(look("{\"bytes\":41,\"limit\":100}", p), "", "not far below half is not well yet");
    is_text(look("{\"bytes\":39,\"limit\":100}", p), "-spool-half:web1 ", "well below half");
    is_text(look("{\"away_since\":100,\"away_word\":\"database-away\",\"away_why\":\"no route\"}", p), "+database-away:web1 ", "away");
    const mp_alert_t *away = mp_alert_policy_find_open(policy, MP_ALERT_DATABASE_AWAY, 0);
    ok(away && !strstr(away->text, "no route"), "where the database is, strangers are not told");
    is_text(look("{}", p), "-database-away:web1 ", "back");
}

static void check_pools(mp_store_t *store, apr_pool_t *p)
{
    static const char down[] = "{\"pools\":[{\"id\":1,\"since\":100,\"state\":2,\"error\":\"refused\",\"error_time\":99},"
                               "{\"id\":2,\"since\":100,\"state\":2}]}";
    begin(store, p);
    is_text(look("{\"pools\":[{\"id\":1,\"since\":50,\"state\":0,\"latency\":7}]}", p), "", "a pool that is well");
    is_text(look(down, p), "+pool-down:alpha ", "down; one that nobody is assigned to is nobody's concern");
    is_text(look("{\"pools\":[{\"id\":1,\"since\":200,\"state\":1}]}", p), "", "half-open is not well yet");
    is_text(look("{}", p), "", "nobody knows: it stays as it was");
    is_text(look("{\"pools\":[{\"id\":1,\"since\":300,\"state\":0}]}", p), "", "a child that was born just now knows nothing either");
    is_text(look("{\"pools\":[{\"id\":1,\"since\":300,\"state\":0,\"latency\":7}]}", p), "-pool-down:alpha ",
            "until somebody had an answer");
    is_text(look(down, p), "+pool-down:alpha ", "down once more");
    const mp_alert_t *alert = mp_alert_policy_find_open(policy, MP_ALERT_POOL_DOWN, 1);
    ok(alert && strstr(alert->text, "refused"), "the text says why");
    ok(alert && mp_alert_look_has_subject(alert, roster), "somebody is assigned to it");
    make_roster(false, p);
    ok(alert && !mp_alert_look_has_subject(alert, roster), "nobody is any more");
    is_text(look("{}", p), "-pool-down:alpha ", "so it is over");
}

static void check_silence(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    plant_habit(4, 60); /* one a minute */
    note_share(NOW);
    is_text(look("{}", p), "", "the database was not there for long");
    for (int minute = 2; minute <= 10; minute++)
        is_text(look("{}", p), "", "no share for that long");
    is_text(look("{\"oldest\":1}", p), "", "while shares wait for the database nobody is silent");
    is_text(look("{}", p), "+worker-silent:rig7 ", "silent");
    is_text(look("{}", p), "", "once");
    clock_now += apr_time_from_sec(2 * 86400);
    is_text(look("{}", p), "", "it stays so when the habit is forgotten");
    note_share(clock_now);
    is_text(look("{}", p), "-worker-silent:rig7 ", "until a share comes");
}

static void check_habits(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    plant_habit(1, 12); /* since 15:00, until 15:30:00 */
    note_share(NOW + 26 * MINUTE - apr_time_from_sec(5));
    for (int minute = 1; minute <= 50; minute++)
        is_text(look("{}", p), "", "twelve in half an hour: in 25 minutes there will be one");
    is_text(look("{}", p), "+worker-silent:rig7 ", "by then there should have been");
    begin(store, p);
    plant_habit(10, 6);
    note_share(NOW);
    for (int minute = 1; minute <= 90; minute++)
        look("{}", p);
    ok(!mp_alert_policy_find_open(policy, MP_ALERT_WORKER_SILENT, 7), "six an hour: silent for an hour and a half is nothing");
    for (int minute = 91; minute <= 92; minute++)
        look("{}", p);
    ok(mp_alert_policy_find_open(policy, MP_ALERT_WORKER_SILENT, 7) != NULL, "for longer it is something");
    begin(store, p);
    note_share(NOW - apr_time_from_sec(3 * 86400));
    for (int minute = 1; minute < 5; minute++)
        is_text(look("{}", p), "", "who mined last three days ago is missed by nobody");
}

static void check_start(mp_store_t *store, apr_pool_t *p)
{
    void *memory = NULL;
    begin(store, p);
    ok(posix_memalign(&memory, 64, mp_counters_size(1)) == 0, "memory for counters");
    memset(memory, 0, mp_counters_size(1));
    proxy.counters = mp_counters_attach(memory, 1, NOW);
    plant_habit(4, 60);
    note_share(NOW - apr_time_from_sec(3600));
    for (int minute = 1; minute <= 10; minute++)
        is_text(look("{}", p), "", "httpd began just now: nobody could mine before");
    is_text(look("{}", p), "+worker-silent:rig7 ", "by now somebody could");
    free(memory);
}

static void check_rejects(mp_store_t *store, apr_pool_t *p)
{
    char text[20], statement[300];
    begin(store, p);
    apr_snprintf(statement, sizeof(statement),
                 "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected) VALUES "
                 "(300, '%s', 7, 1, 90, 10), (300, '%s', 8, 1, 97, 3)",
                 mp_clock_format_utc(text, NOW - NOW % apr_time_from_sec(300)), text);
    sql(statement);
    look("{}", p);
    is_text(look("{}", p), "+rejects:rig7 ", "a tenth of all are too many, three of a hundred are not");
    clock_now += apr_time_from_sec(3600);
    is_text(look("{}", p), "-rejects:rig7 ", "an hour later nothing is known of them");
}

static void check_failure(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    plant_habit(4, 60);
    note_share(NOW);
    look("{}", p);
    clock_now += 11 * MINUTE;
    is_text(look("{}", p), "+worker-silent:rig7 ", "silent");
    sql("ALTER TABLE worker_status RENAME TO worker_status_elsewhere");
    is_text(look("{}", p), "", "what cannot be read is not over");
    is_text(look("{}", p), "", "however often");
    sql("ALTER TABLE worker_status_elsewhere RENAME TO worker_status");
    ok(mp_alert_policy_find_open(policy, MP_ALERT_WORKER_SILENT, 7) != NULL, "it is still so");
}

int main(void)
{
    static fx_check_t *const checks[] = {check_host, check_pools, check_silence, check_habits, check_start, check_rejects, check_failure};
    mp_clock_replace(read_clock);
    int result = FX_RUN(checks);
    mp_alert_policy_destroy(policy);
    mp_roster_release(roster);
    return result;
}
