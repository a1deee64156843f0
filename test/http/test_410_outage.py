# SPDX-License-Identifier: Apache-2.0
"""The database goes away while the farm works: miners notice nothing; every share is in the books afterwards, once."""
import os
import sqlite3
import statistics

import pytest

from harness import places
from harness.waiting import wait_until

pytestmark = pytest.mark.expects_log("MP0230")  # the database cannot be used
DRAIN = 20


@pytest.fixture
def mining(make_proxy, private_maria, directory, make_pool):
    """A proxy on a server of its own, with one worker at one pool, two children, started."""
    database = private_maria.create_database(directory)
    pool = make_pool()
    worker = database.add_rig(pool)
    proxy = make_proxy(database, ["MiningProxyDatabaseTimeout 1s"], children=2)
    proxy.server, proxy.fake, proxy.worker = private_maria, pool, worker
    proxy.start()
    wait_until(lambda: list(proxy.httpd.state.glob("*")), 5, "something is in the state directory")
    return proxy


def _mine(mining, count, user="rig1"):
    shares = mining.miner(user).mine(count)
    assert [reply.result for _, reply in shares] == [True] * count
    seconds = [reply.seconds for _, reply in shares]
    assert statistics.median(seconds) < 0.5 and max(seconds) < 5, "nobody waits for the database"
    return [data for data, _ in shares]


def _assert_recorded(mining, shares):
    mining.wait_rows(len(shares), DRAIN)
    rows = {row.share_id: row.result for row in mining.database.shares()}
    assert len(rows) == len(shares) == len(mining.fake.accepted)
    assert set(rows.values()) == {1}
    assert all(mining.database.share_of(mining.worker, data) for data in shares)


@pytest.mark.parametrize("how", ["paused", "killed"])
def test_shares_go_on_and_are_drained_once(mining, how):
    shares = _mine(mining, 2)
    mining.server.pause() if how == "paused" else mining.server.kill()
    shares += _mine(mining, 30)
    mining.server.resume() if how == "paused" else mining.server.start()
    _assert_recorded(mining, shares + _mine(mining, 2))


@pytest.mark.expects_log("AH01617")
def test_a_worker_who_never_logged_in_gets_in(mining):
    mining.server.pause()
    _mine(mining, 1)
    assert mining.login_status("rig1", "wrong") == 401
    mining.server.resume()


def test_a_child_born_meanwhile_knows_everybody(mining):
    shares = _mine(mining, 2)
    wait_until(lambda: any("roster" in path.name for path in mining.httpd.state.iterdir()), 5, "the roster is saved")
    mining.server.kill()
    for child in mining.httpd.children():
        mining.httpd.kill_child(child)
    mining.wait_ready()
    shares += _mine(mining, 10)
    mining.server.start()
    _assert_recorded(mining, shares)


@pytest.mark.parametrize("is_noticed", [True, False])
def test_a_child_born_while_the_database_hangs_serves_at_once(make_proxy, private_maria, directory, make_pool, is_noticed):
    """Also where nobody noticed yet; a look into a server that hangs lasts five seconds."""
    database = private_maria.create_database(directory)
    worker = database.add_rig(make_pool())
    proxy = make_proxy(database, [f"MiningProxyDatabaseTimeout {1 if is_noticed else 5}s"], children=2).start()
    shares = proxy.miner().mine(1)
    proxy.wait_rows(1)
    private_maria.pause()
    if is_noticed:
        wait_until(lambda: (proxy.httpd.state / "database-away").exists(), 10, "somebody noticed")
    for _ in range(2):
        for child in proxy.httpd.children():
            proxy.httpd.kill_child(child)
        shares += proxy.miner().mine(3)
    private_maria.resume()
    assert [reply.result for _, reply in shares] == [True] * 7
    proxy.wait_rows(7, DRAIN)
    assert all(database.share_of(worker, data).result == 1 for data, _ in shares)


