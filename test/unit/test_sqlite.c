/* SPDX-License-Identifier: Apache-2.0 */
/* What only SQLite has: a file, which may be missing, foreign, locked, replaced, or made by several processes at once. */
#include "store/sqlite.h"

#include "database.h"
#include "store/store_pools.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <sys/resource.h>

static mp_store_t *open_store(const char *path, apr_interval_time_t timeout, apr_pool_t *p)
{
    mp_store_options_t options = {
        .url = apr_pstrcat(p, "sqlite:", path, NULL), .connections_min = 1, .connections_max = 2, .timeout = timeout};
    mp_store_t *store = NULL;
    mp_result_t why = MP_RESULT_NONE;
    if (mp_store_create(&store, &options, &why, p) != APR_SUCCESS)
        printf("# %s\n", why.sentence);
    return store;
}

static void check_refusal(const char *path, const char *says, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_store_prepare(open_store(path, apr_time_from_sec(1), p), &why, p);
    ok(status == APR_EGENERAL && strcmp(why.word, "database-error") == 0 && strstr(why.sentence, path) && strstr(why.sentence, says), "%s",
       why.sentence);
}

static void check_files(apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/new.db", db_folder);
    struct stat about;
    mp_result_t why = MP_RESULT_NONE;
    char output[DB_TEXT];

    ok(mp_store_prepare(open_store(path, apr_time_from_sec(5), p), &why, p) == APR_SUCCESS, "a new file: %s", why.sentence);
    ok(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600, "for its owner only");
    ok(stat(apr_pstrcat(p, path, "-wal", NULL), &about) == 0 && (about.st_mode & 0777) == 0600, "so is what belongs beside it");
    ok(db_sqlite(output, path, "PRAGMA journal_mode") && strcmp(output, "wal") == 0, "in WAL mode");
    ok(db_sqlite(output, path, "INSERT INTO worker (name, password) VALUES ('by hand', 'x'); SELECT name FROM worker"),
       "the shell can edit it");

    check_refusal(apr_psprintf(p, "%s/no/such.db", db_folder), "directory", p);
    check_refusal(db_folder, "is not a file", p);
    path = apr_psprintf(p, "%s/text", db_folder);
    db_shell(NULL, apr_psprintf(p, "seq -f 'line %%g is no database' 300 > %s", path));
    check_refusal(path, "not an SQLite database", p);
    path = apr_psprintf(p, "%s/foreign.db", db_folder);
    db_sqlite(NULL, path, "CREATE TABLE bookmarks (url)");
    check_refusal(path, "another program", p);
    ok(db_sqlite(output, path, "SELECT count(*) FROM sqlite_master") && strcmp(output, "1") == 0, "nothing was put into it");
}

/* root may do anything, so this runs as somebody else; the effective user counts. */
static void check_permissions(apr_pool_t *p)
{
    const char *file = apr_psprintf(p, "%s/readonly.db", db_folder), *folder = apr_psprintf(p, "%s/closed", db_folder);
    const char *inside = apr_psprintf(p, "%s/in.db", folder);
    mp_result_t why = MP_RESULT_NONE;
    struct stat about;

    mp_store_prepare(open_store(file, apr_time_from_sec(1), p), &why, p);
    chmod(file, 0444);
    chmod(db_folder, 0777);
    mkdir(folder, 0755);
    mp_store_prepare(open_store(inside, apr_time_from_sec(1), p), &why, p);
    db_shell(NULL, apr_psprintf(p, "chmod 0666 %s", inside));
    if (geteuid() == 0 && seteuid(65534) != 0)
        return;
    check_refusal(file, "cannot be read and written", p);
    check_refusal(inside, "must be able to create files", p);
    check_refusal(apr_psprintf(p, "%s/another.db", folder), "cannot be created", p);
    check_refusal("/root/x/y.db", "cannot be created", p);
    if (getuid() != 0 || seteuid(0) != 0)
        return;
    ok(chown(folder, 65534, 65534) == 0, "a directory of httpd's user");
    inside = apr_psprintf(p, "%s/of-httpd.db", folder);
    ok(mp_store_prepare(open_store(inside, apr_time_from_sec(1), p), &why, p) == APR_SUCCESS, "root makes a database in it: %s",
       why.sentence);
    ok(stat(inside, &about) == 0 && about.st_uid == 65534 && about.st_gid == 65534, "which belongs to httpd's user");
}

