/* SPDX-License-Identifier: Apache-2.0 */
/* Every SQL statement of the module, once: name, number of parameters, text. Where the engines' dialects part, the two texts stand side by side. The enum, the texts
 * and the counts grow from this list. Constant data. The PHP program's table and column names stay, because operators have queries against them.
 * MySQL: CLIENT_FOUND_ROWS is off, so an upsert affects 1 row if it inserted, 2 if it changed one, 0 if it changed nothing. */
#ifndef MP_STORE_STATEMENTS_H
#define MP_STORE_STATEMENTS_H

#include <stddef.h>

#define MP_ROUTES_PER_STATEMENT 32 /* rows of MP_STATEMENT_SAVE_ROUTES: one round trip for many works */
#define MP_ROUTE_PARAMS 5

/* A statement that one dialect does not need has NULL there: running it does nothing, successfully. */
#define MP_SAME(text)                                                                                                                      \
    {                                                                                                                                      \
        text, text                                                                                                                         \
    }
#define MP_DIALECTS(mysql, sqlite)                                                                                                         \
    {                                                                                                                                      \
        mysql, sqlite                                                                                                                      \
    }

#define MP_FOUR_TIMES(text) text ", " text ", " text ", " text
#define MP_32_TIMES(text) MP_FOUR_TIMES(MP_FOUR_TIMES(text)) ", " MP_FOUR_TIMES(MP_FOUR_TIMES(text))
#define MP_ROUTE_ROW "(?, ?, ?, ?, ?)"
#define MP_INSERT_ROUTES "INSERT INTO work_data (worker_id, data, pool_id, difficulty, time_requested) VALUES "

/* The latest route wins, whoever writes last. MySQL assigns from left to right: the time goes last. */
#define MP_UPSERT_ROUTES(rows)                                                                                                             \
    MP_DIALECTS(MP_INSERT_ROUTES rows                                                                                                      \
                " ON DUPLICATE KEY UPDATE pool_id = IF(VALUES(time_requested) >= time_requested, VALUES(pool_id), pool_id),"               \
                " difficulty = IF(VALUES(time_requested) >= time_requested, VALUES(difficulty), difficulty),"                              \
                " time_requested = GREATEST(VALUES(time_requested), time_requested)",                                                      \
                MP_INSERT_ROUTES rows " ON CONFLICT (worker_id, data) DO UPDATE SET pool_id = excluded.pool_id, difficulty = "             \
                                      "excluded.difficulty, time_requested = excluded.time_requested WHERE excluded.time_requested >= "    \
                                      "work_data.time_requested")

#define MP_INSERT_SHARE                                                                                                                    \
    "INSERT INTO submitted_work (share_id, worker_id, pool_id, result, reason, difficulty, time) VALUES (?, ?, ?, ?, ?, ?, ?)"
#define MP_BECOMES_KNOWN "result IS NULL AND VALUES(result) IS NOT NULL"

/* One statement inserts a new share, replaces an unknown verdict, and leaves anything else as it is. Two statements would first take a shared lock on
 * the row in MySQL, and a deadlock of writers with the same shares would be the rule. result goes last: it decides about the others. */
#define MP_UPSERT_SHARE                                                                                                                    \
    MP_DIALECTS(MP_INSERT_SHARE " ON DUPLICATE KEY UPDATE pool_id = IF(" MP_BECOMES_KNOWN ", VALUES(pool_id), pool_id),"                   \
                                " reason = IF(" MP_BECOMES_KNOWN ", VALUES(reason), reason),"                                              \
                                " difficulty = IF(" MP_BECOMES_KNOWN ", VALUES(difficulty), difficulty),"                                  \
                                " time = IF(" MP_BECOMES_KNOWN ", VALUES(time), time),"                                                    \
                                " result = IF(" MP_BECOMES_KNOWN ", VALUES(result), result)",                                              \
                MP_INSERT_SHARE " ON CONFLICT (share_id) DO UPDATE SET pool_id = excluded.pool_id, result = excluded.result, reason = "    \
                                "excluded.reason, difficulty = excluded.difficulty, time = excluded.time"                                  \
                                " WHERE submitted_work.result IS NULL AND excluded.result IS NOT NULL")

