/* SPDX-License-Identifier: Apache-2.0 */
/* What only a database server can do: be away, refuse, hang, die, come back, present the wrong certificate. */
#include "store/mysql_trouble.h"

#include "database.h"
#include "store/connections.h"
#include "store/store_pools.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

static db_server_t server;
static char password_path[128];

static mp_store_t *open_store(const char *url, int seconds, apr_pool_t *p)
{
    mp_store_options_t options = {
        .url = url, .password_file = password_path, .connections_min = 1, .connections_max = 2, .timeout = apr_time_from_sec(seconds)};
    mp_store_t *store = NULL;
    mp_result_t why = MP_RESULT_NONE;
    if (mp_store_create(&store, &options, &why, p) != APR_SUCCESS)
        printf("# %s\n", why.sentence);
    return store;
}

static const char *url_of_server(const char *rest, apr_pool_t *p)
{
    return apr_psprintf(p, "mysql://proxy@127.0.0.1:%d/%s", server.port, rest);
}

/* @return how long it took, in seconds */
static double check_failure(mp_store_t *store, apr_status_t expected, const char *word, const char *says, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation;
    double began = db_seconds();
    apr_status_t status = mp_store_load_generation(&generation, store, &why, p);
    double took = db_seconds() - began;

    ok(status == expected && strcmp(why.word, word) == 0 && strstr(why.sentence, says), "%d \"%s\" %s", status, why.word, why.sentence);
    ok(!strstr(why.sentence, "pass word") && !strstr(why.sentence, "sEcret"), "no password in it");
    return took;
}

static void check_troubles(void)
{
    ok(mp_mysql_trouble_find(1213).is_retryable && !mp_mysql_trouble_find(1213).is_broken, "a deadlock is tried again on the same link");
    ok(mp_mysql_trouble_find(2006).is_broken && mp_mysql_trouble_find(2999).is_broken, "the library's own errors end a link");
    ok(!mp_mysql_trouble_find(1999).is_broken && !mp_mysql_trouble_find(3000).is_broken, "others do not");
    is_text(mp_mysql_trouble_find(1064).word, "database-error", "a code that is not listed");
    ok(mp_mysql_trouble_find(1142).is_broken && mp_mysql_trouble_find(1143).is_broken, "a link without a privilege never gets it back");
    is_text(mp_mysql_trouble_find(1114).word, "database-full", "a full table");
    mp_mysql_trouble_t full = mp_mysql_trouble_find(1021);
    is_text(mp_mysql_trouble_phrase(&full), "has no room left", "a full disk, in words");
    is_number(mp_mysql_trouble_find(1062).status, APR_EEXIST, "a duplicate key");
}

static void check_nobody_there(apr_pool_t *p)
{
    int port;
    close(db_listen(&port));
    mp_store_t *store = open_store(apr_psprintf(p, "mysql://u@127.0.0.1:%d/d", port), 2, p);

    ok(check_failure(store, APR_EGENERAL, "database-away", "connect", p) < 1, "refused at once");
    ok(check_failure(store, APR_EGENERAL, "database-away", "connect", p) < 0.05, "the next call does not try again so soon");
    store = open_store("mysql://u@no-such-host.invalid/d", 2, p);
    check_failure(store, APR_EGENERAL, "database-away", "no-such-host.invalid", p);
    store = open_store("mysql://u@/d?socket=/nonexistent/socket", 2, p);
    check_failure(store, APR_EGENERAL, "database-away", "/nonexistent/socket", p);
}

static void check_silent_server(apr_pool_t *p)
{
    int port, fd = db_listen(&port);
    mp_store_t *store = open_store(apr_psprintf(p, "mysql://u@127.0.0.1:%d/d", port), 1, p);
    double took = check_failure(store, APR_EGENERAL, "database-away", "did not answer within 1.0 s", p);

    ok(took >= 0.8 && took < 3, "a server that accepts and says nothing costs the timeout: %.2f s", took);
    ok(check_failure(store, APR_EGENERAL, "database-away", "did not answer", p) < 0.05, "and the next call nothing");
    close(fd);
}

