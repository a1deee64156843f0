# SPDX-License-Identifier: Apache-2.0
"""The same share again gets the stored answer; the pool sees it once, however often and simultaneously it comes."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fakes import behaviours
from fakes.miner import CPUMINER, PHOENIX, UPPER


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, started."""
    proxy.fake = make_pool()
    proxy.worker = proxy.database.add_rig(proxy.fake)
    return proxy.start()


@pytest.mark.both_databases
def test_a_repeated_share_gets_the_stored_answer(mining):
    miner = mining.miner()
    work = miner.getwork()
    good, bad = work.solve(), work.unsolved()
    assert [miner.submit(good).result for _ in range(5)] == [True] * 5
    rejections = [miner.submit(bad) for _ in range(5)]
    assert {(reply.result, reply.reason) for reply in rejections} == {(False, "high-hash")}
    assert len(mining.fake.submissions) == 2
    mining.wait_rows(2)
    assert [mining.database.share_of(mining.worker, data).result for data in (good, bad)] == [1, 0]


def test_a_repeat_in_another_form_is_a_repeat(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    results = [mining.miner(profile=profile).submit(data).result for profile in (CPUMINER, PHOENIX, UPPER)]
    assert results == [True] * 3
    assert len(mining.fake.submissions) == 1


@pytest.mark.proxy(children=2)
def test_a_repeat_in_another_child_is_a_repeat(mining):
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    assert (first.submit(data).result, second.submit(data).result) == (True, True)
    assert len(mining.fake.submissions) == 1


def test_a_repeat_has_its_own_id(mining):
    miner, other = mining.miner(), mining.miner(profile=replace(CPUMINER, id="later"))
    data = miner.getwork().solve()
    assert (miner.submit(data).json["id"], other.submit(data).json["id"]) == (0, "later")


@pytest.mark.parametrize("children",
                         [pytest.param(1, marks=pytest.mark.proxy(children=1)),
                          pytest.param(2, marks=pytest.mark.proxy(children=2))])
@pytest.mark.parametrize("is_good", [True, False])
def test_two_at_the_same_time_are_one(mining, children, is_good):
    first, second = mining.miners_apart() if children == 2 else (mining.miner(), mining.miner())
    work = first.getwork()
    data = work.solve() if is_good else work.unsolved()
    mining.fake.behave(behaviours.slow(0.5), on="share")
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda miner: miner.submit(data), (first, second)))
    assert [reply.result for reply in replies] == [is_good, is_good]
    assert len(mining.fake.submissions) == 1
    mining.wait_rows(1)


def test_eight_at_the_same_time_are_one(mining):
    miners = [mining.miner() for _ in range(8)]
    data = miners[0].getwork().solve()
    mining.fake.behave(behaviours.slow(0.3), on="share")
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda miner: miner.submit(data), miners))
    assert [reply.result for reply in replies] == [True] * 8
    assert len(mining.fake.submissions) == 1


@pytest.mark.proxy(children=2)
def test_a_repeat_after_a_restart_is_a_repeat(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    assert miner.submit(data).result is True
    mining.httpd.graceful()
    mining.wait_ready()
    assert miner.submit(data).result is True
    assert len(mining.fake.submissions) == 1


@pytest.mark.both_databases
def test_a_repeat_after_a_full_stop_is_answered_from_the_database(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    assert miner.submit(data).result is True
    mining.wait_rows(1)
    mining.httpd.stop()
    mining.start()
    assert miner.submit(data).result is True
    assert mining.database.share_count() == 1
    assert len(mining.fake.submissions) == 1


def test_the_same_share_of_another_worker_is_not_a_repeat(proxy, make_pool):
    pool = make_pool()
    for name in ("rig1", "rig2"):
        proxy.database.add_rig(pool, name=name)
    proxy.start()
    data, reply = proxy.miner("rig1").mine(1)[0]
    assert reply.result is True
    assert proxy.miner("rig2").submit(data).reason == "unknown-work"
