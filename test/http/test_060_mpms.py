# SPDX-License-Identifier: Apache-2.0
"""The same farm under every MPM: alive, work and shares, failover, restart, a killed child."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import behaviours
from harness.proxy import HASTY

pytestmark = [pytest.mark.expects_log("MP0210"), pytest.mark.parametrize("mpm", [
    pytest.param(name, marks=pytest.mark.proxy(mpm=name, children=2)) for name in ("event", "worker", "prefork")])]


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy.start()


@pytest.mark.both_databases
def test_work_and_shares(mining, mpm):
    assert mining.httpd.config.mpm == mpm
    miners = [mining.miner() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        shares = [share for found in threads.map(lambda miner: miner.mine(5), miners) for share in found]
    assert [reply.result for _, reply in shares] == [True] * 20
    assert {share.data for share in mining.alpha.accepted} == {data for data, _ in shares}
    mining.wait_rows(20)


@pytest.mark.proxy(directives=[HASTY])
def test_failover(mining, mpm):
    assert mpm
    mining.alpha.behave(behaviours.hang)
    miner = mining.miner()
    assert [reply.result for _, reply in miner.mine(8)] == [True] * 8
    assert len(mining.beta.accepted) == 8
    assert min(miner.getwork().reply.seconds for _ in range(3)) < 0.3


def test_shares_route_across_a_restart_and_a_kill(mining, mpm):
    assert mpm
    first, second = mining.miners_apart()
    shares = [first.getwork().solve() for _ in range(3)]
    assert second.submit(shares[0]).result is True
    first.close()
    second.close()
    mining.httpd.graceful()
    mining.wait_ready()
    assert mining.miner().submit(shares[1]).result is True
    mining.httpd.kill_child(mining.httpd.children()[0])
    mining.wait_ready()
    assert mining.miner().submit(shares[2]).result is True
    mining.wait_rows(3)


def test_repeats_at_the_same_time(mining, mpm):
    assert mpm
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    mining.alpha.behave(behaviours.slow(0.4), on="share")
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda miner: miner.submit(data), (first, second)))
    assert [reply.result for reply in replies] == [True, True]
    assert len(mining.alpha.submissions) == 1
