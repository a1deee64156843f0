/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that includes mysql.h. Whatever takes parameters or answers with rows is a prepared statement, made once per link; the rest
 * goes as text, because the prepared protocol does not take START TRANSACTION everywhere. What is prepared holds its own buffers for rows, so that
 * running it allocates nothing. CLIENT_FOUND_ROWS stays off: it would hide whether an upsert changed anything. */
#include "store/mysql.h"

#include "base/assert.h"
#include "base/clock.h"
#include "store/mysql_trouble.h"

#include <apr_strings.h>
#include <mysql.h>
#include <stdio.h>
#include <string.h>

/* Flags in the bind structures: MariaDB's library has its own type, Oracle's has dropped it. */
#if defined(MARIADB_BASE_VERSION) || MYSQL_VERSION_ID < 80001
typedef my_bool flag_t;
#else
typedef bool flag_t;
#endif

/* Who has the one library has that one's command as well. */
#if defined(MARIADB_BASE_VERSION)
#define CLIENT_PROGRAM "mariadb"
#else
#define CLIENT_PROGRAM "mysql"
#endif

#define TEXT_CAPACITY 1100 /* bytes: 255 characters of UTF-8; grows when somebody widened a column */
#define SCHEMA_FILE "database/schema.sql"

/* So many rows are in one statement: few statements do for any number, and a row costs the server a tenth to a fifth less in a large one than in one of 32. */
static const int row_steps[] = {1, 4, 16, 64, 256};
#define ROW_STEPS (int)(sizeof(row_steps) / sizeof(row_steps[0]))

typedef struct column_t {
    enum mp_value_kind_t kind;
    long long integer;
    double real;
    char *text;
    unsigned long capacity; /* of text, its NUL not counted */
    unsigned long length;
    flag_t is_null;
} column_t;

typedef struct prepared_t {
    MYSQL_STMT *statement;
    MYSQL_BIND *params;
    int column_count; /* 0: answers without rows */
    column_t *columns;
    MYSQL_BIND *results;
    mp_value_t *values;
} prepared_t;

struct mp_link_t {
    MYSQL *mysql;
    const mp_store_url_t *url;
    apr_interval_time_t timeout;
    const char *server;         /* for sentences */
    const char *import_command; /* likewise */
    bool is_broken;
    bool is_retryable;
    apr_time_t began; /* of the current call; monotonic */
    apr_pool_t *pool;
    prepared_t *prepared[MP_STATEMENT_COUNT][ROW_STEPS];
};

static bool has_timed_out(const mp_link_t *link)
{
    return mp_clock_monotonic() - link->began >= link->timeout - apr_time_from_msec(100);
}

static apr_status_t describe_missing(const mp_link_t *link, unsigned code, mp_result_t *why)
{
    if (code == 1049)
        return mp_result_set(why, APR_EMISMATCH, "schema-missing",
                             "the database \"%s\" does not exist on %s; after CREATE DATABASE, import the schema as its owner: %s",
                             link->url->database, link->server, link->import_command);
    return mp_result_set(why, APR_EMISMATCH, "schema-missing",
                         "the database \"%s\" on %s lacks the tables of mod_miningproxy; import the schema as its owner: %s",
                         link->url->database, link->server, link->import_command);
}

/* doing: the statement's word, or what was tried; message: the server's or the library's own words. */
static apr_status_t fail(mp_link_t *link, unsigned code, const char *message, const char *doing, mp_result_t *why)
{
    mp_mysql_trouble_t trouble = mp_mysql_trouble_find(code);
    const char *label = link->url->label;

    link->is_broken = link->is_broken || trouble.is_broken;
    link->is_retryable = trouble.is_retryable;
    if (trouble.status == APR_EMISMATCH)
        return describe_missing(link, code, why);
    if (strcmp(trouble.word, "database-refused") == 0)
        return mp_result_set(
            why, trouble.status, trouble.word,
            "%s refuses the user \"%s\": %s; check the user, the password and the privileges (SELECT, INSERT, UPDATE, DELETE)",
            link->server, link->url->user, message);
    if (mp_mysql_trouble_is_network(code) && has_timed_out(link))
        return mp_result_set(why, trouble.status, trouble.word, "the database %s did not answer within %.1f s (%s: %s)", label,
                             (double)link->timeout / APR_USEC_PER_SEC, doing, message);
    return mp_result_set(why, trouble.status, trouble.word, "the database %s %s (%s: %s, error %u)", label,
                         mp_mysql_trouble_phrase(&trouble), doing, message, code);
}

