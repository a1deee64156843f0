-- SPDX-License-Identifier: Apache-2.0
-- The schema of mod_miningproxy for MySQL and MariaDB, version 7. Its owner imports it once, into an empty database:
--     mariadb -u root -p DATABASE < database/schema.sql
-- The module's own user then needs no more than SELECT, INSERT, UPDATE and DELETE:
--     CREATE USER miningproxy IDENTIFIED BY '...'; GRANT SELECT, INSERT, UPDATE, DELETE ON DATABASE.* TO miningproxy;
-- Importing it again changes nothing. A database of the PHP program bitcoin-mining-proxy is brought here by migrate.sql, not by this file.
-- Times are UTC. Worker and pool names compare without regard to case and trailing blanks; accounts at pools compare exactly.

SET NAMES utf8mb4;

CREATE TABLE IF NOT EXISTS pool (
    id int unsigned NOT NULL AUTO_INCREMENT,
    name varchar(255) COLLATE utf8mb4_general_ci NOT NULL,
    url varchar(255) COLLATE utf8mb4_bin NOT NULL,
    enabled tinyint(1) NOT NULL DEFAULT 1,
    roll_ntime tinyint(1) NOT NULL DEFAULT 0,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS worker (
    id int unsigned NOT NULL AUTO_INCREMENT,
    name varchar(255) COLLATE utf8mb4_general_ci NOT NULL,
    password varchar(255) COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY name (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS worker_pool (
    pool_id int unsigned NOT NULL,
    worker_id int unsigned NOT NULL,
    pool_username varchar(255) COLLATE utf8mb4_bin NOT NULL,
    pool_password varchar(255) COLLATE utf8mb4_bin NOT NULL,
    priority int NOT NULL DEFAULT 0,
    enabled tinyint(1) NOT NULL DEFAULT 1,
    PRIMARY KEY (pool_id, worker_id),
    KEY worker_id (worker_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- data: the 68 bytes of a work that no miner changes. The keys on the time serve queries and the removal of old rows.
CREATE TABLE IF NOT EXISTS work_data (
    worker_id int unsigned NOT NULL,
    data binary(68) NOT NULL,
    pool_id int unsigned NOT NULL,
    difficulty double NULL,
    time_requested datetime NOT NULL,
    PRIMARY KEY (worker_id, data),
    KEY time_requested (time_requested)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- result: 1 accepted, 0 rejected, NULL unknown. share_id is NULL in rows that the PHP program wrote.
CREATE TABLE IF NOT EXISTS submitted_work (
    id bigint unsigned NOT NULL AUTO_INCREMENT,
    share_id binary(32) NULL,
    worker_id int unsigned NOT NULL,
    pool_id int unsigned NOT NULL,
    result tinyint(1) NULL,
    reason varchar(64) NULL,
    difficulty double NULL,
    time datetime NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY share_id (share_id),
    KEY time_worker (time, worker_id),
    KEY result_id (result, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Everything is counted once for each period_length (seconds: 300, 1800, 3600, 21600, 86400): a query chooses one of them.
CREATE TABLE IF NOT EXISTS share_stats (
    period_length int unsigned NOT NULL,
    period_start datetime NOT NULL,
    worker_id int unsigned NOT NULL,
    pool_id int unsigned NOT NULL,
    accepted bigint unsigned NOT NULL DEFAULT 0,
    rejected bigint unsigned NOT NULL DEFAULT 0,
    accepted_difficulty double NOT NULL DEFAULT 0,
    getworks bigint unsigned NOT NULL DEFAULT 0,
    PRIMARY KEY (period_length, period_start, worker_id, pool_id),
    KEY worker_id (worker_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- What each worker did last, so that nobody searches all works and shares for it.
CREATE TABLE IF NOT EXISTS worker_status (
    worker_id int unsigned NOT NULL,
    last_work_time datetime NULL,
    last_work_pool_id int unsigned NULL,
    last_accepted_time datetime NULL,
    last_accepted_pool_id int unsigned NULL,
    last_accepted_difficulty double NULL,
    PRIMARY KEY (worker_id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- What an operator was told of: worker-silent, pool-down and so on. time_ended is NULL while it is so; subject is the name as it was then.
CREATE TABLE IF NOT EXISTS alert (
    id int unsigned NOT NULL AUTO_INCREMENT,
    kind varchar(20) NOT NULL,
    subject_id int unsigned NOT NULL DEFAULT 0,
    subject varchar(255) NOT NULL,
    host varchar(255) NOT NULL,
    text varchar(255) NOT NULL,
    time_began datetime NOT NULL,
    time_ended datetime NULL,
    delivery varchar(255) NOT NULL DEFAULT '',
    PRIMARY KEY (id),
    KEY time_ended (time_ended)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS settings (
    `key` varchar(50) NOT NULL,
    value varchar(255) COLLATE utf8mb4_bin NOT NULL,
    PRIMARY KEY (`key`)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- Last, so that an import that was interrupted is seen as such; and only where the tables are these, not the PHP program's.
INSERT IGNORE INTO settings (`key`, value)
    SELECT 'version', '7' FROM information_schema.columns
    WHERE table_schema = DATABASE() AND table_name = 'submitted_work' AND column_name = 'share_id';
INSERT IGNORE INTO settings (`key`, value) VALUES ('generation', '1');
-- A server may be configured not to commit by itself.
COMMIT;
