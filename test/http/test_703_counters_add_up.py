# SPDX-License-Identifier: Apache-2.0
"""Ten thousand shares over four children, with a graceful restart and two children killed: counters, database, pools and miners tell one story.

Where nobody is killed they agree exactly. A killed child leaves these differences, and no other:
* A batch of shares that it had counted and not yet noted as drained is counted once more by whoever adopts its spool. That takes microseconds ten times a second, so
  of two children that are killed, at most one does it.
* A share under way may be counted as unknown, and once more when its miner brought it again: one for each miner.
* Works of its last second are counted, and not in share_stats (docs/ARCHITECTURE.md, "Durability"). What a pool handed out while the child died, nobody counts: one for each miner.
"""
from collections import Counter
import contextlib
import os
import secrets
import time

import pytest

from fakes import header
from fakes.pool import TRIVIAL
from harness import drill as drills
from harness.drill import Drill
from harness.metrics import LOCATION, scrape
from harness.waiting import wait_until

SEED = int(os.environ.get("MP_DRILL_SEED") or secrets.randbits(32))
SHARES = 10_000
RIGS = [f"rig{number}" for number in range(1, 13)]
BATCH = 200  # shares, at most
LATEST = 5.0  # s until handed-out works are in share_stats, on a busy machine
VERDICTS = {1: "accepted", 0: "rejected", None: "unknown"}
pytestmark = [pytest.mark.load, pytest.mark.both_databases,
              pytest.mark.proxy(children=4, threads=16, directives=["MiningProxyWorkTimeout 10s", "MiningProxySubmitTimeout 10s"])]


@pytest.fixture
def farm(proxy, make_pool, monkeypatch):
    """Twelve rigs at two pools, started. Fewer shares of one work than from one bad share to the next, which would be the same."""
    monkeypatch.setattr(drills, "SHARES_PER_WORK", drills.EVERY_BAD - 2)
    proxy.pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    for pool in proxy.pools:
        pool.without = {"midstate", "hash1"}
    for number, name in enumerate(RIGS):
        proxy.database.add_rig(*(proxy.pools if number % 2 else proxy.pools[::-1]), name=name)
    proxy.httpd.config.locations.append(LOCATION)
    return proxy.start()


def _sums(metrics, name, *labels):
    """By the values of these labels; what is 0 is left out."""
    sums = Counter()
    for (series, has), value in metrics.samples.items():
        if series == f"miningproxy_{name}":
            sums[tuple(dict(has)[label] for label in labels)] += int(value)
    return +sums


class Books:
    """What everybody has written down by now."""

    def __init__(self, farm, drill):
        self.metrics = scrape(farm.httpd)
        names = {worker: name for name, worker in drill.workers.items()}
        pools = {farm.database.pool_id(pool): pool.name for pool in farm.pools}
        rows = farm.database.shares()
        self.rows = Counter((pools[row.pool_id], VERDICTS[row.result]) for row in rows)
        self.rows_of_workers = Counter((names[row.worker_id], VERDICTS[row.result]) for row in rows)
        self.difficulty = sum(row.difficulty for row in rows if row.result == 1)
        self.getworks = Counter({(pools[pool],): int(count) for pool, count in farm.database.rows(
            "SELECT pool_id, SUM(getworks) FROM share_stats WHERE period_length = 300 GROUP BY pool_id")})
        self.issued = Counter({(pool.name,): len(pool.ledger.issued) for pool in farm.pools})
        self.judged = Counter()
        for pool in farm.pools:
            for verdict, shares in (("accepted", pool.accepted), ("rejected", pool.ledger.rejected())):
                self.judged[pool.name, verdict] = len({share.data for share in shares if share.reason != "duplicate"})
        self.shares = _sums(self.metrics, "shares_total", "pool", "verdict")
        self.shares_of_workers = _sums(self.metrics, "worker_shares_total", "worker", "verdict")
        self.works = _sums(self.metrics, "works_total", "pool")
        self.works_of_workers = _sums(self.metrics, "worker_works_total", "worker")

    def is_at_rest(self):
        """Nothing waits, and what is recorded is counted."""
        return (self.metrics.value("spool_shares") == self.metrics.value("spool_orphans") == 0
                and all(self.shares[key] >= count for key, count in self.rows.items()))

    def excess(self, verdicts=("accepted", "rejected")):
        """Shares that were counted, and are not in the database with that verdict."""
        return sum(self.shares[key] - self.rows[key] for key in self.shares | self.rows if key[1] in verdicts)

    def lost_works(self):
        """That were counted, and are not in share_stats."""
        return self.works.total() - self.getworks.total()