static void check_refusals(apr_pool_t *p)
{
    const char *wrong_file = apr_psprintf(p, "%s/wrong", db_folder);
    mp_store_options_t options = {.url = url_of_server("mining", p),
                                  .password_file = wrong_file,
                                  .connections_min = 0,
                                  .connections_max = 1,
                                  .timeout = apr_time_from_sec(2)};
    mp_store_t *store = NULL;
    mp_result_t why = MP_RESULT_NONE;

    db_shell(NULL, apr_psprintf(p, "echo sEcret > %s", wrong_file));
    mp_store_create(&store, &options, &why, p);
    check_failure(store, APR_EGENERAL, "database-refused", "refuses the user \"proxy\"", p);
    check_failure(open_store(url_of_server("nothing", p), 2, p), APR_EMISMATCH, "schema-missing", "\"nothing\" does not exist", p);
    options.password_file = NULL;
    options.url = apr_psprintf(p, "mysql://proxy:pass%%20word@127.0.0.1:%d/mining", server.port);
    mp_store_create(&store, &options, &why, p);
    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "the password may be in the URL: %s", why.sentence);

    db_mariadb(NULL, &server, "", "CREATE USER reader@127.0.0.1; GRANT SELECT ON mining.* TO reader@127.0.0.1");
    options.url = apr_psprintf(p, "mysql://reader@127.0.0.1:%d/mining", server.port);
    mp_store_create(&store, &options, &why, p);
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = "n", .url = "u"}, store, &why, p) == APR_EGENERAL &&
           strcmp(why.word, "database-refused") == 0,
       "%s", why.sentence);
    options.url = apr_psprintf(p, "mysql://reader@127.0.0.1:%d/mysql", server.port);
    mp_store_create(&store, &options, &why, p);
    check_failure(store, APR_EGENERAL, "database-refused", "refuses the user \"reader\"", p);
}

static void check_death(mp_store_t *store, int how, const char *what, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation = 0;

    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "%s: in use before: %s", what, why.sentence);
    db_stop_server(&server, how);
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_EGENERAL && strcmp(why.word, "database-away") == 0, "%s: %s", what,
       why.sentence);
    ok(db_launch(&server), "the server comes back");
    double deadline = db_seconds() + 10;
    while (mp_store_load_generation(&generation, store, &why, p) != APR_SUCCESS && db_seconds() < deadline)
        db_pause();
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = what, .url = "http://a/"}, store, &why, p) == APR_SUCCESS,
       "it is found again: %s", why.sentence);
}

/* The links lie idle while the server is restarted: the very next call must succeed. */
static void check_restart_unseen(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation = 0;
    mp_roster_rows_t *rows;

    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "before: %s", why.sentence);
    db_stop_server(&server, SIGTERM);
    ok(db_launch(&server), "restarted meanwhile");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "a dead idle link is replaced behind the caller's back: %s",
       why.sentence);
    is_number(why.status, APR_SUCCESS, "without a word");
    db_mariadb(NULL, &server, "",
               "SELECT GROUP_CONCAT('KILL ', id SEPARATOR ';') INTO @k FROM information_schema.processlist WHERE user = 'proxy'; "
               "EXECUTE IMMEDIATE @k");
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "so is one that was killed: %s", why.sentence);
}

static void check_hang(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation = 0;

    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "before: %s", why.sentence);
    db_freeze_server(&server);
    double took = check_failure(store, APR_EGENERAL, "database-away", "did not answer within 2.0 s", p);
    ok(took >= 1.8 && took < 3.5, "a server that hangs in a query costs the timeout once: %.2f s", took);
    kill(server.pid, SIGCONT);
    double deadline = db_seconds() + 10;
    while (mp_store_load_generation(&generation, store, &why, p) != APR_SUCCESS && db_seconds() < deadline)
        db_pause();
    ok(db_seconds() < deadline, "it is found again");
}

