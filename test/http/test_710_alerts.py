# SPDX-License-Identifier: Apache-2.0
"""Alerts as whoever is on call gets them: once when something begins, once when it is over, from one process of the farm, and never at a miner's cost."""
from datetime import datetime, timedelta, timezone
import json
import os
from pathlib import Path

import pytest

from fakes import ledger
from fakes.pool import TRIVIAL
from harness.hosts import make_hosts
from harness.metrics import LOCATION, scrape
from harness.waiting import holds_for, wait_until

DELAY, SILENCE = 0.5, 3.0  # s
WINDOW = 30.0  # s within which whatever is so must be told: who looks rests for a hundred times as long as that took
TIMES = [f"MiningProxyAlertDelay {DELAY * 1000:.0f}ms", f"MiningProxyAlertSilence {SILENCE:.0f}s"]
HOOK = "/services/a-secret"


def _directives(webhook, *more):
    return [*TIMES, f"MiningProxyAlertWebhook {webhook.origin}{HOOK} json", *more]


def _plant_habit(database, worker, per_hour=36_000):
    """It has brought so many shares an hour, all day."""
    hour = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)
    pool = database.value("SELECT MIN(id) FROM pool")
    for before in range(6):
        start = (hour - timedelta(hours=before)).strftime("%Y-%m-%d %H:%M:%S")
        database.run("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted) VALUES (3600, ?, ?, ?, ?)", start, worker, pool, per_hour)


def _plant_silence(database, worker):
    """It has a habit, and brought its last share just now."""
    _plant_habit(database, worker)
    now = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    database.run("INSERT INTO worker_status (worker_id, last_accepted_time) VALUES (?, ?)", worker, now)


def _told(webhook, kind, state, count=1, timeout=WINDOW):
    """Waits for so many notices; returns the last. More are as wrong as fewer."""
    def wanted(notice):
        return (notice.json["kind"], notice.json["state"]) == (kind, state)
    wait_until(lambda: len([notice for notice in webhook.received if wanted(notice)]) >= count, timeout, f"{kind} {state}, {count} times; got {_all(webhook)}")
    found = [notice for notice in webhook.received if wanted(notice)]
    assert len(found) == count, _all(webhook)
    return found[-1].json


def _all(webhook):
    return [(notice.json["kind"], notice.json["state"], notice.json["text"]) for notice in webhook.received]


def _rows(database, kind):
    """Of the table: whether each is over, and what went wrong with its notice."""
    return [(ended is not None, delivery) for ended, delivery in
            database.rows("SELECT time_ended, delivery FROM alert WHERE kind = ? ORDER BY id", kind)]


def _mine_until(miner, condition, timeout=WINDOW, what=""):
    """Share after share."""
    wait_until(lambda: miner.mine(1) and condition(), timeout, what)


def _bring_down(farm, webhook):
    """The best pool, and somebody who finds out."""
    farm.pools[0].kill()
    miner = farm.miner()
    for _ in range(6):
        miner.getwork()
    return _told(webhook, "pool-down", "begun")


@pytest.fixture
def farm(make_proxy, make_pool, database, webhook):
    """One rig at two pools, not started; four children."""
    pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    worker = database.add_rig(*pools)
    proxy = make_proxy(database, _directives(webhook), children=4)
    proxy.pools, proxy.worker = pools, worker
    return proxy


@pytest.mark.both_databases
def test_a_worker_falls_silent_and_mines_again(farm, webhook):
    _plant_habit(farm.database, farm.worker)
    farm.start()
    miner = farm.miner()
    holds_for(lambda: miner.mine(1) and not webhook.received, 2 * SILENCE, "who mines is not silent")
    notice = _told(webhook, "worker-silent", "begun")
    assert notice["title"] == "worker rig1 is silent" and notice["count"] == 1 and notice["subjects"][0]["name"] == "rig1"
    assert webhook.received[0].path == HOOK and webhook.received[0].headers["content-type"] == "application/json"
    holds_for(lambda: len(webhook.received) == 1, 4 * DELAY, "it is told once")
    assert _rows(farm.database, "worker-silent") == [(False, "")]
    _mine_until(miner, lambda: len(webhook.received) > 1, what="it is told to mine again")
    notice = _told(webhook, "worker-silent", "recovered")
    assert notice["title"] == "worker rig1 mines again"
    assert len(webhook.received) == 2 and _rows(farm.database, "worker-silent") == [(True, "")]
    assert "a-secret" not in farm.log.text()


