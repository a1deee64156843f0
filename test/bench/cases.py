# SPDX-License-Identifier: Apache-2.0
"""What the module is compared with plain Apache in, and what must hold there."""
from dataclasses import dataclass, field
from typing import Any

SHARES = {"shares": 20}  # getworks to one share
LEAST = 0.8  # of plain Apache's rate: no case may be below
MOST_P99 = 1.5  # of plain Apache's
MOST_REPEATED = 0.001  # of all requests: what httpd closed the connection of, unanswered
MOST_DRAINED = 2.0  # seconds until the database has everything: what waits must not grow


@dataclass(frozen=True)
class Farm:
    """One httpd with the module, its database and its pools."""

    database: str = "mariadb"
    workers: int = 1
    pools: int = 1  # with more than one, the best one is down
    polls: int = 0  # that wait all the time
    old_rows: int = 0  # works and as many shares that lie there before
    is_scraped: bool = False  # its metrics are read each second while it is measured
    rolls: bool = False  # one work of the pool is many works, by their time


@dataclass(frozen=True)
class Case:
    """Some subjects in turn. least: ratios of the module's rate to others'."""

    name: str
    what: str
    farm: Farm = Farm()
    rival: Farm | None = None  # the module once more, in other circumstances
    rival_name: str = ""
    load: dict[str, Any] = field(default_factory=dict)
    least: float | None = LEAST
    most_p99: float | None = MOST_P99
    least_of_rival: float | None = None
    with_file: bool = False  # a static file is a subject as well
    least_of_file: float | None = None
    most_repeated: float | None = MOST_REPEATED  # None: httpd means to close connections
    longer: int = 1  # each run so many times as long, and as many times fewer rounds
    declared: frozenset[str] = frozenset()  # tags of what its error logs may say
    idle: int = 0  # connections whose memory is looked at behind all runs


CASES = [
    Case("base", "64 connections, MariaDB, 1 worker", least=1.0, with_file=True, idle=2000),
    Case("c8", "8 connections", load={"connections": 8}),
    # With fewer threads than connections httpd is busy, and closes those that wait for their next request.
    Case("c256", "256 connections", load={"connections": 256}, most_repeated=None),
    Case("sqlite", "SQLite", Farm("sqlite")),
    Case("mix", "20 getworks to 1 share, MariaDB", load=SHARES, least=0.9, most_p99=None),
    Case("mix-sqlite", "20 getworks to 1 share, SQLite", Farm("sqlite"), load=SHARES, least=0.7, most_p99=None),
    Case("failover", "three pools, the best one down", Farm(pools=3), declared=frozenset({"MP0210"})),
    Case("workers-100", "100 workers", Farm(workers=100), Farm(), "1 worker", least_of_rival=0.95),
    Case("workers-10000", "10,000 workers, half as many runs of twice the length", Farm(workers=10000), Farm(), "1 worker", least_of_rival=0.95, longer=2),
    Case("polls", "10,000 long polls wait beside it", Farm(workers=1000, polls=10000), Farm(workers=1000), "no polls",
         load={"workers": 1}, least_of_rival=0.9),
    Case("scrape", "100 workers; the metrics are read each second", Farm(workers=100, is_scraped=True), Farm(workers=100), "no scrape", least_of_rival=0.98,
         longer=2),
    Case("close", "a connection for each request", load={"close": 1}, most_repeated=None),
    Case("tls", "TLS", load={"tls": 1}),
    Case("rows", "a million works and a million shares in the tables, 20 getworks to 1 share", Farm(old_rows=1_000_000), Farm(), "empty tables",
         load=SHARES, most_p99=None, least_of_rival=0.9),
    Case("rolling", "ntime rolling on", Farm(rolls=True), least=None, most_p99=None, with_file=True, least_of_file=0.9)]
