# SPDX-License-Identifier: Apache-2.0
"""The past of a large farm, written straight into its tables."""
from dataclasses import dataclass
import itertools
from pathlib import Path
import random
import sqlite3
import time
from typing import Any, Iterable, Iterator

from harness.database import Database, cheap_hash

DAYS = 30
DAY = 86400
FIRST = 2  # worker; the harness has one of its own
# Rows of five minutes are made for two days only: what is older is read in longer periods.
LENGTHS = {300: 2 * DAY, 1800: DAYS * DAY, 3600: DAYS * DAY, 21600: DAYS * DAY, 86400: DAYS * DAY}
STATS = "period_length, period_start, worker_id, pool_id, accepted, rejected, accepted_difficulty, getworks"
WORKS = "worker_id, data, pool_id, difficulty, time_requested"
SHARES = "share_id, worker_id, pool_id, result, reason, difficulty, time"
STATUS = "worker_id, last_work_time, last_work_pool_id, last_accepted_time, last_accepted_pool_id, last_accepted_difficulty"
Row = tuple[Any, ...]


@dataclass
class Size:
    """How much of it."""

    workers: int
    pools: int
    shares: int


def fill(database: Database, base: Path, size: Size) -> dict[str, int]:
    """@return how many rows each table has got"""
    _add_roster(database, size)
    now = int(time.time())
    tables = {"share_stats": (STATS, _statistics(size, now)), "submitted_work": (SHARES, _shares(size, now)),
              "worker_status": (STATUS, ((worker, _when(now), _pool(worker, size), _when(now - worker), _pool(worker, size), 1.0)
                                         for worker in range(FIRST, size.workers + FIRST)))}
    return {name: _load(database, base, name, columns, rows) for name, (columns, rows) in tables.items()}


def fill_old(database: Database, base: Path, shares: int) -> dict[str, int]:
    """What a farm of 1,000 workers left behind that nobody ever tidied: rows that are older than any default keeps. @return how many each table has got"""
    now = int(time.time())
    tables = {"submitted_work": (SHARES, _old_shares(shares, now)), "work_data": (WORKS, _old_works(shares // 10, now)),
              "share_stats": (STATS, _old_statistics(shares // 10, now))}
    return {name: _load(database, base, name, columns, rows) for name, (columns, rows) in tables.items()}


def fill_recent(database: Database, base: Path, count: int) -> None:
    """So many works and shares of the first worker, none of them old enough to be removed."""
    now = int(time.time()) - 3600
    _load(database, base, "work_data", WORKS, _recent_works(count, now))
    _load(database, base, "submitted_work", SHARES, _recent_shares(count, now))


def _recent_works(count: int, now: int) -> Iterator[Row]:
    random.seed(4)
    for number in range(count):
        yield FIRST, random.randbytes(68), 1, 1.0, _when(now - 12 * 3600 + number * 12 * 3600 // count)


def _recent_shares(count: int, now: int) -> Iterator[Row]:
    random.seed(5)
    for number in range(count):
        yield random.randbytes(32), FIRST, 1, 1, None, 1.0, _when(now - 7 * DAY + number * 7 * DAY // count)


def _old_shares(count: int, now: int) -> Iterator[Row]:
    random.seed(2)
    for number in range(count):
        is_rejected = number % 97 == 0
        yield (random.randbytes(32), number % 1000 + FIRST, 1, 0 if is_rejected else 1, "stale" if is_rejected else None, 1.0,
               _when(now - 45 * DAY + number * DAYS * DAY // count))


def _old_works(count: int, now: int) -> Iterator[Row]:
    random.seed(3)
    for number in range(count):
        yield number % 1000 + FIRST, random.randbytes(68), 1, 1.0, _when(now - 4 * DAY + number * DAY // count)


def _old_statistics(count: int, now: int) -> Iterator[Row]:
    for number in range(count):
        yield 300, _when(now - 5 * DAY - number // 1000 * 300), number % 1000 + FIRST, 1, 1, 0, 1.0, 2


def _add_roster(database: Database, size: Size) -> None:
    hashed = cheap_hash("secret")
    for pool in range(1, size.pools + 1):
        database.run("INSERT INTO pool (id, name, url, enabled) VALUES (?, ?, ?, 1)", pool, f"pool-{pool}", f"http://127.0.0.1:9/{pool}")
    for worker in range(FIRST, size.workers + FIRST):
        database.run("INSERT INTO worker (id, name, password) VALUES (?, ?, ?)", worker, f"rig-{worker - FIRST:04}", hashed)
    database.run("INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)"
                 " SELECT pool.id, worker.id, worker.name, 'x', pool.id, 1 FROM worker, pool WHERE (worker.id + pool.id) % 5 = 0")


def _pool(worker: int, size: Size) -> int:
    return worker % size.pools + 1


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _statistics(size: Size, now: int) -> Iterator[Row]:
    """Every tenth worker stopped some days ago, every twentieth never began."""
    for length, span in LENGTHS.items():
        for start in range((now - span) // length * length, now + 1, length):
            when = _when(start)
            for worker in range(FIRST, size.workers + FIRST):
                if worker % 20 == 0 or (worker % 10 == 5 and now - start < 3 * DAY):
                    continue
                shares = size.shares * length // (DAYS * DAY * size.workers) + worker % 3
                yield length, when, worker, _pool(worker, size), shares, worker % 7 == 0, float(shares), shares * 2


def _shares(size: Size, now: int) -> Iterator[Row]:
    random.seed(1)
    for number in range(size.shares):
        worker = number % size.workers + FIRST
        is_rejected = number % 97 == 0
        yield (random.randbytes(32), worker, _pool(worker, size), 0 if is_rejected else 1, "stale" if is_rejected else None, 1.0,
               _when(now - DAYS * DAY + number * DAYS * DAY // size.shares))


def _load(database: Database, base: Path, table: str, columns: str, rows: Iterable[Row]) -> int:
    if database.engine == "sqlite":
        return _load_sqlite(database.path, table, columns, rows)
    return _load_mariadb(database, base, table, columns, rows)


def _load_sqlite(path: Path, table: str, columns: str, rows: Iterable[Row]) -> int:
    count = 0
    marks = ", ".join("?" * len(columns.split(",")))
    connection = sqlite3.connect(path, timeout=30)
    connection.execute("PRAGMA synchronous = OFF")
    rows = iter(rows)
    while batch := list(itertools.islice(rows, 100_000)):
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", batch)
        count += len(batch)
    connection.commit()
    connection.close()
    return count


def _field(value: Any) -> str:
    if value is None:
        return "\\N"
    return value.hex() if isinstance(value, bytes) else str(int(value) if isinstance(value, bool) else value)


def _load_mariadb(database: Any, base: Path, table: str, columns: str, rows: Iterable[Row]) -> int:
    count = 0
    path = base / f"{table}.tsv"
    names, convert = columns, ""
    for binary in {"share_id", "data"} & set(columns.split(", ")):
        names = ", ".join(f"@{name}" if name == binary else name for name in names.split(", "))
        convert = f" SET {binary} = UNHEX(@{binary})"
    with open(path, "w", encoding="ascii") as file:
        for row in rows:
            file.write("\t".join(map(_field, row)) + "\n")
            count += 1
    connection = database.server.connect(database.name, local_infile=True, read_timeout=900)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table} ({names}){convert}")
        cursor.execute(f"ANALYZE TABLE {table}")
    path.unlink()
    return count