#define MP_INSERT_STATISTICS                                                                                                               \
    "INSERT INTO share_stats (period_start, period_length, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)"         \
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
#define MP_ADD_STATISTICS                                                                                                                  \
    MP_DIALECTS(MP_INSERT_STATISTICS " ON DUPLICATE KEY UPDATE accepted = accepted + VALUES(accepted), rejected = rejected + "             \
                                     "VALUES(rejected), accepted_difficulty = accepted_difficulty + VALUES(accepted_difficulty),"          \
                                     " getworks = getworks + VALUES(getworks)",                                                            \
                MP_INSERT_STATISTICS " ON CONFLICT (period_start, period_length, worker_id, pool_id) DO UPDATE SET accepted = accepted + " \
                                     "excluded.accepted, rejected = rejected + excluded.rejected, accepted_difficulty = "                  \
                                     "accepted_difficulty + excluded.accepted_difficulty, getworks = getworks + excluded.getworks")

#define MP_INSERT_ASSIGNMENT                                                                                                               \
    "INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled) VALUES (?, ?, ?, ?, ?, ?)"
#define MP_UPSERT_ASSIGNMENT                                                                                                               \
    MP_DIALECTS(MP_INSERT_ASSIGNMENT " ON DUPLICATE KEY UPDATE pool_username = VALUES(pool_username), pool_password = "                    \
                                     "VALUES(pool_password), priority = VALUES(priority), enabled = VALUES(enabled)",                      \
                MP_INSERT_ASSIGNMENT " ON CONFLICT (pool_id, worker_id) DO UPDATE SET pool_username = excluded.pool_username, "            \
                                     "pool_password = excluded.pool_password, priority = excluded.priority, enabled = excluded.enabled")

#define MP_INSERT_GENERATION "INSERT INTO settings (`key`, value) VALUES ('generation', '1')"

