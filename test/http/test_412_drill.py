# SPDX-License-Identifier: Apache-2.0
"""The drill: a farm mines while its database is stopped, killed, paused and locked, and while its own processes are killed in the middle of
catching up. Afterwards the books agree to the last share.

MP_DRILL_SEED repeats a run (each prints its own). MP_DRILL_ROUNDS=20 makes it as long as a night needs; by default it has what fits into a minute
and a half for all together.
"""
import os
import secrets
import sqlite3

import pytest

from fakes.pool import TRIVIAL
from harness.drill import Drill
from harness.proxy import PATIENT
from harness.waiting import wait_until

SEED = int(os.environ.get("MP_DRILL_SEED") or secrets.randbits(32))
ROUNDS = int(os.environ.get("MP_DRILL_ROUNDS") or 5)
RIGS = [f"rig{number}" for number in range(8)]
LONGEST = 5.0  # s that one answer may take on a busy machine; the database is away for longer
pytestmark = [pytest.mark.load, pytest.mark.expects_log("MP0230"), pytest.mark.proxy(children=2)]
# Each row costs a millisecond or two, so that catching up takes as long as it does behind hours of a real farm.
SLOW_ROWS = "CREATE TRIGGER slow BEFORE INSERT ON submitted_work FOR EACH ROW DO SLEEP(0.0015)"


def _add_farm(proxy, make_pool):
    proxy.pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    for number, name in enumerate(RIGS):
        proxy.database.add_rig(*(proxy.pools if number % 2 else proxy.pools[::-1]), name=name)
    return proxy


@pytest.fixture
def farm(make_proxy, private_maria, directory, make_pool):
    """On a MariaDB of its own, started."""
    database = private_maria.create_database(directory)
    proxy = make_proxy(database, ["MiningProxyDatabaseTimeout 1s", PATIENT], children=2)
    proxy.server = private_maria
    return _add_farm(proxy, make_pool).start()


def _go_away(server, how):
    {"stopped": server.stop, "killed": server.kill, "paused": server.pause}[how]()


def _come_back(server, how):
    if how == "paused":
        server.resume()
    else:
        server.start()


def _hows(drill):
    """Every way at least once, in any order."""
    hows = [("stopped", "killed", "paused")[number % 3] for number in range(max(ROUNDS, 3))]
    drill.dice.shuffle(hows)
    return hows


def _assert_nobody_noticed(drill):
    assert drill.hangups == 0 and drill.repeats == 0, "a miner saw that the database was away"
    assert drill.slowest() < LONGEST


def test_the_database_comes_and_goes(farm):
    """No miner notices, nothing is lost, nothing is there twice, and each worker's shares keep their order."""
    with Drill(farm, RIGS, SEED) as drill:
        for how in _hows(drill):
            drill.mine(drill.dice.randint(20, 200))
            _go_away(farm.server, how)
            drill.mine(drill.dice.randint(200, 600))
            _come_back(farm.server, how)
        drill.mine(100)
    drill.wait_recorded()
    _assert_nobody_noticed(drill)
    drill.audit()
    drill.audit_order()
    assert drill.rows_of(1) == drill.accepted_by_pools()
    print(f"{len(drill.entries())} shares, slowest answer {drill.slowest():.2f} s")
    assert len(drill.entries()) > 1000


def _close_the_books(drill):
    """Everything is recorded, once and in order, and no miner waited long or had to repeat a share."""
    drill.wait_recorded()
    wait_until(lambda: drill.accepted_by_pools() <= drill.rows_of(1), 60, "what the pools accepted is recorded as accepted")
    assert drill.repeats == 0 and drill.slowest() < LONGEST
    drill.audit()
    drill.audit_order()


def _kill_a_child(drill):
    """One that is catching up: rows come in, and not all are there yet."""
    before = drill.database.share_count()
    wait_until(lambda: drill.database.share_count() > before, 30, "a child catches up")
    drill.proxy.httpd.kill_child(drill.dice.choice(drill.proxy.httpd.children()))


def test_children_are_killed_while_they_catch_up(farm):
    """Also one whose COMMIT nobody answers, and one in the outage, whose successor serves from the saved roster."""
    farm.database.run(SLOW_ROWS)
    with Drill(farm, RIGS, SEED) as drill:
        for how in _hows(drill)[:max(3, ROUNDS - 2)]:
            _go_away(farm.server, how)
            drill.mine(200)
            farm.httpd.kill_child(drill.dice.choice(farm.httpd.children()))
            drill.mine(150)
            _come_back(farm.server, how)
            _kill_a_child(drill)
            farm.server.pause()
            farm.httpd.kill_child(drill.dice.choice(farm.httpd.children()))
            farm.server.resume()
            _kill_a_child(drill)
        drill.mine(50)
    _close_the_books(drill)
    assert drill.rows_of(1) == drill.accepted_by_pools()


@pytest.mark.expects_log("MP0230", "AH00098", "MP0040")
def test_all_of_httpd_is_killed_while_it_catches_up(farm):
    """Without shared cache, without a single process that remembers anything."""
    farm.database.run(SLOW_ROWS)
    with Drill(farm, RIGS, SEED) as drill:
        for _ in range(max(2, ROUNDS - 3)):
            farm.server.pause()
            drill.mine(400)
            farm.server.resume()
            before = drill.database.share_count()
            wait_until(lambda count=before: drill.database.share_count() > count + 20, 30, "the children catch up")
            farm.httpd.kill_all()
            farm.httpd.start()
            drill.mine(100)
    drill.wait_recorded()
    # What a miner was never told is "unknown" where the work of a repeated share is forgotten as well.
    wait_until(lambda: drill.accepted_by_pools() <= {bytes(row.share_id) for row in drill.database.shares()}, 60,
               "what the pools accepted has a row")
    drill.audit()
    drill.audit_order()


@pytest.mark.proxy(directives=["MiningProxyDatabaseTimeout 500ms", PATIENT])
def test_an_sqlite_file_is_locked_and_children_are_killed(proxy, make_pool):
    farm = _add_farm(proxy, make_pool).start()
    with Drill(farm, RIGS, SEED) as drill:
        for _ in range(ROUNDS):
            lock = sqlite3.connect(farm.database.path, isolation_level=None, timeout=20)
            lock.execute("BEGIN IMMEDIATE")
            drill.mine(drill.dice.randint(150, 300))
            farm.httpd.kill_child(drill.dice.choice(farm.httpd.children()))
            drill.mine(50)
            lock.execute("COMMIT")
            lock.close()
            _kill_a_child(drill)
        drill.mine(50)
    _close_the_books(drill)
