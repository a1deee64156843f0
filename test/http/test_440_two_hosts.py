# SPDX-License-Identifier: Apache-2.0
"""Two hosts, one MariaDB, and nothing else in common: what one has handed out the other finds in the database, a moment later."""
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
import time

import pytest

from fakes.clock import moved_clock
from fakes.miner import work_of
from harness.config import Console
from harness.console import Visitor
from harness.hosts import make_hosts
from harness.waiting import holds_for, wait_until


@pytest.fixture
def hosts(make_proxy, make_pool, maria, directory):
    """Not started; twenty workers."""
    return make_hosts(make_proxy, make_pool, maria.create_database(directory), workers=20)


def test_a_thousand_shares_to_the_host_that_did_not_hand_out_the_work(hosts, record_property):
    hosts.start()
    errands = sorted(errand.seconds for errand in hosts.cross(1000))
    record_property("median", errands[500])
    record_property("p99", errands[990])
    hosts.assert_all_went_well(1000)
    wait_until(lambda: hosts.sums() == (1000, 1000), 10, "the statistics of both hosts add up")


def test_the_queue_of_the_host_that_handed_it_out_is_behind(hosts):
    """Somebody holds a lock, so what it handed out is not in the database yet: the other host does not call it unknown."""
    hosts.start()
    hosts.first.miner().mine(1)
    database = hosts.first.database
    wait_until(lambda: database.value("SELECT COUNT(*) FROM work_data") > 0, 10, "rows to be locked are there")
    lock = database.server.connect(database.name, autocommit=False)
    with lock, lock.cursor() as cursor, ThreadPoolExecutor(1) as threads:
        cursor.execute("SELECT * FROM work_data FOR UPDATE")
        data = hosts.first.miner().getwork().solve()
        reply = threads.submit(hosts.second.miner().submit, data)
        holds_for(lambda: not reply.done(), 0.5, "the share waits for its work")
        lock.rollback()
        assert reply.result().result is True
    assert data in [share.data for share in hosts.pool.accepted]


def test_work_that_nobody_knows_holds_few_threads_and_not_for_long(hosts):
    """A share may wait for another host's queue. What is unknown for good waits once."""
    proxy = hosts.first.start()
    stranger = hosts.second.miner("rig1")
    hosts.second.start()
    unknown = bytes([7]) * 80
    reply = stranger.submit(unknown)
    assert reply.reason == "unknown-work" and reply.seconds > 1
    for _ in range(20):
        assert stranger.submit(unknown).reason == "unknown-work"
    assert sum(reply.seconds for reply in stranger.replies[-20:]) < 10, "nobody waits for it again"
    miner = proxy.miner("rig2")
    assert [reply.result for _, reply in miner.mine(3)] == [True] * 3


def test_a_repeated_share_comes_from_the_database(hosts):
    hosts.start()
    here, there = hosts.first.miner(), hosts.second.miner()
    data = here.getwork().solve()
    assert here.submit(data).result is True
    hosts.first.wait_rows(1)
    assert there.submit(data).result is True
    assert len(hosts.pool.submissions) == 1


@pytest.mark.expects_log("MP0230", "AH00098")
def test_a_host_that_died_brings_its_shares_when_it_is_back(make_proxy, make_pool, private_maria, directory):
    """Its spool is on its own disk: the others go on without it."""
    hosts = make_hosts(make_proxy, make_pool, private_maria.create_database(directory)).start()
    private_maria.kill()
    hosts.first.miner().mine(3)
    hosts.second.miner().mine(2)
    hosts.first.httpd.kill_all()
    private_maria.start()
    assert [reply.result for _, reply in hosts.second.miner().mine(2)] == [True] * 2
    hosts.second.wait_rows(4, 20)
    hosts.first.start()
    hosts.first.wait_rows(7, 20)
    wait_until(lambda: hosts.sums()[0] == 7, 10, "the statistics have all of them, once")


