# SPDX-License-Identifier: Apache-2.0
"""Many at once, and the books agree exactly: pools, miners and rows. Also with the best pool killed on the way.

Every share is followed by its id, which the test computes as the module does: "exactly once" means this very share.
"""
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import threading
import time

import pytest

from fakes import behaviours, header
from fakes.miner import PROFILES
from fakes.pool import TRIVIAL
from harness.proxy import PATIENT
from harness.waiting import wait_until

pytestmark = [pytest.mark.load, pytest.mark.both_databases,
              pytest.mark.proxy(children=2, threads=32, directives=["MiningProxySubmitTimeout 10s", PATIENT])]
WORKERS, POOLS, SHARES, MINERS = 20, 3, 2000, 8


@dataclass
class Outcome:
    """One share as its miner saw it."""

    worker: str
    data: bytes
    result: object
    reason: str | None


@pytest.fixture
def farm(proxy, make_pool):
    """Twenty workers at three pools; each pool is the best one of a third of them."""
    proxy.pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta", "gamma")]
    proxy.workers = {}
    for n in range(WORKERS):
        order = proxy.pools[n % POOLS:] + proxy.pools[:n % POOLS]
        proxy.workers[f"rig{n}"] = proxy.database.add_rig(*order, name=f"rig{n}")
    return proxy.start()


class Load:
    """Eight miners that share out the work; progress can be watched."""

    def __init__(self, farm, count):
        self.farm, self.count = farm, count
        self.outcomes: list[Outcome] = []
        self.pace = 0.0  # seconds that each miner rests after a share
        self._lock = threading.Lock()
        self._taken = 0

    def _take(self):
        with self._lock:
            self._taken += 1
            return self._taken - 1 if self._taken <= self.count else None

    def _mine(self, number):
        profiles = list(PROFILES.values())
        miners = {}
        while (turn := self._take()) is not None:
            name = f"rig{turn % WORKERS}"
            miner = miners.setdefault(name, self.farm.miner(name, profile=profiles[(number + turn) % len(profiles)]))
            data = miner.getwork().solve()
            reply = miner.submit(data)
            assert reply.status == 200 and reply.error is None, reply.message
            with self._lock:
                self.outcomes.append(Outcome(name, data, reply.result, reply.reason))
            time.sleep(self.pace)

    def run(self, disturb=None):
        """Mines everything; disturb(self) runs meanwhile."""
        with ThreadPoolExecutor(MINERS + 1) as threads:
            futures = [threads.submit(self._mine, n) for n in range(MINERS)]
            if disturb:
                futures.append(threads.submit(disturb, self))
            for future in futures:
                future.result()
        assert len(self.outcomes) == self.count
        return self.outcomes

    def wait_more(self, count):
        """Waits until so many more shares were answered."""
        goal = len(self.outcomes) + count
        wait_until(lambda: len(self.outcomes) >= goal, 30, f"{count} more shares")


def _rows(farm, count):
    wait_until(lambda: farm.database.share_count() >= count, 30, f"{count} rows in submitted_work")
    rows = {bytes(row.share_id): row for row in farm.database.shares()}
    assert len(rows) == farm.database.share_count() == count
    return rows


def _id(farm, outcome):
    return header.share_id(farm.workers[outcome.worker], outcome.data)


def test_all_books_agree(farm):
    outcomes = Load(farm, SHARES).run()
    assert Counter(outcome.result for outcome in outcomes) == {True: SHARES}
    rows = _rows(farm, SHARES)
    assert {row.result for row in rows.values()} == {1}
    assert {_id(farm, outcome) for outcome in outcomes} == set(rows)
    for pool in farm.pools:
        assert not pool.ledger.rejected()
        pool_id = farm.database.pool_id(pool)
        by_user = Counter(share.user.split("@")[0] for share in pool.accepted)
        names = {worker: name for name, worker in farm.workers.items()}
        assert by_user == Counter(names[row.worker_id] for row in rows.values() if row.pool_id == pool_id)
        assert all(share.is_canonical and share.password == f"{pool.name}-pw" for share in pool.accepted)
    sums = [int(value) for value in farm.database.rows("SELECT SUM(accepted), SUM(rejected) FROM share_stats WHERE period_length = 300")[0]]
    assert sums == [SHARES, 0]


