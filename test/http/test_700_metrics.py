# SPDX-License-Identifier: Apache-2.0
"""The page for Prometheus: well-formed whatever names there are, exact, and never falling."""
import random

import pytest

from fakes import header, ledger
from fakes.pool import TRIVIAL
from harness.database import cheap_hash
from harness.drill import Drill
from harness.metrics import LOCATION, ask, check, scrape
from harness.polls import EVERY_MPM
from harness.waiting import wait_until

BATCH = 200  # shares, at most


@pytest.fixture
def counted(proxy):
    """A proxy with the page, not started."""
    proxy.httpd.config.locations.append(LOCATION)
    return proxy


def _farm(counted, make_pool, **options):
    pool = make_pool("alpha", **options)
    counted.database.add_rig(pool)
    counted.start()
    return pool


def _mine(miner, count=1):
    for _ in range(count):
        work = miner.getwork()
        assert miner.submit(work.solve()).result


@EVERY_MPM
def test_an_empty_farm(counted, mpm):
    counted.start()
    metrics = scrape(counted.httpd)
    check(metrics.text)
    assert metrics.value("build_info", mpm=mpm) == 1 and metrics.value("children") >= 1 and metrics.value("database_up") == 1
    assert metrics.value("start_time_seconds") > 1.7e9


def test_odd_names(counted, make_pool):
    pool = make_pool("alpha")
    pools = ['we"ird\n\\name', "snow ☃"]
    for name in pools:
        counted.database.add_pool(name, url=pool.url)
    counted.start()
    wait_until(lambda: scrape(counted.httpd).count("pool_enabled") == 2, 10, "the pools are known")
    text = scrape(counted.httpd).text
    check(text)
    assert 'pool="we\\"ird\\n\\\\name"' in text and 'pool="snow ☃"' in text


@pytest.mark.both_databases
@pytest.mark.expects_log("AH01617")  # the wrong password
def test_what_is_known_is_counted(counted, make_pool):
    pool = _farm(counted, make_pool)
    miner = counted.miner()
    shares = miner.mine(3)
    assert not miner.submit(miner.getwork().unsolved()).result
    assert miner.submit(shares[0][0]).result  # a repeat: answered, not sent, no row
    assert miner.submit(b"\0" * 80).result is False
    assert counted.login_status("rig1", "wrong") == 401
    counted.wait_rows(4)
    wait_until(lambda: (now := scrape(counted.httpd)).value("shares_total") == 4 and now.value("spool_shares") == 0, 5, "they are counted")
    metrics = scrape(counted.httpd)
    check(metrics.text)
    alpha = {"id": counted.database.pool_id(pool), "pool": "alpha"}
    rig = {"id": counted.database.worker_id("rig1"), "worker": "rig1"}
    assert metrics.value("shares_total", verdict="accepted", reason="", **alpha) == 3
    assert metrics.value("shares_total", verdict="rejected", reason="low_difficulty", **alpha) == 1
    assert metrics.value("accepted_difficulty_total", **alpha) == pytest.approx(3 * pool.difficulty, rel=1e-6)
    assert metrics.value("worker_shares_total", verdict="accepted", **rig) == 3
    assert metrics.value("worker_accepted_difficulty_total", **rig) == pytest.approx(3 * pool.difficulty, rel=1e-6)
    assert metrics.value("works_total", **alpha) == metrics.value("worker_works_total", **rig) == len(pool.issued)
    assert metrics.value("requests_total", kind="getwork", outcome="work") == len(pool.issued)
    assert metrics.value("requests_total", kind="share", outcome="accepted") == 3
    assert metrics.value("requests_total", kind="share", outcome="rejected") == 1
    assert metrics.value("requests_total", kind="share", outcome="repeated") == 1
    assert metrics.value("requests_total", kind="share", outcome="unknown_work") == 1
    assert metrics.value("login_failures_total") >= 1
    assert metrics.value("pool_request_seconds_count", kind="getwork", **alpha) == len(pool.issued)
    assert metrics.value("pool_request_seconds_count", kind="share", **alpha) == 4
    assert metrics.value("cache_lookups_total", cache="verdict", outcome="hit") == 1
    assert metrics.value("cache_lookups_total", cache="route", outcome="hit") >= 4
    assert metrics.value("pool_circuit", state="closed", **alpha) == 1 and metrics.value("pool_circuit", state="open", **alpha) == 0
    assert metrics.value("database_seconds_count", operation="write") >= 1
    assert metrics.value("spool_shares") == 0 and metrics.value("spool_limit_bytes") > 0


@pytest.mark.expects_log("MP0210")
def test_a_pool_that_is_down(counted, make_pool):
    pool = _farm(counted, make_pool)
    pool.kill()
    miner = counted.miner()
    for _ in range(4):
        assert miner.ask().error
    wait_until(lambda: scrape(counted.httpd).value("pool_circuit", pool="alpha", state="open") == 1, 5, "the pool is down")
    metrics = scrape(counted.httpd)
    assert metrics.value("pool_failures_total", pool="alpha", kind="getwork") >= 3
    assert metrics.value("requests_total", kind="getwork", outcome="no_pool") == 4


