# SPDX-License-Identifier: Apache-2.0
"""How long, how large, and what must hold."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Times in seconds, memory in kB. At first httpd is restarted again and again; then its children live on, and when they have come to their size, their memory is judged: until each
    thread's stack was as deep as it gets, each connection to pools was used and the database's caches are full, some minutes pass. A leak goes on. What each thread keeps of freed
    memory is none, as "make run" has it."""

    with_restarts: float = 300
    settling: float = 300
    without: float = 1200
    polls: int = 1000
    workers: int = 100  # of the polls
    getworks: int = 300  # a second, beside the rigs'
    rigs: int = 12  # who hand in shares
    pace: float = 0.4  # that each of them rests behind a share
    failback: str = "30s"
    steady: float = 10  # of nothing but work, in each round
    down: float = 15  # that a pool stays away when its miners have left it
    restarts: int = 3  # in each round of the first part
    rest: float = 3  # of nothing but work before a look
    long_rest: float = 65  # before a look that is judged: a child gives the system once a minute what it does not need
    looks: int = 5  # whose median counts
    tick: float = 1  # from one of them to the next, and from one question to the next
    patience: float = 120  # until every poll was woken
    pages: int = 50  # looks at the console when the second part begins, until its memory has its size
    warm: int = 2  # rounds behind these, at least, in which everything happens for the first time
    rounds: int = 6  # at least, behind these
    failovers: int = 1  # a pool fails in one of so many rounds, for the first time in the second one
    growth: float = 0.02
    floor: float = 256  # growth that is none: pages of the allocator
    looks_at_memory: bool = True


def long(minutes: float) -> Plan:
    """A sixth of the time with restarts, two thirds of it judged."""
    return Plan(with_restarts=10 * minutes, settling=10 * minutes, without=40 * minutes, rounds=max(3, min(6, round(minutes / 5))))


# Some rounds of some seconds.
SHORT = Plan(with_restarts=0, settling=0, without=0, polls=600, workers=60, getworks=500, rigs=8, pace=0.2, failback="1s", steady=1, down=1, restarts=3,
             rest=1.2, long_rest=1.2, looks=3, tick=0.2, patience=30, pages=25, warm=1, rounds=3, failovers=3, growth=0.05, floor=2000)
