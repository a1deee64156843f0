# SPDX-License-Identifier: Apache-2.0
"""A small farm that mines while something is broken, and the audit behind it: every share that a miner heard about is one row.

A rig has a worker and one connection of its own, as a device does. It never gives a share up: what ends with its connection, or is to be
repeated, is sent again until it is answered.
"""
from collections import Counter
from dataclasses import dataclass
import datetime
import random
import threading
import time
from typing import Any, Callable

from fakes import header
from fakes.miner import NoWork

from .waiting import wait_until

SHARES_PER_WORK = 4
EVERY_BAD = 12  # of so many shares, one misses the target: the pool rejects it
PATIENCE = 60  # s, for one share to be answered at all


@dataclass
class Entry:
    """One share as its miner knows it."""

    data: bytes
    began: float
    ended: float = 0
    result: object = None
    reason: str | None = None
    tries: int = 0
    slowest: float = 0  # s that one answer took


class Rig(threading.Thread):
    """A miner that mines until it is told to stop."""

    def __init__(self, proxy: Any, name: str, pace: float):
        super().__init__(name=name, daemon=True)
        self.proxy, self.pace = proxy, pace
        self.miner = proxy.miner(name)
        self.miner.connection.retries = False  # each end of a connection is to be seen here
        self.entries: list[Entry] = []
        self.hangups, self.repeats = 0, 0  # connections that ended; requests that were to be repeated
        self.failure: BaseException | None = None
        self._ending = threading.Event()

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                self._mine(self._insist(self.miner.getwork))
        except BaseException as failure:  # told by finish()
            self.failure = failure

    def tell_end(self) -> None:
        """The share under way is its last."""
        self._ending.set()

    def finish(self) -> None:
        """Returns when the share under way is answered."""
        self.tell_end()
        self.join(PATIENCE + 5)
        assert not self.is_alive(), f"{self.name} still waits for an answer"
        if self.failure:
            raise self.failure

    def _mine(self, work: Any) -> None:
        good = work.nonces()
        for _ in range(SHARES_PER_WORK):
            if self._ending.is_set():
                return
            data = work.unsolved() if len(self.entries) % EVERY_BAD == EVERY_BAD - 1 else next(good)
            entry = Entry(data, time.time())
            self._insist(lambda: self._send(entry))
            self.entries.append(entry)
            self._ending.wait(self.pace)

    def _send(self, entry: Entry) -> None:
        entry.tries += 1
        reply = self.miner.submit(entry.data)
        entry.slowest = max(entry.slowest, reply.seconds)
        if reply.status != 200 or reply.error:
            raise NoWork(f"{reply.status}: {reply.message.body[:300]!r}")
        entry.result, entry.reason, entry.ended = reply.result, reply.reason, time.time()

    def _insist(self, action: Callable[[], Any]) -> Any:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return action()
            except ConnectionError:
                self.hangups += 1
                self.miner.close()
            except NoWork:
                self.repeats += 1
            assert time.monotonic() < end, f"{self.name} was not answered within {PATIENCE} s"
            time.sleep(0.05)


