# SPDX-License-Identifier: Apache-2.0
"""Old rows go by themselves, one process of the farm removes them, and recording never suffers from it.

A run is due when the settings say so; the tests write that instead of waiting.
"""
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
import os
import signal
from threading import Event

import pytest

from fakes import behaviours
from harness.waiting import holds_for, wait_until

pytestmark = pytest.mark.proxy(children=2)
DEADLINE = 120  # s; what is waited for comes within one or two as a rule; a busy machine removes 200,000 rows in a minute
HANDED_OVER = 40  # s; a child looks every 20 s, and a lease that nobody gave up lasts 60 s
PERIODS = (300, 1800, 3600, 21600, 86400)


def _ago(**span):
    return (datetime.now(timezone.utc) - timedelta(**span)).strftime("%Y-%m-%d %H:%M:%S")


def _setting(database, name):
    found = database.rows("SELECT value FROM settings WHERE `key` = ?", f"upkeep_{name}")
    return found[0][0] if found else None


def _write_setting(database, name, value):
    database.run("DELETE FROM settings WHERE `key` = ?", f"upkeep_{name}")
    database.run("INSERT INTO settings (`key`, value) VALUES (?, ?)", f"upkeep_{name}", value)


def _write_lease(database, value):
    database.run("UPDATE settings SET value = ? WHERE `key` = 'upkeep_lease'", value)


def _plan(database):
    """Due; what is kept is as before."""
    _write_setting(database, "next", _ago(minutes=1))
    _write_setting(database, "kept", "3600 3600 3600")


def _wait_run(database):
    """The words of the run that has ended: two times, and the counts of works, shares and statistics."""
    words = wait_until(lambda: (words := (_setting(database, "last") or "").split()) and "-" not in words and words, DEADLINE, "a run has ended")
    return [int(word) for word in words[4:7]]


def _add_shares(database, when, count):
    """Up to 250,000 with one time."""
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(500))
    database.run(f"INSERT INTO submitted_work (worker_id, pool_id, result, difficulty, time) SELECT 1, 1, 1, 1, ? FROM ({digits}) AS a,"
                 f" ({digits}) AS b LIMIT {count}", when)


def _add_past(database):
    for days in (0.4, 0.9, 1.1, 13, 15, 400):
        _add_shares(database, _ago(days=days), 3)
        database.run("INSERT INTO work_data (worker_id, data, pool_id, difficulty, time_requested) VALUES (1, ?, 1, 1, ?)",
                     bytes([int(days * 10) % 250]) * 68, _ago(days=days))
        for length in PERIODS:
            database.run("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted) VALUES (?, ?, 1, 1, 1)", length,
                         _ago(days=days))


def _add_alerts(database):
    """Two that ended, one of them long ago, and one that is as old and still so."""
    for subject, ended in (("old", _ago(days=366)), ("young", _ago(days=364)), ("open", None)):
        database.run("INSERT INTO alert (kind, subject, host, text, time_began, time_ended) VALUES ('test', ?, 'here', 'x', ?, ?)", subject,
                     _ago(days=400), ended)


def _periods(database):
    return [database.value("SELECT COUNT(*) FROM share_stats WHERE period_length = ?", length) for length in PERIODS]


def _holder(database):
    """The process that has the lease."""
    words = (_setting(database, "lease") or "").split(maxsplit=2)
    return int(words[2].split("/")[1]) if len(words) == 3 else None