def test_many_workers_at_once_are_one_notice(farm, webhook):
    """A switch dies."""
    names = [f"rack{number:03}" for number in range(60)]
    for name in names:
        _plant_silence(farm.database, farm.database.add_rig(farm.pools[0], name=name))
    farm.start()
    notice = _told(webhook, "worker-silent", "begun")
    assert notice["title"] == "60 workers are silent" and "rack000" in notice["text"] and "and 50 more" in notice["text"]
    assert {subject["name"] for subject in notice["subjects"]} == set(names)
    assert _rows(farm.database, "worker-silent") == [(False, "")] * 60


def test_a_restart_neither_repeats_nor_forgets(farm, webhook):
    _plant_habit(farm.database, farm.worker)
    farm.start()
    farm.miner().mine(1)
    _told(webhook, "worker-silent", "begun")
    farm.httpd.graceful()
    farm.wait_ready()
    farm.httpd.stop()
    farm.start()
    holds_for(lambda: len(webhook.received) == 1, SILENCE + 4 * DELAY, "it was told before")
    _mine_until(farm.miner(), lambda: len(webhook.received) > 1, what="it is told to mine again")
    _told(webhook, "worker-silent", "recovered")
    assert _rows(farm.database, "worker-silent") == [(True, "")]


def test_the_header_of_a_file(farm, webhook, directory):
    """httpd's parent reads it, at start and again with each restart: where that is root, its children, who are not, need not be able to."""
    path = directory / "header"
    path.touch(0o600)
    path.write_text("Authorization: Bearer one\n")
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_uid == os.geteuid()
    farm.httpd.config.directives.append(f"MiningProxyAlertHeaderFile {path}")
    _plant_silence(farm.database, farm.worker)
    farm.start()
    _told(webhook, "worker-silent", "begun")
    path.write_text("X-Token: two\n")
    farm.httpd.graceful()
    farm.wait_ready()
    _mine_until(farm.miner(), lambda: len(webhook.received) > 1, what="it is told to mine again")
    _told(webhook, "worker-silent", "recovered")
    assert webhook.received[0].headers["authorization"] == "Bearer one" and "x-token" not in webhook.received[0].headers
    assert webhook.received[1].headers["x-token"] == "two" and "authorization" not in webhook.received[1].headers


@pytest.mark.expects_log("MP0210")
@pytest.mark.both_databases
def test_a_pool_goes_down_and_comes_back(farm, webhook):
    """The best pool, as the child sees it that tried it; the leader is another child perhaps, and is killed meanwhile."""
    farm.start()
    notice = _bring_down(farm, webhook)
    assert notice["title"] == "pool alpha is down" and "refused" in notice["text"]
    for child in farm.httpd.children():
        farm.httpd.kill_child(child)
    farm.database.run("UPDATE settings SET value = '-' WHERE `key` = 'upkeep_lease'")  # that of a killed leader runs out within a minute
    farm.wait_ready()
    miner = farm.miner()
    for _ in range(8):
        miner.getwork()
    holds_for(lambda: len(webhook.received) == 1, 4 * DELAY, "new children tell nothing again")
    farm.pools[0].revive()
    notice = _told(webhook, "pool-down", "recovered", timeout=30)
    assert notice["title"] == "pool alpha is back" and _rows(farm.database, "pool-down") == [(True, "")]


@pytest.mark.expects_log("MP0210")
def test_children_that_know_nothing_of_a_pool_do_not_call_it_well(farm, webhook):
    """After a restart nobody mines, or hardly anybody."""
    farm.start()
    _bring_down(farm, webhook)
    farm.httpd.graceful()
    holds_for(lambda: len(webhook.received) == 1, 6 * DELAY, "nobody asked it")
    farm.miner().getwork()
    holds_for(lambda: len(webhook.received) == 1, 6 * DELAY, "somebody asked it once, in vain")
    assert _rows(farm.database, "pool-down") == [(False, "")]


@pytest.mark.expects_log("MP0210")
def test_a_pool_that_is_disabled_while_it_is_down_is_not_back(farm, webhook):
    farm.start()
    _bring_down(farm, webhook)
    farm.database.change("UPDATE pool SET enabled = 0 WHERE id = ?", farm.database.pool_id(farm.pools[0]))
    wait_until(lambda: _rows(farm.database, "pool-down") == [(True, "")], WINDOW, "it is over")
    assert len(webhook.received) == 1


@pytest.mark.both_databases
def test_rejects(farm, webhook):
    farm.start()
    miner = farm.miner()
    work = miner.getwork()
    for number in range(30):
        if number % 12 == 10:
            work = miner.getwork()
        miner.submit(work.unsolved() if number % 6 == 0 else next(work.nonces()))
    notice = _told(webhook, "rejects", "begun")
    assert notice["title"] == "worker rig1 has many rejects" and "%" in notice["text"]
    assert _rows(farm.database, "rejects") == [(False, "")]


