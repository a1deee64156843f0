-- SPDX-License-Identifier: Apache-2.0
-- Brings an SQLite file of schema version 5 to version 6, as migrate4.sqlite.sql brings one of version 4 to 5.

ALTER TABLE pool ADD COLUMN roll_ntime INTEGER NOT NULL DEFAULT 0;

DROP INDEX IF EXISTS work_data_pool_time;

UPDATE settings SET value = '6' WHERE `key` = 'version';
