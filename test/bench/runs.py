# SPDX-License-Identifier: Apache-2.0
"""One run of the load at one subject: how fast, what it cost whom, and whether the database has everything."""
from dataclasses import dataclass
import statistics
import time

from .observer import Observer
from .subjects import Subject
from .tools import Load, Pool


@dataclass
class Run:
    """Times in ms, memory in MB, what a request costs in microseconds of a processor."""

    rate: float
    p50: float
    p99: float
    httpd: float
    database: float | None  # None: there is none, or it is a part of httpd
    pool: float
    load: float
    memory: float
    drained: float | None = None  # seconds from the end until the database had everything
    waiting: int = 0  # shares that the database did not have at the end
    missing: int = 0  # rows that it never got, and those that are too many
    wrong: int = 0
    first_wrong: str = ""
    repeated: int = 0


def measure(subject: Subject, pool: Pool, seconds: int, deadline: float = 30) -> Run:
    """Warms up, runs, and waits until nothing is left to be written, or for so many seconds."""
    before = subject.rows() if subject.database else (0, 0)
    fetched = pool.stats()["getworks"]
    with Load(**subject.options, seconds=seconds) as load:
        load.expect("ready")
        clocks = _clocks(subject, pool)
        seen = load.run()
        costs = [(now - then) * 1e6 / max(1, seen["requests"]) for now, then in zip(_clocks(subject, pool), clocks)]
    httpd, pool_cost, database = costs
    run = Run(seen["requests"] / seen["seconds"], seen["p50_us"] / 1000, seen["p99_us"] / 1000, httpd, database if subject.database_pid else None,
              pool_cost, seen["cpu_seconds"] * 1e6 / max(1, seen["requests"]), subject.memory() / 1000,
              wrong=seen["wrong"], first_wrong=seen["first_wrong"], repeated=seen["repeated"])
    if subject.database:
        # A work that rolls may have been handed out, and written down, in an earlier run.
        works = pool.stats()["getworks"] - fetched if subject.rolls else seen["heads"]
        _drain(run, subject, (before[0] + works, before[1] + seen["accepted"]), deadline)
    return run


def _clocks(subject: Subject, pool: Pool) -> tuple[float, float, float]:
    """Seconds that httpd, pool and database have computed."""
    def spent(pids: list[int]) -> float:
        return sum(Observer(pid, 0).processor_time() for pid in pids)
    return (spent([subject.httpd.pid, *subject.httpd.children()]), spent([pool.process.pid]),
            spent([subject.database_pid] if subject.database_pid else []))


def _drain(run: Run, subject: Subject, wanted: tuple[int, int], deadline: float) -> None:
    """A request that was sent twice may have got two works, one of which nobody saw."""
    began = time.monotonic()
    while True:
        works, shares = subject.rows()
        now = time.monotonic() - began
        if run.drained is None:
            run.drained, run.waiting = now, max(0, wanted[1] - shares)
        if (works >= wanted[0] and shares >= wanted[1]) or now > deadline:
            break
        time.sleep(0.05)
    run.drained = now
    run.missing = max(0, wanted[0] - works) + max(0, works - wanted[0] - run.repeated) + abs(wanted[1] - shares)


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
    def middle(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    def most(name: str) -> int:
        return max(getattr(run, name) or 0 for run in runs)
    has_database, has_rows = runs[0].database is not None, runs[0].drained is not None
    return Run(*(middle(name) for name in ("rate", "p50", "p99", "httpd")), middle("database") if has_database else None,
               *(middle(name) for name in ("pool", "load", "memory")), most("drained") if has_rows else None, most("waiting"),
               sum(run.missing for run in runs), sum(run.wrong for run in runs),
               next((run.first_wrong for run in runs if run.first_wrong), ""), sum(run.repeated for run in runs))