#define PROCESSES 12

static void check_simultaneous_creation(apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/together.db", db_folder);
    pid_t children[PROCESSES];
    char output[DB_TEXT];
    int start[2], failures = 0, status;

    if (pipe(start) != 0)
        abort();
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char byte;
            mp_result_t why = MP_RESULT_NONE;
            mp_roster_rows_t *rows;
            mp_store_t *store = open_store(path, apr_time_from_sec(10), p);
            close(start[1]);
            if (read(start[0], &byte, 1) != 0)
                _exit(2);
            if (mp_store_prepare(store, &why, p) != APR_SUCCESS || mp_store_load_roster(&rows, store, &why, p) != APR_SUCCESS) {
                fprintf(stderr, "# %s\n", why.sentence);
                _exit(1);
            }
            _exit(0);
        }
    }
    close(start[0]);
    close(start[1]); /* all of them start now */
    for (int i = 0; i < PROCESSES; i++)
        failures += waitpid(children[i], &status, 0) != children[i] || status != 0;
    is_number(failures, 0, "several processes make the file at the same time, and all succeed");
    ok(db_sqlite(output, path, "SELECT count(*) FROM settings") && strcmp(output, "3") == 0, "it was made once: %s settings", output);
}

/* As the first public version made it: sums of 300 s only, in another order, and no worker_status. */
static const char *make_old_file(const char *name, apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/%s", db_folder, name);
    mp_result_t why = MP_RESULT_NONE;

    mp_store_prepare(open_store(path, apr_time_from_sec(5), p), &why, p);
    db_sqlite(
        NULL, path,
        "DROP TABLE alert; ALTER TABLE pool DROP COLUMN roll_ntime; DROP INDEX submitted_work_result; DROP TABLE worker_status; DROP TABLE "
        "share_stats; "
        "CREATE TABLE share_stats (period_start "
        "DATETIME "
        "NOT NULL, period_length INTEGER NOT NULL, worker_id INTEGER NOT NULL, pool_id INTEGER NOT NULL, accepted INTEGER NOT NULL DEFAULT "
        "0, rejected INTEGER NOT NULL DEFAULT 0, accepted_difficulty DOUBLE NOT NULL DEFAULT 0, getworks INTEGER NOT NULL DEFAULT 0, "
        "PRIMARY KEY (period_start, period_length, worker_id, pool_id)) WITHOUT ROWID; UPDATE settings SET value = '4' WHERE key = "
        "'version'");
    db_sqlite(
        NULL, path,
        "INSERT INTO worker VALUES (7, 'rig', 'x'); INSERT INTO share_stats VALUES ('2026-11-01 23:55:00', 300, 7, 1, 1, 0, 2.5, 3), "
        "('2026-11-01 23:35:00', 300, 7, 1, 2, 1, 4, 0), ('2026-11-02 00:00:00', 300, 7, 1, 4, 0, 4, 0); INSERT INTO submitted_work "
        "(worker_id, pool_id, result, difficulty, time) VALUES (7, 1, 1, 2.5, '2026-11-01 23:55:01'), (7, 2, 1, 8, '2026-11-01 23:59:59'), "
        "(7, 3, 0, 1, '2026-11-02 00:00:00'), (8, 1, 1, 1, '2026-11-02 00:00:00'); INSERT INTO work_data VALUES (7, x'01', 1, 1, "
        "'2026-11-01 01:00:00'), (7, x'02', 2, 1, '2026-11-01 02:00:00')");
    return path;
}

static void is_in(const char *path, const char *sql, const char *wanted)
{
    char output[DB_TEXT];
    ok(db_sqlite(output, path, sql) && strcmp(output, wanted) == 0, "%s: %s", sql, output);
}

