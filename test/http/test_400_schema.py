# SPDX-License-Identifier: Apache-2.0
"""Databases that are missing, empty, old, new or unreadable: httpd starts, says so, answers 503, and recovers."""
import os
import re
import sqlite3

import pytest

from harness import places
from harness.database import READINESS, SqliteDatabase
from harness.waiting import wait_until

RECOVERY = 15
pytestmark = pytest.mark.expects_log("AH01618")  # a worker who is not there yet


def _assert_unavailable(proxy):
    miner = proxy.miner(READINESS)
    reply = wait_until(miner.ask, 5)
    assert reply.status == 503, reply.message
    assert reply.result is None
    assert len(reply.error["message"]) > 10
    assert reply.message.get("WWW-Authenticate") is None


def _wait_loud(proxy, *words):
    def is_said():
        lines = [line for line in proxy.log.text().splitlines() if re.search(r"\[miningproxy:(error|warn)\]", line)]
        return any(all(word in line for word in words) for line in lines)
    wait_until(is_said, 10, f"the error log says {words}")


def _has_schema(database):
    return database.path.exists() and database.rows("SELECT name FROM sqlite_master WHERE name = 'settings'")


@pytest.mark.expects_log("MP0230")
def test_a_missing_schema(make_proxy, maria, directory, make_pool):
    database = maria.create_database(directory, with_schema=False)
    proxy = make_proxy(database)
    proxy.httpd.start()
    _wait_loud(proxy, "schema")
    _assert_unavailable(proxy)
    database.import_schema()
    database.add_rig(make_pool())
    database.raise_generation()
    miner = proxy.miner()
    wait_until(lambda: (reply := miner.ask()).status == 200 and reply.result, RECOVERY, "the module recovered by itself")
    assert proxy.miner().mine(1)[0][1].result is True
    proxy.wait_rows(1)


@pytest.mark.both_databases
@pytest.mark.expects_log("MP0230")
@pytest.mark.parametrize("version", ["3", "6", "8", "nonsense", ""])
def test_a_schema_of_another_version(proxy, version):
    database = proxy.database
    database.run("UPDATE settings SET value = ? WHERE `key` = 'version'", version)
    proxy.httpd.start()
    _wait_loud(proxy, "schema")
    _assert_unavailable(proxy)
    database.run("UPDATE settings SET value = '7' WHERE `key` = 'version'")
    proxy.wait_ready()


def test_an_sqlite_file_is_created_with_its_schema(make_proxy, directory, make_pool):
    folder = directory / "database"
    folder.mkdir()
    places.give_to_child(folder)
    database = SqliteDatabase(folder, with_schema=False)
    proxy = make_proxy(database)
    proxy.httpd.start()
    wait_until(lambda: _has_schema(database), 10, "the schema is there")
    wait_until(lambda: database.rows("SELECT value FROM settings WHERE `key` = 'version'") == [("7",)], 5,
               "its version is there")
    assert database.path.stat().st_mode & 0o077 == 0, "passwords of pools are readable to everybody"
    database.add_rig(make_pool())
    database.raise_generation()
    wait_until(lambda: proxy.login_status("rig1") == 200, 5, "the new worker gets in")
    assert proxy.miner().mine(1)[0][1].result is True
    proxy.wait_rows(1)


def test_the_schema_file_and_the_created_schema_are_one(make_proxy, directory):
    folder = directory / "database"
    folder.mkdir()
    places.give_to_child(folder)
    database = SqliteDatabase(folder, with_schema=False)
    proxy = make_proxy(database)
    proxy.httpd.start()
    tables = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    reference = sqlite3.connect(":memory:")
    reference.executescript(places.SCHEMA_SQLITE.read_text())
    wanted = reference.execute(tables).fetchall()
    assert wanted
    wait_until(lambda: database.path.exists() and len(database.rows(tables)) == len(wanted), 10)
    assert database.rows(tables) == wanted


