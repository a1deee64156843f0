/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that includes sqlite3.h. The file is opened without ever creating it, except where the schema is made: a database that vanished
 * must not come back empty in silence. WAL lets readers go on while one writes; synchronous=FULL makes a commit survive a power cut,
 * which the spool relies on when it drops what it handed over. */
#include "store/sqlite.h"

#include "base/clock.h"
#include "base/memory.h"
#include "store/sqlite_file.h"
#include "store/store.h"

#include <apr_strings.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

/* database/schema.sqlite.sql and the steps of an upgrade as string literals; the Makefile makes them. */
static const char schema_script[] =
#include "schema_sqlite.h"
    ;
static const char script_from_4[] =
#include "migrate4_sqlite.h"
    ;
static const char script_from_5[] =
#include "migrate5_sqlite.h"
    ;
static const char script_from_6[] =
#include "migrate6_sqlite.h"
    ;

/* From the oldest version of a file on, one step after the other. */
static const char *const upgrade_scripts[] = {script_from_4, script_from_5, script_from_6};

_Static_assert(sizeof(upgrade_scripts) / sizeof(upgrade_scripts[0]) == MP_SCHEMA_VERSION - MP_SCHEMA_VERSION_OLDEST_FILE,
               "a step for each version");

struct mp_link_t {
    sqlite3 *db;
    const mp_store_url_t *url;
    apr_interval_time_t timeout;
    bool is_broken;
    bool is_retryable;
    bool is_upgrading; /* the file was to be upgraded, and what could be checked before was well */
    sqlite3_stmt *prepared[MP_STATEMENT_COUNT];
};

static bool is_busy(int code)
{
    code &= 0xff;
    return code == SQLITE_BUSY || code == SQLITE_LOCKED || code == SQLITE_PROTOCOL;
}

/* After these a handle may stay useless although the file is well again. */
static bool is_lost(int code)
{
    code &= 0xff;
    return code == SQLITE_IOERR || code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_CANTOPEN || code == SQLITE_READONLY;
}

static apr_status_t fail(mp_link_t *link, int code, const char *doing, mp_result_t *why)
{
    const char *message = sqlite3_errmsg(link->db);
    const char *path = link->url->path;

    link->is_broken = link->is_broken || is_lost(code);
    link->is_retryable = is_busy(code);
    if (is_busy(code))
        return mp_result_set(why, APR_EGENERAL, "database-busy", "the database file %s is locked by another process (%s: %s)", path, doing,
                             message);
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
            return mp_result_set(why, APR_EEXIST, "exists", "the database file %s has such a row already (%s: %s)", path, doing, message);
        break;
    case SQLITE_NOTADB:
        return mp_result_set(why, APR_EGENERAL, "database-error", "the file %s is not an SQLite database", path);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        return mp_sqlite_file_describe(link->url, why);
    case SQLITE_FULL:
        return mp_result_set(why, APR_EGENERAL, "database-full", "no space is left for the database file %s", path);
    case SQLITE_ERROR:
        if (strncmp(message, "no such table", 13) == 0)
            return mp_result_set(why, APR_EMISMATCH, "schema-missing", "the database file %s lacks the tables of mod_miningproxy (%s)",
                                 path, message);
        break;
    default:
        break;
    }
    return mp_result_set(why, APR_EGENERAL, "database-error", "the database file %s reports an error (%s: %s, error %d)", path, doing,
                         message, code);
}

