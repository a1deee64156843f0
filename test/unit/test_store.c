/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb of the store, the same body over both engines; what was written is read back with the engines' own command-line clients. */
#include "store/store_assignments.h"
#include "store/store_pools.h"
#include "store/store_workers.h"

#include "base/clock.h"
#include "base/text.h"
#include "database.h"
#include "tap.h"
#include "work_draft.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <math.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC, 245 s into a period */
#define WHEN_TEXT "2026-10-30 15:04:05"
#define PERIOD_TEXT "2026-10-30 15:00:00"

static const db_server_t *server; /* NULL: SQLite */
static char sqlite_path[128];
static char database_url[300];
static char password_path[128];

static const char *sql(const char *statement)
{
    static char output[DB_TEXT];
    bool done = server ? db_mariadb(output, server, "mining", statement) : db_sqlite(output, sqlite_path, statement);
    if (!done)
        printf("# %s\n# %s\n", statement, output);
    return done ? output : "(failed)";
}

static bool is_refused(const char *statement)
{
    return !(server ? db_mariadb(NULL, server, "mining", statement) : db_sqlite(NULL, sqlite_path, statement));
}

static mp_store_t *open_store(apr_pool_t *p)
{
    mp_store_options_t options = {.url = database_url,
                                  .password_file = server ? password_path : NULL,
                                  .connections_min = 1,
                                  .connections_max = 4,
                                  .timeout = apr_time_from_sec(5)};
    mp_store_t *store = NULL;
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_create(&store, &options, &why, p) == APR_SUCCESS, "create: %s", why.sentence);
    return store;
}

static void check_status(apr_status_t got, apr_status_t expected, const char *word, const mp_result_t *why, const char *what)
{
    ok(got == expected && strcmp(why->word, word) == 0, "%s: %d \"%s\" %s", what, got, why->word, why->sentence);
    ok(!strstr(why->sentence, "pass word"), "no password in that sentence");
}

static void check_schema(apr_pool_t *p)
{
    mp_store_t *store = open_store(p), *other = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_rows_t *rows = NULL, *again = NULL;
    apr_int64_t generation = -1;

    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-missing", &why, "before there is a schema");
    if (server) {
        check_status(mp_store_prepare(store, &why, p), APR_EMISMATCH, "schema-missing", &why, "MySQL's schema is not made by the module");
        ok(strstr(why.sentence, "mariadb -S ") && strstr(why.sentence, " -u root -p mining < database/schema.sql"), "the command is named");
        ok(db_shell(NULL, apr_psprintf(p, "mariadb --no-defaults -u root -S '%s' mining < database/schema.sql", server->socket)),
           "import it");
        ok(db_shell(NULL, apr_psprintf(p, "mariadb --no-defaults -u root -S '%s' mining < database/schema.sql", server->socket)),
           "import it again");
    }
    why = MP_RESULT_NONE;
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "prepare: %s", why.sentence);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "prepare again");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "an empty roster: %s", why.sentence);
    is_number(rows->pools->nelts + rows->workers->nelts + rows->assignments->nelts, 0, "no rows");
    is_number(strlen(rows->secret), 64, "a secret of 64 digits");
    is_text(sql("SELECT value FROM settings WHERE value = '7'"), "7", "version 7");
    ok(mp_store_prepare(other, &why, p) == APR_SUCCESS && mp_store_load_roster(&again, other, &why, p) == APR_SUCCESS, "another store");
    is_text(again->secret, rows->secret, "the same secret");
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "generation");
    is_number(generation, 1, "is 1");
    ok(mp_store_load_generation(&generation, store, NULL, p) == APR_SUCCESS, "nobody need ask why");
    is_number(rows->generation, 1, "in the roster too");
}

