# SPDX-License-Identifier: Apache-2.0
"""migrate.sql may be interrupted anywhere: run again, it ends as if nothing had been.

Statements are cut with an error that the test puts in front of each of them; clients and servers are killed at moments that nobody chose.
"""
import os
import random
import re
import subprocess
import time

import pymysql
import pytest

from harness.php_database import MIGRATE, FormerDatabase, PhpDatabase
from harness.waiting import wait_until

TABLES = ["pool", "worker", "worker_pool", "worker_pool_orphans", "work_data", "submitted_work", "share_stats", "worker_status", "alert",
          "settings"]
# MP_SEED repeats a run.
SEED = int(os.environ.get("MP_SEED") or time.time())
KILLS = 20
# A statement that changes something, behind the end of another one or of a comment: not those in texts.
_EFFECTIVE = re.compile(r"(?<=[;.NOE]\n)    +(?=(?:CREATE TABLE|INSERT INTO|ALTER TABLE|DROP TABLE|TRUNCATE|UPDATE|EXECUTE|START TRANSACTION|COMMIT)"
                        r"\b)")


class _Cutter:
    """Runs the script's procedures, each time on a connection of its own, and makes one statement fail."""

    def __init__(self, database):
        self.database = database
        head, body = MIGRATE.read_text().split("DELIMITER ;;", 1)
        body = body.rsplit("DELIMITER ;\n", 1)[0]
        cut = ("\nDROP PROCEDURE IF EXISTS upgrade_cut;;\nCREATE PROCEDURE upgrade_cut()\nBEGIN\n SET @upgrade_left = @upgrade_left - 1;\n"
               " IF @upgrade_left = 0 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cut'; END IF;\nEND;;\n")
        body, places = _EFFECTIVE.subn(lambda match: match[0] + "CALL upgrade_cut();\n" + match[0], body)
        assert places > 30
        database.migrate(script=f"{head}DELIMITER ;;{cut}{body}")
        statements = "\n".join(line for line in head.splitlines() if not line.startswith("--")).split(";\n")
        self._settings = [statement for statement in map(str.strip, statements) if statement.startswith(("SET ", "DO "))]
        assert len(self._settings) > 6

    def run(self, count):
        """Fails in front of the statement of that number, as they are run. True if there are fewer; and what was said."""
        said = []
        connection = self.database.server.connect(self.database.name)
        with connection, connection.cursor() as cursor:
            for setting in [*self._settings, f"SET @upgrade_left = {count}"]:
                cursor.execute(setting)
            try:
                cursor.execute("CALL upgrade_database()")
                said += cursor.fetchall()
                while cursor.nextset():
                    said += cursor.fetchall()
            except pymysql.err.OperationalError as error:
                assert error.args[1] == "cut", error
                return False, str(said)
        return True, str(said)


def _unfinished(database):
    return database.value("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE 'upgrade%'", database.name)


def _result(database):
    sums = dict(database.rows("CHECKSUM TABLE " + ", ".join(TABLES)))
    assert _unfinished(database) == 0
    return {name.split(".")[1]: value for name, value in sums.items()}


def _kept(database):
    """A checksum of what a migration that has not been finished must leave alone."""
    return database.rows("CHECKSUM TABLE pool, worker, worker_pool, work_data, submitted_work")


@pytest.fixture(scope="module")
def small(maria, base):
    """How a small database ends when nobody interrupts."""
    directory = base / "uninterrupted"
    directory.mkdir(exist_ok=True)
    database = PhpDatabase(maria, directory, 2, shares=100)
    database.migrate()
    return _result(database)


def test_cut_before_every_statement(maria, directory, small):
    database = PhpDatabase(maria, directory, 2, shares=100)
    before = _kept(database)
    cutter = _Cutter(database)
    for count in range(1, 200):
        is_done, said = cutter.run(count)
        if is_done:
            break
        assert "take the places" in said or _kept(database) == before, "an old table was changed before the new ones were complete"
    assert is_done and count > 50
    database.run("DROP PROCEDURE upgrade_cut")
    database.migrate()
    assert _result(database) == small


