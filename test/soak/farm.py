# SPDX-License-Identifier: Apache-2.0
"""The farm: httpd with two children, the times of the shipped configuration and the console, a database, and miners of two kinds. Those who wait in long polls and those
who fetch work all the time are a program in C, as are their two pools. The rigs hand in shares, each of which is followed by its id to the pools that keep books."""
import contextlib
import itertools
from pathlib import Path
import shutil
import signal
from typing import Any, Iterator

from bench import scene, tools
from fakes.miner import NoWork
from fakes.pool import TRIVIAL, FakePool
from harness import mariadb, places
from harness.config import Config, Console
from harness.console import Visitor
from harness.database import PASSWORD, Database, SqliteDatabase
from harness.drill import Drill
from harness.httpd import Httpd
from harness.proxy import Proxy, directives_for
from harness.waiting import wait_until

from .plan import Plan

BYSTANDERS = 50
CONNECTIONS = 8  # that a child may have to the database, as shipped
REQUEST_READ_TIMEOUT = "handshake=20 header=20-40,MinRate=500 body=20,MinRate=500"
EDITED = "edited"  # the worker whom the console changes, and who is not known to every child at once
PAGES = ("/", "/?window=24h", "/pools", "/workers", "/alerts", "/about")


class Farm:
    """Everything that runs."""

    def __init__(self, plan: Plan, database: Database, directory: Path):
        self.plan, self.database = plan, database
        self.httpd = Httpd(directory / "httpd", Config(**(scene.CONFIG | {
            "children": 2, "request_read_timeout": REQUEST_READ_TIMEOUT,
            "console": Console(templates=Path(shutil.copytree(places.TEMPLATES, directory / "templates")))})))
        kept = [line for line in scene.DIRECTIVES if not line.startswith("MiningProxyFailbackAfter ")]
        self.httpd.config.directives = directives_for(self.httpd, database, [*kept, f"MiningProxyFailbackAfter {plan.failback}"])
        # Stocks of freed memory that each thread keeps fill for hours; as docs/ADMIN.md, "Memory", has it, and "make run" does.
        self.httpd.more_environment = dict([places.TUNED])
        self.proxy = Proxy(self.httpd, database)
        self.admin = Visitor(self.proxy)
        self.best: Any = None  # of the crowd; alpha is the rigs'
        self.crowd: Any = None
        self.drill: Any = None
        self._stack = contextlib.ExitStack()
        self._edits = itertools.count(1)

    def __enter__(self) -> "Farm":
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        self.best, second = stack.enter_context(tools.Pool()), stack.enter_context(tools.Pool())
        # A program that is stopped does not end.
        stack.callback(self.best.process.send_signal, signal.SIGCONT)
        self.proxy.pools = []
        for name in ("alpha", "beta"):
            self.proxy.pools.append(FakePool(name, difficulty=TRIVIAL))
            stack.callback(self.proxy.pools[-1].close)
        rigs = self._add_workers(second)
        stack.callback(self.proxy.stop)
        self.proxy.start()
        plan = self.plan
        self.crowd = stack.enter_context(tools.Crowd(self.httpd.port, self.best, polls=plan.polls, workers=plan.workers, bystanders=BYSTANDERS,
                                                     rate=plan.getworks, sample=0))
        self.drill = Drill(self.proxy, rigs, 0, plan.pace)
        self.drill.negatives = {0, None}

    def _add_workers(self, second: tools.Pool) -> list[str]:
        """@return the rigs"""
        database, plan = self.database, self.plan
        scene.add_farm(database, self.best, scene.Plan(workers=plan.workers, bystanders=BYSTANDERS))
        database.run("INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)"
                     " SELECT ?, id, name, 'pool-pw', -1, 1 FROM worker WHERE name <> 'readiness'", database.add_pool("second", second.url))
        rigs = [f"rig{number}" for number in range(1, plan.rigs + 1)]
        for name in [*rigs, EDITED]:
            database.add_rig(*self.proxy.pools, name=name)
        return rigs

    # What happens to it

    def fail(self, way: str) -> None:
        """The best pools are away: they answer nothing, or refuse connections."""
        if way == "hangs":
            self.best.process.send_signal(signal.SIGSTOP)
            self.proxy.pools[0].choke()
        else:
            self.best.process.send_signal(signal.SIGUSR2)
            self.proxy.pools[0].kill()

    def mend(self, way: str) -> None:
        """They are back."""
        if way == "hangs":
            self.best.process.send_signal(signal.SIGCONT)
            self.proxy.pools[0].kill()
        else:
            self.best.process.send_signal(signal.SIGUSR2)
        self.proxy.pools[0].revive()

    def look_at_console(self) -> None:
        """An operator looks at every page, and a script at the same as JSON."""
        for page in PAGES:
            answer = self.admin.get(page)
            assert answer.status == 200, f"{page}: {answer.status} {answer.words[:300]}"
            self.admin.view(page)

    def edit_worker(self) -> None:
        """Gets a new password and another account at its pool, and works with them."""
        number = next(self._edits)
        worker, pool = self.database.worker_id(EDITED), self.database.pool_id(self.proxy.pools[0])
        password = f"{PASSWORD}-{number}"
        for path, fields in ((f"/workers/{worker}/password", {"password": password}),
                             (f"/workers/{worker}/pools/{pool}", {"username": f"{EDITED}-{number}", "password": "x", "priority": 2})):
            answer = self.admin.change(path, fields)
            assert answer.status == 200, answer.text
        wait_until(lambda: self._gets_work(password), 20, "the worker gets work with its new password")

    def _gets_work(self, password: str) -> bool:
        if self.proxy.login_status(EDITED, password) != 200:
            return False
        miner = self.proxy.miner(EDITED, password)
        try:
            return bool(miner.getwork())
        except (NoWork, ConnectionError):
            return False
        finally:
            miner.close()


@contextlib.contextmanager
def made_database(engine: str, base: Path) -> Iterator[Database]:
    """An empty farm's database. MariaDB syncs each commit, as it does by itself."""
    directory = base / "database"
    directory.mkdir(mode=0o755)
    if engine == "sqlite":
        yield SqliteDatabase(directory)
        return
    server = mariadb.MariaServer(base / "mariadb", mariadb.install(base / "template"), mariadb.SYNCED, "--innodb-flush-log-at-trx-commit=1")
    try:
        yield server.start().create_database(directory)
    finally:
        server.stop()


def allow_files(plan: Plan) -> None:
    """For whoever plays it, and all that it starts."""
    tools.allow_files(plan.polls + 3000)