#define IS_SUM_OF(length)                                                                                                                  \
    "SELECT accepted, rejected, accepted_difficulty, getworks FROM share_stats WHERE period_length = " length " ORDER BY period_start"

static void check_upgrade(apr_pool_t *p)
{
    const char *path = make_old_file("old.db", p), *copy = apr_pstrcat(p, path, ".before-7", NULL);
    mp_store_t *store = open_store(path, apr_time_from_sec(5), p);
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_rows_t *rows;
    struct stat about;

    ok(mp_store_find_copy(store, p) == NULL, "no copy before");
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS && mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "upgraded: %s",
       why.sentence);
    ok(mp_store_find_copy(store, p) && strcmp(mp_store_find_copy(store, p), copy) == 0, "and says where the copy is");
    ok(stat(copy, &about) == 0 && (about.st_mode & 0777) == 0600, "which is for its owner only");
    is_in(copy, "SELECT value FROM settings WHERE key = 'version'", "4");
    is_in(copy, "SELECT count(*) FROM submitted_work", "4");
    is_in(path, "SELECT value FROM settings WHERE key = 'version'", "7");
    is_in(path, IS_SUM_OF("300"), "2|1|4.0|0\n1|0|2.5|3\n4|0|4.0|0");
    is_in(path, IS_SUM_OF("1800"), "3|1|6.5|3\n4|0|4.0|0");
    is_in(path, IS_SUM_OF("3600"), "3|1|6.5|3\n4|0|4.0|0");
    is_in(path, IS_SUM_OF("21600"), "3|1|6.5|3\n4|0|4.0|0");
    is_in(path, IS_SUM_OF("86400"), "3|1|6.5|3\n4|0|4.0|0");
    is_in(path, "SELECT * FROM worker_status", "7|2026-11-01 02:00:00|2|2026-11-01 23:59:59|2|8.0");
    is_in(path, "SELECT count(*) FROM pragma_table_info('pool') WHERE name = 'roll_ntime'", "1");

    db_sqlite(NULL, path,
              "DROP TABLE alert; ALTER TABLE pool DROP COLUMN roll_ntime; UPDATE settings SET value = '4' WHERE key = 'version'; UPDATE "
              "share_stats SET "
              "accepted = 99 WHERE period_length = 1800");
    store = open_store(path, apr_time_from_sec(5), p);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "a file that had all but the number: %s", why.sentence);
    is_in(path, "SELECT DISTINCT accepted FROM share_stats WHERE period_length = 1800", "99");
    is_in(path, "SELECT count(*) FROM worker_status", "1");
    store = open_store(path, apr_time_from_sec(5), p);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS && !mp_store_find_copy(store, p), "nothing to upgrade any more: %s", why.sentence);

    db_sqlite(NULL, path,
              "DROP TABLE alert; ALTER TABLE pool DROP COLUMN roll_ntime; UPDATE settings SET value = '5' WHERE key = 'version'; INSERT "
              "INTO pool (name, "
              "url) VALUES ('alpha', 'http://a/')");
    store = open_store(path, apr_time_from_sec(5), p);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS && mp_store_find_copy(store, p), "a file of version 5: %s", why.sentence);
    is_in(copy, "SELECT value FROM settings WHERE key = 'version'", "5");
    is_in(path, "SELECT value FROM settings WHERE key = 'version'", "7");
    is_in(path, "SELECT roll_ntime FROM pool", "0");
}

static void pass_a_minute(const char *path, apr_pool_t *p)
{
    db_shell(NULL, apr_pstrcat(p, "touch -d '-61 seconds' ", path, ".before-7.failed", NULL));
}

