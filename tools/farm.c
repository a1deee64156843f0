/* SPDX-License-Identifier: Apache-2.0 */
/* The command "farm": adds pools and workers to the database and says what is in it, for scripts and for the time before the console. It goes through the store as
 * the module does, so names clash as miners log in, and every child learns of a change. Passwords are read, hashed, and never printed. */
#include "base/text.h"
#include "service/checks.h"
#include "service/logins.h"
#include "store/store_assignments.h"
#include "store/store_pools.h"
#include "store/store_workers.h"
#include "upstream/upstream_url.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_REFUSED 1
#define EXIT_USAGE 2
#define TIMEOUT apr_time_from_sec(10)

typedef struct farm_t {
    const char *database;
    const char *password_file;
    mp_store_t *store;
    mp_roster_rows_t *rows; /* as they were at the start */
    apr_pool_t *p;
} farm_t;

typedef struct command_t {
    const char *name;
    int least, most; /* arguments */
    const char *usage;
    int (*run)(farm_t *farm, char **words, int count);
} command_t;

static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int refuse(const char *format, ...)
{
    va_list args;

    fputs("farm: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_REFUSED;
}

/* For terminals: what a row holds may be anything. */
static const char *shown(const char *text, apr_pool_t *p)
{
    apr_size_t size = strlen(text) + 1;
    return mp_text_clean(apr_palloc(p, size), size, text);
}

/* An argument, or the first line of standard input if it is "-". @return NULL if there is no usable line */
static const char *read_password(const char *word, apr_pool_t *p)
{
    char line[1024];

    if (strcmp(word, "-") != 0)
        return word;
    if (!fgets(line, sizeof(line), stdin))
        return NULL;
    apr_size_t length = strcspn(line, "\r\n");
    if (length == sizeof(line) - 1)
        return NULL;
    return apr_pstrmemdup(p, line, length);
}

static bool is_same_name(const char *a, const char *b, apr_pool_t *p)
{
    return strcmp(mp_text_fold(a, p), mp_text_fold(b, p)) == 0;
}

static const mp_roster_pool_row_t *find_pool(const farm_t *farm, const char *name)
{
    for (int i = 0; i < farm->rows->pools->nelts; i++) {
        const mp_roster_pool_row_t *pool = &APR_ARRAY_IDX(farm->rows->pools, i, mp_roster_pool_row_t);
        if (is_same_name(pool->name, name, farm->p))
            return pool;
    }
    refuse("there is no pool \"%s\"; \"farm list\" shows those that there are", shown(name, farm->p));
    return NULL;
}

static const mp_roster_worker_row_t *find_worker(const farm_t *farm, const char *name)
{
    for (int i = 0; i < farm->rows->workers->nelts; i++) {
        const mp_roster_worker_row_t *worker = &APR_ARRAY_IDX(farm->rows->workers, i, mp_roster_worker_row_t);
        if (is_same_name(worker->name, name, farm->p))
            return worker;
    }
    refuse("there is no worker \"%s\"; \"farm list\" shows those that there are", shown(name, farm->p));
    return NULL;
}

static int add_pool(farm_t *farm, char **words, int count)
{
    const char *name = words[0], *url = words[1];
    apr_uint32_t id = 0;
    mp_result_t why = MP_RESULT_NONE;
    const char *wrong = mp_checks_name(name, farm->p);

    (void)count;
    if (wrong)
        return refuse("\"%s\" cannot be a pool's name: %s", shown(name, farm->p), wrong);
    wrong = mp_checks_url(url, farm->p);
    if (wrong)
        return refuse("this cannot be the URL of pool \"%s\": %s", name, wrong);
    if (mp_store_add_pool(&id, &(mp_store_pool_edit_t){.name = name, .url = url}, farm->store, &why, farm->p) != APR_SUCCESS)
        return refuse("%s", why.sentence);
    printf("pool %u \"%s\" added: %s\n", id, name, url);
    return EXIT_SUCCESS;
}

static int add_worker(farm_t *farm, char **words, int count)
{
    const char *name = words[0];
    const char *password = count > 1 ? read_password(words[1], farm->p) : "";
    const char *wrong = mp_checks_login(name, farm->p);
    char hash[MP_LOGIN_HASH_SIZE];
    apr_uint32_t id = 0;
    mp_result_t why = MP_RESULT_NONE;

    if (wrong)
        return refuse("\"%s\" cannot be a worker's name: %s", shown(name, farm->p), wrong);
    if (!password)
        return refuse("standard input has no line with a password of worker \"%s\"", name);
    /* A script may want none. */
    wrong = *password ? mp_checks_worker_password(password, farm->p) : NULL;
    if (wrong)
        return refuse("the password of worker \"%s\" is not possible: %s", name, wrong);
    if (mp_logins_hash(hash, password) != APR_SUCCESS)
        return refuse("the password of worker \"%s\" cannot be hashed: the system gave no random bytes", name);
    if (mp_store_add_worker(&id, name, hash, farm->store, &why, farm->p) != APR_SUCCESS)
        return refuse("%s", why.sentence);
    printf("worker %u \"%s\" added%s\n", id, name, *password ? "" : ", with an empty password");
    return EXIT_SUCCESS;
}

static const char *check_account(const char *username, const char *password, apr_pool_t *p)
{
    const char *wrong = mp_checks_login(username, p);

    if (wrong)
        return apr_psprintf(p, "\"%s\" cannot be the user name: %s", shown(username, p), wrong);
    if (!password)
        return "standard input has no line with the password";
    wrong = mp_checks_pool_password(password, p);
    return wrong ? apr_psprintf(p, "the password cannot be used: %s", wrong) : NULL;
}

static int assign(farm_t *farm, char **words, int count)
{
    const mp_roster_worker_row_t *worker = find_worker(farm, words[0]);
    const mp_roster_pool_row_t *pool = worker ? find_pool(farm, words[1]) : NULL;
    mp_roster_assignment_row_t row = {.username = words[2], .enabled = true};
    mp_result_t why = MP_RESULT_NONE;

    if (!worker || !pool)
        return EXIT_REFUSED;
    const char *wrong = count > 4 ? mp_checks_priority(&row.priority, words[4]) : NULL;
    if (wrong)
        return refuse("\"%s\" cannot be the priority: %s", shown(words[4], farm->p), wrong);
    row.password = read_password(words[3], farm->p);
    wrong = check_account(row.username, row.password, farm->p);
    if (wrong)
        return refuse("the account of worker \"%s\" at pool \"%s\" is not possible: %s", worker->name, pool->name, wrong);
    row.worker_id = worker->id;
    row.pool_id = pool->id;
    if (mp_store_save_assignment(&row, farm->store, &why, farm->p) != APR_SUCCESS)
        return refuse("%s", why.sentence);
    printf("worker %u \"%s\" mines for pool %u \"%s\" as \"%s\" with priority %d\n", worker->id, shown(worker->name, farm->p), pool->id,
           shown(pool->name, farm->p), row.username, row.priority);
    return EXIT_SUCCESS;
}

static int set_pool_enabled(farm_t *farm, const char *name, bool enabled)
{
    const mp_roster_pool_row_t *pool = find_pool(farm, name);
    mp_result_t why = MP_RESULT_NONE;

    if (!pool)
        return EXIT_REFUSED;
    if (mp_store_set_pool_enabled(pool->id, enabled, farm->store, &why, farm->p) != APR_SUCCESS)
        return refuse("%s", why.sentence);
    printf("pool %u \"%s\" %s\n", pool->id, shown(pool->name, farm->p), enabled ? "enabled" : "disabled");
    return EXIT_SUCCESS;
}

static int enable_pool(farm_t *farm, char **words, int count)
{
    (void)count;
    return set_pool_enabled(farm, words[0], true);
}

static int disable_pool(farm_t *farm, char **words, int count)
{
    (void)count;
    return set_pool_enabled(farm, words[0], false);
}

/* Characters, which is what a terminal counts as columns for nearly every name. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

#define COLUMNS_MAX 6

/* Rows of texts under a title; the first row is the heading. The last column is not padded. */
static void print_table(const char *title, const apr_array_header_t *rows, int columns)
{
    int widths[COLUMNS_MAX] = {0};

    printf("%s (%d)\n", title, rows->nelts - 1);
    for (int i = 0; i < rows->nelts; i++) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        for (int j = 0; j < columns; j++)
            widths[j] = width_of(row[j]) > widths[j] ? width_of(row[j]) : widths[j];
    }
    for (int i = 0; i < rows->nelts && rows->nelts > 1; i++) {
        const char **row = APR_ARRAY_IDX(rows, i, const char **);
        for (int j = 0; j < columns; j++)
            printf("  %s%*s", row[j], j < columns - 1 ? widths[j] - width_of(row[j]) : 0, "");
        putchar('\n');
    }
}