static void check_versions(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_rows_t *rows = NULL;

    sql("UPDATE settings SET value = '3' WHERE value = '7'");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-old", &why, "version 3");
    check_status(mp_store_prepare(store, &why, p), APR_EMISMATCH, "schema-old", &why, "nothing to prepare in version 3");
    sql("UPDATE settings SET value = '8' WHERE value = '3'");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-new", &why, "version 8");
    sql("UPDATE settings SET value = 'x' WHERE value = '8'");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-old", &why, "a version that is no number");
    sql("ALTER TABLE settings RENAME TO aside");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-old", &why, "version 0 has no settings");
    sql("ALTER TABLE aside RENAME TO settings");
    sql("DELETE FROM settings WHERE value = 'x'");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EMISMATCH, "schema-missing", &why, "no version at all");
    sql("INSERT INTO settings VALUES ('version', '7')");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "version 7 again: %s", why.sentence);

    const char *secret = rows->secret;
    sql("UPDATE settings SET value = 'short' WHERE length(value) = 64");
    check_status(mp_store_load_roster(&rows, store, &why, p), APR_EGENERAL, "database-error", &why, "a secret that is none");
    sql("DELETE FROM settings WHERE value = 'short'");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS && rows->secret && strcmp(rows->secret, secret) != 0,
       "a deleted secret is made anew");
}

static apr_int64_t generation_of(mp_store_t *store, apr_pool_t *p)
{
    apr_int64_t generation = -1;
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "read the generation: %s", why.sentence);
    return generation;
}

static void check_names(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t pool = 0, rig = 0, other = 0, unset = 77;
    apr_int64_t before = generation_of(store, p);

    ok(mp_store_add_pool(&pool, &(mp_store_pool_edit_t){.name = "alpha", .url = "http://alpha.example:8332/"}, store, &why, p) ==
               APR_SUCCESS &&
           pool > 0,
       "add a pool: %s", why.sentence);
    ok(mp_store_add_worker(&rig, "Rig 1", "$2y$05$hash", store, &why, p) == APR_SUCCESS && rig > 0, "add a worker: %s", why.sentence);
    ok(mp_store_add_worker(&other, "b\xc3\xa4r", "x' OR '1'='1", store, &why, p) == APR_SUCCESS && other > rig, "a name beyond ASCII: %s",
       why.sentence);
    is_number(generation_of(store, p), before + 3, "each change raised the generation");

    check_status(mp_store_add_worker(&unset, "RIG 1  ", "h", store, &why, p), APR_EEXIST, "exists", &why, "case and trailing blanks");
    ok(strstr(why.sentence, "\"Rig 1\"") != NULL, "the sentence names the other one");
    check_status(mp_store_add_worker(&unset, "B\xc3\x84R", "h", store, &why, p), APR_EEXIST, "exists", &why, "case beyond ASCII");
    check_status(mp_store_add_worker(&unset, "Rig 1", "h", store, &why, p), APR_EEXIST, "exists", &why, "the same name");
    check_status(mp_store_add_pool(&unset, &(mp_store_pool_edit_t){.name = "ALPHA ", .url = "http://b/"}, store, &why, p), APR_EEXIST,
                 "exists", &why, "a pool's name");
    is_number(unset, 77, "no id for what was not added");
    is_number(generation_of(store, p), before + 3, "a refusal raises nothing");
    ok(mp_store_add_worker(&unset, " rig 1", "h", store, &why, p) == APR_SUCCESS, "a leading blank is another name");
    ok(is_refused("INSERT INTO worker (name, password) VALUES ('RIG 1 ', 'x')"), "the table refuses it by itself");
    is_text(sql("DELETE FROM worker WHERE name = ' rig 1'"), "", "gone by hand");
    apr_uint32_t last = unset;
    ok(mp_store_add_worker(&unset, "third", "h", store, &why, p) == APR_SUCCESS && unset > last, "ids are not used again");
}

static const mp_roster_assignment_row_t *find_assignment(const mp_roster_rows_t *rows, apr_uint32_t worker, apr_uint32_t pool)
{
    for (int i = 0; i < rows->assignments->nelts; i++) {
        const mp_roster_assignment_row_t *row = &APR_ARRAY_IDX(rows->assignments, i, mp_roster_assignment_row_t);
        if (row->worker_id == worker && row->pool_id == pool)
            return row;
    }
    return NULL;
}

