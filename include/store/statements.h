/* SPDX-License-Identifier: Apache-2.0 */
/* Every SQL statement of the module, once: name, number of parameters, text. Where the engines' dialects part, the two texts stand side by side. The enum, the texts
 * and the counts grow from this list. Constant data. The PHP program's table and column names stay, because operators have queries against them.
 * MySQL: CLIENT_FOUND_ROWS is off, so an upsert affects 1 row if it inserted, 2 if it changed one, 0 if it changed nothing. */
#ifndef MP_STORE_STATEMENTS_H
#define MP_STORE_STATEMENTS_H

#include <apr_pools.h>
#include <stddef.h>

#define MP_ROUTE_PARAMS 5
#define MP_SHARE_PARAMS 7
#define MP_STATISTICS_PARAMS 8
#define MP_LAST_WORK_PARAMS 3
#define MP_LAST_ACCEPTED_PARAMS 4
#define MP_ROWS_PER_DELETION 1000 /* at most, of the statements that clean up behind a deleted worker */
#define MP_IDS_PER_DELETION                                                                                                                \
    5000 /* likewise of submitted_work, where an index for this alone would cost every share more than it is worth */

/* A statement that one dialect does not need has NULL there: running it does nothing, successfully. */
#define MP_SAME(text)                                                                                                                      \
    {                                                                                                                                      \
        text, text                                                                                                                         \
    }
#define MP_DIALECTS(mysql, sqlite)                                                                                                         \
    {                                                                                                                                      \
        mysql, sqlite                                                                                                                      \
    }

/* A row that this transaction is about to change, or that must not go away before it has ended: nobody else changes it meanwhile. SQLite has one writer at a time. */
#define MP_LOCKING(text) MP_DIALECTS(text " FOR UPDATE", text)

/* The statements with VALUES can be run with many rows at once: see mp_statement_repeat(). */
#define MP_INSERT_ROUTE "INSERT INTO work_data (worker_id, data, pool_id, difficulty, time_requested) VALUES (?, ?, ?, ?, ?)"

/* The latest route wins, whoever writes last. MySQL assigns from left to right: the time goes last. */
#define MP_UPSERT_ROUTE                                                                                                                    \
    MP_DIALECTS(MP_INSERT_ROUTE                                                                                                            \
                " ON DUPLICATE KEY UPDATE pool_id = IF(VALUES(time_requested) >= time_requested, VALUES(pool_id), pool_id),"               \
                " difficulty = IF(VALUES(time_requested) >= time_requested, VALUES(difficulty), difficulty),"                              \
                " time_requested = GREATEST(VALUES(time_requested), time_requested)",                                                      \
                MP_INSERT_ROUTE " ON CONFLICT (worker_id, data) DO UPDATE SET pool_id = excluded.pool_id, difficulty = "                   \
                                "excluded.difficulty, time_requested = excluded.time_requested WHERE excluded.time_requested >= "          \
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
    "INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks) VALUES " \
    "(?, ?, ?, ?, ?, ?, ?, ?)"
#define MP_ADD_STATISTICS                                                                                                                  \
    MP_DIALECTS(MP_INSERT_STATISTICS                                                                                                       \
                " ON DUPLICATE KEY UPDATE accepted = accepted + VALUES(accepted), rejected = rejected + VALUES(rejected),"                 \
                " accepted_difficulty = accepted_difficulty + VALUES(accepted_difficulty), getworks = getworks + VALUES(getworks)",        \
                MP_INSERT_STATISTICS                                                                                                       \
                " ON CONFLICT (period_length, period_start, worker_id, pool_id) DO UPDATE SET accepted = accepted + excluded.accepted,"    \
                " rejected = rejected + excluded.rejected, accepted_difficulty = accepted_difficulty + excluded.accepted_difficulty,"      \
                " getworks = getworks + excluded.getworks")

/* What a worker did last: the newest wins, whoever writes last. In MySQL the time goes last, because it decides about the others. */
#define MP_INSERT_LAST_WORK "INSERT INTO worker_status (worker_id, last_work_time, last_work_pool_id) VALUES (?, ?, ?)"
#define MP_IS_NEWER_WORK "VALUES(last_work_time) >= COALESCE(last_work_time, VALUES(last_work_time))"
#define MP_SAVE_LAST_WORK                                                                                                                  \
    MP_DIALECTS(                                                                                                                           \
        MP_INSERT_LAST_WORK " ON DUPLICATE KEY UPDATE last_work_pool_id = IF(" MP_IS_NEWER_WORK                                            \
                            ", VALUES(last_work_pool_id), last_work_pool_id),"                                                             \
                            " last_work_time = IF(" MP_IS_NEWER_WORK ", VALUES(last_work_time), last_work_time)",                          \
        MP_INSERT_LAST_WORK                                                                                                                \
        " ON CONFLICT (worker_id) DO UPDATE SET last_work_time = excluded.last_work_time, last_work_pool_id = excluded.last_work_pool_id"  \
        " WHERE worker_status.last_work_time IS NULL OR excluded.last_work_time >= worker_status.last_work_time")

#define MP_INSERT_LAST_ACCEPTED                                                                                                            \
    "INSERT INTO worker_status (worker_id, last_accepted_time, last_accepted_pool_id, last_accepted_difficulty) VALUES (?, ?, ?, ?)"
#define MP_IS_NEWER_ACCEPTED "VALUES(last_accepted_time) >= COALESCE(last_accepted_time, VALUES(last_accepted_time))"
#define MP_SAVE_LAST_ACCEPTED                                                                                                              \
    MP_DIALECTS(MP_INSERT_LAST_ACCEPTED                                                                                                    \
                " ON DUPLICATE KEY UPDATE last_accepted_pool_id = IF(" MP_IS_NEWER_ACCEPTED                                                \
                ", VALUES(last_accepted_pool_id), last_accepted_pool_id),"                                                                 \
                " last_accepted_difficulty = IF(" MP_IS_NEWER_ACCEPTED ", VALUES(last_accepted_difficulty), last_accepted_difficulty),"    \
                " last_accepted_time = IF(" MP_IS_NEWER_ACCEPTED ", VALUES(last_accepted_time), last_accepted_time)",                      \
                MP_INSERT_LAST_ACCEPTED                                                                                                    \
                " ON CONFLICT (worker_id) DO UPDATE SET last_accepted_time = excluded.last_accepted_time,"                                 \
                " last_accepted_pool_id = excluded.last_accepted_pool_id, last_accepted_difficulty = excluded.last_accepted_difficulty"    \
                " WHERE worker_status.last_accepted_time IS NULL OR excluded.last_accepted_time >= worker_status.last_accepted_time")

#define MP_INSERT_GENERATION "INSERT INTO settings (`key`, value) VALUES ('generation', '1')"

#define MP_SELECT_SHARE "SELECT share_id, worker_id, pool_id, result, reason, difficulty, time FROM submitted_work"
#define MP_SELECT_POOL "SELECT id, name, url, enabled, roll_ntime FROM pool WHERE id = ?"
#define MP_SELECT_WORKER "SELECT id, name, password FROM worker WHERE id = ?"
#define MP_SELECT_ASSIGNMENTS "SELECT worker_id, pool_id, pool_username, pool_password, priority, enabled FROM worker_pool"
#define MP_SELECT_ASSIGNMENT MP_SELECT_ASSIGNMENTS " WHERE worker_id = ? AND pool_id = ?"
#define MP_SELECT_OF_WORKER MP_SELECT_ASSIGNMENTS " WHERE worker_id = ? ORDER BY priority DESC, pool_id"
#define MP_SELECT_OF_POOL MP_SELECT_ASSIGNMENTS " WHERE pool_id = ? ORDER BY worker_id"

/* A bounded part of a worker's rows, found by a key that begins with worker_id; run until it deletes fewer than MP_ROWS_PER_DELETION. */
#define MP_DELETE_SOME_OF_WORKER(table, key)                                                                                               \
    MP_DIALECTS("DELETE FROM " table " WHERE worker_id = ? ORDER BY " key " LIMIT 1000",                                                   \
                "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE worker_id = ? LIMIT 1000)")

/* A time as seconds since 1970, where there are so many rows that writing and reading texts would take most of the time. SQLite holds texts anyway. */
#define MP_SECONDS(column) "TO_SECONDS(" column ") - 62167219200"

#define MP_SELECT_PERIODS(start)                                                                                                           \
    "SELECT " start ", worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks FROM share_stats"                             \
    " WHERE period_length = ? AND period_start >= ? ORDER BY period_length DESC, period_start DESC, worker_id DESC, pool_id DESC LIMIT ?"
/* Sums of the hours of a day and of the five minutes of an hour: the database walks over up to 24 and 12 rows of each worker and pool. */
#define MP_SELECT_HABITS(integer, start)                                                                                                   \
    "SELECT worker_id, CAST(SUM(accepted) AS " integer "), COUNT(DISTINCT period_start), " start " FROM share_stats"                       \
    " WHERE period_length = 3600 AND period_start >= ? AND accepted > 0 GROUP BY worker_id"
#define MP_SELECT_REJECTERS(integer)                                                                                                       \
    "SELECT worker_id, CAST(SUM(accepted) AS " integer "), CAST(SUM(rejected) AS " integer ") FROM share_stats"                            \
    " WHERE period_length = 300 AND period_start >= ? GROUP BY worker_id HAVING SUM(rejected) > 0"
#define MP_SELECT_WORKER_STATUS(work_time, accepted_time)                                                                                  \
    "SELECT worker_id, " work_time ", last_work_pool_id, " accepted_time ", last_accepted_pool_id, last_accepted_difficulty"               \
    " FROM worker_status ORDER BY worker_id"

/* Rows that are too old, a batch at a time, along the index on their time: the first statement finds the time of the last row of a batch, the second removes it.
 * Both begin where the batch before ended: MySQL keeps what was removed in the index for a while, and walking over all of it each time would take longer and longer.
 * SQLite finds a row of work_data by its whole key only if data is named first, and walks through all works of a worker otherwise. */
#define MP_FIND_OLD(table, column, condition)                                                                                              \
    MP_SAME("SELECT " column " FROM " table " WHERE " condition column " >= ? AND " column " <= ? ORDER BY " column " LIMIT 1 OFFSET ?")
#define MP_DELETE_OLD(table, column, condition, key)                                                                                       \
    MP_DIALECTS("DELETE FROM " table " WHERE " condition column " >= ? AND " column " <= ? ORDER BY " column " LIMIT ?",                   \
                "DELETE FROM " table " WHERE (" key ") IN (SELECT " key " FROM " table " WHERE " condition column " >= ? AND " column      \
                " <= ? ORDER BY " column " LIMIT ?)")

/* The lease of whoever removes them: "END HOLDER". All by the database's clock, as the hosts' may differ. One that ends later than any could was not
 * written by us, or before the clock went back: it counts for nothing. */
#define MP_UPKEEP_LEASE "60" /* seconds */
#define MP_UPKEEP_SETTING(name) "(SELECT value FROM settings WHERE `key` = 'upkeep_" name "')"
#define MP_LOAD_UPKEEP(now)                                                                                                                \
    "SELECT " now                                                                                                                          \
    ", " MP_UPKEEP_SETTING("lease") ", " MP_UPKEEP_SETTING("next") ", " MP_UPKEEP_SETTING("last") ", " MP_UPKEEP_SETTING("kept")
#define MP_LOCK_UPKEEP(now) "SELECT " now ", value FROM settings WHERE `key` = 'upkeep_lease'"
#define MP_TAKE_UPKEEP(value, now, late)                                                                                                   \
    "UPDATE settings SET value = " value " WHERE `key` = 'upkeep_lease' AND (value < " now " OR value > " late " OR SUBSTR(value, 21) = "  \
    "?)"
#define MP_INSERT_SETTING "INSERT INTO settings (`key`, value) VALUES (?, ?)"

#define MP_SELECT_ALERTS "SELECT id, kind, subject_id, subject, host, text, time_began, time_ended, delivery FROM alert"

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
    X(MP_STATEMENT_LOAD_POOLS, 0, MP_SAME("SELECT id, name, url, enabled, roll_ntime FROM pool ORDER BY id"))                              \
    X(MP_STATEMENT_LOAD_WORKERS, 0, MP_SAME("SELECT id, name, password FROM worker ORDER BY id"))                                          \
    X(MP_STATEMENT_LOAD_ASSIGNMENTS, 0, MP_SAME(MP_SELECT_ASSIGNMENTS " ORDER BY worker_id, pool_id"))                                     \
    X(MP_STATEMENT_ADD_SHARE, MP_SHARE_PARAMS, MP_SAME(MP_INSERT_SHARE))                                                                   \
    X(MP_STATEMENT_SAVE_SHARE, MP_SHARE_PARAMS, MP_UPSERT_SHARE)                                                                           \
    X(MP_STATEMENT_ADD_STATISTICS, MP_STATISTICS_PARAMS, MP_ADD_STATISTICS)                                                                \
    X(MP_STATEMENT_SAVE_LAST_WORK, MP_LAST_WORK_PARAMS, MP_SAVE_LAST_WORK)                                                                 \
    X(MP_STATEMENT_SAVE_LAST_ACCEPTED, MP_LAST_ACCEPTED_PARAMS, MP_SAVE_LAST_ACCEPTED)                                                     \
    X(MP_STATEMENT_SAVE_ROUTE, MP_ROUTE_PARAMS, MP_UPSERT_ROUTE)                                                                           \
    X(MP_STATEMENT_FIND_ROUTE, 2, MP_SAME("SELECT pool_id, difficulty, time_requested FROM work_data WHERE worker_id = ? AND data = ?"))   \
    X(MP_STATEMENT_FIND_SHARE, 1, MP_SAME(MP_SELECT_SHARE " WHERE share_id = ?"))                                                          \
    X(MP_STATEMENT_LOAD_SECRET, 0, MP_SAME("SELECT value FROM settings WHERE `key` = 'secret'"))                                           \
    X(MP_STATEMENT_LIST_POOLS, 0, MP_SAME("SELECT id, name FROM pool"))                                                                    \
    X(MP_STATEMENT_FIND_POOL, 1, MP_SAME(MP_SELECT_POOL))                                                                                  \
    X(MP_STATEMENT_LOCK_POOL, 1, MP_LOCKING(MP_SELECT_POOL))                                                                               \
    X(MP_STATEMENT_ADD_POOL, 3, MP_SAME("INSERT INTO pool (name, url, roll_ntime, enabled) VALUES (?, ?, ?, 1)"))                          \
    X(MP_STATEMENT_UPDATE_POOL, 4, MP_SAME("UPDATE pool SET name = ?, url = ?, roll_ntime = ? WHERE id = ?"))                              \
    X(MP_STATEMENT_SET_POOL_ENABLED, 2, MP_SAME("UPDATE pool SET enabled = ? WHERE id = ?"))                                               \
    X(MP_STATEMENT_DELETE_POOL, 1, MP_SAME("DELETE FROM pool WHERE id = ?"))                                                               \
    X(MP_STATEMENT_COUNT_WORKERS_OF_POOL, 1, MP_SAME("SELECT count(*) FROM worker_pool WHERE pool_id = ?"))                                \
    X(MP_STATEMENT_LIST_WORKERS, 0, MP_SAME("SELECT id, name FROM worker"))                                                                \
    X(MP_STATEMENT_FIND_WORKER, 1, MP_SAME(MP_SELECT_WORKER))                                                                              \
    X(MP_STATEMENT_LOCK_WORKER, 1, MP_LOCKING(MP_SELECT_WORKER))                                                                           \
    X(MP_STATEMENT_ADD_WORKER, 2, MP_SAME("INSERT INTO worker (name, password) VALUES (?, ?)"))                                            \
    X(MP_STATEMENT_RENAME_WORKER, 2, MP_SAME("UPDATE worker SET name = ? WHERE id = ?"))                                                   \
    X(MP_STATEMENT_SET_WORKER_PASSWORD, 2, MP_SAME("UPDATE worker SET password = ? WHERE id = ?"))                                         \
    X(MP_STATEMENT_SAVE_REHASH, 3, MP_SAME("UPDATE worker SET password = ? WHERE id = ? AND password = ?"))                                \
    X(MP_STATEMENT_DELETE_WORKER, 1, MP_SAME("DELETE FROM worker WHERE id = ?"))                                                           \
    X(MP_STATEMENT_COUNT_POOLS_OF_WORKER, 1, MP_SAME("SELECT count(*) FROM worker_pool WHERE worker_id = ?"))                              \
    X(MP_STATEMENT_DELETE_STATUS_OF_WORKER, 1, MP_SAME("DELETE FROM worker_status WHERE worker_id = ?"))                                   \
    X(MP_STATEMENT_DELETE_WORKS_OF_WORKER, 1, MP_DELETE_SOME_OF_WORKER("work_data", "worker_id, data"))                                    \
    X(MP_STATEMENT_FIND_NEXT_SHARE, 1, MP_SAME("SELECT MIN(id) FROM submitted_work WHERE id >= ?"))                                        \
    X(MP_STATEMENT_DELETE_SHARES_OF_WORKER, 3, MP_SAME("DELETE FROM submitted_work WHERE id BETWEEN ? AND ? AND worker_id = ?"))           \
    X(MP_STATEMENT_DELETE_STATISTICS_OF_WORKER, 1,                                                                                         \
      MP_DELETE_SOME_OF_WORKER("share_stats", "period_length, period_start, worker_id, pool_id"))                                          \
    X(MP_STATEMENT_FIND_ASSIGNMENT, 2, MP_SAME(MP_SELECT_ASSIGNMENT))                                                                      \
    X(MP_STATEMENT_LOCK_ASSIGNMENT, 2, MP_LOCKING(MP_SELECT_ASSIGNMENT))                                                                   \
    X(MP_STATEMENT_LOAD_ASSIGNMENTS_OF_WORKER, 1, MP_SAME(MP_SELECT_OF_WORKER))                                                            \
    X(MP_STATEMENT_LOCK_ASSIGNMENTS_OF_WORKER, 1, MP_LOCKING(MP_SELECT_OF_WORKER))                                                         \
    X(MP_STATEMENT_LOAD_ASSIGNMENTS_OF_POOL, 1, MP_SAME(MP_SELECT_OF_POOL))                                                                \
    X(MP_STATEMENT_LOCK_ASSIGNMENTS_OF_POOL, 1, MP_LOCKING(MP_SELECT_OF_POOL))                                                             \
    X(MP_STATEMENT_ADD_ASSIGNMENT, 6,                                                                                                      \
      MP_SAME("INSERT INTO worker_pool (pool_username, pool_password, priority, enabled, worker_id, pool_id) VALUES (?, ?, ?, ?, ?, ?)"))  \
    X(MP_STATEMENT_UPDATE_ASSIGNMENT, 6,                                                                                                   \
      MP_SAME(                                                                                                                             \
          "UPDATE worker_pool SET pool_username = ?, pool_password = ?, priority = ?, enabled = ? WHERE worker_id = ? AND pool_id = ?"))   \
    X(MP_STATEMENT_CLONE_ASSIGNMENTS, 2,                                                                                                   \
      MP_SAME("INSERT INTO worker_pool (worker_id, pool_id, pool_username, pool_password, priority, enabled) SELECT ?, pool_id, "          \
              "pool_username, "                                                                                                            \
              "pool_password, priority, enabled FROM worker_pool WHERE worker_id = ?"))                                                    \
    X(MP_STATEMENT_DELETE_ASSIGNMENT, 2, MP_SAME("DELETE FROM worker_pool WHERE worker_id = ? AND pool_id = ?"))                           \
    X(MP_STATEMENT_LOAD_PERIODS, 3, MP_DIALECTS(MP_SELECT_PERIODS(MP_SECONDS("period_start")), MP_SELECT_PERIODS("period_start")))         \
    X(MP_STATEMENT_LOAD_LAST_SHARES, 1, MP_SAME(MP_SELECT_SHARE " ORDER BY id DESC LIMIT ?"))                                              \
    X(MP_STATEMENT_LOAD_LAST_REJECTIONS, 1, MP_SAME(MP_SELECT_SHARE " WHERE result = 0 ORDER BY id DESC LIMIT ?"))                         \
    X(MP_STATEMENT_LOAD_WORKER_STATUS, 0,                                                                                                  \
      MP_DIALECTS(MP_SELECT_WORKER_STATUS(MP_SECONDS("last_work_time"), MP_SECONDS("last_accepted_time")),                                 \
                  MP_SELECT_WORKER_STATUS("last_work_time", "last_accepted_time")))                                                        \
    X(MP_STATEMENT_LOAD_HABITS, 1,                                                                                                         \
      MP_DIALECTS(MP_SELECT_HABITS("SIGNED", MP_SECONDS("MAX(period_start)")), MP_SELECT_HABITS("INTEGER", "MAX(period_start)")))          \
    X(MP_STATEMENT_LOAD_REJECTERS, 1, MP_DIALECTS(MP_SELECT_REJECTERS("SIGNED"), MP_SELECT_REJECTERS("INTEGER")))                          \
    X(MP_STATEMENT_LOAD_UPKEEP, 0, MP_DIALECTS(MP_LOAD_UPKEEP("UTC_TIMESTAMP()"), MP_LOAD_UPKEEP("datetime('now')")))                      \
    X(MP_STATEMENT_LOCK_UPKEEP, 0, MP_DIALECTS(MP_LOCK_UPKEEP("UTC_TIMESTAMP()") " FOR UPDATE", MP_LOCK_UPKEEP("datetime('now')")))        \
    X(MP_STATEMENT_TAKE_UPKEEP, 2,                                                                                                         \
      MP_DIALECTS(MP_TAKE_UPKEEP("CONCAT(UTC_TIMESTAMP() + INTERVAL " MP_UPKEEP_LEASE " SECOND, ' ', ?)", "CAST(UTC_TIMESTAMP() AS CHAR)", \
                                 "CAST(UTC_TIMESTAMP() + INTERVAL 600 SECOND AS CHAR)"),                                                   \
                  MP_TAKE_UPKEEP("datetime('now', '+" MP_UPKEEP_LEASE " seconds') || ' ' || ?", "datetime('now')",                         \
                                 "datetime('now', '+600 seconds')")))                                                                      \
    X(MP_STATEMENT_LEAVE_UPKEEP, 1, MP_SAME("UPDATE settings SET value = '-' WHERE `key` = 'upkeep_lease' AND SUBSTR(value, 21) = ?"))     \
    X(MP_STATEMENT_SAVE_SETTING, 2,                                                                                                        \
      MP_DIALECTS(MP_INSERT_SETTING " ON DUPLICATE KEY UPDATE value = VALUES(value)",                                                      \
                  MP_INSERT_SETTING " ON CONFLICT (`key`) DO UPDATE SET value = excluded.value"))                                          \
    X(MP_STATEMENT_FIND_OLD_WORKS, 3, MP_FIND_OLD("work_data", "time_requested", ""))                                                      \
    X(MP_STATEMENT_DELETE_OLD_WORKS, 3, MP_DELETE_OLD("work_data", "time_requested", "", "data, worker_id"))                               \
    X(MP_STATEMENT_FIND_OLD_SHARES, 3, MP_FIND_OLD("submitted_work", "time", ""))                                                          \
    X(MP_STATEMENT_DELETE_OLD_SHARES, 3, MP_DELETE_OLD("submitted_work", "time", "", "id"))                                                \
    X(MP_STATEMENT_FIND_OLD_STATISTICS, 4, MP_FIND_OLD("share_stats", "period_start", "period_length = ? AND "))                           \
    X(MP_STATEMENT_DELETE_OLD_STATISTICS, 4,                                                                                               \
      MP_DELETE_OLD("share_stats", "period_start", "period_length = ? AND ", "period_length, period_start, worker_id, pool_id"))           \
    X(MP_STATEMENT_ADD_ALERT, 8,                                                                                                           \
      MP_SAME(                                                                                                                             \
          "INSERT INTO alert (kind, subject_id, subject, host, text, time_began, time_ended, delivery) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"))  \
    X(MP_STATEMENT_END_ALERT, 2, MP_SAME("UPDATE alert SET time_ended = ? WHERE id = ? AND time_ended IS NULL"))                           \
    X(MP_STATEMENT_NOTE_ALERT, 2, MP_SAME("UPDATE alert SET delivery = ? WHERE id = ?"))                                                   \
    X(MP_STATEMENT_LOAD_OPEN_ALERTS, 1, MP_SAME(MP_SELECT_ALERTS " WHERE time_ended IS NULL ORDER BY id LIMIT ?"))                         \
    X(MP_STATEMENT_LOAD_LATEST_ALERTS, 1, MP_SAME(MP_SELECT_ALERTS " ORDER BY id DESC LIMIT ?"))                                           \
    X(MP_STATEMENT_DELETE_OLD_ALERTS, 3, MP_DELETE_OLD("alert", "time_ended", "", "id"))                                                   \
    X(MP_STATEMENT_INSPECT_VERSION, 0, MP_DIALECTS("SELECT version()", "SELECT sqlite_version()"))                                         \
    X(MP_STATEMENT_INSPECT_SIZE, 0,                                                                                                        \
      MP_DIALECTS("SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()",                 \
                  "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))

typedef enum mp_statement_t {
#define MP_STATEMENT_VALUE(name, params, texts) name,
    MP_STATEMENT_LIST(MP_STATEMENT_VALUE)
#undef MP_STATEMENT_VALUE
        MP_STATEMENT_COUNT
} mp_statement_t;

typedef enum mp_dialect_t { MP_DIALECT_MYSQL, MP_DIALECT_SQLITE, MP_DIALECT_COUNT } mp_dialect_t;

/** The text in a dialect; NULL if that engine does not need the statement. */
const char *mp_statement_sql(mp_statement_t statement, mp_dialect_t dialect);

/** The text of a statement whose row of VALUES stands there so many times. */
const char *mp_statement_repeat(const char *sql, int rows, apr_pool_t *p);

int mp_statement_param_count(mp_statement_t statement);

/** "SAVE_SHARE": for sentences about failures. */
const char *mp_statement_word(mp_statement_t statement);

#endif