@pytest.mark.expects_log("MP0239")
def test_the_clock_of_one_host_is_more_than_five_minutes_ahead(hosts, directory):
    """Mining does not mind. Old rows it leaves to others, and says so."""
    hosts.second.httpd.more_environment = moved_clock(directory, 330)
    hosts.start()
    hosts.cross(40)
    hosts.assert_all_went_well(40)
    holder = wait_until(lambda: _upkeep_holder(hosts.first.database), 30, "somebody removes old rows")
    assert holder in hosts.first.httpd.children()
    wait_until(lambda: hosts.second.log.count("MP0239:"), 10, "the host whose clock is wrong has looked")
    assert [proxy.log.count("MP0239:") for proxy in hosts.both] == [0, 1]
    assert [proxy.log.count("MP0241:") for proxy in hosts.both] == [1, 0]


def _upkeep_holder(database) -> int:
    """The process that has the lease; 0: nobody."""
    rows = database.rows("SELECT value FROM settings WHERE `key` = 'upkeep_lease'")
    words = rows[0][0].split(maxsplit=2) if rows else []
    return int(words[2].split("/")[1]) if len(words) == 3 else 0


def _ago(**span) -> str:
    return (datetime.now(timezone.utc) - timedelta(**span)).strftime("%Y-%m-%d %H:%M:%S")


def test_one_of_the_hosts_removes_old_rows(hosts):
    database = hosts.first.database
    for _ in range(3):
        database.run("INSERT INTO submitted_work (worker_id, pool_id, result, difficulty, time) VALUES (1, 1, 1, 1, ?)", _ago(days=20))
    # A run is due, and what is kept is as before: otherwise it would be put off a day.
    for name, value in (("next", _ago(minutes=1)), ("kept", "3600 3600 3600")):
        database.run("INSERT INTO settings (`key`, value) VALUES (?, ?)", f"upkeep_{name}", value)
    hosts.start()

    def said(words: str) -> int:
        return sum(proxy.log.count(words) for proxy in hosts.both)
    wait_until(lambda: said("MP0237:"), 60, "a run has ended")
    # What it records next it records after it has looked whether old rows are its business.
    for proxy in hosts.both:
        proxy.miner().mine(2)
    hosts.first.wait_rows(4, 20)
    assert said("MP0237: removed 0 works, 3 shares and 0 rows") == said("MP0237:") == 1
    assert said("MP0241:") == 1
    holder, = [proxy for proxy in hosts.both if proxy.log.count("MP0241:")]
    assert _upkeep_holder(database) in holder.httpd.children()


@pytest.fixture
def consoles(hosts, templates):
    """The administrator at either host; both started."""
    for proxy in hosts.both:
        proxy.httpd.config.console = Console(templates=templates)
    hosts.pool.long_polling = "/lp"
    hosts.start()
    return [Visitor(proxy) for proxy in hosts.both]


def test_what_is_changed_on_one_console_is_in_force_on_the_other_host(hosts, consoles, make_pool):
    other = make_pool("beta")
    miner = hosts.second.mining()
    poll = hosts.second.park(miner)
    start = time.monotonic()
    pool = consoles[0].change("/pools/new", {"name": "beta", "url": other.url}).json["id"]
    fields = {"username": "rig1@beta", "password": "x", "priority": "9"}
    assert consoles[0].change(f"/workers/{hosts.workers['rig1']}/pools/{pool}", fields).status in (200, 201)
    reply = poll.wait(10)
    assert time.monotonic() - start < 5, "in about a second, not with the next full look at the database"
    assert reply.is_for_old_shares
    assert hosts.second.miner().submit(work_of(reply).solve()).result is True
    assert [share.user for share in other.accepted] == ["rig1@beta"]
    wait_until(lambda: "beta" in consoles[1].get("/pools").words, 5, "the other host shows it")


def test_a_form_of_one_console_may_be_sent_to_the_other(hosts, consoles):
    answer = consoles[1].send("/pools/new", {"name": "gamma", "url": "http://127.0.0.1:1/"}, token=consoles[0].token())
    assert answer.status == 303
    wait_until(lambda: "gamma" in consoles[0].get("/pools").words, 5, "the first host shows it")


def test_the_dashboard_of_either_host_shows_the_shares_of_both(hosts, consoles):
    hosts.first.miner().mine(2)
    hosts.second.miner().mine(3)

    def accepted(console):
        return console.view("/")["totals"]["accepted"]
    for console in consoles:
        wait_until(lambda: accepted(console) == 5, 10, "all shares are shown")
