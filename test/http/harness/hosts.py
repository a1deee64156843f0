# SPDX-License-Identifier: Apache-2.0
"""Several hosts of one farm: httpds with ports, directories and configurations of their own, on one database."""
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
import itertools
import time
from typing import Any, Iterable

from fakes.miner import Miner
from fakes.pool import TRIVIAL, FakePool

from .proxy import Proxy


@dataclass
class Errand:
    """One share that was taken to another host than the one that gave the work."""

    data: bytes
    accepted: bool
    seconds: float
    said: str


@dataclass
class Hosts:
    """Two proxies, a pool, and workers rig1, rig2 and so on."""

    first: Proxy
    second: Proxy
    pool: FakePool
    workers: dict[str, int]
    errands: list[Errand] = field(default_factory=list)

    @property
    def both(self) -> tuple[Proxy, Proxy]:
        """In the order in which they were made."""
        return self.first, self.second

    def start(self) -> "Hosts":
        """Starts both, at the same time."""
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(Proxy.start, self.both))
        return self

    def cross(self, count: int) -> list[Errand]:
        """So many shares, by all workers at once, each taken at once to the host that did not give the work; the hosts take turns."""
        each = count // len(self.workers)
        with ThreadPoolExecutor(len(self.workers)) as threads:
            for errands in threads.map(lambda name: self._run_errands(name, each), self.workers):
                self.errands += errands
        return self.errands

    def _run_errands(self, name: str, count: int) -> list[Errand]:
        pair = [proxy.miner(name) for proxy in self.both]
        turns: Iterable[tuple[Miner, Miner]] = itertools.cycle([tuple(pair), tuple(pair[::-1])])
        return [_run_errand(*next(turns)) for _ in range(count)]

    def assert_all_went_well(self, count: int) -> None:
        """Each accepted, once at the pool, in one row; and counted."""
        assert len(self.errands) == count
        assert not [errand.said for errand in self.errands if not errand.accepted]
        sent = sorted(errand.data for errand in self.errands)
        assert sorted(share.data for share in self.pool.submissions) == sent, "none is doubled, none is lost"
        self.first.wait_rows(count, 30)
        assert self.first.database.value("SELECT COUNT(*) FROM submitted_work WHERE result = 1") == count

    def sums(self) -> tuple[int, int]:
        """Accepted shares and getworks, as the statistics have them."""
        row = self.first.database.rows("SELECT COALESCE(SUM(accepted), 0), COALESCE(SUM(getworks), 0) FROM share_stats WHERE period_length = 300")[0]
        return int(row[0]), int(row[1])


def _run_errand(giver: Miner, taker: Miner) -> Errand:
    data = giver.getwork().solve()
    start = time.monotonic()
    reply = taker.submit(data)
    return Errand(data, reply.result is True, time.monotonic() - start, f"{reply.status} {reply.error} {reply.reason}")


def make_hosts(make_proxy: Any, make_pool: Any, database: Any, workers: int = 1, directives: tuple[str, ...] = (), **config: Any) -> Hosts:
    """Two hosts whose configurations differ where they may; not started."""
    pool = make_pool("alpha", difficulty=TRIVIAL)
    rigs = {f"rig{number}": database.add_rig(pool, name=f"rig{number}") for number in range(1, workers + 1)}
    first = make_proxy(database, ["MiningProxyWorkTimeout 8s", *directives], **({"threads": 128} | config))
    second = make_proxy(database, ["MiningProxyWorkTimeout 9s", "MiningProxySubmitTimeout 7s", "MiningProxyFailbackAfter 2s", *directives],
                        **({"threads": 112} | config))
    return Hosts(first, second, pool, rigs)
