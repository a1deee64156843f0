/* SPDX-License-Identifier: Apache-2.0 */
/* Rows appear as soon as they can, once; what another child told is known. */
#include "service/alert_book.h"

#include "base/clock.h"
#include "store_fixture.h"

#include <stdio.h>
#include <unistd.h>

#define BEGAN apr_time_from_sec(1793372645)
#define ALL (~0U)

static mp_alert_policy_t *policy;
static mp_alert_book_t *book;
static const char *directory;

static void begin(mp_store_t *store, apr_pool_t *p)
{
    sql("DELETE FROM alert");
    directory = apr_psprintf(p, "%s", db_folder);
    unlink(apr_pstrcat(p, directory, "/alerts.json", NULL));
    if (policy)
        mp_alert_policy_destroy(policy);
    policy = mp_alert_policy_create(0);
    book = mp_alert_book_create(store, directory, p);
    mp_alert_book_open(book, true);
}

static mp_alert_t fact(mp_alert_kind_t kind, apr_uint32_t id)
{
    return (mp_alert_t){
        .kind = kind, .subject_id = id, .subject = "web1", .host = "web1", .text = "it is so", .began = BEGAN, .delivery = ""};
}

/* Looks once. @return the change that it makes */
static mp_alert_t *look(bool is_so, mp_alert_kind_t kind, apr_uint32_t id, apr_pool_t *p)
{
    mp_alert_t alert = fact(kind, id);
    if (is_so)
        mp_alert_policy_see(policy, &alert, 1);
    apr_array_header_t *changes = mp_alert_policy_conclude(policy, MP_ALERT_KIND_BIT(kind), 1, BEGAN + 1000000, p);
    return changes->nelts > 0 ? APR_ARRAY_IDX(changes, 0, mp_alert_t *) : NULL;
}

static void write_down(mp_alert_t *alert, apr_pool_t *p)
{
    apr_array_header_t *alerts = apr_array_make(p, 1, sizeof(alert));
    APR_ARRAY_PUSH(alerts, mp_alert_t *) = alert;
    mp_alert_book_write(book, alerts, p);
}

static void check_there(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    mp_alert_t *alert = look(true, MP_ALERT_POOL_DOWN, 3, p);
    write_down(alert, p);
    ok(alert->id > 0, "it has a row at once");
    ok(!mp_alert_book_settle(book, policy, p), "nothing is left");
    is_text(sql("SELECT COUNT(*) FROM alert WHERE time_ended IS NULL"), "1", "and only one");
    mp_alert_book_note(book, policy, alert, "refused");
    alert = look(false, MP_ALERT_POOL_DOWN, 3, p);
    write_down(alert, p);
    is_text(sql("SELECT COUNT(*) FROM alert WHERE time_ended IS NOT NULL AND delivery = 'refused'"), "1",
            "which ends, with what was noted");
}

static void check_away(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    mp_alert_book_open(book, false);
    mp_alert_t *first = look(true, MP_ALERT_DATABASE_AWAY, 0, p), *second;
    write_down(first, p);
    second = look(true, MP_ALERT_POOL_DOWN, 3, p);
    write_down(second, p);
    mp_alert_book_note(book, policy, second, "the webhook is away as well");
    first = look(false, MP_ALERT_DATABASE_AWAY, 0, p);
    write_down(first, p);
    mp_alert_t event = fact(MP_ALERT_TEST, 0);
    event.ended = event.began;
    write_down(&event, p);
    mp_alert_book_settle(book, policy, p);
    ok(!mp_alert_book_adopt_rows(book, policy, ALL, NULL, p), "nobody is asked while the database is away");
    is_text(sql("SELECT COUNT(*) FROM alert"), "0", "nothing is written");
    mp_alert_book_open(book, true);
    ok(mp_alert_book_settle(book, policy, p), "what is open gets its row");
    is_text(sql("SELECT COUNT(*) FROM alert WHERE time_ended IS NOT NULL"), "2", "then what is over");
    is_text(sql("SELECT COUNT(*) FROM alert WHERE kind = 'pool-down' AND time_ended IS NULL AND delivery LIKE '%away as well'"), "1",
            "and what is so, with what was noted");
    mp_alert_book_settle(book, policy, p);
    is_text(sql("SELECT COUNT(*) FROM alert"), "3", "once");
}

