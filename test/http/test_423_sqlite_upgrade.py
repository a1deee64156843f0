# SPDX-License-Identifier: Apache-2.0
"""An SQLite file of version 4 to 6: the module upgrades it at its start, once, after it has copied it aside; or leaves it as it is and says why."""
import os
import signal
import sqlite3

import pytest

from harness import places
from harness.database import READINESS
from harness.waiting import wait_until

SHARES = 400
_VERSION_6 = """
DROP TABLE alert;
UPDATE settings SET value = '6' WHERE key = 'version';"""
_VERSION_5 = _VERSION_6 + """
ALTER TABLE pool DROP COLUMN roll_ntime;
UPDATE settings SET value = '5' WHERE key = 'version';"""
_FORMER = _VERSION_5 + """
DROP INDEX submitted_work_result; DROP TABLE worker_status; DROP TABLE share_stats;
CREATE TABLE share_stats (period_start DATETIME NOT NULL, period_length INTEGER NOT NULL, worker_id INTEGER NOT NULL,
    pool_id INTEGER NOT NULL, accepted INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0,
    accepted_difficulty DOUBLE NOT NULL DEFAULT 0, getworks INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (period_start, period_length, worker_id, pool_id)) WITHOUT ROWID;
UPDATE settings SET value = '4' WHERE key = 'version'"""
_SHARES = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
INSERT INTO submitted_work (share_id, worker_id, pool_id, result, difficulty, time)
    SELECT randomblob(32), 2, 1 + n % 2, 1, 1, datetime('2026-01-01', n || ' minutes') FROM numbers;
INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted, accepted_difficulty)
    SELECT 300, datetime(strftime('%s', time) / 300 * 300, 'unixepoch') AS begins, worker_id, pool_id, COUNT(*), SUM(difficulty)
    FROM submitted_work GROUP BY begins, worker_id, pool_id"""
_TABLES = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"


def _make_former(database, pool, shares=SHARES):
    database.add_rig(pool)
    connection = sqlite3.connect(database.path)
    connection.executescript(_FORMER + ";" + _SHARES.format(count=shares))
    connection.close()
    places.give_to_child(database.path.parent)


def _copy(database):
    return database.path.with_name(database.path.name + ".before-7")


def _rows(path, sql):
    connection = sqlite3.connect(path, timeout=20)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def _version(path):
    return _rows(path, "SELECT value FROM settings WHERE key = 'version'")[0][0]


def _tables(rows):
    """But for the blanks: a column that is added later has its own."""
    return [(kind, name, "".join(sql.split())) for kind, name, sql in rows]


def _check_upgraded(database, shares):
    reference = sqlite3.connect(":memory:")
    reference.executescript(places.SCHEMA_SQLITE.read_text())
    assert _tables(_rows(database.path, _TABLES)) == _tables(reference.execute(_TABLES)), "the tables are not those that a new file has"
    sums = _rows(database.path, "SELECT period_length, SUM(accepted) FROM share_stats WHERE worker_id = 2 GROUP BY 1")
    assert len(sums) == 5 and {count for _, count in sums} == {shares}
    copy = _copy(database)
    assert copy.stat().st_mode & 0o777 == 0o600 and copy.stat().st_uid == database.path.stat().st_uid
    assert _version(copy) == "4" and _rows(copy, "SELECT COUNT(*) FROM submitted_work") == [(shares,)]
    name = database.path.name
    assert {path.name for path in database.path.parent.iterdir()} <= {name, f"{name}-wal", f"{name}-shm", copy.name}


@pytest.mark.proxy(children=4)
def test_upgraded_once_by_four_children(proxy, make_pool):
    database = proxy.database
    _make_former(database, make_pool())
    proxy.start()
    assert proxy.log.count("MP0235") == 1 and str(_copy(database)) in proxy.log.text()
    _check_upgraded(database, SHARES)
    assert _rows(database.path, "SELECT last_accepted_time FROM worker_status WHERE worker_id = 2") == [("2026-01-01 06:40:00",)]
    assert [reply.result for _, reply in proxy.miner().mine(3)] == [True] * 3
    proxy.wait_rows(SHARES + 3)


@pytest.mark.parametrize(("version", "script"), [("5", _VERSION_5), ("6", _VERSION_6)])
def test_from_a_later_version(proxy, make_pool, version, script):
    database = proxy.database
    database.add_rig(make_pool())
    connection = sqlite3.connect(database.path)
    connection.executescript(script)
    connection.close()
    places.give_to_child(database.path.parent)
    proxy.start()
    assert _version(_copy(database)) == version and _version(database.path) == "7"
    assert proxy.miner().mine(1)[0][1].result is True
    proxy.wait_rows(1)


@pytest.mark.proxy(children=4)
@pytest.mark.expects_log("MP0230", "AH01618", "AH10392")
def test_killed_while_it_upgrades(proxy, make_pool):
    """A file that takes a second or so; whoever is at it dies, several times."""
    shares, database = 150000, proxy.database
    _make_former(database, make_pool(), shares)
    proxy.httpd.start()
    begun = _copy(database).with_name(_copy(database).name + ".new")
    for is_so_far in (begun.exists, _copy(database).exists, begun.exists):
        wait_until(lambda: proxy.httpd.children() and (is_so_far() or _version(database.path) == "7"), 30, "an upgrade is under way")
        for child in proxy.httpd.children():
            proxy.httpd.killed.add(child)
            os.kill(child, signal.SIGKILL)
    wait_until(lambda: _version(database.path) == "7", 60, "the file is upgraded")
    wait_until(lambda: proxy.login_status(READINESS) == 200, 30, "the farm is served")
    _check_upgraded(database, shares)


@pytest.mark.expects_log("MP0230", "AH01618")
def test_a_copy_that_cannot_be_made(proxy, make_pool):
    database = proxy.database
    _make_former(database, make_pool())
    obstacle = _copy(database).with_name(_copy(database).name + ".new")
    obstacle.mkdir()
    proxy.httpd.start()
    wait_until(lambda: proxy.log.count("must be upgraded, but the copy of it that is made first") > 0, 20, "httpd says what is in the way")
    assert _version(database.path) == "4"
    obstacle.rmdir()
    proxy.wait_ready()
    _check_upgraded(database, SHARES)


@pytest.mark.expects_log("MP0230", "AH01618")
def test_a_directory_that_is_read_only(proxy, make_pool):
    if not places.IS_ROOT:
        pytest.skip("needs two users")
    database = proxy.database
    _make_former(database, make_pool())
    os.chown(database.path.parent, 0, 0)
    proxy.httpd.start()
    wait_until(lambda: proxy.log.count("must be able to create files in its directory") > 0, 20, "httpd says what is missing")
    places.give_to_child(database.path.parent)
    proxy.wait_ready()
    _check_upgraded(database, SHARES)


def test_the_command_upgrades_as_well(database, make_pool):
    _make_former(database, make_pool())
    done = database.farm("list")
    assert "rig1" in done.stdout and str(_copy(database)) in done.stderr
    _check_upgraded(database, SHARES)
    assert database.farm("list").stderr == ""
