# SPDX-License-Identifier: Apache-2.0
"""The shared cache behind a network provider: several hosts may use it, so whoever can write to it must gain nothing by that."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import behaviours
from fakes.memcached import FakeMemcached
from harness.waiting import wait_until


@pytest.fixture
def mining(make_proxy, database, make_pool):
    """A proxy of two children whose shared cache is a memcached."""
    memcached = FakeMemcached()
    pool = make_pool()
    worker = database.add_rig(pool)
    proxy = make_proxy(database, [f"MiningProxyCache memcache:127.0.0.1:{memcached.port}"], modules=["socache_memcache"], children=2)
    proxy.memcached, proxy.pool, proxy.worker = memcached, pool, worker
    yield proxy.start()
    memcached.close()


def test_shares_route_from_child_to_child(mining):
    first, second = mining.miners_apart()
    assert second.submit(first.getwork().solve()).result is True
    assert mining.memcached.values and mining.memcached.gets
    mining.wait_rows(1)


def test_repeats_at_the_same_time(mining):
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    mining.pool.behave(behaviours.slow(0.4), on="share")
    with ThreadPoolExecutor(2) as threads:
        replies = list(threads.map(lambda miner: miner.submit(data), (first, second)))
    assert [reply.result for reply in replies] == [True, True]
    assert len(mining.pool.submissions) == 1


@pytest.mark.expects_log("MP0223", "AH00792")
def test_a_forged_entry_counts_for_nothing(mining):
    """The database still knows where the work came from."""
    miner = mining.miner()
    shares = []
    for forge in (lambda value: bytes(byte ^ 1 for byte in value), lambda value: value[:-1], lambda value: value * 9, lambda value: b""):
        mining.memcached.values.clear()
        shares.append(miner.getwork().solve())
        for key, value in mining.memcached.values.items():
            mining.memcached.values[key] = forge(value)
        assert miner.submit(shares[-1]).result is True
    assert [share.data for share in mining.pool.accepted] == shares
    assert mining.log.count("MP0223:") == 1 and not mining.log.count("MP0227:")


def test_nothing_secret_is_in_it(mining):
    mining.miner().mine(3)
    text = b"".join(mining.memcached.values.values())
    for share in mining.pool.accepted:
        assert share.user.encode() not in text and share.password.encode() not in text


def test_mining_goes_on_without_it(mining):
    mining.miner().mine(1)
    mining.memcached.close()
    mining.memcached.values.clear()
    assert [reply.result for _, reply in mining.miner().mine(3)] == [True] * 3
    mining.wait_rows(4)


@pytest.mark.expects_log("MP0227")
def test_it_hangs_and_mining_goes_on(mining):
    """Its provider waits for ever, miners do not."""
    miner = mining.miner()
    miner.mine(1)
    mining.memcached.goes_on.clear()
    assert [reply.result for _, reply in miner.mine(4)] == [True] * 4
    assert max(reply.seconds for reply in miner.replies) < 8
    mining.httpd.stop()
    assert not mining.httpd.is_running, "nor does the end of httpd"


@pytest.mark.expects_log("MP0227")
def test_a_connection_that_hangs_in_one_child_stops_no_other(mining):
    """Nothing is locked across processes while somebody waits for the network."""
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    mining.memcached.get_stuck_in_update()
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(first.submit, data)
        wait_until(mining.memcached.is_stuck.is_set, 10, "the first child has begun to claim, and hangs")
        assert not stuck.done()
        assert second.submit(data).result is True
    assert mining.log.count("MP0227") == 1, "the second child claimed the same share without a failure"
