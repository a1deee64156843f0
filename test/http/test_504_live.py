# SPDX-License-Identifier: Apache-2.0
"""What an operator clicks is felt by miners: the next getwork and those that wait, in every child."""
import statistics
import time

import pytest

from fakes.miner import work_of
from harness.config import Console
from harness.console import Visitor
from harness.polls import EVERY_MPM
from harness.waiting import wait_until

NEAR = 5  # s, on a busy machine; a child looks every second, and at all of the database every ten
USUAL = 2  # s; what the documents promise


@pytest.fixture
def console(polling, templates):
    """Worker rig1 at the pools alpha and beta, and an administrator; not started."""
    polling.httpd.config.console = Console(templates=templates)
    visitor = Visitor(polling)
    visitor.alpha_id, visitor.beta_id = (polling.database.pool_id(pool) for pool in (polling.alpha, polling.beta))
    return visitor


def _came_from(pool, reply):
    return work_of(reply).data in {work.data for work in pool.issued}


def _wait_from(proxy, miner, pool, start):
    wait_until(lambda: _came_from(pool, miner.ask()), NEAR, f"work comes from {pool.name}")
    took = time.monotonic() - start
    assert took < NEAR and proxy.httpd.is_running
    return took


@pytest.mark.both_databases
def test_the_next_getwork(console):
    proxy = console.proxy.start()
    miner, took = proxy.mining(), []
    for path, pool in ((f"/pools/{console.alpha_id}/disable", proxy.beta), (f"/pools/{console.alpha_id}/enable", proxy.alpha),
                       (f"/workers/{proxy.worker}/pools/{console.alpha_id}/disable", proxy.beta),
                       (f"/workers/{proxy.worker}/pools/{console.alpha_id}/enable", proxy.alpha),
                       (f"/workers/{proxy.worker}/pools/{console.alpha_id}/down", proxy.beta)):
        start = time.monotonic()
        assert console.send(path).status == 303
        took.append(_wait_from(proxy, miner, pool, start))
    assert statistics.median(took) < USUAL, took


@pytest.mark.both_databases
def test_those_that_wait(console):
    proxy = console.proxy.start()
    miner = proxy.mining()
    polls = proxy.park_all([miner] * 4)
    start = time.monotonic()
    assert console.send(f"/pools/{console.alpha_id}/disable").status == 303
    replies = [poll.wait(10) for poll in polls]
    assert max(poll.ended for poll in polls) - start < NEAR
    assert all(_came_from(proxy.beta, reply) and reply.is_for_old_shares for reply in replies)


@EVERY_MPM
def test_under_every_mpm(console, mpm):
    assert console.proxy.httpd.config.mpm == mpm
    proxy = console.proxy.start()
    miner = proxy.mining()
    polls = proxy.park_all([miner] * 3)
    start = time.monotonic()
    assert console.send(f"/workers/{proxy.worker}/pools/{console.alpha_id}/disable").status == 303
    replies = [poll.wait(10) for poll in polls]
    assert max(poll.ended for poll in polls) - start < NEAR
    assert all(_came_from(proxy.beta, reply) for reply in replies)
    _wait_from(proxy, miner, proxy.beta, time.monotonic())


@pytest.mark.proxy(children=2)
def test_in_another_child(console):
    proxy = console.proxy.start()
    first, second = proxy.miners_apart()
    for miner in (first, second):
        miner.getwork()
    polls = [proxy.park(miner) for miner in (first, second)]
    start = time.monotonic()
    assert console.send(f"/pools/{console.alpha_id}/disable").status == 303
    assert all(_came_from(proxy.beta, poll.wait(10)) for poll in polls)
    assert max(poll.ended for poll in polls) - start < NEAR


def test_the_dashboard_tells_of_them(console):
    proxy = console.proxy.start()
    miner = proxy.mining()
    assert [reply.result for _, reply in miner.mine(3)] == [True] * 3
    proxy.wait_rows(3)
    proxy.park(miner)
    view = console.view("/")
    assert (view["totals"]["accepted"], view["totals"]["waiting"]) == (3, 1)
    [rig] = [worker for worker in view["workers"] if worker["name"] == "rig1"]
    assert rig["is_active"] and rig["is_waiting"] and rig["last_accepted"]["pool"]["name"] == "alpha"
    assert [row["is_accepted"] for row in view["submissions"]] == [True] * 3
    page = console.get("/")
    assert page.status == 200 and "rig1" in page.words and "alpha" in page.words


@pytest.mark.both_databases
@pytest.mark.proxy(children=2)
def test_no_work_without_a_pool_and_back(console):
    proxy = console.proxy.start()
    miner = proxy.mining()
    for pool in (console.alpha_id, console.beta_id):
        assert console.change(f"/pools/{pool}/disable").status == 200
    wait_until(lambda: miner.ask().error, NEAR, "no pool is left")
    start = time.monotonic()
    assert console.change(f"/pools/{console.beta_id}/enable").status == 200
    wait_until(lambda: not miner.ask().error, NEAR, "work comes again")
    _wait_from(proxy, miner, proxy.beta, start)
