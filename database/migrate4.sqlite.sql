-- SPDX-License-Identifier: Apache-2.0
-- Brings an SQLite file of schema version 4 to version 5. The module contains this file and runs it in one transaction, after it has
-- copied the database aside. Comments start at the beginning of a line. Databases of version 4 differ: some have all lengths of periods
-- and worker_status already; what is there stays.

CREATE INDEX IF NOT EXISTS submitted_work_result ON submitted_work (result, id);

ALTER TABLE share_stats RENAME TO share_stats_4;
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
INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
    SELECT period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks FROM share_stats_4;
DROP TABLE share_stats_4;
CREATE INDEX share_stats_worker ON share_stats (worker_id);

-- Each longer period is the sum of those of the length before it.
INSERT OR IGNORE INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
    SELECT 1800, datetime(strftime('%s', period_start) / 1800 * 1800, 'unixepoch') AS begins, worker_id, pool_id,
           SUM(accepted), SUM(rejected), SUM(accepted_difficulty), SUM(getworks)
    FROM share_stats WHERE period_length = 300 GROUP BY begins, worker_id, pool_id;
INSERT OR IGNORE INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
    SELECT 3600, datetime(strftime('%s', period_start) / 3600 * 3600, 'unixepoch') AS begins, worker_id, pool_id,
           SUM(accepted), SUM(rejected), SUM(accepted_difficulty), SUM(getworks)
    FROM share_stats WHERE period_length = 1800 GROUP BY begins, worker_id, pool_id;
INSERT OR IGNORE INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
    SELECT 21600, datetime(strftime('%s', period_start) / 21600 * 21600, 'unixepoch') AS begins, worker_id, pool_id,
           SUM(accepted), SUM(rejected), SUM(accepted_difficulty), SUM(getworks)
    FROM share_stats WHERE period_length = 3600 GROUP BY begins, worker_id, pool_id;
INSERT OR IGNORE INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks)
    SELECT 86400, datetime(strftime('%s', period_start) / 86400 * 86400, 'unixepoch') AS begins, worker_id, pool_id,
           SUM(accepted), SUM(rejected), SUM(accepted_difficulty), SUM(getworks)
    FROM share_stats WHERE period_length = 21600 GROUP BY begins, worker_id, pool_id;

CREATE TABLE IF NOT EXISTS worker_status (
    worker_id INTEGER PRIMARY KEY,
    last_work_time DATETIME,
    last_work_pool_id INTEGER,
    last_accepted_time DATETIME,
    last_accepted_pool_id INTEGER,
    last_accepted_difficulty DOUBLE
);
-- Beside MAX(), SQLite takes the other columns from the row that has it.
INSERT OR IGNORE INTO worker_status (worker_id, last_accepted_time, last_accepted_pool_id, last_accepted_difficulty)
    SELECT worker_id, MAX(time), pool_id, difficulty
    FROM submitted_work WHERE result = 1 AND worker_id IN (SELECT id FROM worker) GROUP BY worker_id;
INSERT INTO worker_status (worker_id, last_work_time, last_work_pool_id)
    SELECT worker_id, MAX(time_requested), pool_id FROM work_data WHERE worker_id IN (SELECT id FROM worker) GROUP BY worker_id
    ON CONFLICT (worker_id) DO UPDATE SET last_work_time = excluded.last_work_time, last_work_pool_id = excluded.last_work_pool_id
    WHERE worker_status.last_work_time IS NULL;

UPDATE settings SET value = '5' WHERE `key` = 'version';