/* A limit on the size of files does what a full disk would do; it binds a process of its own. */
static void check_upgrade_without_room(apr_pool_t *p)
{
    const char *path = make_old_file("large.db", p);
    struct rlimit limit = {.rlim_cur = 32768, .rlim_max = 32768};
    mp_result_t why = MP_RESULT_NONE;
    struct stat about;
    int status = -1;

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || mp_store_prepare(open_store(path, apr_time_from_sec(5), p), &why, p) != APR_EGENERAL)
            _exit(1);
        _exit(strstr(why.sentence, "cannot be copied") && strstr(why.sentence, "nothing was changed") ? 0 : 2);
    }
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "no room for the copy: %d", status);
    ok(stat(apr_pstrcat(p, path, ".before-7.new", NULL), &about) != 0, "nothing of it is left");
    is_in(path, "SELECT value FROM settings WHERE key = 'version'", "4");
    check_refusal(path, "s ago, and is tried again in", p);
    check_refusal(path, "cannot be copied", p);
    pass_a_minute(path, p);
    ok(mp_store_prepare(open_store(path, apr_time_from_sec(5), p), &why, p) == APR_SUCCESS, "with room it goes on, after a minute: %s",
       why.sentence);
    ok(stat(apr_pstrcat(p, path, ".before-7.failed", NULL), &about) != 0, "and the mark is gone");
}

/* A file with a hole at its end needs none of the room that its copy would. */
static void check_upgrade_needs_room(apr_pool_t *p)
{
    const char *path = make_old_file("huge.db", p), *begun = apr_pstrcat(p, path, ".before-7.new", NULL);
    mp_result_t why = MP_RESULT_NONE;
    struct stat before, about;

    ok(stat(path, &before) == 0 && truncate(path, (off_t)1 << 43) == 0, "a file of 8 TB");
    db_shell(NULL, apr_pstrcat(p, "echo rest of an earlier attempt > ", begun, NULL));
    ok(mp_store_prepare(open_store(path, apr_time_from_sec(1), p), &why, p) == APR_EGENERAL && strcmp(why.word, "database-full") == 0 &&
           strstr(why.sentence, "takes 16777217 MB beside it") && strstr(why.sentence, " MB are free there"),
       "%s", why.sentence);
    ok(stat(begun, &about) != 0, "what an earlier attempt left is gone");
    ok(truncate(path, before.st_size) == 0 && mp_store_prepare(open_store(path, apr_time_from_sec(5), p), &why, p) == APR_SUCCESS,
       "as soon as there is room, it goes on: %s", why.sentence);
}

/* A process that holds the lock is the one that upgrades, if there is a copy. */
static void check_upgrade_by_another(apr_pool_t *p)
{
    const char *path = make_old_file("busy.db", p), *copy = apr_pstrcat(p, path, ".before-7", NULL);
    mp_store_t *store = open_store(path, apr_time_from_msec(200), p);
    mp_store_url_t *url;
    mp_link_t *link = NULL;
    mp_statement_call_t begin = {.statement = MP_STATEMENT_BEGIN_WRITE}, rollback = {.statement = MP_STATEMENT_ROLLBACK};
    mp_result_t why = MP_RESULT_NONE;
    const mp_driver_t *driver = mp_sqlite_driver();
    static const char *const names[] = {"", ".new"};

    mp_store_url_parse(&url, apr_pstrcat(p, "sqlite:", path, NULL), p);
    ok(driver->connect(&link, url, "", apr_time_from_sec(1), &why, p) == APR_SUCCESS && driver->run(link, &begin, &why) == APR_SUCCESS,
       "somebody else holds the lock: %s", why.sentence);
    ok(mp_store_prepare(store, &why, p) == APR_EGENERAL && strstr(why.sentence, "is locked by another process"), "%s", why.sentence);
    for (int i = 0; i < 2; i++) {
        const char *name = apr_pstrcat(p, copy, names[i], NULL);
        db_shell(NULL, apr_pstrcat(p, "touch ", name, NULL));
        ok(mp_store_prepare(store, &why, p) == APR_EGENERAL && strcmp(why.word, "database-busy") == 0 &&
               strstr(why.sentence, "is being upgraded to schema version 7 by another child"),
           "%s", why.sentence);
        unlink(name);
    }
    driver->run(link, &rollback, &why);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "then it is free: %s", why.sentence);
}