static void push_row(apr_array_header_t *rows, const char *const *texts, int columns)
{
    const char **row = apr_pcalloc(rows->pool, COLUMNS_MAX * sizeof(*row));
    for (int i = 0; i < columns; i++)
        row[i] = shown(texts[i], rows->pool);
    APR_ARRAY_PUSH(rows, const char **) = row;
}

#define PUSH_ROW(rows, ...)                                                                                                                \
    push_row((rows), (const char *const[]){__VA_ARGS__}, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void list_pools(const farm_t *farm)
{
    apr_array_header_t *rows = apr_array_make(farm->p, 16, sizeof(const char **));

    PUSH_ROW(rows, "id", "name", "state", "URL");
    for (int i = 0; i < farm->rows->pools->nelts; i++) {
        const mp_roster_pool_row_t *pool = &APR_ARRAY_IDX(farm->rows->pools, i, mp_roster_pool_row_t);
        const char *url = mp_upstream_url_without_account(pool->url, farm->p);
        PUSH_ROW(rows, apr_psprintf(farm->p, "%u", pool->id), pool->name, pool->enabled ? "enabled" : "disabled",
                 url ? url : "(not a URL that can be used)");
    }
    print_table("Pools", rows, 4);
}

static const char *name_of_worker(const farm_t *farm, apr_uint32_t id)
{
    for (int i = 0; i < farm->rows->workers->nelts; i++) {
        const mp_roster_worker_row_t *worker = &APR_ARRAY_IDX(farm->rows->workers, i, mp_roster_worker_row_t);
        if (worker->id == id)
            return worker->name;
    }
    return "(deleted)";
}

static const char *name_of_pool(const farm_t *farm, apr_uint32_t id)
{
    for (int i = 0; i < farm->rows->pools->nelts; i++) {
        const mp_roster_pool_row_t *pool = &APR_ARRAY_IDX(farm->rows->pools, i, mp_roster_pool_row_t);
        if (pool->id == id)
            return pool->name;
    }
    return "(deleted)";
}

static void list_workers(const farm_t *farm)
{
    apr_array_header_t *rows = apr_array_make(farm->p, 64, sizeof(const char **));

    PUSH_ROW(rows, "id", "name");
    for (int i = 0; i < farm->rows->workers->nelts; i++) {
        const mp_roster_worker_row_t *worker = &APR_ARRAY_IDX(farm->rows->workers, i, mp_roster_worker_row_t);
        PUSH_ROW(rows, apr_psprintf(farm->p, "%u", worker->id), worker->name);
    }
    print_table("Workers", rows, 2);
}

static void list_assignments(const farm_t *farm)
{
    apr_array_header_t *rows = apr_array_make(farm->p, 64, sizeof(const char **));

    PUSH_ROW(rows, "worker", "pool", "as", "priority", "state");
    for (int i = 0; i < farm->rows->assignments->nelts; i++) {
        const mp_roster_assignment_row_t *row = &APR_ARRAY_IDX(farm->rows->assignments, i, mp_roster_assignment_row_t);
        PUSH_ROW(rows, name_of_worker(farm, row->worker_id), name_of_pool(farm, row->pool_id), row->username,
                 apr_itoa(farm->p, row->priority), row->enabled ? "enabled" : "disabled");
    }
    print_table("Assignments", rows, 5);
}

static int list(farm_t *farm, char **words, int count)
{
    (void)words;
    (void)count;
    list_pools(farm);
    putchar('\n');
    list_workers(farm);
    putchar('\n');
    list_assignments(farm);
    return EXIT_SUCCESS;
}

static const command_t commands[] = {
    {"add-pool", 2, 2, "add-pool NAME URL", add_pool},
    {"add-worker", 1, 2, "add-worker NAME [PASSWORD]", add_worker},
    {"assign", 4, 5, "assign WORKER POOL POOL-USER POOL-PASSWORD [PRIORITY]", assign},
    {"enable-pool", 1, 1, "enable-pool NAME", enable_pool},
    {"disable-pool", 1, 1, "disable-pool NAME", disable_pool},
    {"list", 0, 0, "list", list},
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int print_usage(FILE *out, int status)
{
    fputs("usage: farm [--database URL] [--password-file FILE] COMMAND\n\n", out);
    for (unsigned i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  farm %s\n", commands[i].usage);
    fputs("\nThe database is the one of MiningProxyDatabase: sqlite:/path/of/file or mysql://user@host/database.\n"
          "Without --database it is the one in $MININGPROXY_DATABASE.\n"
          "A password of - is read from standard input. An SQLite file is made if it is missing.\n",
          out);
    return status;
}

static int complain(const char *sentence, const char *about)
{
    fprintf(stderr, "farm: %s%s; \"farm --help\" says what is right\n", sentence, about);
    return EXIT_USAGE;
}

static const char **option_of(farm_t *farm, const char *word)
{
    if (strcmp(word, "--database") == 0)
        return &farm->database;
    return strcmp(word, "--password-file") == 0 ? &farm->password_file : NULL;
}

/* @return how many words were options; -1 after a complaint */
static int parse_options(farm_t *farm, char **words, int count)
{
    for (int used = 0; used < count; used++) {
        const char **value = option_of(farm, words[used]);
        if (value && used + 1 < count) {
            *value = words[++used];
        } else if (value || words[used][0] == '-') {
            complain(value ? "a value is missing behind " : "there is no option ", words[used]);
            return -1;
        } else {
            return used;
        }
    }
    return count;
}

static int open_database(farm_t *farm)
{
    mp_store_options_t options = {
        .url = farm->database, .password_file = farm->password_file, .connections_min = 0, .connections_max = 1, .timeout = TIMEOUT};
    mp_result_t why = MP_RESULT_NONE;

    if (mp_store_create(&farm->store, &options, &why, farm->p) != APR_SUCCESS ||
        mp_store_prepare(farm->store, &why, farm->p) != APR_SUCCESS ||
        mp_store_load_roster(&farm->rows, farm->store, &why, farm->p) != APR_SUCCESS)
        return refuse("%s", why.sentence);
    const char *copy = mp_store_find_copy(farm->store, farm->p);
    if (copy)
        fprintf(stderr, "farm: the database file was upgraded to schema version %d; as it was before, it is kept in %s\n",
                MP_SCHEMA_VERSION, shown(copy, farm->p));
    return EXIT_SUCCESS;
}

static int run(farm_t *farm, const command_t *command, char **words, int count)
{
    if (count < command->least || count > command->most)
        return complain("right would be: farm ", command->usage);
    if (!farm->database || *farm->database == '\0')
        return complain("no database is given", "");
    int status = open_database(farm);
    if (status == EXIT_SUCCESS)
        status = command->run(farm, words, count);
    if (fflush(stdout) != 0 || ferror(stdout))
        return refuse("the output could not be written");
    return status;
}

static int run_words(farm_t *farm, char **words, int count)
{
    if (count > 0 && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0))
        return print_usage(stdout, EXIT_SUCCESS);
    int used = parse_options(farm, words, count);
    if (used < 0)
        return EXIT_USAGE;
    if (used == count)
        return print_usage(stderr, EXIT_USAGE);
    for (unsigned i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, words[used]) == 0)
            return run(farm, &commands[i], words + used + 1, count - used - 1);
    }
    return complain("there is no command ", words[used]);
}

int main(int argc, char **argv)
{
    farm_t farm = {.database = getenv("MININGPROXY_DATABASE")};

    signal(SIGPIPE, SIG_IGN);
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&farm.p, NULL) != APR_SUCCESS)
        return refuse("the portable runtime cannot be initialised");
    int status = run_words(&farm, argv + 1, argc - 1);
    apr_terminate();
    return status;
}