static void check_roster(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_rows_t *rows = NULL;
    mp_roster_assignment_row_t row = {
        .worker_id = 1, .pool_id = 1, .username = "m\xc3\xa9.rig1", .password = "x\"'\\%", .priority = -5, .enabled = true};
    apr_int64_t before = generation_of(store, p);

    ok(mp_store_save_assignment(&row, store, &why, p) == APR_SUCCESS, "assign: %s", why.sentence);
    row.priority = 9;
    ok(mp_store_save_assignment(&row, store, &why, p) == APR_SUCCESS, "assign again: %s", why.sentence);
    ok(mp_store_save_assignment(&row, store, &why, p) == APR_SUCCESS, "assign the same once more");
    is_number(generation_of(store, p), before + 2, "the generation rose with each change");
    row.pool_id = 99;
    check_status(mp_store_save_assignment(&row, store, &why, p), APR_NOTFOUND, "not-found", &why, "an unknown pool");
    row.pool_id = 1, row.worker_id = 99;
    check_status(mp_store_save_assignment(&row, store, &why, p), APR_NOTFOUND, "not-found", &why, "an unknown worker");
    ok(mp_store_set_pool_enabled(1, false, store, &why, p) == APR_SUCCESS, "disable: %s", why.sentence);
    ok(mp_store_set_pool_enabled(1, false, store, &why, p) == APR_SUCCESS, "disable what is disabled");
    check_status(mp_store_set_pool_enabled(99, true, store, &why, p), APR_NOTFOUND, "not-found", &why, "enable an unknown pool");

    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "load: %s", why.sentence);
    is_number(rows->pools->nelts, 1, "one pool");
    const mp_roster_pool_row_t *pool = &APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t);
    ok(strcmp(pool->name, "alpha") == 0 && strcmp(pool->url, "http://alpha.example:8332/") == 0 && !pool->enabled,
       "as it was added, and disabled");
    is_number(rows->workers->nelts, 3, "three workers");
    is_text(APR_ARRAY_IDX(rows->workers, 1, mp_roster_worker_row_t).name, "b\xc3\xa4r", "UTF-8 comes back");
    is_text(APR_ARRAY_IDX(rows->workers, 1, mp_roster_worker_row_t).password, "x' OR '1'='1", "and quotes");
    const mp_roster_assignment_row_t *found = find_assignment(rows, 1, 1);
    ok(found && strcmp(found->username, row.username) == 0 && strcmp(found->password, row.password) == 0 && found->priority == 9 &&
           found->enabled,
       "the assignment as it was saved last");
    is_number(rows->generation, generation_of(store, p), "the generation of these rows");
    ok(mp_store_set_pool_enabled(1, true, store, &why, p) == APR_SUCCESS, "enable");
}

static void check_rehash(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t before = generation_of(store, p);

    ok(mp_store_save_rehash(2, "x' OR '1'='1", "$2y$05$new", store, &why, p) == APR_SUCCESS, "rehash: %s", why.sentence);
    check_status(mp_store_save_rehash(2, "x' OR '1'='1", "$2y$05$newer", store, &why, p), APR_NOTFOUND, "not-found", &why,
                 "it had changed meanwhile");
    check_status(mp_store_save_rehash(2, "$2Y$05$NEW", "z", store, &why, p), APR_NOTFOUND, "not-found", &why, "passwords compare exactly");
    check_status(mp_store_save_rehash(99, "x", "z", store, &why, p), APR_NOTFOUND, "not-found", &why, "an unknown worker");
    is_text(sql("SELECT password FROM worker WHERE id = 2"), "$2y$05$new", "the first one stands");
    is_number(generation_of(store, p), before, "the generation did not rise");
}

static mp_share_t make_share(unsigned number, mp_verdict_t verdict)
{
    mp_share_t share = {.worker_id = 1 + number % 3, .pool_id = 1, .verdict = verdict, .difficulty = 2, .time = WHEN};
    share.id[0] = (unsigned char)(number * 37);
    share.id[1] = (unsigned char)(number >> 8);
    share.id[31] = (unsigned char)number;
    if (verdict != MP_VERDICT_ACCEPTED)
        strcpy(share.reason, verdict == MP_VERDICT_REJECTED ? "stale-work" : "timeout");
    return share;
}

