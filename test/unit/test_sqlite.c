/* SPDX-License-Identifier: Apache-2.0 */
/* What only SQLite has: a file, which may be missing, foreign, locked, replaced, or made by several processes at once. */
#include "store/sqlite.h"

#include "database.h"
#include "store/store_pools.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

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
    ok(mp_store_add_pool(NULL, "a", "http://a/", store, &why, p) == APR_EGENERAL && strcmp(why.word, "database-busy") == 0, "%s",
       why.sentence);
    ok(db_seconds() - began >= 0.25 && db_seconds() - began < 2, "after about its timeout: %.2f s", db_seconds() - began);
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "readers read on");
    ok(driver->run(link, &rollback, &why) == APR_SUCCESS && driver->run(link, &rollback, &why) == APR_SUCCESS,
       "rolling back twice is no error");
    ok(mp_store_add_pool(NULL, "a", "http://a/", store, &why, p) == APR_SUCCESS, "then it goes on: %s", why.sentence);
}

static void check_replaced_file(apr_pool_t *p)
{
    const char *path = apr_psprintf(p, "%s/replaced.db", db_folder);
    mp_store_t *store = open_store(path, apr_time_from_sec(1), p);
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation = 0;
    apr_uint32_t id;

    mp_store_prepare(store, &why, p);
    ok(mp_store_add_pool(&id, "old", "http://a/", store, &why, p) == APR_SUCCESS, "in use: %s", why.sentence);
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
    check_lock(p);
    check_replaced_file(p);
    apr_terminate();
    db_remove_folder();
    return tap_done();
}