static void check_failed_upgrade(apr_pool_t *p)
{
    const char *path = make_old_file("stays.db", p), *begun = apr_pstrcat(p, path, ".before-7.new", NULL);
    mp_store_t *store = open_store(path, apr_time_from_sec(5), p);
    mp_result_t why = MP_RESULT_NONE;
    struct stat about;

    mkdir(begun, 0755);
    check_refusal(path, "cannot be created", p);
    is_in(path, "SELECT value FROM settings WHERE key = 'version'", "4");
    rmdir(begun);
    db_shell(NULL, apr_pstrcat(p, "echo rest of an earlier attempt > ", begun, NULL));
    db_sqlite(NULL, path, "DROP TABLE submitted_work");
    ok(mp_store_prepare(store, &why, p) != APR_SUCCESS && !mp_store_find_copy(store, p), "a file that lacks a table: %s", why.sentence);
    ok(stat(begun, &about) != 0, "no half copy is left");
    check_refusal(path, "and is tried again in", p);
    pass_a_minute(path, p);
    ok(mp_store_prepare(store, &why, p) != APR_SUCCESS && !strstr(why.sentence, "tried again"), "after a minute it is: %s", why.sentence);
    is_in(path, "SELECT value FROM settings WHERE key = 'version'", "4");
    is_in(path, "SELECT count(*) FROM share_stats", "3");
}

static void check_lock(apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/locked.db", db_folder);
    mp_store_t *store = open_store(path, apr_time_from_msec(300), p);
    mp_store_url_t *url;
    mp_link_t *link = NULL;
    mp_statement_call_t begin = {.statement = MP_STATEMENT_BEGIN_WRITE}, rollback = {.statement = MP_STATEMENT_ROLLBACK};
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation;
    double began;
    const mp_driver_t *driver = mp_sqlite_driver();

    mp_store_prepare(store, &why, p);
    mp_store_url_parse(&url, apr_pstrcat(p, "sqlite:", path, NULL), p);
    ok(driver->connect(&link, url, "", apr_time_from_sec(1), &why, p) == APR_SUCCESS && driver->run(link, &begin, &why) == APR_SUCCESS,
       "somebody else holds the lock: %s", why.sentence);
    began = db_seconds();
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = "a", .url = "http://a/"}, store, &why, p) == APR_EGENERAL &&
           strcmp(why.word, "database-busy") == 0,
       "%s", why.sentence);
    ok(db_seconds() - began >= 0.25 && db_seconds() - began < 2, "after about its timeout: %.2f s", db_seconds() - began);
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "readers read on");
    ok(driver->run(link, &rollback, &why) == APR_SUCCESS && driver->run(link, &rollback, &why) == APR_SUCCESS,
       "rolling back twice is no error");
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = "a", .url = "http://a/"}, store, &why, p) == APR_SUCCESS,
       "then it goes on: %s", why.sentence);
}

static void check_replaced_file(apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/replaced.db", db_folder);
    mp_store_t *store = open_store(path, apr_time_from_sec(1), p);
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation = 0;
    apr_uint32_t id;

    mp_store_prepare(store, &why, p);
    ok(mp_store_add_pool(&id, &(mp_store_pool_edit_t){.name = "old", .url = "http://a/"}, store, &why, p) == APR_SUCCESS, "in use: %s",
       why.sentence);
    db_shell(NULL, apr_psprintf(p, "rm -f %s %s-wal %s-shm", path, path, path));
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_EMISMATCH, "removed: %s", why.sentence);
    ok(access(path, F_OK) != 0, "and not made anew in silence");
    ok(mp_store_prepare(open_store(path, apr_time_from_sec(1), p), &why, p) == APR_SUCCESS, "another one in its place: %s", why.sentence);
    double deadline = db_seconds() + 10;
    while (mp_store_load_generation(&generation, store, &why, p) != APR_SUCCESS && db_seconds() < deadline)
        db_pause();
    is_number(generation, 1, "is found");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    db_open_folder();
    check_files(p);
    check_permissions(p);
    check_simultaneous_creation(p);
    check_upgrade(p);
    check_failed_upgrade(p);
    check_upgrade_without_room(p);
    check_upgrade_needs_room(p);
    check_upgrade_by_another(p);
    check_lock(p);
    check_replaced_file(p);
    apr_terminate();
    db_remove_folder();
    return tap_done();
}