def test_the_saved_roster_is_nobody_elses_business(mining):
    path = wait_until(lambda: next((path for path in mining.httpd.state.iterdir() if "roster" in path.name), None), 5,
                      "the roster is saved")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_restart_during_the_outage_loses_nothing(mining):
    shares = _mine(mining, 2)
    mining.server.kill()
    shares += _mine(mining, 10)
    mining.httpd.stop()
    mining.httpd.start()
    mining.wait_ready()
    shares += _mine(mining, 10)
    mining.server.start()
    _assert_recorded(mining, shares)


def test_a_killed_childs_spool_is_adopted(mining):
    miner = mining.miner()
    child = mining.httpd.child_of(miner.connection)
    mining.server.pause()
    shares = [data for data, reply in miner.mine(20) if reply.result is True]
    mining.httpd.kill_child(child)
    mining.server.resume()
    _assert_recorded(mining, shares)
    wait_until(lambda: mining.httpd.log.text() and len(list(mining.httpd.state.glob("*spool*"))) <= 2, 15,
               "the orphan's file is gone")


def test_a_graceful_restart_during_the_outage(mining):
    mining.server.pause()
    shares = _mine(mining, 10)
    mining.httpd.graceful()
    mining.wait_ready()
    shares += _mine(mining, 10)
    mining.server.resume()
    _assert_recorded(mining, shares)


def test_a_share_for_work_fetched_during_the_outage_routes_in_another_child(mining):
    first, second = mining.miners_apart()
    mining.server.pause()
    data = first.getwork().solve()
    assert second.submit(data).result is True
    mining.server.resume()
    _assert_recorded(mining, [data])


@pytest.mark.expects_log("MP0300")
def test_a_torn_spool_is_read_as_far_as_it_goes(mining):
    mining.server.kill()
    miner = mining.miner()
    child = mining.httpd.child_of(miner.connection)
    shares = [data for data, reply in miner.mine(5) if reply.result is True]
    mining.httpd.kill_child(child)
    orphan = max(mining.httpd.state.glob("*spool*"), key=lambda path: path.stat().st_size)
    with open(orphan, "ab") as spool:
        spool.write(b"\xff\x00torn" * 20)
    mining.server.start()
    _assert_recorded(mining, shares)


@pytest.mark.expects_log("MP0040", "MP0313", "MP0314")
def test_a_full_spool_takes_no_share_and_loses_none(make_proxy, private_maria, directory, make_pool):
    database = private_maria.create_database(directory)
    pool = make_pool()
    worker = database.add_rig(pool)
    proxy = make_proxy(database, ["MiningProxySpoolLimit 8k", "MiningProxyDatabaseTimeout 1s"]).start()
    private_maria.pause()
    miner = proxy.miner()
    taken, refused = [], None
    for _ in range(200):
        data = miner.getwork().solve()
        reply = miner.submit(data)
        if reply.error:
            refused = data
            break
        assert reply.result is True
        taken.append(data)
    assert taken and refused, "the limit was never reached"
    assert len(pool.submissions) == len(taken), "a share that cannot be recorded must not be sent"
    private_maria.resume()
    wait_until(lambda: miner.submit(refused).result is True, DRAIN, "the refused share is taken when it is sent again")
    proxy.wait_rows(len(taken) + 1, DRAIN)
    assert all(database.share_of(worker, data).result == 1 for data in [*taken, refused])


@pytest.mark.skipif(not places.IS_ROOT, reason="needs two users")
def test_sqlite_locked_for_a_while(proxy, make_pool):
    pool = make_pool()
    worker = proxy.database.add_rig(pool)
    proxy.start()
    lock = sqlite3.connect(proxy.database.path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    shares = proxy.miner().mine(10)
    assert [reply.result for _, reply in shares] == [True] * 10
    lock.execute("COMMIT")
    lock.close()
    proxy.wait_rows(10, DRAIN)
    assert all(proxy.database.share_of(worker, data).result == 1 for data, _ in shares)


def test_files_in_the_state_directory_are_the_childs(mining):
    _mine(mining, 1)
    assert {path.stat().st_mode & 0o077 for path in mining.httpd.state.iterdir()} == {0}
    assert os.stat(mining.httpd.state).st_mode & 0o077 == 0
