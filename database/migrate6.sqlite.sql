-- SPDX-License-Identifier: Apache-2.0
-- Brings an SQLite file of schema version 6 to version 7, as migrate4.sqlite.sql brings one of version 4 to 5.

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

UPDATE settings SET value = '7' WHERE `key` = 'version';