@pytest.mark.both_databases
def test_old_rows_go_and_young_ones_stay(admin):
    database = admin.proxy.database
    _add_past(database)
    _add_alerts(database)
    _plan(database)
    admin.proxy.start()
    assert _wait_run(database) == [4, 6, 3 + 3 + 1 + 1 + 1]
    assert database.share_count() == 12
    assert database.value("SELECT COUNT(*) FROM work_data") == 2
    assert _periods(database) == [3, 3, 5, 5, 5]
    assert database.rows("SELECT subject FROM alert ORDER BY id") == [("young",), ("open",)]
    wait_until(lambda: admin.proxy.log.count("MP0237: removed 4 works, 6 shares and 9 rows of statistics") == 1, 5, "the log tells of it")
    assert admin.proxy.log.count("MP0241") == 1, "one of the children"
    view = admin.view("/about")
    fact, upkeep = next(fact for fact in view["facts"] if fact["name"] == "Upkeep"), view["upkeep"]
    assert fact["is_ok"] and "4 works, 6 shares and 9 rows of statistics removed; next run in" in fact["value"]
    assert f"process {_holder(database)}; kept: works 1d, shares 14d, statistics 1y" in fact["value"]
    assert upkeep["keeps"] == {"works": "1d", "shares": "14d", "statistics": "1y"}
    assert (upkeep["last"]["works"], upkeep["last"]["shares"], upkeep["last"]["statistics"]) == (4, 6, 9)
    assert upkeep["last"]["ended"]["iso"] and upkeep["next"]["text"].startswith("in ") and not upkeep["is_problem"]


@pytest.mark.proxy(directives=["MiningProxyKeepWork 12h", "MiningProxyKeepShares forever", "MiningProxyKeepStatistics forever"])
def test_what_is_to_stay_stays(proxy):
    _add_past(proxy.database)
    _plan(proxy.database)
    proxy.start()
    assert _wait_run(proxy.database) == [5, 0, 0]
    assert proxy.database.share_count() == 18 and _periods(proxy.database) == [6] * 5


@pytest.mark.both_databases
def test_a_database_that_was_never_kept_gets_a_day(admin):
    """Who comes from the PHP program has years of rows, and may want to keep them."""
    database = admin.proxy.database
    _add_past(database)
    admin.proxy.start()
    wait_until(lambda: _setting(database, "next"), DEADLINE, "a run is planned")
    assert _ago(hours=-23) < _setting(database, "next") <= _ago(hours=-24)
    wait_until(lambda: admin.proxy.log.count("MP0236: nobody has kept this database small yet") == 1, 5, "the log says so")
    fact = next(fact for fact in admin.view("/about")["facts"] if fact["name"] == "Upkeep")
    assert "removed for the first time at 2" in fact["value"] and "MiningProxyKeepShares" in fact["value"]
    assert database.share_count() == 18


@pytest.mark.both_databases
def test_another_child_goes_on_when_one_is_killed_in_the_middle(proxy):
    database, count = proxy.database, 200_000
    _add_shares(database, _ago(days=20), count)
    _add_shares(database, _ago(days=1), 10)
    _plan(database)
    proxy.start()
    wait_until(lambda: database.share_count() < count, DEADLINE, "a run is under way")
    holder = _holder(database)
    proxy.httpd.killed.add(holder)
    ended = _ago(seconds=2) + _setting(database, "lease")[19:]
    # In this order, because the child that takes its place looks at once, and then not for a while.
    _write_lease(database, ended)
    os.kill(holder, signal.SIGKILL)
    assert "-" in _setting(database, "last").split(), "it did not come to the end"

    def end_lease():
        """What it had sent to the database before may be done a moment later."""
        lease = _setting(database, "lease")
        if _holder(database) == holder and lease != ended:
            database.run("UPDATE settings SET value = ? WHERE `key` = 'upkeep_lease' AND value = ?", ended, lease)
        return True
    holds_for(end_lease, 1)
    assert _wait_run(database) == [0, count, 0], "all were counted, each once"
    assert database.share_count() == 10
    assert _holder(database) not in (None, holder)
    assert proxy.log.count("MP0241") == 2 and proxy.log.count("MP0237") == 1


def _restart(httpd):
    """Graceful; returns when there are new children, whether or not old ones have ended."""
    generation = httpd.log.count("resuming normal operations")
    os.kill(httpd.pid, signal.SIGUSR1)
    wait_until(lambda: httpd.log.count("resuming normal operations") > generation, 20, "httpd resumed after the graceful restart")


