# SPDX-License-Identifier: Apache-2.0
"""One run of the load at one subject: how fast, what it cost whom, and whether the database has everything."""
import contextlib
from dataclasses import dataclass, field
import statistics
import time
from typing import Any

from .observer import Observer
from .scraper import Scraper
from .subjects import Subject
from .tools import Load, Pool

LOOK = 0.05  # seconds between two looks for rows
LOOK_AT_SUMS = 0.25
QUIET = 0.1  # of one processor, over this time:
QUIET_TIME = 0.3


@dataclass
class Run:
    """Times in ms, memory in MB, what a request costs in microseconds of a processor."""

    rate: float
    p50: float
    p99: float
    load: float
    memory: float
    requests: int  # with those of the warm-up
    wrong: int
    first_wrong: str
    repeated: int
    httpd: float = 0
    pool: float = 0
    database: float | None = None  # None: there is none, or it is a part of httpd
    drained: float | None = None  # seconds from the end until the database had every work and share
    waiting: int = 0  # shares that the database did not have at the end
    missing: int = 0  # rows and counted getworks that it never got, and those that are too many
    each: list["Run"] = field(default_factory=list)  # of a median: its rounds


def measure(subject: Subject, pool: Pool, seconds: int, deadline: float = 30) -> Run:
    """Warms up, runs, and waits until nothing is left to be written, or for so many seconds. All that was computed meanwhile is a part of what the requests cost."""
    before = subject.books.rows() if subject.books else (0, 0)
    fetched = pool.stats()["getworks"]
    clocks = _clocks(subject, pool)
    with Scraper(subject.httpd) if subject.is_scraped else contextlib.nullcontext(), Load(**subject.options, seconds=seconds) as load:
        seen = load.expect("ready").run()
    run = Run(rate=seen["requests"] / seen["seconds"], p50=seen["p50_us"] / 1000, p99=seen["p99_us"] / 1000,
              load=seen["cpu_seconds"] * 1e6 / max(1, seen["requests"]), memory=subject.memory() / 1000, requests=seen["answered"],
              wrong=seen["wrong"], first_wrong=seen["first_wrong"], repeated=seen["repeated"])
    if subject.books:
        # A work that rolls may have been handed out, and written down, in an earlier run.
        works = pool.stats()["getworks"] - fetched if subject.rolls else seen["heads"]
        subject.handed_out += seen["works"]
        subject.repeated += seen["repeated"]
        end = time.monotonic() + deadline
        _drain(run, subject, (before[0] + works, before[1] + seen["accepted"]), end)
        _drain_sums(run, subject, end)
    _come_to_rest(subject, deadline)
    httpd, database, pool_cost = [(now - then) * 1e6 / max(1, run.requests) for now, then in zip(_clocks(subject, pool), clocks)]
    run.httpd, run.pool, run.database = httpd, pool_cost, database if subject.database_pid else None
    return run


def _clocks(subject: Subject, pool: Pool) -> tuple[float, float, float]:
    """Seconds that httpd, database and pool have computed."""
    return *subject.processor_time(), Observer(pool.process.pid, 0).processor_time()


def _off(wanted: int, found: int, repeated: int) -> int:
    """How many are missing or too many. A request that was sent twice may have got two works, one of which nobody saw."""
    return max(0, wanted - found) + max(0, found - wanted - repeated)


def _drain(run: Run, subject: Subject, wanted: tuple[int, int], end: float) -> None:
    """Until the rows are there."""
    began = time.monotonic()
    while True:
        works, shares = subject.books.rows()
        now = time.monotonic()
        if run.drained is None:
            run.waiting = max(0, wanted[1] - shares)
        run.drained = now - began
        if (works >= wanted[0] and shares >= wanted[1]) or now > end:
            break
        time.sleep(LOOK)
    run.missing = _off(wanted[0], works, run.repeated) + abs(wanted[1] - shares)


def _drain_sums(run: Run, subject: Subject, end: float) -> None:
    """Until the statistics have every getwork; they may take more time than rows."""
    while (getworks := subject.books.getworks()) < subject.handed_out and time.monotonic() < end:
        time.sleep(LOOK_AT_SUMS)
    run.missing += _off(subject.handed_out, getworks, subject.repeated)


def _come_to_rest(subject: Subject, deadline: float) -> None:
    """Until httpd and database compute next to nothing."""
    end = time.monotonic() + deadline
    busy = 1.0
    while busy >= QUIET and time.monotonic() < end:
        before, began = sum(subject.processor_time()), time.monotonic()
        time.sleep(QUIET_TIME)
        busy = (sum(subject.processor_time()) - before) / (time.monotonic() - began)


def idle_memory(subject: Subject, connections: int) -> float:
    """kB of each connection that fetched work and then says nothing."""
    observer = Observer(subject.httpd.pid, subject.options["port"])
    observer.rest()
    before = subject.memory()
    with Load(**(subject.options | {"connections": connections, "once": 1})) as load:
        load.expect("ready")
        observer.rest()
        left, _ = observer.connections()
        assert left == connections, f"{left} of {connections} idle connections are still open"
        return (subject.memory() - before) / connections


def median_of(runs: list[Run]) -> Run:
    """Each figure's median; of what must not be, the worst."""
    def those(name: str) -> list[Any]:
        return [value for run in runs if (value := getattr(run, name)) is not None]
    middle = {name: statistics.median(those(name)) for name in ("rate", "p50", "p99", "load", "memory", "httpd", "pool", "database") if those(name)}
    most = {name: max(those(name)) for name in ("drained", "waiting") if those(name)}
    total = {name: sum(those(name)) for name in ("requests", "wrong", "repeated", "missing")}
    return Run(**middle, **most, **total, each=runs, first_wrong=next((run.first_wrong for run in runs if run.first_wrong), ""))


def ratio(name: str, run: Run, other: Run) -> float:
    """Of a figure: the median over the rounds, each with what was measured beside it, when the machine was as fast."""
    pairs = list(zip(run.each, other.each)) or [(run, other)]
    return statistics.median(getattr(one, name) / getattr(by, name) for one, by in pairs)
