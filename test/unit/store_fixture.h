/* SPDX-License-Identifier: Apache-2.0 */
/* The same checks over both engines, each with a fresh database: what was written is read back with the engines' own command-line clients.
 * Included by the one file of a test program. */
#ifndef MP_TEST_STORE_FIXTURE_H
#define MP_TEST_STORE_FIXTURE_H

#include "database.h"
#include "store/store.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

typedef void fx_check_t(mp_store_t *store, apr_pool_t *p);

static const db_server_t *fx_server; /* NULL: SQLite */
static char fx_path[128];
static char fx_url[300];

/* Double quotes and dollars in statements are the shell's. */
DB_HELPER const char *sql(const char *statement)
{
    static char output[DB_TEXT];
    bool done = fx_server ? db_mariadb(output, fx_server, "mining", statement) : db_sqlite(output, fx_path, statement);
    if (!done)
        printf("# %s\n# %s\n", statement, output);
    return done ? output : "(failed)";
}

/* A store of its own connections, as another child has one. */
DB_HELPER mp_store_t *open_store(apr_pool_t *p)
{
    mp_store_options_t options = {
        .url = fx_url, .password = "pass word", .connections_min = 1, .connections_max = 4, .timeout = apr_time_from_sec(5)};
    mp_store_t *store = NULL;
    mp_result_t why = MP_RESULT_NONE;

    if (mp_store_create(&store, &options, &why, p) != APR_SUCCESS || mp_store_prepare(store, &why, p) != APR_SUCCESS)
        printf("# %s\n", why.sentence);
    return store;
}

DB_HELPER apr_int64_t generation_of(mp_store_t *store, apr_pool_t *p)
{
    apr_int64_t generation = -1;
    mp_store_load_generation(&generation, store, NULL, p);
    return generation;
}

/* @return by how much the generation rose since the last call */
DB_HELPER long long raised(mp_store_t *store, apr_pool_t *p)
{
    static apr_int64_t last;
    apr_int64_t before = last;
    last = generation_of(store, p);
    return last - before;
}

DB_HELPER void is_refused(apr_status_t got, apr_status_t expected, const mp_result_t *why, const char *word, const char *what)
{
    ok(got == expected && strcmp(why->word, word) == 0, "%s: %d \"%s\" %s", what, got, why->word, why->sentence);
}

DB_HELPER void fx_run_engine(fx_check_t *const *checks, unsigned count, apr_pool_t *parent)
{
    apr_pool_t *p;

    printf("# %s\n", fx_url);
    apr_pool_create(&p, parent);
    mp_store_t *store = open_store(p);
    for (unsigned i = 0; i < count; i++) {
        raised(store, p);
        checks[i](store, p);
    }
    apr_pool_destroy(p);
}

/* @return the test program's exit status */
DB_HELPER int fx_run(fx_check_t *const *checks, unsigned count)
{
    apr_pool_t *p;
    db_server_t mariadb = {0};

    apr_initialize();
    apr_pool_create(&p, NULL);
    db_open_folder();
    snprintf(fx_path, sizeof(fx_path), "%s/test.db", db_folder);
    snprintf(fx_url, sizeof(fx_url), "sqlite:%s", fx_path);
    fx_run_engine(checks, count, p);
    if (db_start_server(&mariadb)) {
        fx_server = &mariadb;
        db_add_database(fx_server, "mining", true);
        snprintf(fx_url, sizeof(fx_url), "mysql://proxy@/mining?socket=%s", mariadb.socket);
        fx_run_engine(checks, count, p);
        db_stop_server(&mariadb, SIGTERM);
    } else {
        printf("# skipped: no MariaDB server on this machine\n");
    }
    apr_terminate();
    db_remove_folder();
    return tap_done();
}

#define FX_RUN(checks) fx_run((checks), sizeof(checks) / sizeof((checks)[0]))

#endif