@pytest.mark.proxy(children=2)
def test_killed_children_and_a_graceful_restart(counted, make_pool):
    _farm(counted, make_pool)
    before, mined = scrape(counted.httpd), 0
    for step in range(4):
        _mine(counted.miner(), 5)
        mined += 5
        if step == 2:
            counted.httpd.graceful()
        else:
            # What a killed child had counted, and not noted as such, would be counted once more.
            wait_until(lambda: scrape(counted.httpd).value("shares_total") == mined, 10, "everything is counted")
            wait_until(lambda: scrape(counted.httpd).value("spool_shares") == 0, 10, "and noted")
            counted.httpd.kill_child(counted.httpd.children()[0])
        counted.wait_ready()
        now = scrape(counted.httpd)
        now.assert_not_behind(before)
        before = now
    counted.wait_rows(mined)
    wait_until(lambda: scrape(counted.httpd).value("shares_total", verdict="accepted") == mined, 10, "all are counted")
    assert scrape(counted.httpd).value("shares_total") == mined
    assert scrape(counted.httpd).value("start_time_seconds") == before.value("start_time_seconds")


def test_another_limit_begins_anew(counted, make_pool):
    _farm(counted, make_pool)
    _mine(counted.miner(), 1)
    counted.wait_rows(1)
    counted.httpd.config.directives.append("MiningProxyMetricsWorkers 7")
    counted.httpd.write_config()
    counted.httpd.graceful()
    counted.wait_ready()
    wait_until(lambda: scrape(counted.httpd).value("works_total") == 0, 10, "the new children count anew")


@pytest.mark.proxy(directives=["MiningProxyMetricsWorkers 2"])
def test_workers_beyond_the_limit(counted, make_pool):
    pool = make_pool("alpha")
    names = [f"rig{number}" for number in range(1, 6)]
    for name in names:
        counted.database.add_rig(pool, name=name)
    counted.start()
    for name in names:
        _mine(counted.miner(name))
    counted.wait_rows(5)
    wait_until(lambda: scrape(counted.httpd).value("worker_shares_total", verdict="accepted") == 5, 5, "all are counted")
    metrics = scrape(counted.httpd)
    check(metrics.text)
    assert metrics.count("worker_works_total") == 3 and metrics.value("worker_works_total", id=0, worker="others") == 3
    assert metrics.value("worker_shares_total", id=0, verdict="accepted") == 3


def test_a_deleted_pool_keeps_its_series(counted, make_pool):
    pool = _farm(counted, make_pool)
    _mine(counted.miner())
    number = counted.database.pool_id(pool)
    counted.database.change("DELETE FROM worker_pool")
    counted.database.change("DELETE FROM pool")
    wait_until(lambda: f'works_total{{id="{number}",pool="#{number}"}}' in scrape(counted.httpd).text, 15, "the pool has only its number")
    check(scrape(counted.httpd).text)


@pytest.mark.expects_log("MP0230")
def test_while_the_database_is_away(make_proxy, private_maria, directory, make_pool):
    database = private_maria.create_database(directory)
    database.add_rig(make_pool("alpha"))
    proxy = make_proxy(database, ["MiningProxyDatabaseTimeout 1s"])
    proxy.httpd.config.locations.append(LOCATION)
    proxy.start()
    private_maria.kill()
    _mine(proxy.miner(), 3)
    wait_until(lambda: scrape(proxy.httpd).value("database_up") == 0, 10, "it is known to be away")
    metrics = scrape(proxy.httpd)
    check(metrics.text)
    assert metrics.value("spool_shares") == 3 and metrics.value("spool_bytes") > 0 and metrics.value("spool_oldest_seconds") > 0
    assert metrics.value("database_errors_total") >= 1 and metrics.value("shares_total") == 0
    private_maria.start()
    wait_until(lambda: scrape(proxy.httpd).value("database_up") == 1, 20, "it is there again, and they are recorded")
    metrics = scrape(proxy.httpd)
    assert metrics.value("shares_total", verdict="accepted") == 3 and metrics.value("spool_oldest_seconds") == 0


def test_methods(counted):
    counted.start()
    status, headers, text = ask(counted.httpd, method="HEAD")
    assert status == 200 and int(headers["content-length"]) > 1000 and not text
    status, headers, _ = ask(counted.httpd, method="POST")
    assert status == 405 and "GET" in headers["allow"] and "POST" not in headers["allow"]


@pytest.mark.both_databases
def test_a_block_is_found(counted, make_pool, monkeypatch):
    """On a network whose target every second hash meets."""
    monkeypatch.setattr(ledger, "NBITS", bytes.fromhex("207fffff"))
    _farm(counted, make_pool)
    miner, blocks = counted.miner(), 0
    for _ in range(4):
        (data, reply), = miner.mine(1)
        assert reply.result
        blocks += header.hash_number(data) <= 0x7fffff << 232
    wait_until(lambda: scrape(counted.httpd).value("shares_total", verdict="accepted") == 4, 10, "the shares are recorded")
    assert scrape(counted.httpd).value("blocks_found_total", pool="alpha") == blocks > 0
    assert counted.log.count("MP0253") == 1 and 'accepted by pool 1 "alpha"' in counted.log.text()
