/* SPDX-License-Identifier: Apache-2.0 */
/* The database has a folder of its own, so that moving it away takes along what SQLite keeps beside it. */
#include "small_farm.h"

#include "base/clock.h"
#include "base/log.h"

#include <apr_allocator.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_SIZE 4096
#define LINES_SIZE (1024 * 1024)

static apr_pool_t *farm_pool;
static char folder[64];
static char url[128];
static sqlite3 *db;
static char answer[TEXT_SIZE];
static _Atomic apr_time_t offset;
static _Atomic apr_time_t held; /* 0: time passes */

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[LINES_SIZE];
static size_t lines_end;

static apr_time_t read_own_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return apr_time_from_sec((apr_time_t)now.tv_sec) + now.tv_nsec / 1000;
}

static apr_time_t read_clock(void)
{
    return (held ? held : read_own_clock()) + offset;
}

static void keep_line(void *baton, mp_log_level_t level, const char *line)
{
    size_t length = strlen(line);

    (void)baton;
    (void)level;
    pthread_mutex_lock(&lines_lock);
    if (lines_end + length + 2 < sizeof(lines)) {
        memcpy(lines + lines_end, line, length);
        lines_end += length;
        lines[lines_end++] = '\n';
        lines[lines_end] = '\0';
    }
    pthread_mutex_unlock(&lines_lock);
}

apr_pool_t *farm_open(void)
{
    apr_initialize();
    apr_pool_create(&farm_pool, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    snprintf(folder, sizeof(folder), "/tmp/mp-farm-XXXXXX");
    if (mkdtemp(folder) == NULL || mkdir(farm_path("db"), 0700) != 0)
        abort();
    snprintf(url, sizeof(url), "sqlite:%s/db/farm.db", folder);
    mp_clock_replace(read_clock);
    mp_log_install(keep_line, NULL, MP_LOG_DEBUG);
    return farm_pool;
}

void farm_close(void)
{
    char command[128];

    if (db != NULL)
        sqlite3_close(db);
    db = NULL;
    apr_pool_destroy(farm_pool);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    if (system(command) != 0)
        abort();
}

const char *farm_path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

mp_store_options_t farm_store_options(apr_interval_time_t timeout)
{
    return (mp_store_options_t){.url = url, .connections_min = 1, .connections_max = 4, .timeout = timeout};
}

static void fail(const char *what, const char *why)
{
    printf("Bail out! %s: %s\n", what, why);
    exit(1);
}

mp_store_t *farm_store(apr_pool_t *p)
{
    mp_store_options_t options = farm_store_options(apr_time_from_sec(2));
    mp_store_t *store;
    mp_result_t why;

    if (mp_store_create(&store, &options, &why, p) != APR_SUCCESS || mp_store_prepare(store, &why, p) != APR_SUCCESS)
        fail("the database cannot be made", why.sentence);
    return store;
}

static void connect_once(void)
{
    if (db != NULL)
        return;
    if (sqlite3_open_v2(url + strlen("sqlite:"), &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        fail("the database cannot be opened", sqlite3_errmsg(db));
    sqlite3_busy_timeout(db, 10000);
}

static void run(const char *sql)
{
    sqlite3_stmt *statement;

    connect_once();
    answer[0] = '\0';
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        snprintf(answer, sizeof(answer), "%s", (const char *)sqlite3_column_text(statement, 0));
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        fail(sql, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
}

#define RUN(format)                                                                                                                        \
    do {                                                                                                                                   \
        char sql[TEXT_SIZE];                                                                                                               \
        va_list args;                                                                                                                      \
        va_start(args, format);                                                                                                            \
        vsnprintf(sql, sizeof(sql), format, args);                                                                                         \
        va_end(args);                                                                                                                      \
        run(sql);                                                                                                                          \
    } while (0)

void farm_execute(const char *format, ...)
{
    RUN(format);
}

long long farm_number(const char *format, ...)
{
    RUN(format);
    return answer[0] != '\0' ? atoll(answer) : -1;
}

const char *farm_text(const char *format, ...)
{
    RUN(format);
    return answer;
}

static apr_uint32_t last_id(void)
{
    return (apr_uint32_t)sqlite3_last_insert_rowid(db);
}

apr_uint32_t farm_add_pool(const char *name, const char *pool_url)
{
    farm_execute("INSERT INTO pool (name, url) VALUES ('%s', '%s')", name, pool_url);
    return last_id();
}

apr_uint32_t farm_add_worker(const char *name, const char *password)
{
    farm_execute("INSERT INTO worker (name, password) VALUES ('%s', '%s')", name, password);
    return last_id();
}

void farm_assign(apr_uint32_t worker, apr_uint32_t pool, const char *username, int priority)
{
    farm_execute(
        "INSERT INTO worker_pool (worker_id, pool_id, pool_username, pool_password, priority) VALUES (%u, %u, '%s', 'pool secret', %d)",
        worker, pool, username, priority);
}

void farm_raise_generation(void)
{
    farm_execute("UPDATE settings SET value = CAST(value AS INTEGER) + 1 WHERE key = 'generation'");
}

void farm_lock(void)
{
    farm_execute("BEGIN IMMEDIATE");
}

void farm_unlock(void)
{
    farm_execute("ROLLBACK");
}

void farm_hide(void)
{
    if (rename(farm_path("db"), farm_path("away")) != 0)
        abort();
}

void farm_show(void)
{
    if (rename(farm_path("away"), farm_path("db")) != 0)
        abort();
}

void farm_forbid_writing(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 0, .rlim_max = RLIM_INFINITY});
}

void farm_allow_writing(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY});
}

