# SPDX-License-Identifier: Apache-2.0
"""No miner waits for a pool that is known to be down; one that is back is used when it stayed well, and not before."""
from concurrent.futures import ThreadPoolExecutor
import statistics
import time

import pytest

from fakes import behaviours
from harness.waiting import wait_until

WORK_TIMEOUT = 0.5
pytestmark = [pytest.mark.expects_log("MP0210"), pytest.mark.proxy(directives=[f"MiningProxyWorkTimeout {WORK_TIMEOUT * 1000:.0f}ms"])]


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy.start()


def _open_circuit(mining, miner):
    """Asks until work comes without waiting for the broken pool."""
    def is_quick():
        return miner.getwork().reply.seconds < WORK_TIMEOUT / 2
    wait_until(lambda: is_quick() and is_quick() and is_quick(), 15, "the circuit opened")
    assert mining.beta.issued


def test_after_the_circuit_opened_a_hanging_pool_costs_nothing(mining):
    mining.alpha.behave(behaviours.hang)
    miner = mining.miner()
    _open_circuit(mining, miner)
    seconds = sorted(miner.getwork().reply.seconds for _ in range(400))
    assert statistics.quantiles(seconds, n=100)[98] < WORK_TIMEOUT / 2, seconds[-8:]


def test_few_requests_wait_for_a_hanging_pool(mining):
    mining.alpha.behave(behaviours.hang)
    miner = mining.miner()
    slow = [miner.getwork().reply.seconds > WORK_TIMEOUT * 0.8 for _ in range(60)]
    assert 1 <= sum(slow) <= 4, slow
    assert not any(slow[10:])


def test_a_hanging_pool_is_probed_one_at_a_time(mining):
    mining.alpha.behave(behaviours.hang)
    miner = mining.miner()
    _open_circuit(mining, miner)
    asked = len(mining.alpha.requests)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        miner.getwork()
    assert 1 <= len(mining.alpha.requests) - asked <= 4


def test_each_turn_is_one_line(mining):
    """However many miners meet it: the pool is down, it answers again, it is well."""
    mining.alpha.behave(behaviours.status(500), on="work")
    miners = [mining.miner() for _ in range(8)]
    with ThreadPoolExecutor(len(miners)) as threads:
        for _ in range(20):
            list(threads.map(lambda miner: miner.getwork(), miners))
        mining.alpha.recover()
        wait_until(lambda: mining.log.count("MP0212"), 20, "the pool is well")
        for _ in range(5):
            list(threads.map(lambda miner: miner.getwork(), miners))
    assert [mining.log.count(tag) for tag in ("MP0210", "MP0211", "MP0212")] == [1, 1, 1]


@pytest.mark.parametrize("how", ["refuse", "hang", "500"])
def test_a_pool_that_is_well_again_is_used_again(mining, how):
    miner = mining.miner()
    miner.getwork()
    if how == "refuse":
        mining.alpha.kill()
    else:
        mining.alpha.behave({"hang": behaviours.hang, "500": behaviours.status(500)}[how])
    _open_circuit(mining, miner)
    if how == "refuse":
        mining.alpha.revive()
    mining.alpha.recover()
    start = time.monotonic()
    served = len(mining.alpha.accepted)
    wait_until(lambda: miner.mine(1) and len(mining.alpha.accepted) > served, 15, "shares go to the best pool again")
    assert time.monotonic() - start > 0.9, "earlier than MiningProxyFailbackAfter"


@pytest.mark.proxy(directives=["MiningProxyFailbackAfter 3s"])
def test_not_before_it_stayed_well_for_the_time_of_the_directive(mining):
    miner = mining.miner()
    mining.alpha.kill()
    _open_circuit(mining, miner)
    mining.alpha.revive()
    back = wait_until(lambda: mining.alpha.issued and time.monotonic(), 10, "the pool is probed")
    handed_out = set()

    def is_back():
        handed_out.add(miner.getwork().data)
        return any(work.data in handed_out for work in mining.alpha.issued)
    wait_until(is_back, 15, "work comes from the best pool again")
    assert time.monotonic() - back >= 2.8


def test_a_pool_that_flaps_is_not_trusted(mining):
    miner = mining.miner()
    mining.alpha.kill()
    _open_circuit(mining, miner)
    for _ in range(3):
        probes = len(mining.alpha.requests)
        mining.alpha.revive()
        wait_until(lambda count=probes: len(mining.alpha.requests) > count, 20, "the pool is probed")
        mining.alpha.kill()
        assert miner.getwork().reply.seconds < WORK_TIMEOUT * 0.8


def test_while_the_second_pool_serves_everybody_is_served(mining):
    mining.alpha.behave(behaviours.hang)
    _open_circuit(mining, mining.miner())
    mining.beta.kill()
    mining.alpha.recover()
    miner = mining.miner()
    wait_until(lambda: miner.ask().result, 10, "the recovered pool serves although it is not trusted yet")


@pytest.mark.proxy(children=2)
def test_each_child_finds_out(mining):
    mining.alpha.behave(behaviours.hang)
    for miner in mining.miners_apart():
        _open_circuit(mining, miner)


def test_a_timeout_on_one_share_does_not_close_the_pool(mining):
    mining.alpha.behave(behaviours.reset, on="share", times=1)
    miner = mining.miner()
    assert [reply.result for _, reply in miner.mine(5)] == [False, True, True, True, True]
    assert not mining.beta.requests