def _close(farm, drill):
    """The books, when everything is recorded and the three that need no counters agree."""
    drill.close_books()
    books = wait_until(lambda: found if (found := Books(farm, drill)).is_at_rest() else None, 30, "everything is recorded and counted")
    with contextlib.suppress(AssertionError):  # a killed child's works never come
        books = wait_until(lambda: found if (found := Books(farm, drill)).lost_works() == 0 else None, LATEST, "works are recorded")
    return books


def _audit(books, drill):
    """What holds whoever was killed."""
    assert all(books.shares[key] >= count for key, count in books.rows.items()), (books.shares, books.rows)
    assert all(books.shares_of_workers[key] >= count for key, count in books.rows_of_workers.items())
    for verdict in VERDICTS.values():
        by_pool, by_worker = (sum(count for (_, one), count in sums.items() if one == verdict) for sums in (books.shares, books.shares_of_workers))
        assert by_pool == by_worker
    for (pool, verdict), count in books.judged.items():
        assert 0 <= count - books.rows[pool, verdict] <= books.rows[pool, "unknown"]
    assert books.works.total() == books.works_of_workers.total()
    assert books.issued >= books.works >= books.getworks
    answers = [reply.result for rig in drill.rigs for reply in rig.miner.replies]
    for kind, count in (("share", sum(isinstance(result, bool) for result in answers)), ("getwork", sum(isinstance(result, dict) for result in answers))):
        counted = _sums(books.metrics, "requests_total", "kind", "outcome")
        counted = sum(number for (one, outcome), number in counted.items() if one == kind and outcome not in ("other_method", "stranger"))
        assert count <= counted <= count + drill.hangups, kind


def _busiest(httpd):
    """The child that served most of the latest requests: its spool has shares that are not in the database yet."""
    lines = (httpd.directory / "logs" / "access.log").read_text().splitlines()[-500:]
    return Counter(int(line.split()[0]) for line in lines).most_common(1)[0][0]


def _mine(farm, whole, disturb):
    """A third of the shares, with something in the middle of it."""
    with Drill(farm, RIGS, SEED, 0) as drill:
        drill.mine(SHARES // 6 + 1)
        disturb(drill)
        drill.mine(SHARES // 6 + 1)
    whole.rigs += drill.rigs
    books = _close(farm, whole)
    _audit(books, whole)
    return books


def test_the_counters_add_up(farm):
    whole = Drill(farm, [], SEED)
    whole.workers = {name: farm.database.worker_id(name) for name in RIGS}
    killed = []

    def kill(_):
        killed.append(time.time())
        farm.httpd.kill_child(_busiest(farm.httpd))

    began = time.monotonic()
    restarted = _mine(farm, whole, lambda _: farm.httpd.graceful())
    assert restarted.shares == restarted.rows == restarted.judged and restarted.shares_of_workers == restarted.rows_of_workers
    assert restarted.issued == restarted.works == restarted.getworks
    assert restarted.metrics.value("accepted_difficulty_total") == pytest.approx(restarted.difficulty, rel=1e-9)
    books = [restarted, _mine(farm, whole, kill), _mine(farm, whole, kill)]
    print(f"{time.monotonic() - began:.1f} s; excess {[one.excess() for one in books]}, unknown {[one.excess(('unknown',)) for one in books]}, "
          f"works {[one.lost_works() for one in books]}")
    twice = []
    for before, after, when in zip(books, books[1:], killed):
        after.metrics.assert_not_behind(before.metrics)
        twice.append(after.excess() - before.excess())
        assert after.excess(("unknown",)) - before.excess(("unknown",)) <= len(RIGS)
        last = sum(when - LATEST <= work.time <= when + 0.5 for pool in farm.pools for work in pool.ledger.issued)
        assert 0 <= after.lost_works() - before.lost_works() <= last
        assert (after.issued.total() - after.works.total()) - (before.issued.total() - before.works.total()) <= len(RIGS)
    assert min(twice) == 0 and max(twice) <= BATCH, twice
    assert whole.count >= SHARES and {"accepted", "rejected"} <= {verdict for _, verdict in books[-1].rows}
