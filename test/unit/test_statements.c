/* SPDX-License-Identifier: Apache-2.0 */
#include "store/statements.h"

#include "tap.h"

#include <apr_general.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int count_of(const char *text, char wanted)
{
    int count = 0;
    for (; *text; text++)
        count += *text == wanted;
    return count;
}

/* The module's user may select, insert, update and delete; transactions need no privilege. */
static bool needs_no_more_privileges(const char *sql)
{
    static const char *const verbs[] = {"SELECT ",          "INSERT ", "UPDATE ",  "DELETE ", "START TRANSACTION",
                                        "SET TRANSACTION ", "COMMIT",  "ROLLBACK", "BEGIN "};
    for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strncmp(sql, verbs[i], strlen(verbs[i])) == 0)
            return !strcasestr(sql, "TEMPORARY") && !strcasestr(sql, "LOCK TABLES") && !strchr(sql, ';');
    }
    return false;
}

int main(void)
{
    for (int i = 0; i < MP_STATEMENT_COUNT; i++) {
        mp_statement_t statement = (mp_statement_t)i;
        const char *mysql = mp_statement_sql(statement, MP_DIALECT_MYSQL);
        const char *sqlite = mp_statement_sql(statement, MP_DIALECT_SQLITE);
        const char *word = mp_statement_word(statement);
        int params = mp_statement_param_count(statement);

        ok(mysql || sqlite, "%s is said in some dialect", word);
        if (mysql)
            ok(count_of(mysql, '?') == params && needs_no_more_privileges(mysql), "%s in MySQL's words: %d parameters", word, params);
        if (sqlite)
            ok(count_of(sqlite, '?') == params && needs_no_more_privileges(sqlite), "%s in SQLite's words: %d parameters", word, params);
        ok(!mysql || (!strstr(mysql, "excluded.") && !strstr(mysql, "ON CONFLICT")), "%s: no SQLite in MySQL's words", word);
        ok(!sqlite || (!strstr(sqlite, "VALUES(") && !strstr(sqlite, "DUPLICATE") && !strstr(sqlite, "FOR UPDATE")),
           "%s: no MySQL in SQLite's", word);
    }
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    is_text(mp_statement_repeat("INSERT INTO t VALUES (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a)", 3, p),
            "INSERT INTO t VALUES (?, ?), (?, ?), (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a)", "a row, three times");
    apr_pool_destroy(p);
    is_text(mp_statement_word(MP_STATEMENT_SAVE_SHARE), "SAVE_SHARE", "a statement's word");
    return tap_done();
}
