# SPDX-License-Identifier: Apache-2.0
"""A database that answers, but slowly, or not to us, or differently from yesterday, while a farm mines: no miner notices, and all is recorded.

test_412 stops, kills and pauses it under load; test_413 tries what else keeps it away. MP_FAULTS=long ("make check-faults") tries each alone and for longer.
"""
import contextlib
import os
import re
import secrets
import threading
from typing import Any, Iterator

import pymysql
import pytest

from fakes.pool import TRIVIAL
from fakes.relay import Relay
from harness.drill import Drill
from harness.mariadb import USER, USER_PASSWORD, MariaServer
from harness.waiting import wait_until

SEED = int(os.environ.get("MP_DRILL_SEED") or secrets.randbits(32))
IS_LONG = os.environ.get("MP_FAULTS") == "long"
SHARES = 2000 if IS_LONG else 200
RIGS = [f"rig{number}" for number in range(1, 7)]
SLOW = 5.0 if IS_LONG else 0.25  # s that each query takes; some fifteen of them make a round of the recorder
TOO_SLOW = 5.0
LONGEST = 5.0  # s that one answer to a miner may take on a busy machine
pytestmark = [pytest.mark.load, pytest.mark.expects_log("MP0230")]


def _is_well(farm: Any) -> bool:
    """Whether each child that lives said last that the database is there, if it ever said anything of it."""
    last = dict(re.findall(r"\[pid (\d+):.* (MP0230|MP0231):", farm.log.text()))
    return "MP0230" not in {last.get(str(pid)) for pid in farm.httpd.children()}


@contextlib.contextmanager
def _told(farm: Any, words: str) -> Iterator[None]:
    """Until the log has another line with these words."""
    # A child that does not know yet that the last trouble is over tells of no other.
    wait_until(lambda: _is_well(farm), 40, "every child knows that the database is well")
    before = farm.log.count(words)
    yield
    wait_until(lambda: farm.log.count(words) > before, 40, f"the log says \"{words}\"")


@contextlib.contextmanager
def _slow_queries(farm: Any, drill: Drill) -> Iterator[None]:
    """Within MiningProxyDatabaseTimeout."""
    farm.relay.slow(SLOW)
    before, outages = drill.database.share_count(), farm.log.count("MP0230")
    yield
    wait_until(lambda: drill.database.share_count() > before, 60 * SLOW, "shares are recorded, slowly")
    assert farm.log.count("MP0230") == outages
    farm.relay.quick()


@contextlib.contextmanager
def _too_slow_queries(farm: Any, drill: Drill) -> Iterator[None]:
    """That is an outage."""
    del drill
    with _told(farm, "MP0230"):
        farm.relay.slow(TOO_SLOW)
        yield
    farm.relay.quick()


@contextlib.contextmanager
def _no_connection_left(farm: Any, drill: Drill) -> Iterator[None]:
    """Others have them all."""
    del drill
    with _told(farm, "MP0230"), contextlib.ExitStack() as taken:
        root = taken.enter_context(farm.server.connect()).cursor()
        root.execute("SELECT @@max_connections")
        (most,) = root.fetchone()
        root.execute("SET GLOBAL max_connections = 10")
        wait_until(lambda: not _take_all(farm.server, root, taken), 30, "no connection is left")
        yield
        root.execute(f"SET GLOBAL max_connections = {most}")


def _take_all(server: MariaServer, root: Any, taken: contextlib.ExitStack) -> bool:
    """Ends the module's connections, which alone name a database, and takes what is free. @return True if there was any"""
    root.execute("SELECT id FROM information_schema.processlist WHERE user = %s AND db IS NOT NULL", (USER,))
    for (number,) in root.fetchall():
        with contextlib.suppress(pymysql.err.Error):  # it ended by itself
            root.execute(f"KILL {number}")
    found = False
    with contextlib.suppress(pymysql.err.OperationalError):
        while True:
            taken.enter_context(pymysql.connect(host="127.0.0.1", port=server.port, user=USER, password=USER_PASSWORD))
            found = True
    return found


