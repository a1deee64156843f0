# SPDX-License-Identifier: Apache-2.0
"""A share goes back under the account that fetched its work, whatever the operator changed meanwhile."""
import pytest

from harness.waiting import wait_until

pytestmark = pytest.mark.both_databases
ASSIGNMENT = "WHERE worker_id = ? AND pool_id = ?"


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started; the second is there to show that a change was noticed."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    proxy.ids = [proxy.worker, proxy.database.pool_id(proxy.alpha)]
    return proxy.start()


def _wait_served_by(mining, pool, user):
    def is_served():
        mining.miner().getwork()
        return pool.requests and pool.requests[-1].user == user
    wait_until(is_served, 5, f"work comes from {pool.name} as {user}")


def _assert_old_account(mining, data):
    reply = mining.miner().submit(data)
    assert reply.result is True, reply.message
    assert [(share.user, share.password) for share in mining.alpha.accepted] == [("rig1@alpha", "alpha-pw")]
    mining.wait_rows(1)
    row = mining.database.share_of(mining.worker, data)
    assert (row.result, row.pool_id) == (1, mining.ids[1])


def test_another_account_at_the_pool(mining):
    data = mining.miner().getwork().solve()
    mining.database.change(f"UPDATE worker_pool SET pool_username = 'new', pool_password = 'new-pw' {ASSIGNMENT}",
                           *mining.ids)
    _wait_served_by(mining, mining.alpha, "new")
    _assert_old_account(mining, data)


def test_work_of_the_new_account_goes_under_the_new_one(mining):
    mining.database.change(f"UPDATE worker_pool SET pool_username = 'new', pool_password = 'new-pw' {ASSIGNMENT}",
                           *mining.ids)
    _wait_served_by(mining, mining.alpha, "new")
    assert mining.miner().mine(1)[0][1].result is True
    assert [(share.user, share.password) for share in mining.alpha.accepted] == [("new", "new-pw")]


def test_an_account_changed_twice(mining):
    data = mining.miner().getwork().solve()
    for name in ("second", "third"):
        mining.database.change(f"UPDATE worker_pool SET pool_username = '{name}' {ASSIGNMENT}", *mining.ids)
        _wait_served_by(mining, mining.alpha, name)
    _assert_old_account(mining, data)


def test_a_disabled_assignment(mining):
    data = mining.miner().getwork().solve()
    mining.database.change(f"UPDATE worker_pool SET enabled = 0 {ASSIGNMENT}", *mining.ids)
    _wait_served_by(mining, mining.beta, "rig1@beta")
    _assert_old_account(mining, data)


def test_a_deleted_assignment(mining):
    data = mining.miner().getwork().solve()
    mining.database.change(f"DELETE FROM worker_pool {ASSIGNMENT}", *mining.ids)
    _wait_served_by(mining, mining.beta, "rig1@beta")
    _assert_old_account(mining, data)


def test_a_disabled_pool(mining):
    data = mining.miner().getwork().solve()
    mining.database.change("UPDATE pool SET enabled = 0 WHERE id = ?", mining.ids[1])
    _wait_served_by(mining, mining.beta, "rig1@beta")
    _assert_old_account(mining, data)


@pytest.mark.proxy(children=2)
def test_fetched_in_one_child_changed_and_submitted_in_another(mining):
    first, second = mining.miners_apart()
    data = first.getwork().solve()
    mining.database.change(f"UPDATE worker_pool SET pool_username = 'new' {ASSIGNMENT}", *mining.ids)

    def both_know():
        for miner in (first, second):
            miner.getwork()
        return [request.user for request in mining.alpha.requests[-2:]] == ["new", "new"]
    wait_until(both_know, 5, "both children noticed the change")
    assert second.submit(data).result is True
    _assert_old_account(mining, data)


def test_the_account_survives_a_graceful_restart(mining):
    data = mining.miner().getwork().solve()
    mining.database.change(f"UPDATE worker_pool SET pool_username = 'new' {ASSIGNMENT}", *mining.ids)
    _wait_served_by(mining, mining.alpha, "new")
    mining.httpd.graceful()
    mining.wait_ready()
    _assert_old_account(mining, data)