@pytest.mark.parametrize("mpm", [pytest.param(name, marks=pytest.mark.proxy(mpm=name, children=1, directives=["MiningProxyWorkTimeout 2min"]))
                                 for name in ("event", "prefork")])
def test_a_graceful_restart_hands_it_over(proxy, make_pool, mpm):
    """A slow request holds the old child; the removal, and the configuration by which it is done, are the new one's."""
    assert mpm
    pool, answered = make_pool(), Event()
    proxy.database.add_rig(pool)
    pool.behave(lambda exchange: answered.wait(100) and behaviours.normal(exchange), on="work")
    proxy.start()
    old = wait_until(lambda: _holder(proxy.database), DEADLINE, "a child has the lease")
    with ThreadPoolExecutor(1) as threads:
        try:
            work = threads.submit(proxy.miner().getwork)
            wait_until(lambda: pool.requests, DEADLINE, "a request is under way")
            _restart(proxy.httpd)
            wait_until(lambda: _holder(proxy.database) not in (None, old), HANDED_OVER, "another child has it, without waiting for the old one's to run out")
            os.kill(old, 0)
        finally:
            answered.set()
        assert work.result()


@pytest.mark.expects_log("MP0238")
@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_its_failure_is_told_and_leaves_recording_alone(admin, make_pool, maria):
    proxy, database = admin.proxy, admin.proxy.database
    database.add_rig(make_pool())
    _add_past(database)
    _plan(database)
    connection = maria.connect()
    with connection, connection.cursor() as cursor:
        for host in ("%", "localhost"):
            cursor.execute(f"REVOKE DELETE ON {database.name}.* FROM 'miner'@'{host}'")
    proxy.start()
    wait_until(lambda: proxy.log.count("MP0238"), DEADLINE, "the log says that rows cannot be removed")
    assert [reply.result for _, reply in proxy.miner().mine(5)] == [True] * 5
    proxy.wait_rows(18 + 5)
    fact = next(fact for fact in admin.view("/about")["facts"] if fact["name"] == "Upkeep")
    assert fact["is_problem"] and "could not be removed" in fact["advice"]
    assert next(fact for fact in admin.view("/about")["facts"] if fact["name"] == "Recording")["is_ok"]
    assert not proxy.log.count("MP0230")


QUERIES = [
    "DELETE FROM work_data WHERE DATEDIFF(UTC_TIMESTAMP(), time_requested) > 0",
    "DELETE FROM submitted_work WHERE DATEDIFF(UTC_TIMESTAMP(), time) > 7",
    "TRUNCATE submitted_work"]


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_the_queries_of_the_php_programs_manual_while_miners_work(proxy, make_pool, database):
    pool = make_pool()
    database.add_rig(pool)
    _add_past(database)
    database.run("DELETE FROM share_stats")
    proxy.start()
    miner = proxy.miner()
    before = len(miner.mine(5))
    proxy.wait_rows(18 + before)
    with ThreadPoolExecutor(1) as threads:
        mining = threads.submit(proxy.miner().mine, 150)
        for query in QUERIES * 5:
            served = len(pool.accepted)
            wait_until(lambda served=served: len(pool.accepted) > served or mining.done(), DEADLINE, "miners work")
            database.run(query)
        replies = [reply.result for _, reply in mining.result()]
    assert replies == [True] * 150
    later = len(miner.mine(5))
    accepted = "SELECT SUM(accepted) FROM share_stats WHERE period_length = 86400"
    wait_until(lambda: database.value(accepted) == before + 150 + later, DEADLINE, "every share is in the statistics")
    assert later <= database.share_count() < before + 150 + later
    assert database.value("SELECT COUNT(*) FROM submitted_work WHERE time < ?", _ago(days=1)) == 0
    holds_for(lambda: database.value(accepted) == before + 150 + later, 0.5, "and stays there")