/* A failure is as good as an outage until the next look; nothing is lost by it. */
static void check_failure(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    sql("ALTER TABLE alert RENAME TO elsewhere");
    mp_alert_t *alert = look(true, MP_ALERT_POOL_DOWN, 3, p);
    write_down(alert, p);
    is_number(alert->id, 0, "without the table there is no row");
    mp_alert_t event = fact(MP_ALERT_TEST, 0);
    event.ended = event.began;
    write_down(&event, p);
    mp_alert_book_open(book, true);
    ok(!mp_alert_book_adopt_rows(book, policy, ALL, NULL, p), "nor does anybody know what was told");
    sql("ALTER TABLE elsewhere RENAME TO alert");
    mp_alert_book_open(book, true);
    mp_alert_book_settle(book, policy, p);
    is_text(sql("SELECT COUNT(*) FROM alert"), "2", "later there are both");
}

static void check_takeover(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    write_down(look(true, MP_ALERT_POOL_DOWN, 3, p), p);
    write_down(look(true, MP_ALERT_SPOOL_HALF, 0, p), p);
    mp_alert_book_save_file(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF), p);
    mp_alert_policy_forget(policy, ALL);
    ok(mp_alert_book_adopt_rows(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_POOL_DOWN), NULL, p), "another process reads the table");
    const mp_alert_t *known = mp_alert_policy_find_open(policy, MP_ALERT_POOL_DOWN, 3);
    ok(known && known->id > 0, "what is the farm's is known");
    ok(!mp_alert_policy_find_open(policy, MP_ALERT_SPOOL_HALF, 0), "what is a host's own is not asked for there");
    mp_alert_book_adopt_file(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF), p);
    known = mp_alert_policy_find_open(policy, MP_ALERT_SPOOL_HALF, 0);
    ok(known && known->id > 0 && known->began == BEGAN, "but in the host's file");
}

/* A connection that was lost behind a COMMIT leaves a row that nobody knows, and another one beside it. */
static void check_twins(mp_store_t *store, apr_pool_t *p)
{
    begin(store, p);
    for (int i = 0; i < 2; i++)
        sql("INSERT INTO alert (kind, subject_id, subject, host, text, time_began) VALUES ('pool-down', 3, 'alpha', 'web1', 'x', "
            "'2026-10-30 15:00:00')");
    sql("INSERT INTO alert (kind, subject, host, text, time_began) VALUES ('spool-half', 'web2', 'web2', 'x', '2026-10-30 15:00:00')");
    mp_alert_book_adopt_rows(book, policy, ALL, NULL, p);
    mp_alert_book_settle(book, policy, p);
    is_text(sql("SELECT COUNT(*) FROM alert WHERE kind = 'pool-down' AND time_ended IS NULL"), "1", "one of them is over");
    mp_alert_policy_forget(policy, ALL);
    mp_alert_book_adopt_rows(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF), "web1", p);
    is_number(mp_alert_policy_list(policy, p)->nelts, 0, "what another host tells is none of ours");
    mp_alert_book_adopt_rows(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF), "web2", p);
    is_number(mp_alert_policy_list(policy, p)->nelts, 1, "what this one told is");
}

static void write_file(const char *text, apr_pool_t *p)
{
    FILE *file = fopen(apr_pstrcat(p, directory, "/alerts.json", NULL), "w");
    fputs(text, file);
    fclose(file);
}

static void check_spoilt(mp_store_t *store, apr_pool_t *p)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "{\"kind\":\"spool-half\"}",
                                        "[1,null,\"x\",{}]",
                                        "[{\"kind\":\"spool-half\",\"host\":7,\"text\":\"x\"}]",
                                        "[{\"kind\":\"of-tomorrow\",\"host\":\"x\",\"text\":\"x\"}]",
                                        "[{\"kind\":\"spool-half\",\"host\":\"x\",\"text\":\"x\",\"id\":-1}]",
                                        "[{\"kind\":\"pool-down\",\"host\":\"x\",\"text\":\"x\",\"id\":1}]"};
    begin(store, p);
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file(texts[i], p);
        mp_alert_book_adopt_file(book, policy, MP_ALERT_KIND_BIT(MP_ALERT_SPOOL_HALF), p);
        is_number(mp_alert_policy_list(policy, p)->nelts, 0, texts[i]);
    }
    directory = "/nonexistent";
    book = mp_alert_book_create(store, directory, p);
    mp_alert_book_save_file(book, policy, ALL, p);
    mp_alert_book_adopt_file(book, policy, ALL, p);
    is_number(mp_alert_policy_list(policy, p)->nelts, 0, "a directory that is gone");
}

int main(void)
{
    static fx_check_t *const checks[] = {check_there, check_away, check_failure, check_takeover, check_twins, check_spoilt};
    int result = FX_RUN(checks);
    mp_alert_policy_destroy(policy);
    return result;
}