def test_cut_before_every_statement_from_version_4(maria, directory):
    wanted = FormerDatabase(maria, directory)
    database = FormerDatabase(maria, directory)
    for each in (wanted, database):
        each.run("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted)"
                 " VALUES (300, '2026-11-01 23:35:00', 1, 1, 2)")
        each.run("INSERT INTO submitted_work (share_id, worker_id, pool_id, result, difficulty, time)"
                 " VALUES (REPEAT('a', 32), 1, 2, 1, 8, '2026-11-01 23:59:59')")
    wanted.migrate()
    cutter = _Cutter(database)
    for count in range(1, 100):
        if cutter.run(count)[0]:
            break
    assert 10 < count < 99
    database.run("DROP PROCEDURE upgrade_cut")
    database.migrate()
    tables = "pool, worker, worker_pool, work_data, submitted_work, share_stats, worker_status, alert"
    assert [row[1] for row in database.rows(f"CHECKSUM TABLE {tables}")] == [row[1] for row in wanted.rows(f"CHECKSUM TABLE {tables}")]
    assert database.value("SELECT value FROM settings WHERE `key` = 'version'") == "7"


@pytest.mark.parametrize("renamed", [1, 2, 6, 9, 14])
def test_a_server_that_died_while_it_renamed(maria, directory, small, renamed):
    database = PhpDatabase(maria, directory, 2, shares=100)
    spoiled = MIGRATE.read_text().replace("CALL upgrade_execute(CONCAT('RENAME TABLE ', renames));",
                                          "SELECT renames; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'cut';")
    said = database.migrate(check=False, script=spoiled).stdout
    renames = said.rsplit("renames\n", 1)[1].strip().split(", ")
    assert len(renames) == 15
    database.run("RENAME TABLE " + ", ".join(renames[:renamed]))
    assert "this one does the rest" in database.migrate().stdout
    assert _result(database) == small


def test_two_at_a_time(maria, directory, small):
    database = PhpDatabase(maria, directory, 2, shares=100)
    blocker = maria.connect(database.name)
    with blocker, blocker.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT GET_LOCK(CONCAT('upgrade_', MD5(DATABASE())), 10)")
        client = subprocess.Popen(database.client(), stdin=open(MIGRATE, "rb"), stdout=subprocess.PIPE, text=True)
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND state = 'User lock'"
        wait_until(lambda: database.value(waiting, database.name), 20, "the other one waits")
        assert _unfinished(database) == 0
    said, _ = client.communicate(timeout=60)
    assert client.returncode == 0 and "still at work; this one waits" in said
    assert _result(database) == small


def _run_and_kill(database, seconds, victim):
    """Runs the migration and kills its client or server after so long. True if it had ended by then."""
    client = subprocess.Popen(database.client(), stdin=open(MIGRATE, "rb"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        if victim == "server":
            database.server.kill()
            database.server.start()
        client.kill()
        client.wait(20)
        return False


@pytest.mark.load
def test_killed_at_random_moments(private_maria, directory):
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    options = {"version": 1, "shares": 200000, "burst": 10000}
    reference = PhpDatabase(private_maria, directory, **options)
    begin = time.monotonic()
    reference.migrate()
    duration = time.monotonic() - begin
    wanted = _result(reference)
    database = PhpDatabase(private_maria, directory, **options)
    for number in range(KILLS):
        # Most of the time goes into copying; the square makes the first steps as likely as they deserve.
        if _run_and_kill(database, chance.random() ** 2 * duration, "server" if number % 10 == 5 else "client"):
            database.migrate()
            assert _result(database) == wanted
            database = PhpDatabase(private_maria, directory, **options)
    said = database.migrate().stdout
    assert "schema version 7" in said
    assert _result(database) == wanted