class Rival(threading.Thread):
    """Takes the rows that the module writes in the opposite order, with so much written before that it is never the one to be rolled back."""

    def __init__(self, farm: Any):
        super().__init__(daemon=True)
        self._farm = farm
        self._ending = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            connection = self._farm.server.connect(self._farm.database.name, autocommit=False)
            with connection, connection.cursor() as cursor:
                while not self._ending.is_set():
                    self._cross(cursor)
                    connection.rollback()
        except pymysql.err.Error as failure:
            self.failure = failure

    def _cross(self, cursor: Any) -> None:
        cursor.execute("INSERT INTO ballast SELECT seq FROM seq_1_to_3000")
        cursor.execute("SELECT id FROM worker ORDER BY id DESC")
        for (worker,) in cursor.fetchall():
            for table in ("worker_status", "share_stats"):
                cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE worker_id = {worker} FOR UPDATE")
            self._ending.wait(0.02)

    def end(self) -> None:
        """The last round."""
        self._ending.set()
        self.join(60)
        if self.failure:
            raise self.failure


@contextlib.contextmanager
def _deadlocks(farm: Any, drill: Drill) -> Iterator[None]:
    """With somebody's report."""
    del drill
    farm.database.run("CREATE TABLE ballast (number INT) ENGINE InnoDB")
    rival = Rival(farm)
    rival.start()
    yield
    sql = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'INNODB_DEADLOCKS'"
    wait_until(lambda: int(farm.database.value(sql)) >= 3, 60, "three deadlocks")
    rival.end()


def _altered(statement: str, back: str, words: str | None) -> Any:
    @contextlib.contextmanager
    def altered(farm: Any, drill: Drill) -> Iterator[None]:
        del drill
        with _told(farm, words) if words else contextlib.nullcontext():
            farm.database.run(statement)
            yield
        farm.database.run(back)
    return altered


# What happens, and how many seconds the module waits for the database where nothing else happens.
FAULTS = {
    "slow": (_slow_queries, 12), "too slow": (_too_slow_queries, 2), "out of connections": (_no_connection_left, 5), "deadlocks": (_deadlocks, 5),
    "a column more": (_altered("ALTER TABLE submitted_work ADD COLUMN note VARCHAR(20) FIRST", "ALTER TABLE submitted_work DROP COLUMN note", None), 5),
    "a column less": (_altered("ALTER TABLE submitted_work CHANGE reason cause VARCHAR(64) NULL",
                               "ALTER TABLE submitted_work CHANGE cause reason VARCHAR(64) NULL", "MP0230"), 5)}

GROUPS = [[name] for name in FAULTS] if IS_LONG else [list(FAULTS)]


@pytest.fixture
def farm(make_proxy, private_maria, directory, make_pool, request):
    """On a MariaDB of its own, behind a relay, started."""
    database = private_maria.create_database(directory)
    relay = Relay(private_maria.port)
    database.url = f"mysql://{USER}@127.0.0.1:{relay.port}/{database.name}"
    group = request.getfixturevalue("group")
    patience = FAULTS[group[0]][1] if len(group) == 1 else 4
    proxy = make_proxy(database, [f"MiningProxyDatabaseTimeout {patience}s", "MiningProxyWorkTimeout 10s"], children=2)
    proxy.server, proxy.relay = private_maria, relay
    proxy.pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    for number, name in enumerate(RIGS):
        database.add_rig(*(proxy.pools if number % 2 else proxy.pools[::-1]), name=name)
    yield proxy.start()
    relay.quick()
    proxy.stop()
    relay.close()


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0] if len(group) == 1 else "all")
def test_the_database_is_in_trouble(farm, group):
    with Drill(farm, RIGS, SEED) as drill:
        drill.mine(SHARES)
        for name in group:
            fault, _ = FAULTS[name]
            with fault(farm, drill):
                drill.mine(2 * SHARES)
            drill.mine(SHARES)
            drill.wait_recorded()
    drill.close_books()
    assert drill.rows_of(1) == drill.accepted_by_pools()
    assert drill.hangups == 0 and drill.repeats == 0, "a miner saw that something was wrong"
    assert drill.slowest() < LONGEST
