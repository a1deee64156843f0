-- SPDX-License-Identifier: Apache-2.0
-- The schema of mod_miningproxy for SQLite, version 7: database/schema.sql in SQLite's words. The module contains this file and makes the tables
-- itself. Comments start at the beginning of a line. Built-in functions only, so that the sqlite3 shell can edit a database.
-- Times are UTC text, "2026-11-22 15:04:05". Worker and pool names compare without regard to case (of ASCII letters) and trailing blanks.

CREATE TABLE pool (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(255) NOT NULL,
    url VARCHAR(255) NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    roll_ntime INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX pool_name ON pool (rtrim(name) COLLATE NOCASE);

CREATE TABLE worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name VARCHAR(255) NOT NULL,
    password VARCHAR(255) NOT NULL
);
CREATE UNIQUE INDEX worker_name ON worker (rtrim(name) COLLATE NOCASE);

CREATE TABLE worker_pool (
    pool_id INTEGER NOT NULL,
    worker_id INTEGER NOT NULL,
    pool_username VARCHAR(255) NOT NULL,
    pool_password VARCHAR(255) NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (pool_id, worker_id)
);
CREATE INDEX worker_pool_worker ON worker_pool (worker_id);

CREATE TABLE work_data (
    worker_id INTEGER NOT NULL,
    data BLOB NOT NULL,
    pool_id INTEGER NOT NULL,
    difficulty DOUBLE,
    time_requested DATETIME NOT NULL,
    PRIMARY KEY (worker_id, data)
) WITHOUT ROWID;
CREATE INDEX work_data_time ON work_data (time_requested);

CREATE TABLE submitted_work (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    share_id BLOB,
    worker_id INTEGER NOT NULL,
    pool_id INTEGER NOT NULL,
    result INTEGER,
    reason VARCHAR(64),
    difficulty DOUBLE,
    time DATETIME NOT NULL
);
CREATE UNIQUE INDEX submitted_work_share ON submitted_work (share_id);
CREATE INDEX submitted_work_time_worker ON submitted_work (time, worker_id);
CREATE INDEX submitted_work_result ON submitted_work (result, id);

CREATE TABLE share_stats (
    period_length INTEGER NOT NULL,
    period_start DATETIME NOT NULL,
    worker_id INTEGER NOT NULL,
    pool_id INTEGER NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    accepted_difficulty DOUBLE NOT NULL DEFAULT 0,
    getworks INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (period_length, period_start, worker_id, pool_id)
) WITHOUT ROWID;
CREATE INDEX share_stats_worker ON share_stats (worker_id);

CREATE TABLE worker_status (
    worker_id INTEGER PRIMARY KEY,
    last_work_time DATETIME,
    last_work_pool_id INTEGER,
    last_accepted_time DATETIME,
    last_accepted_pool_id INTEGER,
    last_accepted_difficulty DOUBLE
);

CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind VARCHAR(20) NOT NULL,
    subject_id INTEGER NOT NULL DEFAULT 0,
    subject VARCHAR(255) NOT NULL,
    host VARCHAR(255) NOT NULL,
    text VARCHAR(255) NOT NULL,
    time_began DATETIME NOT NULL,
    time_ended DATETIME,
    delivery VARCHAR(255) NOT NULL DEFAULT ''
);
CREATE INDEX alert_ended ON alert (time_ended);

CREATE TABLE settings (
    `key` VARCHAR(50) NOT NULL PRIMARY KEY,
    value VARCHAR(255) NOT NULL
);
INSERT INTO settings (`key`, value) VALUES ('version', '7'), ('generation', '1');
