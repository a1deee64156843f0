# SPDX-License-Identifier: Apache-2.0
"""Fixtures and the log rule, importable into any conftest.py.

A test asks for `proxy` (not started, so that its rows can be there first) and `make_pool`; markers say what differs:
    @pytest.mark.proxy(mpm="worker", children=2, directives=["MiningProxyWorkTimeout 1s"])
    @pytest.mark.expects_log("MP0510", "AH00045")    tags of loud lines that the test provokes
    @pytest.mark.both_databases                      runs on SQLite and on MariaDB
"""
import itertools
import os
from pathlib import Path
import re
import shutil
import signal
from typing import Any, Callable, Iterator

import pytest

from fakes.certificates import Authority
from fakes.pool import FakePool
from fakes.redis import Redis
from fakes.webhook import Webhook

from . import mariadb, places
from .config import Config, Console
from .console import Visitor
from .database import Database, SqliteDatabase
from .disks import mounted_disk
from .errorlog import undeclared
from .httpd import Httpd
from .mariadb import MariaServer
from .proxy import Proxy, directives_for

MARKERS = [
    "proxy(**config): how the proxy fixture is configured", "expects_log(*tags): loud log lines that the test provokes",
    "both_databases: run on SQLite and on MariaDB", "load: takes longer than the others"]
_numbers = itertools.count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Makes the markers known."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    signal.signal(signal.SIGTERM,
                  lambda *_: pytest.exit("terminated", returncode=3))  # so that finalizers end what was started


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Doubles the tests that are marked for both databases."""
    if metafunc.definition.get_closest_marker("both_databases"):
        if "database" not in metafunc.fixturenames:
            metafunc.fixturenames.append("database")
        metafunc.parametrize("database", ["sqlite", "mariadb"], indirect=True, scope="function")


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """The test run's directory; MP_KEEP=1 keeps it."""
    path = places.make_base()
    yield path
    places.keep_line_counts()
    if os.environ.get("MP_KEEP") != "1":
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def directory(base: Path, request: pytest.FixtureRequest) -> Path:
    """A directory for one test that httpd's children can reach."""
    name = re.sub(r"\W+", "-", request.node.name)[:40]
    path = base / f"{next(_numbers)}-{name}"
    path.mkdir(mode=0o755)
    return path


@pytest.fixture(scope="session")
def maria_template(base: Path) -> Path:
    """A data directory that no server uses."""
    return mariadb.install(base / "mariadb-template")


@pytest.fixture(scope="session")
def maria(base: Path, maria_template: Path) -> Iterator[MariaServer]:
    """The server that all tests share."""
    server = MariaServer(base / "mariadb", maria_template)
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def private_maria(directory: Path, maria_template: Path) -> Iterator[MariaServer]:
    """A server that the test may pause and kill."""
    server = MariaServer(directory / "mariadb", maria_template)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def small_disk(directory: Path) -> Iterator[Path]:
    """2 MB that belong to httpd's children."""
    with mounted_disk(directory / "disk", "2m") as path:
        yield path


@pytest.fixture
def redis(directory: Path) -> Iterator[Redis]:
    """A redis of the test's own."""
    server = Redis(directory)
    yield server
    server.kill()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Takes notices of alerts."""
    server = Webhook()
    yield server
    server.close()


@pytest.fixture(scope="session")
def authority(base: Path) -> Authority:
    """Signs the certificates of https pools."""
    return Authority(base / "authority")


@pytest.fixture
def make_pool() -> Iterator[Callable[..., FakePool]]:
    """Makes fake pools; they outlive the proxy."""
    pools: list[FakePool] = []

    def make(name: str = "alpha", **options: Any) -> FakePool:
        pools.append(FakePool(name, **options))
        return pools[-1]
    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def watched() -> Iterator[list[Httpd]]:
    """Every httpd of this test, for the log rule."""
    yield []


@pytest.fixture(autouse=True)
def error_log_rule(request: pytest.FixtureRequest, watched: list[Httpd]) -> Iterator[None]:
    """Fails a test for every loud line of its logs that it did not declare. Set up first, so that it looks last."""
    yield
    declared = {tag for marker in request.node.iter_markers("expects_log") for tag in marker.args}
    bad = [line for httpd in watched for line in undeclared(httpd.log.unread(), declared, httpd.killed)]
    bad += [line for httpd in watched for line in undeclared(httpd.stderr(), declared, httpd.killed)]
    if bad:
        pytest.fail("the error log holds what the test did not declare:\n" + "\n".join(bad), pytrace=False)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Shows the end of the error logs with a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for httpd in getattr(item, "funcargs", {}).get("watched", []):
            report.sections.append((f"error log of {httpd.directory}", httpd.stderr() + httpd.log.text()[-12000:] + httpd.crashes()))


@pytest.fixture
def make_httpd(directory: Path, watched: list[Httpd]) -> Iterator[Callable[..., Httpd]]:
    """Makes httpds in subdirectories of the test's; they end with it."""
    def make(**config: Any) -> Httpd:
        if config.get("with_module", True) and not places.MODULE.exists():
            pytest.exit(f"{places.MODULE} is missing: run make first", returncode=2)
        watched.append(Httpd(directory / f"httpd{len(watched) + 1}", Config(**config)))
        return watched[-1]
    yield make
    for httpd in watched:
        httpd.stop()


@pytest.fixture
def database(request: pytest.FixtureRequest, directory: Path) -> Database:
    """SQLite unless the test says otherwise."""
    if getattr(request, "param", "sqlite") == "sqlite":
        path = directory / "database"
        path.mkdir(mode=0o755)
        return SqliteDatabase(path)
    return request.getfixturevalue("maria").create_database(directory)


@pytest.fixture
def make_proxy(make_pool: Any, make_httpd: Callable[..., Httpd]) -> Iterator[Callable[..., Proxy]]:
    """Makes proxies on a given database."""
    proxies: list[Proxy] = []

    def make(database: Database, directives: tuple[str, ...] | list[str] = (), **config: Any) -> Proxy:
        httpd = make_httpd(**config)
        httpd.config.directives = directives_for(httpd, database, list(directives))
        proxies.append(Proxy(httpd, database))
        return proxies[-1]
    yield make
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def proxy(request: pytest.FixtureRequest, make_proxy: Callable[..., Proxy], database: Database) -> Proxy:
    """A proxy on the test's database, as the test's markers configure it (lists add up); not started."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("proxy"))):
        options |= {name: options.get(name, []) + value if isinstance(value, list) else value
                    for name, value in marker.kwargs.items()}
    return make_proxy(database, **options)


@pytest.fixture
def templates(directory: Path) -> Path:
    """A copy of the console's templates that httpd's children can reach and the test may spoil."""
    return Path(shutil.copytree(places.TEMPLATES, directory / "templates"))


@pytest.fixture
def admin(proxy: Proxy, templates: Path) -> Visitor:
    """The console's administrator at a proxy that is not started yet."""
    proxy.httpd.config.console = Console(templates=templates)
    return Visitor(proxy)


@pytest.fixture
def polling(proxy: Proxy, make_pool: Callable[..., FakePool]) -> Proxy:
    """A proxy with worker rig1 at two pools that tell of new blocks; not started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    for pool in (proxy.alpha, proxy.beta):
        pool.long_polling = "/lp"
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy
