-- SPDX-License-Identifier: Apache-2.0
-- Brings a database of MySQL or MariaDB to schema version 7, whatever older version it has: 0 to 3 are those of the PHP program
-- bitcoin-mining-proxy, 4 to 6 are earlier ones of mod_miningproxy. Its owner runs it, with a backup at hand, while neither the PHP
-- program nor httpd uses the database:
--     mariadb -u root -p DATABASE < database/migrate.sql
-- It says what it does. On version 7 it does nothing; a database that is not ours, and one that is newer, stay as they are, and the
-- client's exit status is 1.
-- It may be interrupted at any moment and run again. New tables are filled beside the old ones, which nobody changes until one RENAME puts
-- all new ones in their places: before it the old program goes on as if nothing had been, and the next run begins anew; after it, the next
-- run clears up. The owner needs all privileges on this database (CREATE ROUTINE among them: the procedures below are dropped at the end)
-- and room for a second copy of it. MySQL 5.7 and 8, MariaDB 10.3 and later.

SET NAMES utf8mb4 COLLATE utf8mb4_general_ci;
-- Strict, so that nothing is cut off in silence; but dates of zeros, which the PHP program's server may have let in, can be read.
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO';
-- None of the limits that the server may have for its other clients; what MySQL takes for a comment is for MariaDB.
SET SESSION autocommit = 1, sql_notes = 0, group_concat_max_len = 1000000, sql_big_selects = 1 /*M! , max_statement_time = 0 */;
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET @upgrade_refusal = NULL;
-- What the tables of the PHP program have, whatever their version; ours have it too.
SET @upgrade_columns = CONCAT('pool.id,pool.name,pool.url,pool.enabled,worker.id,worker.name,worker.password,worker_pool.pool_id,',
    'worker_pool.worker_id,worker_pool.pool_username,worker_pool.pool_password,worker_pool.priority,worker_pool.enabled,',
    'work_data.worker_id,work_data.pool_id,work_data.data,work_data.time_requested,submitted_work.id,submitted_work.worker_id,',
    'submitted_work.pool_id,submitted_work.result,submitted_work.time');

-- The server may go on for a while after its client was killed: two upgrades at a time would be in each other's way.
SET @upgrade_lock = CONCAT('upgrade_', MD5(DATABASE()));
SELECT 'Another upgrade of this database is still at work; this one waits for its end.' AS ' '
    FROM (SELECT 1) one WHERE IS_USED_LOCK(@upgrade_lock) IS NOT NULL;
DO GET_LOCK(@upgrade_lock, 86400);

DROP PROCEDURE IF EXISTS upgrade_say; DROP PROCEDURE IF EXISTS upgrade_execute; DROP PROCEDURE IF EXISTS upgrade_find_tables;
DROP PROCEDURE IF EXISTS upgrade_switch; DROP PROCEDURE IF EXISTS upgrade_drop_old; DROP PROCEDURE IF EXISTS upgrade_make_sums;
DROP PROCEDURE IF EXISTS upgrade_make_tables; DROP PROCEDURE IF EXISTS upgrade_copy_pools; DROP PROCEDURE IF EXISTS upgrade_copy_workers;
DROP PROCEDURE IF EXISTS upgrade_copy_assignments; DROP PROCEDURE IF EXISTS upgrade_keep_orphans;
DROP PROCEDURE IF EXISTS upgrade_look_at_names; DROP PROCEDURE IF EXISTS upgrade_copy_works; DROP PROCEDURE IF EXISTS upgrade_sum_shares;
DROP PROCEDURE IF EXISTS upgrade_find_batch; DROP PROCEDURE IF EXISTS upgrade_copy_shares; DROP PROCEDURE IF EXISTS upgrade_sum_works;
DROP PROCEDURE IF EXISTS upgrade_sum_periods; DROP PROCEDURE IF EXISTS upgrade_reserve_ids; DROP PROCEDURE IF EXISTS upgrade_from_php;
DROP PROCEDURE IF EXISTS upgrade_from_4; DROP PROCEDURE IF EXISTS upgrade_from_5; DROP PROCEDURE IF EXISTS upgrade_make_alerts;
DROP PROCEDURE IF EXISTS upgrade_look; DROP PROCEDURE IF EXISTS upgrade_database;

DELIMITER ;;

-- Names may hold anything; what would steer a terminal is shown by its code: <1B>. Some of it, from 80 on, is two bytes.
CREATE PROCEDURE upgrade_say(IN words MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci)
BEGIN
    DECLARE code INT DEFAULT 0;
    WHILE code < 160 DO
        SET words = REPLACE(words, CHAR(IF(code < 128, code, 0xC200 + code) USING utf8mb4), CONCAT('<', LPAD(HEX(code), 2, '0'), '>'));
        SET code = IF(code = 31, 127, code + 1);
    END WHILE;
    SELECT CONCAT(TIME(UTC_TIMESTAMP()), ' ', words) AS ' ';
END;;

CREATE PROCEDURE upgrade_execute(IN instruction MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci)
BEGIN
    SET @upgrade_sql = instruction;
    PREPARE upgrade_statement FROM @upgrade_sql; EXECUTE upgrade_statement; DEALLOCATE PREPARE upgrade_statement;
END;;

-- The names of all tables, with commas between them.
CREATE PROCEDURE upgrade_find_tables(OUT present MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci)
BEGIN
    SELECT COALESCE(GROUP_CONCAT(table_name), '') INTO present FROM information_schema.tables WHERE table_schema = DATABASE();
END;;

-- Every finished upgrade_new_NAME becomes NAME, and what was there becomes upgrade_old_NAME: one statement, the version in the settings
-- last. Servers that do not rename several tables as one may die in the middle of it; then an upgrade_old_NAME is there, and the next run
-- calls this again for the rest.
CREATE PROCEDURE upgrade_switch()
BEGIN
    DECLARE present, renames MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    CALL upgrade_find_tables(present);
    SELECT GROUP_CONCAT(IF(FIND_IN_SET(ours.name, present) AND NOT FIND_IN_SET(CONCAT('upgrade_old_', ours.name), present),
                           CONCAT(ours.name, ' TO upgrade_old_', ours.name, ', '), ''),
                        'upgrade_new_', ours.name, ' TO ', ours.name ORDER BY ours.place SEPARATOR ', ') INTO renames
        FROM (SELECT 1 AS place, 'pool' AS name UNION ALL SELECT 2, 'worker' UNION ALL SELECT 3, 'worker_pool'
              UNION ALL SELECT 4, 'work_data' UNION ALL SELECT 5, 'submitted_work' UNION ALL SELECT 6, 'share_stats'
              UNION ALL SELECT 7, 'worker_status' UNION ALL SELECT 8, 'worker_pool_orphans' UNION ALL SELECT 9, 'settings') ours
        WHERE FIND_IN_SET(CONCAT('upgrade_new_', ours.name), present);
    IF renames IS NOT NULL THEN
        CALL upgrade_say('the new tables take the places of the old ones; this waits for whoever still uses those');
        CALL upgrade_execute(CONCAT('RENAME TABLE ', renames));
    END IF;
END;;

-- Old tables go, but for those with columns that are nobody's: what somebody added is not thrown away.
CREATE PROCEDURE upgrade_drop_old()
BEGIN
    DECLARE present, foreign_columns, kept MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    DECLARE suffix VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT '_before_7';
    DECLARE counter INT DEFAULT 1;
    CALL upgrade_find_tables(present);
    WHILE present REGEXP CONCAT('(^|,)(pool|worker|worker_pool|work_data|submitted_work|settings)', suffix, '(,|$)') DO
        SET counter = counter + 1, suffix = CONCAT('_before_7_', counter);
    END WHILE;
    SELECT GROUP_CONCAT(SUBSTRING(table_name, 13), '.', column_name ORDER BY table_name, ordinal_position SEPARATOR ', '),
           GROUP_CONCAT(DISTINCT table_name, ' TO ', SUBSTRING(table_name, 13), suffix SEPARATOR ', ')
        INTO foreign_columns, kept FROM information_schema.columns
        WHERE table_schema = DATABASE()
          AND table_name IN ('upgrade_old_pool', 'upgrade_old_worker', 'upgrade_old_worker_pool', 'upgrade_old_work_data',
                             'upgrade_old_submitted_work', 'upgrade_old_settings')
          AND NOT FIND_IN_SET(CONCAT(SUBSTRING(table_name, 13), '.', column_name),
                              CONCAT(@upgrade_columns, ',settings.key,settings.value'));
    IF kept IS NOT NULL THEN
        CALL upgrade_say(CONCAT('columns that this schema does not know: ', foreign_columns,
                                '; the tables with them are kept as NAME', suffix, ', drop them when you like'));
        CALL upgrade_execute(CONCAT('RENAME TABLE ', kept));
    END IF;
    DROP TABLE IF EXISTS upgrade_old_pool, upgrade_old_worker, upgrade_old_worker_pool, upgrade_old_work_data,
        upgrade_old_submitted_work, upgrade_old_share_stats, upgrade_old_worker_status, upgrade_old_settings;
END;;

-- The tables here and in upgrade_make_tables are those of schema.sql; work_data, submitted_work and share_stats get their other keys when
-- they are full, which is many times quicker.
CREATE PROCEDURE upgrade_make_sums()
BEGIN
    DROP TABLE IF EXISTS upgrade_new_share_stats, upgrade_new_worker_status;
    CREATE TABLE upgrade_new_share_stats (
        period_length int unsigned NOT NULL, period_start datetime NOT NULL, worker_id int unsigned NOT NULL, pool_id int unsigned NOT NULL,
        accepted bigint unsigned NOT NULL DEFAULT 0, rejected bigint unsigned NOT NULL DEFAULT 0,
        accepted_difficulty double NOT NULL DEFAULT 0, getworks bigint unsigned NOT NULL DEFAULT 0,
        PRIMARY KEY (period_length, period_start, worker_id, pool_id)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_worker_status (
        worker_id int unsigned NOT NULL, last_work_time datetime NULL, last_work_pool_id int unsigned NULL,
        last_accepted_time datetime NULL, last_accepted_pool_id int unsigned NULL, last_accepted_difficulty double NULL,
        PRIMARY KEY (worker_id)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
END;;

CREATE PROCEDURE upgrade_make_tables()
BEGIN
    DROP TABLE IF EXISTS upgrade_new_pool, upgrade_new_worker, upgrade_new_worker_pool, upgrade_new_work_data,
        upgrade_new_submitted_work, upgrade_new_worker_pool_orphans, upgrade_new_settings;
    CALL upgrade_make_sums();
    CREATE TABLE upgrade_new_pool (
        id int unsigned NOT NULL AUTO_INCREMENT, name varchar(255) COLLATE utf8mb4_general_ci NOT NULL,
        url varchar(255) COLLATE utf8mb4_bin NOT NULL, enabled tinyint(1) NOT NULL DEFAULT 1,
        roll_ntime tinyint(1) NOT NULL DEFAULT 0, PRIMARY KEY (id), UNIQUE KEY name (name)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_worker (
        id int unsigned NOT NULL AUTO_INCREMENT, name varchar(255) COLLATE utf8mb4_general_ci NOT NULL,
        password varchar(255) COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (id), UNIQUE KEY name (name)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_worker_pool (
        pool_id int unsigned NOT NULL, worker_id int unsigned NOT NULL, pool_username varchar(255) COLLATE utf8mb4_bin NOT NULL,
        pool_password varchar(255) COLLATE utf8mb4_bin NOT NULL, priority int NOT NULL DEFAULT 0, enabled tinyint(1) NOT NULL DEFAULT 1,
        PRIMARY KEY (pool_id, worker_id), KEY worker_id (worker_id)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_work_data (
        worker_id int unsigned NOT NULL, data binary(68) NOT NULL, pool_id int unsigned NOT NULL, difficulty double NULL,
        time_requested datetime NOT NULL, PRIMARY KEY (worker_id, data)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_submitted_work (
        id bigint unsigned NOT NULL AUTO_INCREMENT, share_id binary(32) NULL, worker_id int unsigned NOT NULL,
        pool_id int unsigned NOT NULL, result tinyint(1) NULL, reason varchar(64) NULL, difficulty double NULL, time datetime NOT NULL,
        PRIMARY KEY (id)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    CREATE TABLE upgrade_new_settings (
        `key` varchar(50) NOT NULL, value varchar(255) COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (`key`)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
END;;

-- Of several equal names the first one stays, the others get a number: "alpha (2)"; the end of a long name makes room for it. Names are
-- equal where the unique key takes them for equal: whatever their case, accents and trailing blanks.
CREATE PROCEDURE upgrade_copy_pools()
BEGIN
    DECLARE lost, holder, counter, renamed INT DEFAULT 0;
    DECLARE old_name, new_name, suffix VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    INSERT INTO upgrade_new_pool (id, name, url, enabled) SELECT id, name, url, IF(enabled, 1, 0) FROM pool WHERE id > 0 ORDER BY id
        ON DUPLICATE KEY UPDATE upgrade_new_pool.id = upgrade_new_pool.id;
    clashes: LOOP
        SELECT MIN(old.id) INTO lost FROM pool old LEFT JOIN upgrade_new_pool fresh ON fresh.id = old.id
            WHERE fresh.id IS NULL AND old.id > 0;
        IF lost IS NULL THEN LEAVE clashes; END IF;
        SELECT name INTO old_name FROM pool WHERE id = lost;
        SELECT id INTO holder FROM upgrade_new_pool WHERE name = old_name;
        SET counter = 1;
        REPEAT
            SET counter = counter + 1, suffix = CONCAT(' (', counter, ')');
            SET new_name = CONCAT(LEFT(TRIM(TRAILING ' ' FROM old_name), 255 - CHAR_LENGTH(suffix)), suffix);
        UNTIL NOT EXISTS (SELECT 1 FROM upgrade_new_pool WHERE name = new_name) END REPEAT;
        INSERT INTO upgrade_new_pool (id, name, url, enabled) SELECT id, new_name, url, IF(enabled, 1, 0) FROM pool WHERE id = lost;
        CALL upgrade_say(CONCAT('pool ', lost, ' "', old_name, '" has the name of pool ', holder, '; it is "', new_name,
                                '" from now on'));
        SET renamed = renamed + 1;
    END LOOP;
    CALL upgrade_say(CONCAT('pool: ', (SELECT COUNT(*) FROM upgrade_new_pool), ' of ', (SELECT COUNT(*) FROM pool),
                            ' rows, ', renamed, ' renamed'));
END;;

-- Likewise the workers, where it can only happen if their table compared names in another way than ours does.
CREATE PROCEDURE upgrade_copy_workers()
BEGIN
    DECLARE lost, holder, counter, renamed INT DEFAULT 0;
    DECLARE old_name, new_name, suffix VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    INSERT INTO upgrade_new_worker (id, name, password) SELECT id, name, password FROM worker WHERE id > 0 ORDER BY id
        ON DUPLICATE KEY UPDATE upgrade_new_worker.id = upgrade_new_worker.id;
    clashes: LOOP
        SELECT MIN(old.id) INTO lost FROM worker old LEFT JOIN upgrade_new_worker fresh ON fresh.id = old.id
            WHERE fresh.id IS NULL AND old.id > 0;
        IF lost IS NULL THEN LEAVE clashes; END IF;
        SELECT name INTO old_name FROM worker WHERE id = lost;
        SELECT id INTO holder FROM upgrade_new_worker WHERE name = old_name;
        SET counter = 1;
        REPEAT
            SET counter = counter + 1, suffix = CONCAT(' (', counter, ')');
            SET new_name = CONCAT(LEFT(TRIM(TRAILING ' ' FROM old_name), 255 - CHAR_LENGTH(suffix)), suffix);
        UNTIL NOT EXISTS (SELECT 1 FROM upgrade_new_worker WHERE name = new_name) END REPEAT;
        INSERT INTO upgrade_new_worker (id, name, password) SELECT id, new_name, password FROM worker WHERE id = lost;
        CALL upgrade_say(CONCAT('A LOGIN CHANGES: worker ', lost, ' "', old_name, '" has the name of worker ', holder,
                                ' but for case, accents or trailing blanks; its miners log in as "', new_name, '" from now on'));
        SET renamed = renamed + 1;
    END LOOP;
    CALL upgrade_say(CONCAT('worker: ', (SELECT COUNT(*) FROM upgrade_new_worker), ' of ', (SELECT COUNT(*) FROM worker),
                            ' rows, ', renamed, ' renamed; passwords stay as they are until each is used'));
END;;

-- Assignments of workers or pools that are gone would keep a pool from being deleted, and nobody sees them: they go into another table.
CREATE PROCEDURE upgrade_copy_assignments()
BEGIN
    DECLARE orphans INT DEFAULT 0;
    INSERT INTO upgrade_new_worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)
        SELECT given.pool_id, given.worker_id, given.pool_username, given.pool_password, given.priority, IF(given.enabled, 1, 0)
        FROM worker_pool given JOIN upgrade_new_pool ON upgrade_new_pool.id = given.pool_id
        JOIN upgrade_new_worker ON upgrade_new_worker.id = given.worker_id;
    SELECT COUNT(*) INTO orphans FROM worker_pool given LEFT JOIN upgrade_new_pool ON upgrade_new_pool.id = given.pool_id
        LEFT JOIN upgrade_new_worker ON upgrade_new_worker.id = given.worker_id
        WHERE upgrade_new_pool.id IS NULL OR upgrade_new_worker.id IS NULL;
    CALL upgrade_say(CONCAT('worker_pool: ', (SELECT COUNT(*) FROM upgrade_new_worker_pool), ' rows, ', orphans, ' orphaned'));
    IF orphans > 0 THEN
        CALL upgrade_keep_orphans();
    END IF;
END;;

CREATE PROCEDURE upgrade_keep_orphans()
BEGIN
    CREATE TABLE upgrade_new_worker_pool_orphans (
        pool_id int NOT NULL, worker_id int NOT NULL, pool_username varchar(255) COLLATE utf8mb4_bin NOT NULL,
        pool_password varchar(255) COLLATE utf8mb4_bin NOT NULL, priority int NOT NULL, enabled tinyint(1) NOT NULL,
        PRIMARY KEY (pool_id, worker_id)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
    INSERT INTO upgrade_new_worker_pool_orphans (pool_id, worker_id, pool_username, pool_password, priority, enabled)
        SELECT given.pool_id, given.worker_id, given.pool_username, given.pool_password, given.priority, given.enabled
        FROM worker_pool given LEFT JOIN upgrade_new_pool ON upgrade_new_pool.id = given.pool_id
        LEFT JOIN upgrade_new_worker ON upgrade_new_worker.id = given.worker_id
        WHERE upgrade_new_pool.id IS NULL OR upgrade_new_worker.id IS NULL;
    CALL upgrade_say(CONCAT('these assignments are of no use, because their worker or pool is gone; ',
                            'they are in worker_pool_orphans, drop it when you like:'));
    SELECT orphan.worker_id, COALESCE(IF(rig.name REGEXP '[[:cntrl:]]', HEX(rig.name), rig.name), '(gone)') AS worker,
           orphan.pool_id, COALESCE(IF(place.name REGEXP '[[:cntrl:]]', HEX(place.name), place.name), '(gone)') AS pool,
           IF(orphan.pool_username REGEXP '[[:cntrl:]]', HEX(orphan.pool_username), orphan.pool_username) AS pool_username
        FROM upgrade_new_worker_pool_orphans orphan LEFT JOIN upgrade_new_pool place ON place.id = orphan.pool_id
        LEFT JOIN upgrade_new_worker rig ON rig.id = orphan.worker_id ORDER BY 1, 3;
END;;

-- The PHP program did not say in which character set it talks. Where its server took UTF-8 for Latin-1, each letter beyond ASCII is two or
-- three strange ones. Taking such a name for Latin-1 once more and reading that as UTF-8 gives a shorter name, from which the long one can
-- be had again; chance does not bring that about. It is told and not mended, because only people can be sure. Where there is none, the
-- client shows nothing of this.
CREATE PROCEDURE upgrade_look_at_names()
BEGIN
    SELECT id AS worker_id, IF(name REGEXP '[[:cntrl:]]', HEX(name), name) AS `name, perhaps stored in a wrong character set`,
           IF(perhaps REGEXP '[[:cntrl:]]', HEX(perhaps), perhaps) AS `as it may have been; where no miner can log in, correct the worker`
        FROM (SELECT id, name, CONVERT(CAST(CONVERT(name USING latin1) AS BINARY) USING utf8mb4) AS perhaps
              FROM upgrade_new_worker) named
        WHERE CONVERT(CAST(perhaps AS BINARY) USING latin1) = CONVERT(name USING latin1) AND CHAR_LENGTH(perhaps) < CHAR_LENGTH(name)
        ORDER BY id;
END;;

-- 136 hexadecimal digits, in any case and whatever follows them, become the 68 bytes that they are. Of works that become one, the newest
-- wins. The PHP program knew difficulty 1 only.
CREATE PROCEDURE upgrade_copy_works()
BEGIN
    DECLARE whose INT;
    DECLARE total, done, told, bad BIGINT DEFAULT 0;
    SELECT COUNT(*) INTO total FROM work_data;
    CALL upgrade_say(CONCAT('work_data: ', total, ' rows'));
    SELECT MIN(worker_id) INTO whose FROM work_data;
    WHILE whose IS NOT NULL DO
        SELECT COUNT(*), COALESCE(SUM(data NOT REGEXP '^[0-9A-Fa-f]{136}' OR worker_id <= 0 OR pool_id <= 0), 0)
            INTO @upgrade_rows, @upgrade_bad FROM work_data WHERE worker_id = whose;
        INSERT INTO upgrade_new_work_data (worker_id, data, pool_id, difficulty, time_requested)
            SELECT old.worker_id, UNHEX(LEFT(old.data, 136)), old.pool_id, 1,
                   IF(old.time_requested < '1970-01-02', '1970-01-02', old.time_requested)
            FROM work_data old WHERE old.worker_id = whose AND old.worker_id > 0 AND old.pool_id > 0 AND old.data REGEXP '^[0-9A-Fa-f]{136}'
            ON DUPLICATE KEY UPDATE
            pool_id = IF(VALUES(time_requested) >= upgrade_new_work_data.time_requested, VALUES(pool_id), upgrade_new_work_data.pool_id),
            time_requested = GREATEST(VALUES(time_requested), upgrade_new_work_data.time_requested);
        SET done = done + @upgrade_rows, bad = bad + @upgrade_bad;
        IF done - told >= 100000 THEN
            CALL upgrade_say(CONCAT('work_data: ', done, ' of ', total, ' rows (', done * 100 DIV total, ' %)'));
            SET told = done;
        END IF;
        SELECT MIN(worker_id) INTO whose FROM work_data WHERE worker_id > whose;
    END WHILE;
    ALTER TABLE upgrade_new_work_data ADD KEY time_requested (time_requested);
    SELECT COUNT(*) INTO done FROM upgrade_new_work_data;
    CALL upgrade_say(CONCAT('work_data: ', done, ' rows; ', bad, ' left out, because they do not begin with 136 hexadecimal digits; ',
                            total - done - bad, ' others gave way to a newer row for the same work'));
END;;

-- Adds the shares with ids up to that one to the sums of 300 s and to what is known of their workers. A table of shares of our own form.
CREATE PROCEDURE upgrade_sum_shares(IN shares VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci,
                                    IN after_id BIGINT, IN upto_id BIGINT)
BEGIN
    CALL upgrade_execute(CONCAT('
        INSERT INTO upgrade_new_share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty)
        SELECT 300, DATE(time) + INTERVAL TIME_TO_SEC(time) DIV 300 * 300 SECOND, worker_id, pool_id,
               SUM(result <> 0), SUM(result = 0), SUM(IF(result <> 0, COALESCE(difficulty, 0), 0))
        FROM ', shares, ' WHERE id > ', after_id, ' AND id <= ', upto_id, '
          AND time >= DATE(UTC_TIMESTAMP() - INTERVAL 1 YEAR) AND result IS NOT NULL GROUP BY 2, 3, 4
        ON DUPLICATE KEY UPDATE
        accepted = upgrade_new_share_stats.accepted + VALUES(accepted),
        rejected = upgrade_new_share_stats.rejected + VALUES(rejected),
        accepted_difficulty = upgrade_new_share_stats.accepted_difficulty + VALUES(accepted_difficulty)'));
    -- The last one by time, and of several by id: both in one text, of which the greatest is taken. The time decides, so it is set last.
    CALL upgrade_execute(CONCAT('
        INSERT INTO upgrade_new_worker_status (worker_id, last_accepted_time, last_accepted_pool_id, last_accepted_difficulty)
        SELECT last.worker_id, last.time, last.pool_id, COALESCE(last.difficulty, 0) FROM ', shares, ' last
        JOIN (SELECT CAST(RIGHT(MAX(CONCAT(time, LPAD(id, 20, ''0''))), 20) AS UNSIGNED) AS id FROM ', shares, '
              WHERE id > ', after_id, ' AND id <= ', upto_id, ' AND result <> 0 GROUP BY worker_id) newest ON newest.id = last.id
        JOIN worker ON worker.id = last.worker_id
        ON DUPLICATE KEY UPDATE
        last_accepted_pool_id =
            IF(VALUES(last_accepted_time) >= COALESCE(upgrade_new_worker_status.last_accepted_time, ''1000-01-01''),
               VALUES(last_accepted_pool_id), upgrade_new_worker_status.last_accepted_pool_id),
        last_accepted_difficulty =
            IF(VALUES(last_accepted_time) >= COALESCE(upgrade_new_worker_status.last_accepted_time, ''1000-01-01''),
               VALUES(last_accepted_difficulty), upgrade_new_worker_status.last_accepted_difficulty),
        last_accepted_time =
            GREATEST(VALUES(last_accepted_time), COALESCE(upgrade_new_worker_status.last_accepted_time, ''1000-01-01''))'));
END;;

-- The next 100,000 shares behind an id: how many there are, and the last one's id (NULL if there is none).
CREATE PROCEDURE upgrade_find_batch(OUT upto BIGINT, OUT batch BIGINT, IN after_id BIGINT)
BEGIN
    SELECT MAX(id), COUNT(*) INTO upto, batch
        FROM (SELECT id FROM submitted_work WHERE id > after_id ORDER BY id LIMIT 100000) next_ones;
END;;

CREATE PROCEDURE upgrade_copy_shares()
BEGIN
    DECLARE last_id BIGINT DEFAULT 0;
    DECLARE upto, total, done, batch BIGINT DEFAULT 0;
    SELECT COUNT(*) INTO total FROM submitted_work;
    CALL upgrade_say(CONCAT('submitted_work: ', total, ' rows'));
    CALL upgrade_find_batch(upto, batch, last_id);
    WHILE upto IS NOT NULL DO
        START TRANSACTION;
        INSERT INTO upgrade_new_submitted_work (id, worker_id, pool_id, result, difficulty, time)
            SELECT id, worker_id, pool_id, result <> 0, 1, IF(time < '1970-01-02', '1970-01-02', time) FROM submitted_work
            WHERE id > last_id AND id <= upto AND worker_id > 0 AND pool_id > 0;
        CALL upgrade_sum_shares('upgrade_new_submitted_work', last_id, upto);
        COMMIT;
        SET done = done + batch, last_id = upto;
        CALL upgrade_say(CONCAT('submitted_work: ', done, ' of ', total, ' rows (', LEAST(100, done * 100 DIV total), ' %)'));
        CALL upgrade_find_batch(upto, batch, last_id);
    END WHILE;
    CALL upgrade_say('submitted_work: its keys');
    ALTER TABLE upgrade_new_submitted_work ADD UNIQUE KEY share_id (share_id), ADD KEY time_worker (time, worker_id),
        ADD KEY result_id (result, id);
    SELECT COUNT(*) INTO done FROM upgrade_new_submitted_work;
    CALL upgrade_say(CONCAT('submitted_work: ', done, ' of ', total, ' rows'));
END;;

-- Getworks of which the rows are still there.
CREATE PROCEDURE upgrade_sum_works(IN works VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, IN are_counted BOOLEAN)
BEGIN
    IF are_counted THEN
        CALL upgrade_execute(CONCAT('
            INSERT INTO upgrade_new_share_stats (period_length, period_start, worker_id, pool_id, getworks)
            SELECT 300, DATE(time_requested) + INTERVAL TIME_TO_SEC(time_requested) DIV 300 * 300 SECOND, worker_id, pool_id, COUNT(*)
            FROM ', works, ' WHERE time_requested >= DATE(UTC_TIMESTAMP() - INTERVAL 1 YEAR) GROUP BY 2, 3, 4
            ON DUPLICATE KEY UPDATE getworks = upgrade_new_share_stats.getworks + VALUES(getworks)'));
    END IF;
    CALL upgrade_execute(CONCAT('
        INSERT INTO upgrade_new_worker_status (worker_id, last_work_time, last_work_pool_id)
        SELECT newest.worker_id, LEFT(newest.packed, 19), CAST(RIGHT(newest.packed, 10) AS UNSIGNED)
        FROM (SELECT worker_id, MAX(CONCAT(time_requested, LPAD(pool_id, 10, ''0''))) AS packed
              FROM ', works, ' GROUP BY worker_id) newest
        JOIN worker ON worker.id = newest.worker_id
        ON DUPLICATE KEY UPDATE last_work_time = VALUES(last_work_time), last_work_pool_id = VALUES(last_work_pool_id)'));
END;;

-- Each longer period is the sum of those of the length before it.
CREATE PROCEDURE upgrade_sum_periods()
BEGIN
    DECLARE shorter, longer INT DEFAULT 300;
    WHILE shorter < 86400 DO
        SET longer = CASE shorter WHEN 300 THEN 1800 WHEN 1800 THEN 3600 WHEN 3600 THEN 21600 ELSE 86400 END;
        INSERT INTO upgrade_new_share_stats
            (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
            SELECT longer, summed.begins, summed.worker_id, summed.pool_id,
                   SUM(summed.accepted), SUM(summed.rejected), SUM(summed.accepted_difficulty), SUM(summed.getworks)
            FROM (SELECT DATE(period_start) + INTERVAL TIME_TO_SEC(period_start) DIV longer * longer SECOND AS begins, worker_id, pool_id,
                         accepted, rejected, accepted_difficulty, getworks
                  FROM upgrade_new_share_stats WHERE period_length = shorter) summed
            GROUP BY summed.begins, summed.worker_id, summed.pool_id;
        CALL upgrade_say(CONCAT('share_stats: periods of ', longer, ' s'));
        SET shorter = longer;
    END WHILE;
    ALTER TABLE upgrade_new_share_stats ADD KEY worker_id (worker_id);
    CALL upgrade_say(CONCAT('share_stats: ', (SELECT COUNT(*) FROM upgrade_new_share_stats), ' rows; worker_status: ',
                            (SELECT COUNT(*) FROM upgrade_new_worker_status), ' rows'));
END;;

-- A new worker or pool must not get the id of one that is gone and has rows yet.
CREATE PROCEDURE upgrade_reserve_ids()
BEGIN
    CALL upgrade_execute(CONCAT('ALTER TABLE upgrade_new_worker AUTO_INCREMENT = ', (
        SELECT GREATEST(COALESCE(MAX(id), 0), COALESCE((SELECT MAX(worker_id) FROM worker_pool), 0),
                        COALESCE((SELECT MAX(worker_id) FROM work_data), 0),
                        COALESCE((SELECT MAX(worker_id) FROM upgrade_new_submitted_work), 0)) + 1 FROM worker)));
    CALL upgrade_execute(CONCAT('ALTER TABLE upgrade_new_pool AUTO_INCREMENT = ', (
        SELECT GREATEST(COALESCE(MAX(id), 0), COALESCE((SELECT MAX(pool_id) FROM worker_pool), 0),
                        COALESCE((SELECT MAX(pool_id) FROM work_data), 0),
                        COALESCE((SELECT MAX(pool_id) FROM upgrade_new_submitted_work), 0)) + 1 FROM pool)));
END;;

CREATE PROCEDURE upgrade_from_php()
BEGIN
    DECLARE present MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    CALL upgrade_find_tables(present);
    CALL upgrade_make_tables(); CALL upgrade_copy_pools(); CALL upgrade_copy_workers();
    CALL upgrade_look_at_names(); CALL upgrade_copy_assignments();
    CALL upgrade_copy_works(); CALL upgrade_copy_shares();
    CALL upgrade_say('statistics of the last year'); CALL upgrade_sum_works('upgrade_new_work_data', TRUE);
    CALL upgrade_sum_periods(); CALL upgrade_reserve_ids();
    IF FIND_IN_SET('settings', present) THEN
        INSERT INTO upgrade_new_settings (`key`, value) SELECT `key`, value FROM settings
            WHERE `key` NOT IN ('version', 'generation', 'secret');
    END IF;
    INSERT INTO upgrade_new_settings (`key`, value) VALUES ('version', '7'), ('generation', '1');
    CALL upgrade_switch(); CALL upgrade_drop_old();
END;;

-- Version 4 had sums of 300 s only, in another order, and did not know what workers did last. Later databases of that number lack less.
CREATE PROCEDURE upgrade_from_4()
BEGIN
    DECLARE present MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    DECLARE has_old_sums, has_status BOOLEAN DEFAULT FALSE;
    DECLARE last_id, upto, total, done, batch BIGINT DEFAULT 0;
    IF NOT EXISTS (SELECT 1 FROM information_schema.statistics
                   WHERE table_schema = DATABASE() AND table_name = 'submitted_work' AND index_name = 'result_id') THEN
        CALL upgrade_say('submitted_work: one more key');
        ALTER TABLE submitted_work ADD KEY result_id (result, id);
    END IF;
    CALL upgrade_find_tables(present);
    SELECT COUNT(*) INTO has_old_sums FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND table_name = 'share_stats' AND index_name = 'PRIMARY' AND seq_in_index = 1
          AND column_name = 'period_start';
    IF FIND_IN_SET('worker_status', present) THEN SELECT EXISTS (SELECT 1 FROM worker_status) INTO has_status; END IF;
    CALL upgrade_make_sums();
    IF NOT has_status THEN
        SELECT COUNT(*) INTO total FROM submitted_work;
        CALL upgrade_find_batch(upto, batch, last_id);
        WHILE upto IS NOT NULL DO
            CALL upgrade_sum_shares('submitted_work', last_id, upto);
            SET done = done + batch, last_id = upto;
            CALL upgrade_say(CONCAT('submitted_work: ', done, ' of ', total, ' rows looked at (',
                                    LEAST(100, done * 100 DIV total), ' %)'));
            CALL upgrade_find_batch(upto, batch, last_id);
        END WHILE;
        CALL upgrade_sum_works('work_data', FALSE);
    END IF;
    IF has_old_sums THEN
        -- What was counted then is right even where the shares are gone.
        TRUNCATE upgrade_new_share_stats;
        INSERT INTO upgrade_new_share_stats
            (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
            SELECT period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks FROM share_stats
            WHERE period_length = 300;
        CALL upgrade_sum_periods();
    ELSE DROP TABLE upgrade_new_share_stats; END IF;
    IF has_status THEN DROP TABLE upgrade_new_worker_status; END IF;
    CALL upgrade_switch(); CALL upgrade_drop_old();
END;;

-- Version 5 knew nothing of rolling ntime, and had a key that cost every work time and served nobody.
CREATE PROCEDURE upgrade_from_5()
BEGIN
    IF NOT EXISTS (SELECT 1 FROM information_schema.columns
                   WHERE table_schema = DATABASE() AND table_name = 'pool' AND column_name = 'roll_ntime') THEN
        CALL upgrade_say('pool: one more column');
        ALTER TABLE pool ADD COLUMN roll_ntime tinyint(1) NOT NULL DEFAULT 0;
    END IF;
    IF EXISTS (SELECT 1 FROM information_schema.statistics
               WHERE table_schema = DATABASE() AND table_name = 'work_data' AND index_name = 'pool_time') THEN
        CALL upgrade_say('work_data: one key less');
        ALTER TABLE work_data DROP KEY pool_time;
    END IF;
END;;

-- Version 6 alerted nobody.
CREATE PROCEDURE upgrade_make_alerts()
BEGIN
    CREATE TABLE IF NOT EXISTS alert (
        id int unsigned NOT NULL AUTO_INCREMENT, kind varchar(20) NOT NULL, subject_id int unsigned NOT NULL DEFAULT 0,
        subject varchar(255) NOT NULL, host varchar(255) NOT NULL, text varchar(255) NOT NULL, time_began datetime NOT NULL,
        time_ended datetime NULL, delivery varchar(255) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY time_ended (time_ended)
    ) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
END;;

-- What is this? Sets @upgrade_version, or @upgrade_refusal to a sentence.
CREATE PROCEDURE upgrade_look()
BEGIN
    DECLARE present, columns_present, columns_of_alert, missing MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    DECLARE ours, strangers INT DEFAULT 0;
    DECLARE version, name VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
    DECLARE wanted TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci DEFAULT @upgrade_columns;
    DECLARE advice VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci
        DEFAULT '; or, if a backup was imported over an upgraded database, drop and create the database, then import the backup';
    CALL upgrade_find_tables(present);
    SELECT COALESCE(GROUP_CONCAT(table_name, '.', column_name), '') INTO columns_present FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name IN ('pool', 'worker', 'worker_pool', 'work_data', 'submitted_work');
    SELECT COALESCE(GROUP_CONCAT(column_name ORDER BY ordinal_position), 'none') INTO columns_of_alert FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'alert';
    WHILE wanted <> '' DO
        SET name = SUBSTRING_INDEX(wanted, ',', 1), wanted = SUBSTRING(wanted, CHAR_LENGTH(name) + 2);
        SET missing = IF(FIND_IN_SET(name, columns_present), missing, CONCAT_WS(', ', missing, name));
    END WHILE;
    SET ours = FIND_IN_SET('submitted_work.share_id', columns_present);
    IF FIND_IN_SET('settings', present) AND missing IS NULL THEN
        SELECT MAX(value) INTO version FROM settings WHERE `key` = 'version'; END IF;
    -- Empty ones are from schema.sql, which somebody imported into the old database: no harm is done.
    IF FIND_IN_SET('share_stats', present) THEN SELECT COUNT(*) INTO strangers FROM share_stats; END IF;
    IF FIND_IN_SET('worker_status', present) THEN SELECT strangers + COUNT(*) INTO strangers FROM worker_status; END IF;
    IF present = '' THEN
        SET @upgrade_refusal = 'is empty: import database/schema.sql instead';
    ELSEIF missing IS NOT NULL THEN
        SET @upgrade_refusal = CONCAT('is a database neither of bitcoin-mining-proxy nor of mod_miningproxy: it lacks ', missing);
    ELSEIF version IS NULL AND ours THEN
        SET @upgrade_refusal = 'has our tables but no version: the import of database/schema.sql was interrupted, do it again';
    ELSEIF version NOT REGEXP '^[0-9]{1,9}$' THEN
        SET @upgrade_refusal = CONCAT('has the schema version "', version, '", which is no number');
    ELSEIF CAST(version AS UNSIGNED) > 7 THEN
        SET @upgrade_refusal = CONCAT('has schema version ', version, ', and this file knows version 7 only: take the newer one');
    ELSEIF (COALESCE(version, 0) >= 4) <> (ours > 0) THEN
        SET @upgrade_refusal = CONCAT('has schema version ', COALESCE(version, 0),
                                      ' by its settings, but not the tables of that version: correct the version', advice);
    ELSEIF COALESCE(version, 0) < 4 AND (strangers > 0 OR FIND_IN_SET('worker_pool_orphans', present)) THEN
        SET @upgrade_refusal = CONCAT('has a table share_stats, worker_status or worker_pool_orphans that bitcoin-mining-proxy ',
                                      'does not know: rename it first', advice);
    ELSEIF columns_of_alert NOT IN ('none', 'id,kind,subject_id,subject,host,text,time_began,time_ended,delivery')
           AND COALESCE(version, 0) < 7 THEN
        SET @upgrade_refusal = 'has a table alert that is not of mod_miningproxy: rename it first';
    ELSE
        SET @upgrade_version = CAST(COALESCE(version, '0') AS UNSIGNED);
    END IF;
END;;

CREATE PROCEDURE upgrade_database()
BEGIN
    DECLARE begun INT;
    IF COALESCE(IS_USED_LOCK(@upgrade_lock), 0) <> CONNECTION_ID() THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'another upgrade of this database is still at work: try again when it has ended';
    END IF;
    SELECT COUNT(*) INTO begun FROM information_schema.tables
        WHERE table_schema = DATABASE()
          AND table_name IN ('upgrade_old_pool', 'upgrade_old_worker', 'upgrade_old_worker_pool', 'upgrade_old_work_data',
                             'upgrade_old_submitted_work', 'upgrade_old_share_stats', 'upgrade_old_worker_status', 'upgrade_old_settings');
    IF begun > 0 THEN
        CALL upgrade_say('an earlier run was interrupted when it was nearly done; this one does the rest');
        CALL upgrade_switch(); CALL upgrade_drop_old();
    END IF;
    CALL upgrade_look();
    IF @upgrade_refusal IS NOT NULL THEN
        CALL upgrade_say(CONCAT('REFUSED: ', DATABASE(), ' ', @upgrade_refusal));
    ELSEIF @upgrade_version = 7 THEN
        CALL upgrade_say(CONCAT(DATABASE(), ' has schema version 7: nothing is left to do'));
    ELSE
        CALL upgrade_say(CONCAT(DATABASE(), ' has schema version ', @upgrade_version,
                                ' and gets version 7; neither the PHP program nor httpd may use it meanwhile'));
        CALL upgrade_make_alerts();
        IF @upgrade_version < 4 THEN CALL upgrade_from_php(); END IF;
        IF @upgrade_version = 4 THEN CALL upgrade_from_4(); END IF;
        IF @upgrade_version IN (4, 5) THEN CALL upgrade_from_5(); END IF;
        UPDATE settings SET value = '7' WHERE `key` = 'version' AND @upgrade_version >= 4;
        CALL upgrade_say(CONCAT('done: ', DATABASE(), ' has schema version 7'));
    END IF;
END;;

DELIMITER ;

CALL upgrade_database();

DROP PROCEDURE upgrade_say; DROP PROCEDURE upgrade_execute; DROP PROCEDURE upgrade_find_tables; DROP PROCEDURE upgrade_switch;
DROP PROCEDURE upgrade_drop_old; DROP PROCEDURE upgrade_make_sums; DROP PROCEDURE upgrade_make_tables; DROP PROCEDURE upgrade_copy_pools;
DROP PROCEDURE upgrade_copy_workers; DROP PROCEDURE upgrade_copy_assignments; DROP PROCEDURE upgrade_keep_orphans;
DROP PROCEDURE upgrade_look_at_names; DROP PROCEDURE upgrade_copy_works; DROP PROCEDURE upgrade_sum_shares;
DROP PROCEDURE upgrade_find_batch; DROP PROCEDURE upgrade_copy_shares; DROP PROCEDURE upgrade_sum_works;
DROP PROCEDURE upgrade_sum_periods; DROP PROCEDURE upgrade_reserve_ids; DROP PROCEDURE upgrade_from_php; DROP PROCEDURE upgrade_from_4;
DROP PROCEDURE upgrade_from_5; DROP PROCEDURE upgrade_make_alerts; DROP PROCEDURE upgrade_look; DROP PROCEDURE upgrade_database;
DO RELEASE_LOCK(@upgrade_lock);

-- A refusal ends with an error, so that scripts notice it. No statement outside a procedure raises one with words of ours, but one that
-- names a table does.
SET @upgrade_sql = IF(@upgrade_refusal IS NULL, 'DO 0', 'SELECT 1 FROM `nothing was changed, see above`');
PREPARE upgrade_statement FROM @upgrade_sql;
EXECUTE upgrade_statement;