static apr_size_t save_one(const mp_share_t *share, mp_store_t *store, apr_pool_t *p)
{
    mp_store_news_t news = {.inserted = 77};
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_store_save_shares(&news, &share, 1, store, &why, p) == APR_SUCCESS, "save a share: %s", why.sentence);
    return news.inserted;
}

#define STATISTICS                                                                                                                         \
    "SELECT accepted, rejected, accepted_difficulty = 2 * accepted, getworks FROM share_stats WHERE period_length = 300 ORDER BY "         \
    "period_start, worker_id"

static void check_share_fields(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t share = make_share(1, MP_VERDICT_REJECTED), found;
    mp_result_t why = MP_RESULT_NONE;

    check_status(mp_store_find_share(&found, share.id, store, &why, p), APR_NOTFOUND, "not-found", &why, "not recorded yet");
    is_number(save_one(&share, store, p), 1, "new");
    is_number(save_one(&share, store, p), 0, "not new");
    ok(mp_store_find_share(&found, share.id, store, &why, p) == APR_SUCCESS, "find it: %s", why.sentence);
    ok(memcmp(&found.id, &share.id, MP_KEY_SIZE) == 0 && found.worker_id == 2 && found.pool_id == 1 && found.verdict == MP_VERDICT_REJECTED,
       "whose");
    ok(found.difficulty == 2 && found.time == WHEN, "difficulty and time");
    is_text(found.reason, "stale-work", "reason");
    is_text(sql("SELECT time, result FROM submitted_work"), WHEN_TEXT "|0", "in UTC");
    is_text(sql(STATISTICS), "0|1|1|0", "counted once");
    is_text(sql("SELECT period_start, period_length FROM share_stats ORDER BY period_length"),
            PERIOD_TEXT "|300\n" PERIOD_TEXT "|1800\n" PERIOD_TEXT "|3600\n2026-10-30 12:00:00|21600\n2026-10-30 00:00:00|86400",
            "in its periods");
}

static void check_verdicts(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t unknown = make_share(3, MP_VERDICT_UNKNOWN), accepted = make_share(3, MP_VERDICT_ACCEPTED), found;
    mp_share_t rejected = make_share(3, MP_VERDICT_REJECTED);
    mp_result_t why = MP_RESULT_NONE;

    accepted.time += apr_time_from_sec(300);
    sql("DELETE FROM share_stats");
    is_number(save_one(&unknown, store, p), 1, "an unknown one is new");
    is_text(sql(STATISTICS), "", "and raises nothing");
    ok(mp_store_find_share(&found, unknown.id, store, &why, p) == APR_SUCCESS && found.verdict == MP_VERDICT_UNKNOWN, "it is unknown");
    is_number(save_one(&unknown, store, p), 0, "again");
    is_number(save_one(&accepted, store, p), 0, "now known, not new");
    ok(mp_store_find_share(&found, unknown.id, store, &why, p) == APR_SUCCESS && found.verdict == MP_VERDICT_ACCEPTED, "it is accepted");
    is_text(found.reason, "", "the old reason is gone");
    is_text(sql(STATISTICS), "1|0|1|0", "counted");
    is_text(sql("SELECT time FROM submitted_work WHERE result = 1"), "2026-10-30 15:09:05", "row and statistics agree on the time");
    is_number(save_one(&accepted, store, p) + save_one(&unknown, store, p) + save_one(&rejected, store, p), 0, "later ones change nothing");
    is_text(sql(STATISTICS), "1|0|1|0", "and count nothing");
    ok(mp_store_find_share(&found, unknown.id, store, &why, p) == APR_SUCCESS && found.verdict == MP_VERDICT_ACCEPTED, "it stays accepted");
}