@pytest.mark.expects_log("MP0230", "MP0040")
def test_the_database_goes_away_and_comes_back(make_proxy, make_pool, private_maria, directory, webhook):
    """Each host tells of that itself; what happens meanwhile is told as well, and written down later."""
    database = private_maria.create_database(directory)
    pool = make_pool(difficulty=TRIVIAL)
    database.add_rig(pool)
    proxy = make_proxy(database, _directives(webhook, "MiningProxyDatabaseTimeout 1s"))
    proxy.httpd.config.children = 2
    proxy.start()
    wait_until(lambda: proxy.log.count("MP0741"), 10, "a child leads")
    private_maria.stop()
    notice = _told(webhook, "database-away", "begun")
    assert "shares wait on its disk" in notice["text"] and database.name not in notice["text"]
    proxy.httpd.graceful()
    proxy.miner().mine(3)
    holds_for(lambda: len(webhook.received) == 1, 8 * DELAY, "new children do not tell it again")
    private_maria.start()
    _told(webhook, "database-away", "recovered", timeout=30)
    wait_until(lambda: _rows(database, "database-away") == [(True, "")], 10, "it has a row by now")


@pytest.mark.expects_log("MP0230", "MP0040")
def test_what_a_child_told_in_an_outage_ends_with_the_next_one(make_proxy, make_pool, private_maria, directory, webhook):
    """Its row is written when the database is back, the child replaced before it is over."""
    database = private_maria.create_database(directory)
    database.add_rig(make_pool(difficulty=TRIVIAL))
    proxy = make_proxy(database, ["MiningProxyAlertDelay 4s", f"MiningProxyAlertWebhook {webhook.origin}{HOOK}", "MiningProxyDatabaseTimeout 1s"], children=2)
    proxy.start()
    wait_until(lambda: proxy.log.count("MP0741"), 10, "a child leads")
    private_maria.stop()
    _told(webhook, "database-away", "begun", timeout=30)
    private_maria.start()
    wait_until(lambda: _rows(database, "database-away"), 10, "it has a row by now")
    proxy.httpd.graceful()
    _told(webhook, "database-away", "recovered", timeout=60)
    wait_until(lambda: _rows(database, "database-away") == [(True, "")], 10, "the same row is over")


@pytest.mark.expects_log("MP0230", "MP0040", "MP0750")
def test_a_notice_that_failed_in_an_outage_is_listed_as_such(make_proxy, make_pool, private_maria, directory, webhook):
    database = private_maria.create_database(directory)
    database.add_rig(make_pool(difficulty=TRIVIAL))
    webhook.refuse()
    proxy = make_proxy(database, _directives(webhook, "MiningProxyDatabaseTimeout 1s"), children=1)
    proxy.start()
    wait_until(lambda: proxy.log.count("MP0741"), 10, "a child leads")
    private_maria.stop()
    wait_until(lambda: proxy.log.count("MP0750"), 40, "it cannot be sent")
    private_maria.start()
    wait_until(lambda: [delivery for _, delivery in _rows(database, "database-away") if "refused" in delivery], 20, "its row says so")


@pytest.mark.expects_log("MP0230", "MP0040", "MP0313", "MP0314")
def test_a_spool_fills_up(make_proxy, make_pool, private_maria, directory, webhook):
    database = private_maria.create_database(directory)
    database.add_rig(make_pool(difficulty=TRIVIAL))
    proxy = make_proxy(database, _directives(webhook, "MiningProxySpoolLimit 8k", "MiningProxyDatabaseTimeout 1s"))
    proxy.httpd.config.children = 1
    proxy.start()
    private_maria.stop()
    miner = proxy.miner()
    wait_until(lambda: miner.submit(miner.getwork().solve()).error, 60, "the spool is full")
    notice = _told(webhook, "spool-half", "begun")
    assert "% full" in notice["text"]
    private_maria.start()
    _told(webhook, "spool-half", "recovered", timeout=30)


def test_a_block_is_found(farm, webhook, monkeypatch):
    """On a network whose target every second hash meets: a flood is one notice a minute."""
    monkeypatch.setattr(ledger, "NBITS", bytes.fromhex("207fffff"))
    farm.start()
    shares = farm.miner().mine(20)
    assert all(reply.result for _, reply in shares)
    notice = _told(webhook, "block-found", "event")
    assert "block" in notice["title"]
    assert len(farm.log.text().split("MP0740")) - 1 == 1
    assert {ended for ended, _ in _rows(farm.database, "block-found")} == {True}


