# SPDX-License-Identifier: Apache-2.0
"""The database of one test, and the words in which tests edit and read it.

Tests write rows by plain SQL, as an operator with a query window would: it is quick, it does not lean on the code under
test, and the module has to notice such changes anyway. Both engines share everything but their connection.
"""
import abc
from dataclasses import dataclass
import os
from pathlib import Path
import sqlite3
import subprocess
from typing import Any
import warnings

from fakes import header
from fakes.pool import FakePool

from . import places

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

PASSWORD = "secret"
READINESS = "readiness"  # a worker without pools, by which the harness sees that a child has its roster


def cheap_hash(password: str) -> str:
    """bcrypt at its lowest cost: tests log in a lot."""
    return crypt.crypt(password, "$2b$04$abcdefghijklmnopqrstuu")


@dataclass
class ShareRow:
    """A row of submitted_work."""

    share_id: bytes | None
    worker_id: int
    pool_id: int
    result: int | None
    reason: str | None
    difficulty: float | None
    time: str


class Database(abc.ABC):
    """One engine's database with the schema of version 7."""

    engine: str
    url: str
    password: str | None = None

    @abc.abstractmethod
    def run(self, sql: str, *parameters: Any) -> tuple[list[tuple[Any, ...]], int]:
        """Runs one statement (parameters are question marks) and commits. Returns its rows and the last id."""

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.run(sql, *parameters)[0]

    def value(self, sql: str, *parameters: Any) -> Any:
        """The single value of a query."""
        return self.rows(sql, *parameters)[0][0]

    # The roster

    def add_pool(self, pool: FakePool | str, url: str | None = None, enabled: bool = True) -> int:
        """A fake pool, or a name and a URL."""
        name = pool if isinstance(pool, str) else pool.name
        return self.run("INSERT INTO pool (name, url, enabled) VALUES (?, ?, ?)", name, url or pool.url,
                        int(enabled))[1]

    def add_worker(self, name: str = "rig1", password: str = PASSWORD, plain: bool = False) -> int:
        """A worker; plain stores the password as the PHP program did."""
        stored = password if plain else cheap_hash(password)
        return self.run("INSERT INTO worker (name, password) VALUES (?, ?)", name, stored)[1]

    def assign(self, worker: int, pool: int, user: str, password: str = "pool-pw", priority: int = 0,
               enabled: bool = True) -> None:
        """The worker may work for the pool, as that user."""
        self.run("INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)"
                 " VALUES (?, ?, ?, ?, ?, ?)", pool, worker, user, password, priority, int(enabled))

    def add_rig(self, *pools: FakePool, name: str = "rig1", password: str = PASSWORD) -> int:
        """A worker with these pools, the best one first; its account at each is NAME@POOL, its password POOL-pw."""
        worker = self.add_worker(name, password)
        for rank, pool in enumerate(pools):
            self.assign(worker, self.pool_id(pool), f"{name}@{pool.name}", f"{pool.name}-pw",
                        priority=len(pools) - rank)
        return worker

    def pool_id(self, pool: FakePool) -> int:
        """The pool's row, made if it is missing."""
        found = self.rows("SELECT id FROM pool WHERE name = ?", pool.name)
        return found[0][0] if found else self.add_pool(pool)

    def worker_id(self, name: str) -> int:
        """A worker's row."""
        return self.value("SELECT id FROM worker WHERE name = ?", name)

    def raise_generation(self) -> None:
        """Says that the roster changed: within a second, every child looks."""
        generation = int(self.value("SELECT value FROM settings WHERE `key` = 'generation'"))
        self.run("UPDATE settings SET value = ? WHERE `key` = 'generation'", str(generation + 1))

    def change(self, sql: str, *parameters: Any) -> None:
        """An edit of the roster that counts at once."""
        self.run(sql, *parameters)
        self.raise_generation()

    # What was recorded

    def shares(self) -> list[ShareRow]:
        """submitted_work in the order of its ids."""
        sql = "SELECT share_id, worker_id, pool_id, result, reason, difficulty, time FROM submitted_work ORDER BY id"
        return [ShareRow(*row[:6], str(row[6])) for row in self.rows(sql)]

    def share_of(self, worker: int, data: bytes) -> ShareRow | None:
        """The row of one share."""
        wanted = header.share_id(worker, data)
        return next((row for row in self.shares() if row.share_id == wanted), None)

    def share_count(self) -> int:
        """How many rows submitted_work has."""
        return self.value("SELECT COUNT(*) FROM submitted_work")

    # The module's command

    def farm(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the command that adds pools, workers and assignments."""
        environment = {"PATH": os.environ["PATH"], "MININGPROXY_DATABASE": self.url, **places.sanitizer_environment()}
        done = subprocess.run([str(places.FARM), *self.farm_options(), *arguments], capture_output=True, text=True,
                              env=environment, timeout=60, check=False)
        self.after_farm()
        assert not check or done.returncode == 0, f"farm {arguments}: {done.stdout}{done.stderr}"
        return done

    def farm_options(self) -> list[str]:
        """Options in front of the command's verb."""
        return []

    def after_farm(self) -> None:
        """What must be put right after the command ran as root."""


class SqliteDatabase(Database):
    """A file in a directory that belongs to httpd's children."""

    engine = "sqlite"

    def __init__(self, directory: Path, with_schema: bool = True):
        self.path = directory / "farm.db"
        self.url = f"sqlite:{self.path}"
        if with_schema:
            self.create()

    def create(self) -> None:
        """Makes the file and its tables."""
        connection = sqlite3.connect(self.path)
        connection.executescript(places.SCHEMA_SQLITE.read_text())
        connection.close()
        self.add_worker(READINESS)
        self.after_farm()

    def run(self, sql: str, *parameters: Any) -> tuple[list[tuple[Any, ...]], int]:
        connection = sqlite3.connect(self.path, timeout=20)
        try:
            with connection:
                cursor = connection.execute(sql, parameters)
                return cursor.fetchall(), cursor.lastrowid or 0
        finally:
            connection.close()

    def after_farm(self) -> None:
        places.give_to_child(self.path.parent)