static void check_batches(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t shares[6] = {make_share(10, MP_VERDICT_UNKNOWN),  make_share(11, MP_VERDICT_ACCEPTED), make_share(10, MP_VERDICT_ACCEPTED),
                            make_share(12, MP_VERDICT_REJECTED), make_share(11, MP_VERDICT_ACCEPTED), make_share(13, MP_VERDICT_ACCEPTED)};
    const mp_share_t *pointers[6];
    mp_result_t why = MP_RESULT_NONE;
    mp_store_news_t news = {.inserted = 77};

    sql("DELETE FROM share_stats");
    shares[2].time++;
    for (int i = 0; i < 6; i++)
        pointers[i] = &shares[i];
    ok(mp_store_save_shares(&news, pointers, 6, store, &why, p) == APR_SUCCESS, "a batch with repetitions: %s", why.sentence);
    is_number(news.inserted, 4, "four are new");
    is_text(sql(STATISTICS), "0|1|1|0\n2|0|1|0\n1|0|1|0", "counted once each");
    ok(mp_store_save_shares(NULL, pointers, 6, store, &why, p) == APR_SUCCESS, "once more");
    is_text(sql("SELECT sum(accepted), sum(rejected) FROM share_stats WHERE period_length = 300"), "3|1", "nothing rose");
    ok(mp_store_save_shares(&news, NULL, 0, store, &why, p) == APR_SUCCESS && news.inserted == 0, "an empty batch");
}

/* The ids of rows tell in which order shares were acknowledged; keys, which are hashes, do not. */
static void check_order(mp_store_t *store, apr_pool_t *p)
{
    static const unsigned numbers[] = {39, 31, 36, 30, 38, 33};
    mp_share_t shares[7];
    const mp_share_t *pointers[7];
    mp_result_t why = MP_RESULT_NONE;

    for (int i = 0; i < 6; i++) {
        shares[i] = make_share(numbers[i], MP_VERDICT_ACCEPTED);
        shares[i].difficulty = numbers[i];
        pointers[i] = &shares[i];
    }
    shares[6] = make_share(39, MP_VERDICT_REJECTED);
    shares[6].difficulty = 77;
    shares[6].time--;
    pointers[6] = &shares[6];
    ok(mp_store_save_shares(NULL, pointers, 7, store, &why, p) == APR_SUCCESS, "a batch in the order of its spool: %s", why.sentence);
    is_text(sql("SELECT difficulty + 0, result FROM submitted_work WHERE difficulty >= 30 ORDER BY id"),
            server ? "77|0\n31|1\n36|1\n30|1\n38|1\n33|1" : "77.0|0\n31.0|1\n36.0|1\n30.0|1\n38.0|1\n33.0|1",
            "gives ids in that order, and of one id the earlier share counts");
}

static void check_hostile_shares(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t share = make_share(20, MP_VERDICT_REJECTED), found;
    mp_result_t why = MP_RESULT_NONE;

    memset(share.reason, 'r', sizeof(share.reason)); /* no NUL */
    share.reason[0] = '\xff', share.reason[1] = '\n', share.reason[2] = '\'';
    share.difficulty = NAN;
    share.time = APR_INT64_MAX;
    share.worker_id = share.pool_id = APR_UINT32_MAX;
    is_number(save_one(&share, store, p), 1, "a share that a torn file might hold is recorded nevertheless");
    ok(mp_store_find_share(&found, share.id, store, &why, p) == APR_SUCCESS, "find it: %s", why.sentence);
    ok(found.difficulty == 0 && found.worker_id == APR_UINT32_MAX && strncmp(found.reason, "? 'rrr", 6) == 0, "cleaned: %s", found.reason);
    is_number(strlen(found.reason), MP_REASON_SIZE - 1, "and cut");
    share = make_share(21, MP_VERDICT_ACCEPTED);
    share.difficulty = INFINITY;
    share.time = -1;
    is_number(save_one(&share, store, p), 1, "infinitely hard, before 1970");
    sql("DELETE FROM submitted_work");
    sql("DELETE FROM share_stats");
}

#define THREADS 4
#define SHARES 240u
#define BATCH 24u

typedef struct writer_t {
    unsigned number;
    mp_store_t *store;
    apr_size_t inserted;
    unsigned failures;
    char sentence[MP_RESULT_SENTENCE_SIZE];
} writer_t;