@pytest.mark.proxy(children=4)
def test_four_children_create_one_file_together(make_proxy, directory):
    folder = directory / "database"
    folder.mkdir()
    places.give_to_child(folder)
    database = SqliteDatabase(folder, with_schema=False)
    proxy = make_proxy(database, children=4)
    proxy.httpd.start()
    wait_until(lambda: _has_schema(database), 10, "the schema is there")
    database.add_worker(READINESS)
    database.raise_generation()
    proxy.wait_ready()
    assert database.value("SELECT COUNT(*) FROM settings WHERE `key` = 'version'") == 1


@pytest.mark.expects_log("MP0230")
@pytest.mark.parametrize("how", ["a directory", "not a database", "no permission", "no directory"])
def test_an_sqlite_file_that_cannot_be_used(make_proxy, directory, how):
    if how == "no permission" and not places.IS_ROOT:
        pytest.skip("needs two users")
    folder = directory / "database"
    folder.mkdir()
    places.give_to_child(folder)
    database = SqliteDatabase(folder, with_schema=False)
    {"a directory": database.path.mkdir,
     "not a database": lambda: database.path.write_bytes(b"this is no database" * 1000),
     "no permission": lambda: _unreadable(database), "no directory": folder.rmdir}[how]()
    proxy = make_proxy(database)
    proxy.httpd.start()
    _wait_loud(proxy, str(database.path))
    _assert_unavailable(proxy)


def _unreadable(database):
    database.create()
    os.chown(database.path, 0, 0)
    database.path.chmod(0o600)


@pytest.mark.expects_log("MP0230")
def test_an_sqlite_file_that_becomes_readable(make_proxy, directory):
    if not places.IS_ROOT:
        pytest.skip("needs two users")
    folder = directory / "database"
    folder.mkdir()
    database = SqliteDatabase(folder, with_schema=False)
    _unreadable(database)
    proxy = make_proxy(database)
    proxy.httpd.start()
    _assert_unavailable(proxy)
    places.give_to_child(folder)
    proxy.wait_ready()


@pytest.mark.expects_log("MP0230")
def test_a_server_that_is_not_there_at_the_start(make_proxy, private_maria, directory, make_pool):
    database = private_maria.create_database(directory)
    database.add_rig(make_pool())
    private_maria.kill()
    proxy = make_proxy(database)
    proxy.httpd.start()
    _assert_unavailable(proxy)
    private_maria.start()
    proxy.wait_ready()
    assert proxy.miner().mine(1)[0][1].result is True
    proxy.wait_rows(1)


@pytest.mark.expects_log("MP0230")
def test_a_wrong_database_password(make_proxy, maria, directory):
    database = maria.create_database(directory)
    database.password_file.write_text("t0p-5ecret\n")
    proxy = make_proxy(database)
    proxy.httpd.start()
    _wait_loud(proxy, "Access denied")
    _assert_unavailable(proxy)
    assert "t0p-5ecret" not in proxy.log.text()


def test_the_modules_user_needs_four_rights_only(make_proxy, maria, directory, make_pool):
    database = maria.create_database(directory)
    grants = database.rows("SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA = ?",
                           database.name)
    assert {row[0] for row in grants} == {"SELECT", "INSERT", "UPDATE", "DELETE"}
    database.add_rig(make_pool())
    proxy = make_proxy(database).start()
    assert [reply.result for _, reply in proxy.miner().mine(5)] == [True] * 5
    proxy.wait_rows(5)


def test_importing_the_schema_again_changes_nothing(maria, directory):
    database = maria.create_database(directory)
    database.add_worker("rig1")
    database.raise_generation()
    settings = "SELECT `key`, value FROM settings ORDER BY `key`"
    before = database.rows(settings)
    database.import_schema()
    assert database.rows(settings) == before
    assert database.value("SELECT COUNT(*) FROM worker WHERE name = 'rig1'") == 1
