# SPDX-License-Identifier: Apache-2.0
"""A share finds its pool from any child, after a restart, and after the child that handed out the work was killed."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import behaviours
from harness.waiting import wait_until

pytestmark = pytest.mark.proxy(children=2)


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.fake, proxy.spare = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.fake, proxy.spare)
    return proxy.start()


def _assert_one_accepted(mining, data):
    assert [share.data for share in mining.fake.accepted] == [data]
    assert [share.user for share in mining.fake.accepted] == ["rig1@alpha"]
    assert not mining.spare.submissions
    mining.wait_rows(1)
    assert mining.database.share_of(mining.worker, data).result == 1


@pytest.mark.both_databases
def test_fetched_in_one_child_submitted_in_another(mining):
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    assert second.submit(data).result is True
    _assert_one_accepted(mining, data)


def test_after_a_graceful_restart(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    mining.httpd.graceful()
    mining.wait_ready()
    assert miner.submit(data).result is True
    _assert_one_accepted(mining, data)


def test_after_kill_9_of_the_child_that_handed_it_out(mining):
    miner = mining.miner()
    child = mining.httpd.child_of(miner.connection)
    data = miner.getwork().solve()
    mining.httpd.kill_child(child)
    mining.wait_ready()
    assert miner.submit(data).result is True
    _assert_one_accepted(mining, data)


def test_after_kill_9_of_both_children(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    for child in mining.httpd.children():
        mining.httpd.kill_child(child)
    mining.wait_ready()
    assert miner.submit(data).result is True
    _assert_one_accepted(mining, data)


@pytest.mark.both_databases
def test_after_a_full_stop_the_database_knows(mining):
    data = mining.miner().getwork().solve()
    wait_until(lambda: mining.database.value("SELECT COUNT(*) FROM work_data") == 1, 5, "the route is stored")
    mining.httpd.stop()
    mining.start()
    assert mining.miner().submit(data).result is True
    _assert_one_accepted(mining, data)


@pytest.mark.proxy(directives=['MiningProxyCache "shmcb:small(131072)"'])
def test_a_small_cache_of_the_admins_choice(mining):
    """Whether the cache still has a route or only the database: the share gets there."""
    miner = mining.miner()
    first = miner.getwork().solve()
    for _ in range(400):
        miner.getwork()
    wait_until(lambda: mining.database.value("SELECT COUNT(*) FROM work_data") == 401, 5, "all routes are stored")
    assert miner.submit(first).result is True
    _assert_one_accepted(mining, first)


def test_a_graceful_restart_in_the_middle_of_a_share(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    mining.fake.behave(behaviours.slow(1.0), on="share")
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(miner.submit, data)
        wait_until(lambda: any(request.is_share for request in list(mining.fake.requests)), 5, "the pool has the share")
        mining.httpd.graceful()
        assert reply.result().result is True
    _assert_one_accepted(mining, data)


def test_shares_answered_before_kill_9_are_all_recorded(mining):
    miner = mining.miner()
    child = mining.httpd.child_of(miner.connection)
    shares = [data for data, reply in miner.mine(20) if reply.result is True]
    mining.httpd.kill_child(child)
    assert len(shares) == 20
    mining.wait_rows(20)
    assert all(mining.database.share_of(mining.worker, data).result == 1 for data in shares)


def test_a_share_under_way_when_its_child_is_killed_is_unknown(mining):
    miner = mining.miner()
    child = mining.httpd.child_of(miner.connection)
    data = miner.getwork().solve()
    miner.connection.retries = False
    mining.fake.behave(behaviours.judged_slow(20), on="share")
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(miner.submit, data)
        wait_until(lambda: mining.fake.accepted, 5, "the pool has the share")
        mining.httpd.kill_child(child)
        with pytest.raises(ConnectionError):
            reply.result()
    mining.wait_rows(1)
    row = mining.database.share_of(mining.worker, data)
    assert (row.result, row.pool_id) == (None, mining.database.pool_id(mining.fake))
