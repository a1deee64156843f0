# SPDX-License-Identifier: Apache-2.0
"""Who is measured: httpd with the module on a farm of its own, and httpd that merely forwards to the same pool or hands out a file. Both have the same MPM block,
the same times and an access log."""
import base64
import contextlib
from dataclasses import dataclass, field
import hashlib
import http.client
from pathlib import Path
import time
from typing import Any, Iterator

from fakes.certificates import Authority
from fakes.ports import free_port
from harness import errorlog, mariadb
from harness.config import Config, TlsPort
from harness.database import PASSWORD, Database, SqliteDatabase, cheap_hash
from harness.httpd import Httpd
from harness.metrics import LOCATION
from harness.proxy import Proxy, directives_for
from harness.waiting import wait_until

from . import scene, tables
from .books import Books
from .cases import Case, Farm
from .observer import Observer
from .tools import Crowd, Load, Pool

CONFIG = scene.CONFIG | {"children": 2}
# As MariaDB comes, but for a buffer pool of a farm's size.
MARIADB = [mariadb.SYNCED, "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=96M", "--innodb-flush-log-at-trx-commit=1", "--local-infile=1"]
CROWD_WORKERS = 16  # that the crowd wants beside its pollers
FORWARD = """
<Location "/work">
    ProxyPass "@POOL@" keepalive=On
    AuthType Basic
    AuthName "mining proxy"
    AuthBasicProvider file
    AuthUserFile "@DIRECTORY@/users"
    Require valid-user
</Location>"""


@dataclass
class Subject:
    """What the load is pointed at."""

    name: str
    httpd: Httpd
    options: dict[str, Any]  # for the load
    database: Database | None = None
    books: Books | None = None  # of that database
    database_pid: int | None = None
    rolls: bool = False
    is_scraped: bool = False
    handed_out: int = 0  # works since the database was empty, rolled ones included
    repeated: int = 0  # requests, each of which may have got a work that nobody saw
    memory_of_poll: float | None = None  # kB

    def memory(self) -> float:
        """kB that belong to its children alone."""
        return sum(Observer(pid, self.httpd.port).look().own for pid in self.httpd.children())

    def processor_time(self) -> tuple[float, float]:
        """Seconds that httpd and database have computed; not those that the looks into its books took."""
        httpd = sum(Observer(pid, 0).processor_time() for pid in [self.httpd.pid, *self.httpd.children()])
        database = Observer(self.database_pid, 0).processor_time() - self.books.looking() if self.database_pid else 0
        return httpd, database

    def loud(self, declared: frozenset[str]) -> list[str]:
        """Lines of level warning and above that its error log has got, but for these tags."""
        return errorlog.undeclared(self.httpd.log.unread(), set(declared))


@dataclass
class Stage:
    """Where cases are played. One MariaDB serves all of them."""

    base: Path
    stack: contextlib.ExitStack
    server: mariadb.MariaServer | None = None
    count: int = field(default=0)

    def directory(self) -> Path:
        """A new one."""
        self.count += 1
        path = self.base / str(self.count)
        path.mkdir(mode=0o755)
        return path

    def database(self, engine: str) -> Database:
        """An empty farm's."""
        directory = self.directory()
        if engine == "sqlite":
            return SqliteDatabase(directory)
        if not self.server:
            self.server = mariadb.MariaServer(self.base / "mariadb", mariadb.install(self.base / "template"), *MARIADB)
            self.stack.callback(self.server.stop)
            self.server.start()
        return self.server.create_database(directory)

    @contextlib.contextmanager
    def subjects(self, case: Case) -> Iterator[tuple[Pool, list[Subject]]]:
        """All of a case, and the pool that they share."""
        with contextlib.ExitStack() as stack:
            pool = stack.enter_context(Pool(**({"roll": "expire=120"} if case.farm.rolls else {})))
            tls = Authority(self.directory()).issue("bench") if case.load.get("tls") else None
            found = [stack.enter_context(self._proxy("proxy", case.farm, case, pool, tls))]
            if case.rival:
                found.append(stack.enter_context(self._proxy(f"proxy, {case.rival_name}", case.rival, case, pool, tls)))
            page = sample_answer(found[0])
            wait_until(lambda: is_written(found, pool), 60, "the databases have what was done so far")
            if case.farm.polls:
                stack.enter_context(parked(found[0], case.farm, pool))
            found += stack.enter_context(self._plain(case, pool, page, tls))
            yield pool, found

    @contextlib.contextmanager
    def _proxy(self, name: str, farm: Farm, case: Case, pool: Pool, tls: tuple[Path, Path] | None) -> Iterator[Subject]:
        database = self.database(farm.database)
        add_farm(database, farm, pool)
        if farm.old_rows:
            tables.fill_recent(database, self.base, farm.old_rows)
        directory = self.directory()
        httpd = Httpd(directory, Config(**CONFIG, tls=_tls_port(tls), host=[f'DocumentRoot "{directory}"'],
                                        locations=[LOCATION] if farm.is_scraped else []))
        httpd.config.directives = directives_for(httpd, database, scene.DIRECTIVES)
        options = {"port": _port(httpd), "module": 1, "workers": farm.workers, "previous": pool.stats()["previous"]} | case.load
        books = Books(database, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - 60)))
        subject = Subject(name, httpd, options, database, books, self.server.pid if farm.database == "mariadb" else None, farm.rolls,
                          farm.is_scraped)
        try:
            Proxy(httpd, database).start()
            log_in(subject)
            yield subject
        finally:
            httpd.stop()
            books.close()

    @contextlib.contextmanager
    def _plain(self, case: Case, pool: Pool, page: str, tls: tuple[Path, Path] | None) -> Iterator[list[Subject]]:
        directory = self.directory()
        (directory / "page.json").write_text(page)
        (directory / "users").write_text(f"w1:{{SHA}}{base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()}\n")
        forward = FORWARD.replace("@POOL@", pool.url).replace("@DIRECTORY@", str(directory))
        httpd = Httpd(directory, Config(**CONFIG, with_module=False, modules=["proxy", "proxy_http", "authn_file"], tls=_tls_port(tls),
                                        directives=scene.HTTPD_DIRECTIVES, host=[f'DocumentRoot "{directory}"', forward]))
        options = {"port": _port(httpd)} | case.load
        found = [Subject("apache", httpd, options | {"path": "/work", "workers": 1, "previous": pool.stats()["previous"]})]
        if case.with_file:
            found.append(Subject("file", httpd, options | {"path": "/page.json", "page": page}))
        try:
            httpd.start()
            yield found
        finally:
            httpd.stop()