def _kill_and_revive_twice(load):
    """Each time the best pool first loses some answers, then dies; the second time comes when it serves again."""
    best = load.farm.pools[0]
    for _ in range(2):
        load.wait_more(200)
        best.behave(behaviours.accept_and_drop, on="share", times=3)
        load.wait_more(50)
        best.kill()
        load.wait_more(200)
        best.revive()
        served = len(best.accepted)
        load.pace = 0.1
        wait_until(lambda count=served: len(best.accepted) > count + 10, 20, "the best pool serves again")
        load.pace = 0.0


@pytest.mark.expects_log("MP0210")
def test_the_books_agree_when_the_best_pool_dies_twice(farm):
    outcomes = Load(farm, SHARES).run(_kill_and_revive_twice)
    rows = _rows(farm, SHARES)
    seen = {_id(farm, outcome): outcome for outcome in outcomes}
    assert set(seen) == set(rows)
    wrong = [(outcome, rows[key]) for key,
             outcome in seen.items() if (outcome.result is True) != (rows[key].result == 1)]
    assert not wrong, wrong[:5]
    assert all(outcome.reason for outcome in outcomes if outcome.result is not True)
    accepted = {header.share_id(farm.workers[share.user.split("@")[0]],
                                share.data) for pool in farm.pools for share in pool.accepted}
    assert {key for key, row in rows.items() if row.result == 1} <= accepted
    only_the_pool_knows = accepted - {key for key, outcome in seen.items() if outcome.result is True}
    assert len(only_the_pool_knows) >= 4
    assert {rows[key].result for key in only_the_pool_knows} == {None}
    assert not [share for pool in farm.pools for share in pool.ledger.duplicates()]
    assert sum(outcome.result is True for outcome in outcomes) > SHARES * 0.9


@pytest.mark.expects_log("MP0210")
def test_the_books_agree_when_children_are_killed(farm):
    """Miners reconnect and send again what was not answered: acceptances are booked once, whatever a miner saw."""
    def kill_both(load):
        for child in farm.httpd.children():
            load.wait_more(100)
            load.pace = 0.1
            farm.httpd.kill_child(child)
            load.pace = 0.0
    count = 600
    outcomes = PatientLoad(farm, count).run(kill_both)
    accepted = {header.share_id(farm.workers[share.user.split("@")[0]],
                                share.data) for pool in farm.pools for share in pool.accepted}
    acknowledged = {_id(farm, outcome) for outcome in outcomes if outcome.result is True}

    def recorded(result):
        return {bytes(row.share_id) for row in farm.database.shares() if row.result == result}
    wait_until(lambda: acknowledged <= recorded(1) and accepted <= recorded(1) | recorded(None), 30,
               "every acceptance has a row")
    assert recorded(1) <= accepted
    assert farm.database.share_count() == len({row.share_id for row in farm.database.shares()})


class PatientLoad(Load):
    """Miners that survive their connections: what failed is tried again."""

    def _mine(self, number):
        while (turn := self._take()) is not None:
            name = f"rig{turn % WORKERS}"
            miner = self.farm.miner(name)
            data = _patiently(miner, miner.getwork).solve()
            reply = _patiently(miner, lambda miner=miner, data=data: miner.submit(data))
            with self._lock:
                self.outcomes.append(Outcome(name, data, reply.result, reply.reason))
            miner.close()
            time.sleep(self.pace)


def _patiently(miner, action):
    for _ in range(200):
        try:
            return action()
        except ConnectionError:
            miner.close()
            time.sleep(0.05)
    raise AssertionError("the proxy did not come back")