static apr_status_t fail_link(mp_link_t *link, const char *doing, mp_result_t *why)
{
    return fail(link, mysql_errno(link->mysql), mysql_error(link->mysql), doing, why);
}

static apr_status_t fail_statement(mp_link_t *link, MYSQL_STMT *statement, const char *doing, mp_result_t *why)
{
    return fail(link, mysql_stmt_errno(statement), mysql_stmt_error(statement), doing, why);
}

static apr_status_t initialize(mp_result_t *why)
{
    /* Never ended: another module of the process may use the library as well. */
    if (mysql_library_init(0, NULL, NULL) != 0)
        return mp_result_set(why, APR_EGENERAL, "database-error", "the MySQL client library cannot be initialised");
    return APR_SUCCESS;
}

static void enter_thread(void)
{
    mysql_thread_init();
}

static void leave_thread(void)
{
    mysql_thread_end();
}

static apr_status_t close_link(void *data)
{
    mp_link_t *link = data;

    for (int i = 0; i < MP_STATEMENT_COUNT; i++) {
        for (int step = 0; step < ROW_STEPS; step++) {
            if (link->prepared[i][step])
                mysql_stmt_close(link->prepared[i][step]->statement);
        }
    }
    mysql_close(link->mysql);
    return APR_SUCCESS;
}