static void check_lock_timeout(mp_store_t *store, apr_pool_t *p)
{
    char command[512];
    mp_result_t why = MP_RESULT_NONE;
    char output[DB_TEXT] = "";

    snprintf(command, sizeof(command),
             "mariadb --no-defaults -u root -S %s mining -e \"START TRANSACTION; UPDATE settings SET value = value; DO SLEEP(4)\" &",
             server.socket);
    if (system(command) != 0)
        return;
    double deadline = db_seconds() + 10;
    while (strcmp(output, "1") != 0 && db_seconds() < deadline) {
        db_mariadb(output, &server, "", "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'");
        db_pause();
    }
    double began = db_seconds();
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = "locked", .url = "u"}, store, &why, p) == APR_EGENERAL &&
           strcmp(why.word, "database-busy") == 0,
       "a lock: %s", why.sentence);
    ok(db_seconds() - began < 4, "the server says so before we hang up: %.1f s", db_seconds() - began);
    while (strcmp(output, "0") != 0 && db_seconds() < deadline + 10) {
        db_mariadb(output, &server, "", "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'DO SLEEP%'");
        db_pause();
    }
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = "locked", .url = "u"}, store, &why, p) == APR_SUCCESS, "then it goes on: %s",
       why.sentence);
}

/* Both connections are taken by others: waiting for one ends with the timeout. */
static void check_all_taken(apr_pool_t *p)
{
    mp_store_url_t *url;
    mp_connections_t *connections;
    mp_connection_t *first = NULL, *second = NULL, *third = NULL;
    mp_result_t why = MP_RESULT_NONE;

    mp_store_url_parse(&url, url_of_server("mining", p), p);
    mp_connections_options_t options = {
        .driver = mp_driver_find("mysql"), .url = url, .password = "pass word", .kept = 0, .most = 2, .timeout = apr_time_from_sec(1)};
    ok(mp_connections_create(&connections, &options, &why, p) == APR_SUCCESS, "a list of two: %s", why.sentence);
    ok(mp_connections_acquire(&first, connections, &why) == APR_SUCCESS &&
           mp_connections_acquire(&second, connections, &why) == APR_SUCCESS,
       "both taken: %s", why.sentence);
    double began = db_seconds();
    ok(mp_connections_acquire(&third, connections, &why) == APR_EGENERAL && strcmp(why.word, "database-busy") == 0, "%s", why.sentence);
    ok(db_seconds() - began > 0.8 && db_seconds() - began < 3, "after the timeout");
    mp_connections_release(first);
    ok(mp_connections_acquire(&third, connections, &why) == APR_SUCCESS, "one came back: %s", why.sentence);
    mp_connections_release(second);
    mp_connections_release(third);
}

static void check_long_columns(mp_store_t *store, apr_pool_t *p)
{
    mp_roster_rows_t *rows;
    mp_result_t why = MP_RESULT_NONE;

    db_mariadb(NULL, &server, "mining",
               "ALTER TABLE worker MODIFY password text; INSERT INTO worker (name, password) VALUES ('long', REPEAT('x', 20000)), "
               "('longer', REPEAT('y', 60000)), ('short', 'z')");
    ok(mp_store_load_roster(&rows, store, &why, p) == APR_SUCCESS, "a column that somebody widened: %s", why.sentence);
    for (int i = 0; i < rows->workers->nelts; i++) {
        const mp_roster_worker_row_t *row = &APR_ARRAY_IDX(rows->workers, i, mp_roster_worker_row_t);
        size_t expected = strcmp(row->name, "long") == 0 ? 20000 : strcmp(row->name, "longer") == 0 ? 60000 : 1;
        ok(strlen(row->password) == expected && strspn(row->password, "xyz") == expected, "%s: %zu bytes", row->name,
           strlen(row->password));
    }
}