/* Every third share is first brought as unknown by half of the threads; all bring it as known afterwards. */
static void write_batch(writer_t *writer, unsigned first, unsigned step, bool unknown_first, apr_pool_t *p)
{
    mp_share_t shares[BATCH];
    const mp_share_t *pointers[BATCH];
    mp_store_work_t works[BATCH];
    mp_store_getworks_t sums[BATCH];
    mp_result_t why = MP_RESULT_NONE;
    mp_store_news_t news = {0};

    for (unsigned i = 0; i < BATCH; i++) {
        unsigned share = 1000 + (first + i * step) % SHARES;
        shares[i] = make_share(share, share % 4 ? MP_VERDICT_ACCEPTED : MP_VERDICT_REJECTED);
        if (unknown_first && share % 3 == 0)
            shares[i].verdict = MP_VERDICT_UNKNOWN;
        pointers[i] = &shares[i];
        works[i] = make_work(share, 1, WHEN);
        sums[i] = (mp_store_getworks_t){
            .worker_id = works[i].route.worker_id, .pool_id = 1, .period = WHEN - WHEN % apr_time_from_sec(300), .last = WHEN, .count = 1};
    }
    if (mp_store_save_shares(&news, pointers, BATCH, writer->store, &why, p) != APR_SUCCESS ||
        mp_store_save_works(works, BATCH, writer->store, &why, p) != APR_SUCCESS ||
        mp_store_save_getworks(sums, BATCH, writer->store, &why, p) != APR_SUCCESS) {
        writer->failures++;
        apr_cpystrn(writer->sentence, why.sentence, sizeof(writer->sentence));
    }
    writer->inserted += news.inserted;
}

static void *APR_THREAD_FUNC write_all(apr_thread_t *thread, void *data)
{
    static const unsigned steps[THREADS] = {1, 7, 11, 239};
    writer_t *writer = data;
    apr_pool_t *p;

    apr_pool_create(&p, apr_thread_pool_get(thread));
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned batch = 0; batch < SHARES / BATCH; batch++) {
            apr_pool_clear(p);
            write_batch(writer, batch * BATCH * steps[writer->number], steps[writer->number], round == 0 && writer->number % 2, p);
        }
    }
    apr_pool_destroy(p);
    return NULL;
}

static void check_threads(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    writer_t writers[THREADS];
    apr_thread_t *threads[THREADS];
    apr_status_t ended;
    apr_size_t inserted = 0;

    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (writer_t){.number = i, .store = store};
        apr_thread_create(&threads[i], NULL, write_all, &writers[i], p);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        apr_thread_join(&ended, threads[i]);
        is_number(writers[i].failures, 0, writers[i].failures ? writers[i].sentence : "no batch failed");
        inserted += writers[i].inserted;
    }
    is_number(inserted, SHARES, "each share was new once");
    is_text(sql("SELECT count(*), count(DISTINCT share_id), count(result), sum(result) FROM submitted_work"), "240|240|240|180",
            "each has one known row");
    is_text(
        sql("SELECT sum(accepted), sum(rejected), sum(accepted_difficulty) = 2 * sum(accepted) FROM share_stats WHERE period_length = 300"),
        "180|60|1", "statistics are exact");
    is_text(sql("SELECT sum(getworks) FROM share_stats WHERE period_length = 300"), "1920", "getworks too");
    is_text(sql("SELECT count(*) FROM share_stats s JOIN (SELECT worker_id, sum(result) a FROM submitted_work GROUP BY worker_id) w ON "
                "s.worker_id = w.worker_id WHERE s.period_length = 300 AND s.accepted = w.a"),
            "3", "per worker as well");
}