/* The library counts whole seconds, and 0 would mean for ever. */
static unsigned seconds_of(apr_interval_time_t timeout)
{
    return timeout <= APR_USEC_PER_SEC ? 1 : (unsigned)((timeout + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC);
}

/* With ssl_ca, TLS is required, the certificate must be signed by it and be made out to the host. */
static void set_tls(MYSQL *mysql, const char *ssl_ca)
{
    mysql_options(mysql, MYSQL_OPT_SSL_CA, ssl_ca);
#if defined(MARIADB_BASE_VERSION)
    flag_t yes = 1;
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
#else
    unsigned mode = SSL_MODE_VERIFY_IDENTITY;
    mysql_options(mysql, MYSQL_OPT_SSL_MODE, &mode);
#endif
}

static void set_options(const mp_link_t *link)
{
    unsigned seconds = seconds_of(link->timeout);
    unsigned never = 0;
    unsigned tcp = MYSQL_PROTOCOL_TCP;

    mysql_options(link->mysql, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
    mysql_options(link->mysql, MYSQL_OPT_READ_TIMEOUT, &seconds);
    mysql_options(link->mysql, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
    mysql_options(link->mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* A hostile server must not ask for this machine's files. */
    mysql_options(link->mysql, MYSQL_OPT_LOCAL_INFILE, &never);
    /* Otherwise "localhost" would mean the socket even if the URL has a port. */
    if (link->url->port)
        mysql_options(link->mysql, MYSQL_OPT_PROTOCOL, &tcp);
    if (link->url->ssl_ca)
        set_tls(link->mysql, link->url->ssl_ca);
    /* MYSQL_OPT_RECONNECT is off by itself in both libraries, and must be: a transaction would go on without its beginning. */
}

/* Everything that a server's configuration could otherwise decide for us. */
static apr_status_t set_session(mp_link_t *link, mp_result_t *why)
{
    unsigned seconds = seconds_of(link->timeout);
    /* Shorter than our read timeout, so that the server says "lock timeout" before we give the connection up. The second one is of whole tables: a backup, or
     * an ALTER TABLE by hand. */
    unsigned lock_seconds = seconds > 1 ? seconds - 1 : 1;
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, "
             "innodb_lock_wait_timeout = %u, lock_wait_timeout = %u",
             lock_seconds, lock_seconds);
    if (mysql_query(link->mysql, sql) || mysql_query(link->mysql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"))
        return fail_link(link, "set the session up", why);
    return APR_SUCCESS;
}

static apr_status_t connect_link(mp_link_t **link, const mp_store_url_t *url, const char *password, apr_interval_time_t timeout,
                                 mp_result_t *why, apr_pool_t *p)
{
    mp_link_t *made = apr_pcalloc(p, sizeof(*made));

    made->url = url;
    made->timeout = timeout;
    made->pool = p;
    made->server = mp_store_url_server(url, p);
    made->import_command = mp_store_url_import_command(url, CLIENT_PROGRAM, SCHEMA_FILE, p);
    made->began = mp_clock_monotonic();
    made->mysql = mysql_init(NULL);
    if (!made->mysql)
        return mp_result_set(why, APR_EGENERAL, "database-error", "no memory for a connection to %s", url->label);
    apr_pool_cleanup_register(p, made, close_link, apr_pool_cleanup_null);
    set_options(made);
    if (!mysql_real_connect(made->mysql, url->host, url->user, password, url->database, url->port, url->socket, 0))
        return fail_link(made, "connect", why);
    apr_status_t status = set_session(made, why);
    if (status == APR_SUCCESS)
        *link = made;
    return status;
}

static mp_value_kind_t kind_of(const MYSQL_FIELD *field)
{
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return MP_VALUE_INTEGER;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return MP_VALUE_REAL;
    default:
        /* Dates and decimals are converted to text by the library; bytes are text to it. */
        return MP_VALUE_TEXT;
    }
}

static void grow_text(column_t *column, unsigned long capacity, apr_pool_t *p)
{
    column->capacity = capacity;
    column->text = apr_palloc(p, capacity + 1);
}

static void bind_column(MYSQL_BIND *bind, column_t *column)
{
    memset(bind, 0, sizeof(*bind));
    bind->is_null = &column->is_null;
    bind->length = &column->length;
    if (column->kind == MP_VALUE_INTEGER) {
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &column->integer;
    } else if (column->kind == MP_VALUE_REAL) {
        bind->buffer_type = MYSQL_TYPE_DOUBLE;
        bind->buffer = &column->real;
    } else {
        bind->buffer_type = MYSQL_TYPE_STRING;
        bind->buffer = column->text;
        bind->buffer_length = column->capacity;
    }
}

static void prepare_columns(prepared_t *prepared, apr_pool_t *p)
{
    MYSQL_RES *fields = mysql_stmt_result_metadata(prepared->statement);

    if (!fields)
        return;
    prepared->column_count = (int)mysql_num_fields(fields);
    apr_size_t count = (apr_size_t)prepared->column_count;
    prepared->columns = apr_pcalloc(p, count * sizeof(column_t));
    prepared->results = apr_pcalloc(p, count * sizeof(MYSQL_BIND));
    prepared->values = apr_pcalloc(p, count * sizeof(mp_value_t));
    for (int i = 0; i < prepared->column_count; i++) {
        column_t *column = &prepared->columns[i];
        column->kind = kind_of(mysql_fetch_field_direct(fields, (unsigned)i));
        if (column->kind == MP_VALUE_TEXT)
            grow_text(column, TEXT_CAPACITY, p);
        bind_column(&prepared->results[i], column);
    }
    mysql_free_result(fields);
}

static apr_status_t make_prepared(prepared_t **prepared, mp_link_t *link, mp_statement_t which, int rows, mp_result_t *why)
{
    const char *sql = mp_statement_sql(which, MP_DIALECT_MYSQL);
    int params = mp_statement_param_count(which) * rows;

    if (rows > 1)
        sql = mp_statement_repeat(sql, rows, link->pool);
    MYSQL_STMT *statement = mysql_stmt_init(link->mysql);
    if (!statement)
        return fail_link(link, "prepare a statement", why);
    if (mysql_stmt_prepare(statement, sql, strlen(sql))) {
        apr_status_t status = fail_statement(link, statement, mp_statement_word(which), why);
        mysql_stmt_close(statement);
        return status;
    }
    MP_ASSERT((int)mysql_stmt_param_count(statement) == params);
    prepared_t *made = apr_pcalloc(link->pool, sizeof(*made));
    made->statement = statement;
    made->params = apr_pcalloc(link->pool, (apr_size_t)params * sizeof(MYSQL_BIND));
    prepare_columns(made, link->pool);
    *prepared = made;
    return APR_SUCCESS;
}

static apr_status_t prepare(prepared_t **prepared, mp_link_t *link, mp_statement_t which, int step, mp_result_t *why)
{
    prepared_t **made = &link->prepared[which][step];
    apr_status_t status = *made ? APR_SUCCESS : make_prepared(made, link, which, row_steps[step], why);

    *prepared = *made;
    return status;
}

static void bind_param(MYSQL_BIND *bind, const mp_value_t *value)
{
    static const enum enum_field_types types[] = {
        [MP_VALUE_NULL] = MYSQL_TYPE_NULL,   [MP_VALUE_INTEGER] = MYSQL_TYPE_LONGLONG, [MP_VALUE_REAL] = MYSQL_TYPE_DOUBLE,
        [MP_VALUE_TEXT] = MYSQL_TYPE_STRING, [MP_VALUE_BLOB] = MYSQL_TYPE_BLOB,
    };
    const void *buffers[] = {
        [MP_VALUE_NULL] = NULL,         [MP_VALUE_INTEGER] = &value->integer, [MP_VALUE_REAL] = &value->real,
        [MP_VALUE_TEXT] = value->bytes, [MP_VALUE_BLOB] = value->bytes,
    };

    memset(bind, 0, sizeof(*bind));
    bind->buffer_type = types[value->kind];
    /* The library only reads a parameter's buffer; its structure serves both directions. */
    memcpy(&bind->buffer, &buffers[value->kind], sizeof(bind->buffer));
    bind->buffer_length = value->size;
}

static apr_status_t execute(mp_link_t *link, prepared_t *prepared, const mp_statement_call_t *call, mp_result_t *why)
{
    int params = call->rows * call->param_count;

    for (int i = 0; i < params; i++)
        bind_param(&prepared->params[i], &call->params[i]);
    if ((params > 0 && mysql_stmt_bind_param(prepared->statement, prepared->params)) || mysql_stmt_execute(prepared->statement))
        return fail_statement(link, prepared->statement, mp_statement_word(call->statement), why);
    return APR_SUCCESS;
}

/* A text longer than its buffer: makes the buffer larger, for good, and fetches that column again. */
static bool fetch_long_text(mp_link_t *link, prepared_t *prepared, int index)
{
    column_t *column = &prepared->columns[index];

    grow_text(column, column->length * 2, link->pool);
    bind_column(&prepared->results[index], column);
    if (mysql_stmt_fetch_column(prepared->statement, &prepared->results[index], (unsigned)index, 0))
        return false;
    return mysql_stmt_bind_result(prepared->statement, prepared->results) == 0;
}

static bool read_column(mp_link_t *link, prepared_t *prepared, int index)
{
    column_t *column = &prepared->columns[index];
    mp_value_t *value = &prepared->values[index];

    *value = (mp_value_t){.kind = column->is_null ? MP_VALUE_NULL : column->kind, .integer = column->integer, .real = column->real};
    if (value->kind != MP_VALUE_TEXT)
        return true;
    if (column->length > column->capacity && !fetch_long_text(link, prepared, index))
        return false;
    column->text[column->length] = '\0';
    value->bytes = column->text;
    value->size = column->length;
    return true;
}

static apr_status_t fetch_rows(mp_link_t *link, prepared_t *prepared, const mp_statement_call_t *call, mp_result_t *why)
{
    const char *doing = mp_statement_word(call->statement);

    /* Stored first: the whole answer is read even if nobody wants it, or the next statement would find the rest of this one. */
    if (mysql_stmt_bind_result(prepared->statement, prepared->results) || mysql_stmt_store_result(prepared->statement))
        return fail_statement(link, prepared->statement, doing, why);
    for (;;) {
        int outcome = mysql_stmt_fetch(prepared->statement);
        if (outcome == MYSQL_NO_DATA)
            return APR_SUCCESS;
        if (outcome != 0 && outcome != MYSQL_DATA_TRUNCATED)
            return fail_statement(link, prepared->statement, doing, why);
        for (int i = 0; i < prepared->column_count; i++) {
            if (!read_column(link, prepared, i))
                return fail_statement(link, prepared->statement, doing, why);
        }
        if (call->row)
            call->row(call->baton, prepared->values, prepared->column_count);
    }
}

static apr_status_t run_prepared(mp_link_t *link, mp_statement_call_t *call, int step, mp_result_t *why)
{
    prepared_t *prepared = NULL;
    apr_status_t status = prepare(&prepared, link, call->statement, step, why);

    if (status == APR_SUCCESS)
        status = execute(link, prepared, call, why);
    if (status != APR_SUCCESS)
        return status;
    if (prepared->column_count > 0) {
        status = fetch_rows(link, prepared, call, why);
        mysql_stmt_free_result(prepared->statement);
        return status;
    }
    call->affected = (apr_int64_t)mysql_stmt_affected_rows(prepared->statement);
    /* 2 affected rows are one that an upsert changed; the library may then give its id, or any. */
    call->insert_id = call->affected == 1 ? (apr_int64_t)mysql_stmt_insert_id(prepared->statement) : 0;
    return APR_SUCCESS;
}

static apr_status_t run_rows(mp_link_t *link, mp_statement_call_t *call, mp_result_t *why)
{
    mp_statement_call_t part = *call;
    apr_status_t status = APR_SUCCESS;
    int left = call->rows > 1 ? call->rows : 1;

    for (int step = ROW_STEPS - 1; left > 0 && status == APR_SUCCESS;) {
        if (row_steps[step] > left) {
            step--;
            continue;
        }
        part.rows = row_steps[step];
        status = run_prepared(link, &part, step, why);
        part.params += part.rows * part.param_count;
        left -= part.rows;
    }
    call->affected = part.affected;
    call->insert_id = part.insert_id;
    return status;
}

static apr_status_t run(mp_link_t *link, mp_statement_call_t *call, mp_result_t *why)
{
    const char *sql = mp_statement_sql(call->statement, MP_DIALECT_MYSQL);

    link->is_retryable = false;
    link->began = mp_clock_monotonic();
    call->affected = call->insert_id = 0;
    if (!sql)
        return APR_SUCCESS;
    if (call->param_count > 0 || call->row)
        return run_rows(link, call, why);
    if (mysql_query(link->mysql, sql))
        return fail_link(link, mp_statement_word(call->statement), why);
    call->affected = (apr_int64_t)mysql_affected_rows(link->mysql);
    return APR_SUCCESS;
}

static bool is_broken(const mp_link_t *link)
{
    return link->is_broken;
}

static bool is_retryable(const mp_link_t *link)
{
    return link->is_retryable;
}

const mp_driver_t *mp_mysql_driver(void)
{
    static const mp_driver_t driver = {
        .scheme = "mysql",
        .client = CLIENT_PROGRAM,
        .initialize = initialize,
        .enter_thread = enter_thread,
        .leave_thread = leave_thread,
        .connect = connect_link,
        .run = run,
        .is_broken = is_broken,
        .is_retryable = is_retryable,
    };
    return &driver;
}