static void make_certificates(apr_pool_t *p)
{
    static const char script[] = "cd %s && for ca in ca other; do openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                                 "-days 2 -subj /CN=$ca -keyout $ca.key -out "
                                 "$ca.pem; done && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost "
                                 "-keyout server.key -out server.csr && "
                                 "echo subjectAltName=DNS:localhost >ext && openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key "
                                 "-CAcreateserial -days 2 -extfile ext "
                                 "-out server.pem";
    char output[DB_TEXT];
    bool made = db_shell(output, apr_psprintf(p, "(%s) 2>&1", apr_psprintf(p, script, db_folder)));
    ok(made, "certificates%s", made ? "" : output);
}

static void check_tls(apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_store_t *store;
    char output[DB_TEXT];
    apr_int64_t generation;

    check_failure(open_store(apr_psprintf(p, "mysql://proxy@localhost:%d/mining?ssl-ca=%s/ca.pem", server.port, db_folder), 2, p),
                  APR_EGENERAL, "database-away", "SSL", p);
    db_stop_server(&server, SIGTERM);
    server.has_tls = true;
    ok(db_launch(&server), "a server with a certificate");
    store = open_store(apr_psprintf(p, "mysql://proxy@localhost:%d/mining?ssl-ca=%s/ca.pem", server.port, db_folder), 5, p);
    ok(mp_store_load_generation(&generation, store, &why, p) == APR_SUCCESS, "a certificate signed by ssl-ca: %s", why.sentence);
    db_mariadb(NULL, &server, "", "ALTER USER proxy@127.0.0.1 REQUIRE SSL");
    db_mariadb(output, &server, "", "SELECT count(*) FROM information_schema.processlist WHERE user = 'proxy'");
    is_text(output, "1", "it is the only connection");
    ok(mp_store_load_generation(&generation, open_store(url_of_server("mining", p), 2, p), &why, p) == APR_EGENERAL,
       "TLS is what was used, as without it: %s", why.sentence);
    ok(mp_store_prepare(open_store(apr_psprintf(p, "mysql://proxy@localhost:%d/mining?ssl-ca=%s/ca.pem", server.port, db_folder), 5, p),
                        &why, p) == APR_SUCCESS,
       "and with it: %s", why.sentence);
    check_failure(open_store(apr_psprintf(p, "mysql://proxy@localhost:%d/mining?ssl-ca=%s/other.pem", server.port, db_folder), 5, p),
                  APR_EGENERAL, "database-away", "ertificate", p);
    check_failure(open_store(apr_psprintf(p, "mysql://proxy@127.0.0.1:%d/mining?ssl-ca=%s/ca.pem", server.port, db_folder), 5, p),
                  APR_EGENERAL, "database-away", "ertificate", p);
    check_failure(open_store(apr_psprintf(p, "mysql://proxy@localhost:%d/mining?ssl-ca=%s/none.pem", server.port, db_folder), 5, p),
                  APR_EGENERAL, "database-away", "", p);
}

static void check_server(apr_pool_t *p)
{
    db_add_database(&server, "mining", true);
    mp_store_t *store = open_store(url_of_server("mining", p), 2, p);
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_prepare(store, &why, p) == APR_SUCCESS, "over TCP: %s", why.sentence);
    check_refusals(p);
    check_death(store, SIGTERM, "stopped", p);
    check_death(store, SIGKILL, "killed", p);
    check_restart_unseen(store, p);
    check_hang(store, p);
    check_lock_timeout(store, p);
    check_all_taken(p);
    check_long_columns(store, p);
    make_certificates(p);
    check_tls(p);
    db_stop_server(&server, SIGTERM);
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    db_open_folder();
    snprintf(password_path, sizeof(password_path), "%s/password", db_folder);
    db_shell(NULL, apr_psprintf(p, "printf 'pass word\\r\\nsecond line\\n' > %s", password_path));
    check_troubles();
    check_nobody_there(p);
    check_silent_server(p);
    if (db_start_server(&server))
        check_server(p);
    else
        printf("# skipped: no MariaDB server on this machine\n");
    apr_terminate();
    db_remove_folder();
    return tap_done();
}