static void check_edits_by_hand(apr_pool_t *p)
{
    mp_store_t *store = open_store(p);
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_rows_t *rows = NULL;

    sql("UPDATE worker_pool SET priority = 2147483647");
    sql("UPDATE pool SET enabled = 7, url = ''");
    if (!server) {
        sql("UPDATE worker SET password = x'0041' WHERE id = 3");
        sql("UPDATE worker_pool SET priority = 99999999999");
        sql("INSERT INTO worker (id, name, password) VALUES (99999999999, 'far', 'p')");
        sql("INSERT INTO worker (id, name, password) VALUES (-4, 'negative', 'p')");
    }
    sql("DELETE FROM settings WHERE value NOT IN ('7') AND length(value) < 64");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "load what hands have edited: %s", why.sentence);
    is_number(rows->workers->nelts, 3, "ids that cannot be are left out");
    ok(APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t).enabled, "7 is enabled");
    is_number(find_assignment(rows, 1, 1)->priority, 2147483647, "the highest priority");
    is_number(rows->generation, 0, "a missing generation is 0");
    ok(mp_store_set_pool_enabled(1, false, store, &why, p) == APR_SUCCESS, "a change: %s", why.sentence);
    is_number(generation_of(store, p), 1, "makes it anew");
}

static void check_options(apr_pool_t *p)
{
    mp_store_options_t options = {.url = "sqlite:/a", .connections_min = 1, .connections_max = 2, .timeout = apr_time_from_sec(1)};
    mp_store_t *store;
    mp_result_t why = MP_RESULT_NONE;

    options.url = "sqlite:a";
    check_status(mp_store_create(&store, &options, &why, p), APR_EINVAL, "invalid", &why, "a wrong URL");
    options.url = "sqlite:/a";
    options.connections_min = 3;
    check_status(mp_store_create(&store, &options, &why, p), APR_EINVAL, "invalid", &why, "more at least than at most");
    options.connections_min = 0;
    options.timeout = 0;
    check_status(mp_store_create(&store, &options, &why, p), APR_EINVAL, "invalid", &why, "no timeout");
    options.timeout = apr_time_from_sec(1);
    options.password_file = apr_psprintf(p, "%s/none", db_folder);
    ok(APR_STATUS_IS_ENOENT(mp_store_create(&store, &options, &why, p)), "no such password file: %s", why.sentence);
    options.password_file = "/dev/null";
    check_status(mp_store_create(&store, &options, &why, p), APR_EINVAL, "password-file", &why, "an empty password file");
    options.password_file = "/dev/zero";
    check_status(mp_store_create(&store, &options, &why, p), APR_EINVAL, "password-file", &why, "an endless one");
}

static void check_engine(const char *name, apr_pool_t *parent)
{
    void (*const checks[])(apr_pool_t *) = {check_schema, check_versions, check_names, check_roster, check_rehash};
    apr_pool_t *p;

    printf("# %s: %s\n", name, database_url);
    apr_pool_create(&p, parent);
    for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](p);
    mp_store_t *store = open_store(p);
    check_share_fields(store, p);
    check_verdicts(store, p);
    check_batches(store, p);
    check_order(store, p);
    check_hostile_shares(store, p);
    check_threads(p);
    check_edits_by_hand(p);
    apr_pool_destroy(p);
}

int main(void)
{
    apr_pool_t *p;
    db_server_t mariadb = {0};

    apr_initialize();
    apr_pool_create(&p, NULL);
    db_open_folder();
    check_options(p);
    snprintf(sqlite_path, sizeof(sqlite_path), "%s/test.db", db_folder);
    snprintf(database_url, sizeof(database_url), "sqlite:%s", sqlite_path);
    check_engine("SQLite", p);
    if (db_start_server(&mariadb)) {
        server = &mariadb;
        db_add_database(server, "mining", false);
        snprintf(database_url, sizeof(database_url), "mysql://proxy@/mining?socket=%s", mariadb.socket);
        snprintf(password_path, sizeof(password_path), "%s/password", db_folder);
        db_shell(NULL, apr_psprintf(p, "echo 'pass word' > %s", password_path));
        check_engine("MariaDB", p);
        db_stop_server(&mariadb, SIGTERM);
    } else {
        printf("# skipped: no MariaDB server on this machine\n");
    }
    apr_terminate();
    db_remove_folder();
    return tap_done();
}