def test_two_hosts_tell_once(make_proxy, make_pool, maria, directory, webhook):
    hosts = make_hosts(make_proxy, make_pool, maria.create_database(directory), workers=3, directives=tuple(_directives(webhook)))
    for worker in hosts.workers.values():
        _plant_silence(hosts.first.database, worker)
    hosts.start()
    assert _told(webhook, "worker-silent", "begun")["count"] == 3
    holds_for(lambda: len(webhook.received) == 1, 8 * DELAY, "the other host says nothing")


# How they are sent

@pytest.mark.expects_log("MP0750")
@pytest.mark.parametrize("trouble,arrivals", [("refuses", 0), ("hangs", 3), ("fails", 3)])
def test_a_webhook_in_trouble_is_tried_again_and_costs_no_miner_anything(farm, webhook, trouble, arrivals):
    _plant_habit(farm.database, farm.worker)
    {"refuses": webhook.refuse, "hangs": webhook.hang, "fails": lambda: webhook.answer(503)}[trouble]()
    farm.start()
    farm.miner().mine(1)
    wait_until(lambda: _rows(farm.database, "worker-silent"), WINDOW, "it is so")
    miner = farm.miner()
    holds_for(lambda: miner.getwork().reply.seconds < 5, 3, "no miner waits")
    wait_until(lambda: _rows(farm.database, "worker-silent")[0][1], 60, "its row says what is wrong")
    delivery = _rows(farm.database, "worker-silent")[0][1]
    assert webhook.origin in delivery and "a-secret" not in delivery
    assert len(webhook.received) == arrivals and len({notice.body for notice in webhook.received}) <= 1, "the same notice, three times"
    assert farm.log.count("MP0750") == 1 and "a-secret" not in farm.log.text()


SCRIPT = """#!/bin/sh
read line
printf '{"kind": "%s", "state": "%s", "text": "%s", "line": "%s", "descriptors": "%s", "environment": %d}\\n' "$MP_ALERT_KIND" "$MP_ALERT_STATE" "$MP_ALERT_TEXT" "$line" \\
    "$(echo /proc/self/fd/*)" "$(env | grep -vc '^MP_ALERT_\\|^PATH=\\|^PWD=')" >> OUT
"""


def test_a_command(make_proxy, make_pool, database, directory):
    """Names with a shell's words in them stay words."""
    pool, out, script = make_pool(difficulty=TRIVIAL), Path(directory) / "out", Path(directory) / "alarm"
    worker = database.add_rig(pool, name="rig $(id) `id`")
    out.touch()
    out.chmod(0o666)
    script.write_text(SCRIPT.replace("OUT", str(out)), encoding="ascii")
    script.chmod(0o755)
    proxy = make_proxy(database, [*TIMES, f"MiningProxyAlertCommand {script}"])
    _plant_habit(database, worker)
    proxy.start()
    proxy.miner("rig $(id) `id`").mine(1)
    wait_until(lambda: out.read_text("utf-8").endswith("\n"), WINDOW, "the command ran")
    said = json.loads(out.read_text("utf-8"))
    assert (said["kind"], said["state"]) == ("worker-silent", "begun") and said["environment"] == 0
    assert "worker rig $(id) `id` was accepted" in said["text"] and said["line"] == said["text"]
    assert said["descriptors"].split() == [f"/proc/self/fd/{number}" for number in range(4)], "the three of every program, and the shell's for this list"


def test_off(make_proxy, make_pool, database, webhook):
    worker = database.add_rig(make_pool(difficulty=TRIVIAL))
    proxy = make_proxy(database, _directives(webhook, "MiningProxyAlerts Off"))
    _plant_habit(database, worker)
    proxy.start()
    proxy.miner().mine(1)
    holds_for(lambda: not webhook.received, SILENCE + 4 * DELAY, "nothing is told")
    assert not proxy.log.count("MP0741") and database.rows("SELECT * FROM alert") == []


def test_alerts_are_counted(farm, webhook):
    farm.httpd.config.locations.append(LOCATION)
    _plant_habit(farm.database, farm.worker)
    farm.start()
    farm.miner().mine(1)
    _told(webhook, "worker-silent", "begun")
    metrics = scrape(farm.httpd)
    assert metrics.value("alerts_total", kind="worker_silent") == 1 and metrics.value("alerts_total", kind="pool_down") == 0


@pytest.mark.parametrize("mpm", ["worker", "prefork"])
def test_other_mpms(make_proxy, make_pool, database, webhook, mpm):
    worker = database.add_rig(make_pool(difficulty=TRIVIAL))
    proxy = make_proxy(database, _directives(webhook), mpm=mpm, children=4)
    _plant_habit(database, worker)
    proxy.start()
    proxy.miner().mine(1)
    _told(webhook, "worker-silent", "begun")
