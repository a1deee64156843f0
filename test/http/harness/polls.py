# SPDX-License-Identifier: Apache-2.0
"""How many long polls wait, as the module tells in its log; and the crowds of miners that wait."""
from dataclasses import dataclass
import os
from pathlib import Path
import re
from typing import Any

import pytest

from fakes.miner import Miner
from fakes.pending_poll import PendingPoll, PollCrowd

from .httpd import Httpd

_WORKER, _PREFORK = pytest.mark.proxy(mpm="worker"), pytest.mark.proxy(mpm="prefork", children=8, directives=["MiningProxyLongPolling On"])


def _mpms(*worker: pytest.MarkDecorator) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("mpm", [
        pytest.param("event", marks=pytest.mark.proxy(mpm="event")), pytest.param("worker", marks=[_WORKER, *worker]),
        pytest.param("prefork", marks=_PREFORK)])


# For tests that hold under every MPM. Each process of prefork holds one poll.
EVERY_MPM = _mpms()
# Slow ones: a thread of worker waits as a process of prefork does.
EVERY_MPM_SLOWLY = _mpms(pytest.mark.load)
_COUNTS = re.compile(
    r"\[pid (?P<pid>\d+)[^]]*\].* MP0262: long polls: (?P<waiting>\d+) waiting; woken (?P<block>\d+) block, (?P<switch>\d+) switch,"
    r" (?P<hold>\d+) hold, (?P<room>\d+) room, (?P<stop>\d+) stop,"
    r" (?P<on_the_spot>\d+) on the spot; (?P<cancelled>\d+) cancelled, (?P<refused>\d+) refused")


@dataclass
class PollCounts:
    """Of one child, or of several together. Only waiting goes down again."""

    waiting: int = 0
    block: int = 0
    switch: int = 0
    hold: int = 0
    room: int = 0
    stop: int = 0
    on_the_spot: int = 0
    cancelled: int = 0
    refused: int = 0

    def __add__(self, other: "PollCounts") -> "PollCounts":
        return PollCounts(**{name: value + getattr(other, name) for name, value in vars(self).items()})


class PollWatch:
    """Reads the counts out of one httpd's error log, forward only."""

    def __init__(self, httpd: Httpd):
        self._httpd = httpd
        self._offset = 0
        self._rest = ""
        self._children: dict[int, PollCounts] = {}

    def of_children(self) -> dict[int, PollCounts]:
        """The last counts of every child that lives."""
        self._read()
        alive = set(self._httpd.children()) if self._httpd.is_running else set()
        return {pid: counts for pid, counts in self._children.items() if pid in alive}

    def all_counts(self) -> PollCounts:
        """Of every child that ever was, together."""
        self._read()
        return sum(self._children.values(), PollCounts())

    def _read(self) -> None:
        if not self._httpd.log.path.exists():
            return
        with open(self._httpd.log.path, "rb") as log:
            log.seek(self._offset)
            new = log.read()
        self._offset += len(new)
        *lines, self._rest = (self._rest + new.decode("utf-8", "replace")).split("\n")
        for line in lines:
            if match := _COUNTS.search(line):
                numbers = {name: int(value) for name, value in match.groupdict().items()}
                pid = numbers.pop("pid")
                self._children[pid] = PollCounts(**numbers)


class Crowd(PollCrowd):
    """Many miners of one proxy that wait."""

    def __init__(self, proxy: Any):
        super().__init__()
        self._proxy = proxy

    def gather(self, count: int, miners: list[Miner], deadline: float = 30) -> list[PendingPoll]:
        """So many polls of these miners in turn; returns when as many more wait."""
        before = self._proxy.settled_waiting()
        polls = self.open(count, lambda number: miners[number % len(miners)].poll())
        self._proxy.wait_waiting(before + count, deadline)
        return polls


def descriptor_count(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid: int) -> float:
    """How long a process has computed so far, in all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page_faults(pid: int) -> int:
    """How often a process touched memory that it had not, or had given back."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])