class Drill:
    """Rigs at work, and what became of their shares."""

    def __init__(self, proxy: Any, names: list[str], seed: int, pace: float = 0.02):
        self.proxy, self.database, self.dice = proxy, proxy.database, random.Random(seed)
        self.workers = {name: self.database.worker_id(name) for name in names}
        self.rigs = [Rig(proxy, name, pace) for name in names]
        self.strays: set[bytes] = set()  # ids of shares whose miners vanished before they were answered
        self.negatives: set[int | None] = {0}  # what a row may say of a share that was answered with false
        self.clock_slack = 0.0  # s by which the proxy's clock may be wrong
        print(f"drill with MP_DRILL_SEED={seed}")

    def __enter__(self) -> "Drill":
        for rig in self.rigs:
            rig.start()
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        for rig in self.rigs:
            rig.tell_end()
        if kind is None:
            for rig in self.rigs:
                rig.finish()

    @property
    def count(self) -> int:
        """Shares that were answered so far."""
        return sum(len(rig.entries) for rig in self.rigs)

    @property
    def hangups(self) -> int:
        """Connections that ended under a request."""
        return sum(rig.hangups for rig in self.rigs)

    @property
    def repeats(self) -> int:
        """Requests that a miner was told to repeat."""
        return sum(rig.repeats for rig in self.rigs)

    def mine(self, count: int) -> None:
        """Waits until so many more shares were answered, whatever else happens."""
        goal = self.count + count
        wait_until(lambda: self.count >= goal or any(rig.failure for rig in self.rigs), 60, f"{count} more shares")
        assert not any(rig.failure for rig in self.rigs), [rig.failure for rig in self.rigs]

    def vanish(self, name: str, data: bytes) -> None:
        """This share was sent, and its miner did not stay for the answer."""
        self.strays.add(header.share_id(self.workers[name], data))

    # The audit

    def entries(self) -> dict[bytes, Entry]:
        """Every share by its id."""
        return {header.share_id(self.workers[rig.name], entry.data): entry for rig in self.rigs for entry in rig.entries}

    def wait_recorded(self, deadline: float = 90) -> None:
        """Waits until everything that was acknowledged is in the database."""
        count = sum(entry.reason != "unknown-work" for entry in self.entries().values())
        wait_until(lambda: self.database.share_count() >= count, deadline, f"{count} rows in submitted_work")

    def audit(self) -> None:
        """Each acknowledged share is one row with the right result; nothing else is there; the sums agree."""
        self.audit_rows()
        self.audit_sums()
        self.audit_status()

    def audit_rows(self) -> None:
        """Rows against what miners heard."""
        known, rows = self.entries(), self.database.shares()
        by_id = {bytes(row.share_id): row for row in rows}
        assert len(by_id) == len(rows), "a share is there twice"
        assert not by_id.keys() - known.keys() - self.strays, "a row that nobody sent"
        missing = [entry for key, entry in known.items() if key not in by_id and entry.reason != "unknown-work"]
        assert not missing, f"{len(missing)} acknowledged shares are lost: {missing[:3]}"
        wrong = [(entry, by_id[key]) for key, entry in known.items() if key in by_id and not self._agrees(entry, by_id[key])]
        assert not wrong, f"{len(wrong)} rows say something else than their miner heard: {wrong[:3]}"

    def audit_order(self) -> None:
        """Each worker's rows have their ids in the order in which its shares were acknowledged, whichever child did that.

        A share that had to be brought again may be there since the first time.
        """
        place = {bytes(row.share_id): number for number, row in enumerate(self.database.shares())}
        for rig in self.rigs:
            ids = [header.share_id(self.workers[rig.name], entry.data) for entry in rig.entries if entry.tries == 1]
            places = [place[share] for share in ids if share in place]
            assert places == sorted(places), f"the shares of {rig.name} lost their order"

    def audit_sums(self) -> None:
        """share_stats of every length is the sum of the known rows."""
        rows: Counter[tuple[int, int | None]] = Counter()
        difficulties: Counter[int] = Counter()
        for row in self.database.shares():
            rows[row.worker_id, row.result] += 1
            difficulties[row.worker_id] += row.difficulty if row.result == 1 else 0
        sums = self.database.rows("SELECT period_length, worker_id, SUM(accepted), SUM(rejected), SUM(accepted_difficulty)"
                                  " FROM share_stats GROUP BY period_length, worker_id HAVING SUM(accepted) + SUM(rejected) > 0")
        assert Counter(row[0] for row in sums) == {length: len(self.workers) for length in (300, 1800, 3600, 21600, 86400)}
        for length, worker, accepted, rejected, difficulty in sums:
            assert (int(accepted), int(rejected)) == (rows[worker, 1], rows[worker, 0]), f"statistics of {length} s, worker {worker}"
            recorded = difficulties[worker]
            assert abs(difficulty - recorded) <= 1e-9 * max(1, recorded), f"difficulty of {length} s, worker {worker}"

    def audit_status(self) -> None:
        """worker_status tells of the last accepted share."""
        last: dict[int, str] = {}
        for row in self.database.shares():
            if row.result == 1:
                last[row.worker_id] = max(last.get(row.worker_id, ""), row.time)
        status = {worker: str(when) for worker, when in self.database.rows("SELECT worker_id, last_accepted_time FROM worker_status")
                  if when is not None}
        assert status == last

    def slowest(self) -> float:
        """What one answer to a share took at most, in seconds."""
        return max(entry.slowest for entry in self.entries().values())

    def _agrees(self, entry: Entry, row: Any) -> bool:
        # A share that was brought again after its connection had ended may be known from the first time, whatever was said the second time.
        if entry.tries > 1 and entry.result is not True:
            return True
        when = datetime.datetime.strptime(row.time, "%Y-%m-%d %H:%M:%S").replace(tzinfo=datetime.timezone.utc).timestamp()
        is_in_time = entry.began - 2 - self.clock_slack <= when <= entry.ended + 1 + self.clock_slack
        if entry.result is True:
            return row.result == 1 and is_in_time
        return entry.reason == "unknown-work" or row.result in self.negatives and row.reason == entry.reason and is_in_time

    # The three books

    def accepted_by_pools(self) -> set[bytes]:
        """Ids of what the pools accepted, whether anybody heard of it or not."""
        return {header.share_id(self.workers[share.user.split("@")[0]], share.data) for pool in self.proxy.pools for share in pool.accepted}

    def rows_of(self, result: int | None) -> set[bytes]:
        """Ids of the rows with this result."""
        return {bytes(row.share_id) for row in self.database.shares() if row.result == result}

    def statuses(self) -> Counter[int]:
        """How often miners saw which HTTP status."""
        return Counter(reply.status for rig in self.rigs for reply in rig.miner.replies)

    def close_books(self) -> None:
        """Waits until everything is recorded, and audits."""
        self.wait_recorded()
        wait_until(lambda: self.accepted_by_pools() <= self.rows_of(1) | self.rows_of(None), 90, "what the pools accepted has a row")
        self.audit_books()
        print(f"{len(self.entries())} shares, {len(self.rows_of(1))} accepted, {len(self.rows_of(None))} unknown, {self.hangups} connections ended")

    def audit_books(self) -> None:
        """What a miner heard of as accepted is so at its pool and in its row; what a pool accepted has a row that does not deny it; nobody saw an
        HTTP status of 500 or above."""
        accepted, taken = self.accepted_by_pools(), self.rows_of(1)
        acknowledged = {key for key, entry in self.entries().items() if entry.result is True}
        assert acknowledged <= taken, "an acknowledged share is not recorded as accepted"
        assert taken <= accepted, "a share is recorded as accepted that its pool did not accept"
        assert accepted <= taken | self.rows_of(None), "a share that its pool accepted is missing, or recorded as rejected"
        self.audit()
        assert not [status for status in self.statuses() if status >= 500], f"miners saw {self.statuses()}"