def _tls_port(tls: tuple[Path, Path] | None) -> TlsPort | None:
    return TlsPort(free_port(), *tls) if tls else None


def _port(httpd: Httpd) -> int:
    return httpd.config.tls.port if httpd.config.tls else httpd.port


def add_farm(database: Database, farm: Farm, pool: Pool) -> None:
    """Pools and accounts. All share one password, so that one hash does."""
    urls = [f"http://127.0.0.1:{free_port()}/", *(f"{pool.url}{rank}" for rank in range(1, farm.pools))] if farm.pools > 1 else [pool.url]
    names = [f"w{number}" for number in range(1, farm.workers + 1)] + [f"g{number}" for number in range(1, CROWD_WORKERS + 1)]
    hashed = cheap_hash(PASSWORD)
    database.run(f"INSERT INTO worker (name, password) VALUES {', '.join(['(?, ?)'] * len(names))}",
                 *[value for name in names for value in (name, hashed)])
    for rank, url in enumerate(urls):
        database.run("INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)"
                     " SELECT ?, id, name, 'pool-pw', ?, 1 FROM worker WHERE name <> 'readiness'", database.add_pool(f"pool-{rank}", url), -rank)
    if farm.rolls:
        database.run("UPDATE pool SET roll_ntime = 1")


def is_written(subjects: list[Subject], pool: Pool) -> bool:
    """True if the databases have all that the pool has given and taken, as long as nobody else has used it, and all that was handed out."""
    stats = pool.stats()
    return ([sum(counts) for counts in zip(*(subject.books.rows() for subject in subjects))] == [stats["getworks"], stats["accepted"]]
            and all(subject.books.getworks() == subject.handed_out for subject in subjects))


def log_in(subject: Subject) -> None:
    """Each child meets every worker, so that no password is checked for the first time while others are timed. The other children are stopped before the first connection, and until this one has taken all of them."""
    children = subject.httpd.children()
    observer = Observer(subject.httpd.pid, subject.options["port"])
    for child in children:
        wait_until(lambda: observer.connections() == (0, 0), 20, "httpd has closed the connections of those who left")
        with contextlib.ExitStack() as stack, contextlib.ExitStack() as stopped:
            for other in set(children) - {child}:
                stopped.enter_context(subject.httpd.passing_over(other))
            load = stack.enter_context(Load(**(subject.options | {"logins": subject.options["workers"], "warm-up": 0, "close": 0})))
            load.expect("connected")
            wait_until(lambda: observer.connections()[1] == 0, 10, "the child has taken the connections")
            stopped.close()
            load.go()
            load.expect("ready")
        subject.handed_out += subject.options["workers"]


def sample_answer(subject: Subject) -> str:
    """What the module answers a getwork with."""
    connection = http.client.HTTPConnection(*subject.httpd.address, timeout=10)
    login = base64.b64encode(f"w1:{PASSWORD}".encode()).decode()
    connection.request("POST", "/", b'{"method": "getwork", "params": [], "id":0}', {"Authorization": f"Basic {login}"})
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    assert answer.status == 200 and '"data"' in page, f"no work: {answer.status} {page}"
    subject.handed_out += 1
    return page


@contextlib.contextmanager
def parked(subject: Subject, farm: Farm, pool: Pool) -> Iterator[None]:
    """Long polls that wait all the time; says how much memory one takes."""
    with Crowd(subject.httpd.port, pool, polls=farm.polls, workers=farm.workers, bystanders=0, rate=0, sample=0) as crowd:
        observer = Observer(subject.httpd.children()[0], subject.httpd.port)
        crowd.step("login")
        observer.rest()
        before = subject.memory()
        waiting = crowd.step("park")["waiting"]
        assert waiting == farm.polls, f"{waiting} of {farm.polls} polls wait"
        observer.rest()
        # The pool's count would not do: the module fetches for itself as well, to see whether it missed a block.
        wait_until(lambda: subject.books.getworks() == subject.books.rows()[0], 30, "the statistics have what was fetched for the polls")
        subject.handed_out = subject.books.getworks()
        subject.memory_of_poll = (subject.memory() - before) / farm.polls
        yield
        waiting = crowd.step("rest 0")["waiting"]
        assert waiting == farm.polls, f"{waiting} of {farm.polls} polls still wait"