@pytest.mark.expects_log("MP0006")
def test_a_child_that_cannot_serve(counted):
    counted.httpd.config.directives = [
        line if "StateDirectory" not in line else 'MiningProxyStateDirectory "/proc/self"' for line in counted.httpd.config.directives]
    counted.httpd.start()
    status, headers, text = ask(counted.httpd)
    assert status == 503 and "error log says why" in text and headers["cache-control"] == "no-store"


@pytest.mark.expects_log("MP0203", "MP0230")
def test_a_child_without_a_roster(counted):
    """Born while the database is away, and nothing saved: miners are told 503, Prometheus that the database is away."""
    counted.httpd.config.directives = [
        line if not line.startswith("MiningProxyDatabase ") else 'MiningProxyDatabase "mysql://nobody@127.0.0.1:1/farm"'
        for line in counted.httpd.config.directives]
    counted.httpd.start()
    wait_until(lambda: scrape(counted.httpd).value("database_up") == 0, 10, "it is known to be away")
    check(scrape(counted.httpd).text)


def test_long_polls(counted, make_pool):
    pool = make_pool("alpha")
    pool.long_polling = "/lp"
    counted.database.add_rig(pool)
    counted.start()
    miner = counted.mining()
    poll = counted.park(miner)
    wait_until(lambda: scrape(counted.httpd).value("parked_polls") == 1, 5, "one waits")
    counted.find_block(pool)
    assert poll.wait().status == 200
    wait_until(lambda: scrape(counted.httpd).value("wakes_total", reason="block") == 1, 5, "it is counted")
    metrics = scrape(counted.httpd)
    assert metrics.value("requests_total", kind="longpoll", outcome="work") == 1 and metrics.value("parked_polls") == 0
    assert metrics.value("pool_blocks_total", pool="alpha") == 1 and metrics.value("parked_polls_limit") > 0
    counted.park(counted.mining()).close()
    wait_until(lambda: scrape(counted.httpd).value("requests_total", kind="longpoll", outcome="gone") == 1, 5, "its miner went away")


@pytest.mark.load
@pytest.mark.proxy(directives=["MiningProxyLongPollTimeout 40s"])
@pytest.mark.expects_log("AH01617")
def test_a_poll_that_is_turned_away(counted, make_pool):
    """Its worker's password was changed while it waited, of which it is told in the end: no pool is to blame."""
    pool = make_pool("alpha")
    pool.long_polling = "/lp"
    counted.database.add_rig(pool)
    counted.start()
    poll = counted.park(counted.mining())
    counted.database.change("UPDATE worker SET password = ? WHERE name = 'rig1'", cheap_hash("another"))
    wait_until(lambda: counted.login_status("rig1", "another") == 200, 10, "the new password is known")
    assert poll.wait(45).error
    metrics = scrape(counted.httpd)
    assert metrics.value("requests_total", kind="longpoll", outcome="turned_away") == 1
    assert metrics.value("requests_total", kind="longpoll", outcome="no_pool") == metrics.value("requests_total", kind="longpoll", outcome="work") == 0


@pytest.mark.both_databases
@pytest.mark.proxy(children=3)
def test_children_killed_under_load(counted, make_pool):
    """Miners repeat what they got no answer to; the counters are what the rows are, but for the batch of a child that was killed between counting it and noting that it is done."""
    pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    names = [f"rig{number}" for number in range(1, 7)]
    for name in names:
        counted.database.add_rig(*pools, name=name)
    counted.start()
    before = scrape(counted.httpd)
    with Drill(counted, names, seed=7, pace=0.002) as drill:
        for _ in range(4):
            drill.mine(120)
            counted.httpd.kill_child(random.choice(counted.httpd.children()))
        counted.httpd.graceful()
        drill.mine(120)
    drill.wait_recorded()
    rows = {result: counted.database.value("SELECT count(*) FROM submitted_work WHERE result = ?", result) for result in (0, 1)}
    wait_until(lambda: scrape(counted.httpd).value("shares_total", verdict="accepted") >= rows[1], 10, "all are counted")
    after = scrape(counted.httpd)
    after.assert_not_behind(before)
    counts = {0: after.value("shares_total", verdict="rejected"), 1: after.value("shares_total", verdict="accepted")}
    twice = [counts[result] - rows[result] for result in (0, 1)]
    assert min(twice) >= 0 and sum(twice) <= BATCH, twice
    assert after.value("worker_shares_total", verdict="accepted") == counts[1]
    unknown = counted.database.value("SELECT count(*) FROM submitted_work WHERE result IS NULL")
    assert after.value("shares_total", verdict="unknown") >= unknown