static apr_status_t execute_script(mp_link_t *link, const char *sql, const char *doing, mp_result_t *why)
{
    int code = sqlite3_exec(link->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : fail(link, sqlite3_extended_errcode(link->db), doing, why);
}

static apr_status_t close_link(void *data)
{
    mp_link_t *link = data;

    for (int i = 0; i < MP_STATEMENT_COUNT; i++)
        sqlite3_finalize(link->prepared[i]);
    sqlite3_close_v2(link->db);
    return APR_SUCCESS;
}

/* Switching to WAL needs the file for a moment alone, and SQLite does not always wait for that by itself. */
static apr_status_t set_wal(mp_link_t *link, mp_result_t *why)
{
    apr_time_t deadline = mp_clock_monotonic() + link->timeout;

    for (;;) {
        apr_status_t status = execute_script(link, "PRAGMA journal_mode = WAL", "switch to WAL mode", why);
        if (status == APR_SUCCESS || !link->is_retryable || mp_clock_monotonic() >= deadline)
            return status;
        apr_sleep(apr_time_from_msec(5));
    }
}

static apr_status_t set_connection(mp_link_t *link, mp_result_t *why)
{
    sqlite3_extended_result_codes(link->db, 1);
    sqlite3_busy_timeout(link->db, (int)apr_time_as_msec(link->timeout));
    apr_status_t status = set_wal(link, why);
    if (status == APR_SUCCESS)
        status = execute_script(link, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA journal_size_limit = 67108864",
                                "set the connection up", why);
    return status;
}

static apr_status_t connect_link(mp_link_t **link, const mp_store_url_t *url, const char *password, apr_interval_time_t timeout,
                                 mp_result_t *why, apr_pool_t *p)
{
    mp_link_t *made = apr_pcalloc(p, sizeof(*made));

    (void)password;
    made->url = url;
    made->timeout = timeout;
    apr_pool_cleanup_register(p, made, close_link, apr_pool_cleanup_null);
    int code = sqlite3_open_v2(url->path, &made->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return fail(made, code, "open", why);
    /* A file that may not be written is opened for reading only, without a word. */
    if (sqlite3_db_readonly(made->db, "main") == 1)
        return mp_sqlite_file_describe(url, why);
    apr_status_t status = set_connection(made, why);
    if (status == APR_SUCCESS)
        *link = made;
    return status;
}

static apr_status_t prepare(sqlite3_stmt **prepared, mp_link_t *link, mp_statement_t which, mp_result_t *why)
{
    *prepared = link->prepared[which];
    if (*prepared)
        return APR_SUCCESS;
    int code = sqlite3_prepare_v3(link->db, mp_statement_sql(which, MP_DIALECT_SQLITE), -1, SQLITE_PREPARE_PERSISTENT, prepared, NULL);
    if (code != SQLITE_OK)
        return fail(link, code, mp_statement_word(which), why);
    link->prepared[which] = *prepared;
    return APR_SUCCESS;
}

static int bind_param(sqlite3_stmt *prepared, int index, const mp_value_t *value)
{
    switch (value->kind) {
    case MP_VALUE_INTEGER:
        return sqlite3_bind_int64(prepared, index, value->integer);
    case MP_VALUE_REAL:
        return sqlite3_bind_double(prepared, index, value->real);
    case MP_VALUE_TEXT:
        return sqlite3_bind_text64(prepared, index, value->bytes, value->size, SQLITE_STATIC, SQLITE_UTF8);
    case MP_VALUE_BLOB:
        return sqlite3_bind_blob64(prepared, index, value->bytes, value->size, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(prepared, index);
    }
}

static mp_value_t read_column(sqlite3_stmt *prepared, int index)
{
    switch (sqlite3_column_type(prepared, index)) {
    case SQLITE_INTEGER:
        return MP_INTEGER(sqlite3_column_int64(prepared, index));
    case SQLITE_FLOAT:
        return MP_REAL(sqlite3_column_double(prepared, index));
    case SQLITE_TEXT:
        return (mp_value_t){.kind = MP_VALUE_TEXT,
                            .bytes = sqlite3_column_text(prepared, index),
                            .size = (apr_size_t)sqlite3_column_bytes(prepared, index)};
    case SQLITE_BLOB:
        return MP_BLOB(sqlite3_column_blob(prepared, index), (apr_size_t)sqlite3_column_bytes(prepared, index));
    default:
        return MP_NULL;
    }
}

#define COLUMNS_MAX 16

static int step_all(sqlite3_stmt *prepared, const mp_statement_call_t *call)
{
    mp_value_t values[COLUMNS_MAX];
    int count = sqlite3_column_count(prepared);
    int code;

    while ((code = sqlite3_step(prepared)) == SQLITE_ROW) {
        for (int i = 0; i < count && i < COLUMNS_MAX; i++)
            values[i] = read_column(prepared, i);
        if (call->row)
            call->row(call->baton, values, count);
    }
    return code;
}

static apr_status_t run_prepared(mp_link_t *link, sqlite3_stmt *prepared, mp_statement_call_t *call, mp_result_t *why)
{
    apr_status_t status = APR_SUCCESS;
    int code = SQLITE_OK;

    /* An upsert that changes a row leaves this number alone, so 0 tells it from an insert. */
    sqlite3_set_last_insert_rowid(link->db, 0);
    for (int i = 0; i < call->param_count && code == SQLITE_OK; i++)
        code = bind_param(prepared, i + 1, &call->params[i]);
    if (code == SQLITE_OK)
        code = step_all(prepared, call);
    if (code != SQLITE_DONE)
        status = fail(link, sqlite3_extended_errcode(link->db), mp_statement_word(call->statement), why);
    else
        call->affected = sqlite3_stmt_readonly(prepared) ? 0 : sqlite3_changes(link->db);
    call->insert_id = status == APR_SUCCESS ? sqlite3_last_insert_rowid(link->db) : 0;
    sqlite3_reset(prepared);
    sqlite3_clear_bindings(prepared);
    return status;
}

/* One after the other: there are no round trips to save, and a statement of many rows would first make a table of them. */
static apr_status_t run_rows(mp_link_t *link, sqlite3_stmt *prepared, mp_statement_call_t *call, mp_result_t *why)
{
    mp_statement_call_t row = *call;
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; i < call->rows && status == APR_SUCCESS; i++) {
        status = run_prepared(link, prepared, &row, why);
        row.params += call->param_count;
    }
    return status;
}

static apr_status_t run(mp_link_t *link, mp_statement_call_t *call, mp_result_t *why)
{
    sqlite3_stmt *prepared;

    link->is_retryable = false;
    call->affected = call->insert_id = 0;
    if (!mp_statement_sql(call->statement, MP_DIALECT_SQLITE))
        return APR_SUCCESS;
    /* Some failures (a full disk) roll back by themselves, and ROLLBACK would then be an error. */
    if (call->statement == MP_STATEMENT_ROLLBACK && sqlite3_get_autocommit(link->db))
        return APR_SUCCESS;
    apr_status_t status = prepare(&prepared, link, call->statement, why);
    if (status != APR_SUCCESS)
        return status;
    return call->rows > 1 ? run_rows(link, prepared, call, why) : run_prepared(link, prepared, call, why);
}

static bool is_broken(const mp_link_t *link)
{
    int has_moved = 0;

    /* A file that somebody replaced or removed: the handle would go on writing into what nobody sees any more. */
    sqlite3_file_control(link->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    return link->is_broken || has_moved;
}

static bool is_retryable(const mp_link_t *link)
{
    return link->is_retryable;
}

static int remember_number(void *baton, int count, char **columns, char **names)
{
    (void)names;
    if (count > 0 && columns[0])
        *(int *)baton = (int)apr_atoi64(columns[0]);
    return 0;
}

static apr_status_t count_tables(int *count, mp_link_t *link, const char *condition, mp_result_t *why)
{
    char sql[160];

    apr_snprintf(sql, sizeof(sql), "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name %s", condition);
    *count = 0;
    int code = sqlite3_exec(link->db, sql, remember_number, count, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : fail(link, sqlite3_extended_errcode(link->db), "list its tables", why);
}

static apr_status_t describe_failed_copy(int code, const char *path, const mp_link_t *link, mp_result_t *why)
{
    return mp_result_set(why, APR_EGENERAL, "database-error",
                         "the database file %s must be upgraded, but it cannot be copied to %s first: %s; nothing was changed",
                         link->url->path, path, sqlite3_errstr(code));
}

/* Reads over a connection of its own, because SQLite copies nothing that the copying connection has locked for writing. */
static int copy_pages(const char *path, const mp_link_t *link)
{
    sqlite3 *from = NULL, *to = NULL;
    int code = sqlite3_open_v2(link->url->path, &from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    if (backup) {
        code = sqlite3_backup_step(backup, -1);
        code = code == SQLITE_DONE ? SQLITE_OK : code;
        int ended = sqlite3_backup_finish(backup);
        code = code == SQLITE_OK ? ended : code;
    } else if (code == SQLITE_OK) {
        code = sqlite3_errcode(to);
    }
    sqlite3_close_v2(to);
    sqlite3_close_v2(from);
    return code;
}

static apr_status_t copy_aside(mp_link_t *link, mp_result_t *why)
{
    apr_pool_t *scratch = mp_memory_create();
    const char *path;
    apr_status_t status = mp_sqlite_file_check_pause(link->url, why, scratch);
    if (status == APR_SUCCESS)
        status = mp_sqlite_file_begin_copy(&path, link->url, why, scratch);
    if (status == APR_SUCCESS) {
        link->is_upgrading = true;
        int code = copy_pages(path, link);
        status =
            code == SQLITE_OK ? mp_sqlite_file_finish_copy(path, link->url, why, scratch) : describe_failed_copy(code, path, link, why);
        if (status != APR_SUCCESS)
            unlink(path);
    }
    apr_pool_destroy(scratch);
    return status;
}

static apr_status_t read_version(int *version, mp_link_t *link, mp_result_t *why)
{
    *version = 0;
    int code = sqlite3_exec(link->db, "SELECT value FROM settings WHERE `key` = 'version'", remember_number, version, NULL);
    return code == SQLITE_OK ? APR_SUCCESS : fail(link, sqlite3_extended_errcode(link->db), "read its version", why);
}

static bool is_upgradable(int version)
{
    return version >= MP_SCHEMA_VERSION_OLDEST_FILE && version < MP_SCHEMA_VERSION;
}

/* The write lock is held: what is copied is what is upgraded, and of several children one does it. */
static apr_status_t upgrade_tables(bool *is_upgraded, mp_link_t *link, mp_result_t *why)
{
    int version;
    apr_status_t status = read_version(&version, link, why);

    if (status != APR_SUCCESS || !is_upgradable(version))
        return status;
    status = copy_aside(link, why);
    for (; status == APR_SUCCESS && version < MP_SCHEMA_VERSION; version++)
        status = execute_script(link, upgrade_scripts[version - MP_SCHEMA_VERSION_OLDEST_FILE], "upgrade its tables", why);
    *is_upgraded = status == APR_SUCCESS;
    return status;
}

static apr_status_t make_tables(bool *is_upgraded, mp_link_t *link, mp_result_t *why)
{
    int settings = 0, others = 0;
    apr_status_t status = count_tables(&settings, link, "= 'settings'", why);

    if (status != APR_SUCCESS)
        return status;
    if (settings)
        return upgrade_tables(is_upgraded, link, why);
    status = count_tables(&others, link, "NOT LIKE 'sqlite!_%' ESCAPE '!'", why);
    if (status != APR_SUCCESS)
        return status;
    if (others)
        return mp_result_set(why, APR_EGENERAL, "database-error", "the file %s is the database of another program", link->url->path);
    return execute_script(link, schema_script, "create its tables", why);
}

/* An upgrade may take minutes, in which others wait for the lock: they should say for what. */
static void describe_lock(mp_link_t *link, mp_result_t *why)
{
    int version;

    if (read_version(&version, link, NULL) == APR_SUCCESS && is_upgradable(version)) {
        apr_pool_t *scratch = mp_memory_create();
        if (mp_sqlite_file_has_copy(link->url, scratch))
            mp_result_set(why, APR_EGENERAL, "database-busy",
                          "the database file %s is being upgraded to schema version %d by another child", link->url->path,
                          MP_SCHEMA_VERSION);
        apr_pool_destroy(scratch);
    }
    link->is_retryable = true;
}

static void note_upgrade(const mp_link_t *link, bool is_done, const mp_result_t *why)
{
    apr_pool_t *scratch = mp_memory_create();

    if (is_done)
        mp_sqlite_file_note_success(link->url, scratch);
    else
        mp_sqlite_file_note_failure(link->url, why, scratch);
    apr_pool_destroy(scratch);
}

static apr_status_t create_schema(bool *is_upgraded, mp_link_t *link, mp_result_t *why)
{
    bool is_newly = false;

    link->is_retryable = link->is_upgrading = false;
    apr_status_t status = execute_script(link, "BEGIN IMMEDIATE", "lock", why);
    if (status != APR_SUCCESS && link->is_retryable)
        describe_lock(link, why);
    if (status != APR_SUCCESS)
        return status;
    status = make_tables(&is_newly, link, why);
    if (status == APR_SUCCESS)
        status = execute_script(link, "COMMIT", "commit", why);
    *is_upgraded = *is_upgraded || (status == APR_SUCCESS && is_newly);
    if (status != APR_SUCCESS && !sqlite3_get_autocommit(link->db))
        sqlite3_exec(link->db, "ROLLBACK", NULL, NULL, NULL);
    if (link->is_upgrading)
        note_upgrade(link, status == APR_SUCCESS, why);
    return status;
}

const mp_driver_t *mp_sqlite_driver(void)
{
    static const mp_driver_t driver = {
        .scheme = "sqlite",
        .create_file = mp_sqlite_file_create,
        .connect = connect_link,
        .run = run,
        .is_broken = is_broken,
        .is_retryable = is_retryable,
        .create_schema = create_schema,
        .copy_path = mp_sqlite_file_copy_path,
    };
    return &driver;
}