#define MP_STATEMENT_LIST(X)                                                                                                               \
    X(MP_STATEMENT_BEGIN_WRITE, 0, MP_DIALECTS("START TRANSACTION", "BEGIN IMMEDIATE"))                                                    \
    X(MP_STATEMENT_ISOLATE_READ, 0, MP_DIALECTS("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", NULL))                                  \
    X(MP_STATEMENT_BEGIN_READ, 0, MP_DIALECTS("START TRANSACTION WITH CONSISTENT SNAPSHOT", "BEGIN DEFERRED"))                             \
    X(MP_STATEMENT_COMMIT, 0, MP_SAME("COMMIT"))                                                                                           \
    X(MP_STATEMENT_ROLLBACK, 0, MP_SAME("ROLLBACK"))                                                                                       \
    X(MP_STATEMENT_LOAD_SETTINGS, 0, MP_SAME("SELECT `key`, value FROM settings WHERE `key` IN ('version', 'generation', 'secret')"))      \
    X(MP_STATEMENT_LOAD_GENERATION, 0, MP_SAME("SELECT value FROM settings WHERE `key` = 'generation'"))                                   \
    X(MP_STATEMENT_RAISE_GENERATION, 0,                                                                                                    \
      MP_DIALECTS(MP_INSERT_GENERATION " ON DUPLICATE KEY UPDATE value = CAST(value AS SIGNED) + 1",                                       \
                  MP_INSERT_GENERATION " ON CONFLICT (`key`) DO UPDATE SET value = CAST(value AS INTEGER) + 1"))                           \
    X(MP_STATEMENT_ADD_SETTING, 2,                                                                                                         \
      MP_DIALECTS("INSERT IGNORE INTO settings (`key`, value) VALUES (?, ?)",                                                              \
                  "INSERT OR IGNORE INTO settings (`key`, value) VALUES (?, ?)"))                                                          \
    X(MP_STATEMENT_LOAD_POOLS, 0, MP_SAME("SELECT id, name, url, enabled FROM pool ORDER BY id"))                                          \
    X(MP_STATEMENT_LOAD_WORKERS, 0, MP_SAME("SELECT id, name, password FROM worker ORDER BY id"))                                          \
    X(MP_STATEMENT_LOAD_ASSIGNMENTS, 0,                                                                                                    \
      MP_SAME("SELECT worker_id, pool_id, pool_username, pool_password, priority, enabled FROM worker_pool ORDER BY worker_id, pool_id"))  \
    X(MP_STATEMENT_SAVE_SHARE, 7, MP_UPSERT_SHARE)                                                                                         \
    X(MP_STATEMENT_ADD_STATISTICS, 8, MP_ADD_STATISTICS)                                                                                   \
    X(MP_STATEMENT_SAVE_ROUTE, MP_ROUTE_PARAMS, MP_UPSERT_ROUTES(MP_ROUTE_ROW))                                                            \
    X(MP_STATEMENT_SAVE_ROUTES, MP_ROUTE_PARAMS *MP_ROUTES_PER_STATEMENT, MP_UPSERT_ROUTES(MP_32_TIMES(MP_ROUTE_ROW)))                     \
    X(MP_STATEMENT_FIND_ROUTE, 2, MP_SAME("SELECT pool_id, difficulty, time_requested FROM work_data WHERE worker_id = ? AND data = ?"))   \
    X(MP_STATEMENT_FIND_SHARE, 1,                                                                                                          \
      MP_SAME("SELECT worker_id, pool_id, result, reason, difficulty, time FROM submitted_work WHERE share_id = ?"))                       \
    X(MP_STATEMENT_SAVE_REHASH, 3, MP_SAME("UPDATE worker SET password = ? WHERE id = ? AND password = ?"))                                \
    X(MP_STATEMENT_LIST_POOLS, 0, MP_SAME("SELECT id, name FROM pool"))                                                                    \
    X(MP_STATEMENT_LIST_WORKERS, 0, MP_SAME("SELECT id, name FROM worker"))                                                                \
    X(MP_STATEMENT_ADD_POOL, 2, MP_SAME("INSERT INTO pool (name, url, enabled) VALUES (?, ?, 1)"))                                         \
    X(MP_STATEMENT_ADD_WORKER, 2, MP_SAME("INSERT INTO worker (name, password) VALUES (?, ?)"))                                            \
    X(MP_STATEMENT_LOCK_POOL, 1, MP_DIALECTS("SELECT id FROM pool WHERE id = ? FOR UPDATE", "SELECT id FROM pool WHERE id = ?"))           \
    X(MP_STATEMENT_LOCK_WORKER, 1, MP_DIALECTS("SELECT id FROM worker WHERE id = ? FOR UPDATE", "SELECT id FROM worker WHERE id = ?"))     \
    X(MP_STATEMENT_SAVE_ASSIGNMENT, 6, MP_UPSERT_ASSIGNMENT)                                                                               \
    X(MP_STATEMENT_SET_POOL_ENABLED, 2, MP_SAME("UPDATE pool SET enabled = ? WHERE id = ?"))

typedef enum mp_statement_t {
#define MP_STATEMENT_VALUE(name, params, texts) name,
    MP_STATEMENT_LIST(MP_STATEMENT_VALUE)
#undef MP_STATEMENT_VALUE
        MP_STATEMENT_COUNT
} mp_statement_t;

typedef enum mp_dialect_t { MP_DIALECT_MYSQL, MP_DIALECT_SQLITE, MP_DIALECT_COUNT } mp_dialect_t;

/** The text in a dialect; NULL if that engine does not need the statement. */
const char *mp_statement_sql(mp_statement_t statement, mp_dialect_t dialect);

int mp_statement_param_count(mp_statement_t statement);

/** "SAVE_SHARE": for sentences about failures. */
const char *mp_statement_word(mp_statement_t statement);

#endif