bool farm_serve_once(int listener, const char *body, void (*between)(void))
{
    char text[TEXT_SIZE] = "";
    size_t have = 0;
    ssize_t got = 1;
    int fd = accept(listener, NULL, NULL);

    /* The bracket behind the parameters. */
    while (got > 0 && strstr(text, "]") == NULL && have < sizeof(text) - 1) {
        got = recv(fd, text + have, sizeof(text) - 1 - have, 0);
        have += got > 0 ? (size_t)got : 0;
        text[have] = '\0';
    }
    bool is_share = strstr(text, "[\"") != NULL;
    if (between)
        between();
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(body), body);
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        abort();
    close(fd);
    return is_share;
}

mp_proxy_options_t farm_proxy_options(void)
{
    return (mp_proxy_options_t){.store = farm_store_options(apr_time_from_msec(500)),
                                .upstream = {.user_agent = "test"},
                                .circuits = {.failback_after = apr_time_from_sec(30), .probe_timeout = apr_time_from_sec(2)},
                                .state_directory = folder,
                                .spool_limit = 1024 * 1024,
                                .threads = 8};
}

mp_longpoll_options_t farm_longpoll_options(void)
{
    return (mp_longpoll_options_t){.limit = 5000,
                                   .watches = {.interval = apr_time_from_sec(24 * 3600), .work_timeout = apr_time_from_sec(2)}};
}

mp_proxy_t *farm_proxy(const mp_proxy_options_t *options, const mp_shared_cache_t *cache, apr_pool_t *p)
{
    mp_proxy_options_t usual = farm_proxy_options();
    mp_proxy_t *proxy;
    mp_result_t why;

    if (mp_proxy_create(&proxy, options ? options : &usual, cache, &why, p) != APR_SUCCESS || mp_proxy_start(proxy, &why) != APR_SUCCESS)
        fail("a child cannot be started", why.sentence);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    if (roster == NULL)
        fail("a child has no roster", "of the first second");
    mp_roster_release(roster);
    return proxy;
}

mp_roster_t *farm_reload(mp_proxy_t *proxy)
{
    farm_raise_generation();
    long long generation = farm_number("SELECT value FROM settings WHERE key = 'generation'");

    if (!sqlite3_get_autocommit(db))
        farm_execute("COMMIT");
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    for (int i = 0; i < FARM_PATIENCE * 200; i++) {
        mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
        if (roster != NULL && mp_roster_generation(roster) == generation)
            return roster;
        mp_roster_release(roster);
        farm_pause();
    }
    fail("the roster did not change", "though the generation did");
    return NULL;
}

apr_pool_t *farm_guarded_pool(apr_thread_mutex_t **lock)
{
    apr_allocator_t *allocator;
    apr_pool_t *p;

    if (apr_thread_mutex_create(lock, APR_THREAD_MUTEX_DEFAULT, farm_pool) != APR_SUCCESS ||
        apr_allocator_create(&allocator) != APR_SUCCESS || apr_pool_create_unmanaged_ex(&p, NULL, allocator) != APR_SUCCESS)
        abort();
    apr_allocator_owner_set(allocator, p);
    /* It looks at its lock only where it has something to give. */
    apr_allocator_free(allocator, apr_allocator_alloc(allocator, 64 * 1024));
    apr_allocator_mutex_set(allocator, *lock);
    return p;
}

void farm_advance(apr_interval_time_t time)
{
    offset += time;
}

void farm_hold_clock(bool is_held)
{
    held = is_held ? read_own_clock() : 0;
}

int farm_log_count(const char *text)
{
    int count = 0;

    pthread_mutex_lock(&lines_lock);
    for (const char *line = lines; *line != '\0';) {
        const char *end = strchr(line, '\n');
        count += memmem(line, (size_t)(end - line), text, strlen(text)) != NULL;
        line = end + 1;
    }
    pthread_mutex_unlock(&lines_lock);
    return count;
}

void farm_log_forget(void)
{
    pthread_mutex_lock(&lines_lock);
    lines_end = 0;
    lines[0] = '\0';
    pthread_mutex_unlock(&lines_lock);
}

double farm_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void farm_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}
