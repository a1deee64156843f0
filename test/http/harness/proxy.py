# SPDX-License-Identifier: Apache-2.0
"""The thing under test: an httpd with the module, on a database, with miners to connect to it."""
import ssl
from typing import Any, Iterable

from fakes.certificates import Authority
from fakes.miner import CPUMINER, Connection, Miner, Profile
from fakes.pending_poll import PendingPoll
from fakes.pool import FakePool
from fakes.ports import free_port

from .config import TlsPort
from .database import PASSWORD, READINESS, Database
from .httpd import Httpd
from .polls import Crowd, PollCounts, PollWatch
from .waiting import wait_until

QUICK = [
    "MiningProxyWorkTimeout 2s", "MiningProxySubmitTimeout 5s", "MiningProxySubmitRetries 10",
    "MiningProxyFailbackAfter 1s", "MiningProxyDatabaseTimeout 5s"]
HASTY = "MiningProxyWorkTimeout 500ms"  # where a pool hangs; miners, pools and database are one busy machine here
PATIENT = "MiningProxyWorkTimeout 10s"  # where one interpreter is the pool, and many miners as well


def directives_for(httpd: Httpd, database: Database, overrides: list[str]) -> list[str]:
    """The module's lines: short times, the database, and what the test wants instead or in addition."""
    lines = [*QUICK, f'MiningProxyDatabase "{database.url}"', f'MiningProxyStateDirectory "{httpd.state}"']
    if database.password is not None:
        lines.append(f'MiningProxyDatabasePasswordFile "{database.password_file}"')
    overridden = {line.split()[0] for line in overrides}
    return [line for line in lines if line.split()[0] not in overridden] + overrides


class Proxy:
    """Httpd, database and the miners of one test."""

    def __init__(self, httpd: Httpd, database: Database):
        self.httpd, self.database = httpd, database
        self._miners: list[Miner] = []
        self._crowds: list[Crowd] = []
        self._polls = PollWatch(httpd)
        self._tls: ssl.SSLContext | None = None

    @property
    def log(self) -> Any:
        """httpd's error log."""
        return self.httpd.log

    def start(self) -> "Proxy":
        """Starts httpd and waits until its children know the roster."""
        self.httpd.start()
        return self.wait_ready()

    def wait_ready(self) -> "Proxy":
        """Waits until every child that answers knows its workers."""
        for _ in range(1 if self.httpd.config.children == 1 else 4 * self.httpd.config.children):
            wait_until(lambda: self.login_status(READINESS) == 200, 15, "a child has its roster")
        return self

    def login_status(self, user: str, password: str = PASSWORD) -> int:
        """What a request that needs no pool is answered with, on a connection of its own."""
        miner = Miner(self.httpd.address, user, password)
        try:
            return miner.call("getblocktemplate", [{}]).status
        except ConnectionError:
            return 0
        finally:
            miner.close()

    def miner(self, user: str = "rig1", password: str = PASSWORD, profile: Profile = CPUMINER) -> Miner:
        """A miner that is not connected yet."""
        miner = Miner(self.httpd.address, user, password, profile)
        if self._tls:
            miner.connection = Connection(("127.0.0.1", self.httpd.config.tls.port), context=self._tls)
        self._miners.append(miner)
        return miner

    def serve_tls(self, authority: Authority) -> None:
        """Before the start: another port speaks TLS, and that is where miners go from now on."""
        self.httpd.config.tls = TlsPort(free_port(), *authority.issue("proxy"))
        self._tls = ssl.create_default_context(cafile=str(authority.ca))

    # Long polls

    def crowd(self) -> Crowd:
        """Reads many long polls; ends with the test."""
        self._crowds.append(Crowd(self))
        return self._crowds[-1]

    def waiting(self) -> int:
        """How many long polls wait, in all children that live."""
        return sum(counts.waiting for counts in self._polls.of_children().values())

    def waiting_of(self) -> dict[int, int]:
        """How many wait in which child."""
        return {pid: counts.waiting for pid, counts in self._polls.of_children().items() if counts.waiting}

    def wait_waiting(self, count: int, deadline: float = 15) -> None:
        """Waits until so many long polls wait."""
        wait_until(lambda: self.waiting() == count, deadline, f"{count} long polls wait")

    def settled_waiting(self) -> int:
        """How many wait when the log, which tells of it now and then only, has caught up with what our miners saw. Who was half closed may be pending here."""
        pending = sum(poll.is_pending for miner in self._miners for poll in miner.polls)
        return wait_until(lambda: ((now := self.waiting()) <= pending) and (now,), 5, "the log has caught up")[0]

    def park(self, miner: Miner, url: str | None = None) -> PendingPoll:
        """Begins a long poll; returns when it waits."""
        return self.park_all([miner], url)[0]

    def park_all(self, miners: Iterable[Miner], url: str | None = None) -> list[PendingPoll]:
        """Begins a long poll of each; returns when all of them wait."""
        before = self.settled_waiting()
        polls = [miner.poll(url) for miner in miners]
        self.wait_waiting(before + len(polls))
        return polls

    def find_block(self, pool: FakePool) -> None:
        """The pool finds a block while it is polled. Between two polls the proxy waits a moment; who finds blocks faster is not heard."""
        wait_until(lambda: pool.polls_open >= 1, 10, f"{pool.name} is polled")
        pool.new_block()

    def mining(self, user: str = "rig1", profile: Profile = CPUMINER) -> Miner:
        """A miner that has its first work."""
        miner = self.miner(user, profile=profile)
        miner.getwork()
        return miner

    def poll_counts(self) -> PollCounts:
        """What became of long polls, in all children that ever were."""
        return self._polls.all_counts()

    def miners_apart(self, user: str = "rig1") -> tuple[Miner, Miner]:
        """Two miners whose connections live in different children."""
        first, second = self.miner(user), self.miner(user)
        child = self.httpd.child_of(first.connection)
        assert self.httpd.connect_elsewhere(second.connection, child) != child
        return first, second

    def wait_rows(self, count: int, deadline: float = 10) -> None:
        """Waits until submitted_work has so many rows; more are as wrong as fewer."""
        wait_until(lambda: self.database.share_count() >= count, deadline, f"{count} rows in submitted_work")
        assert self.database.share_count() == count

    def stop(self) -> None:
        """Ends httpd and hangs up what miners are left."""
        for crowd in self._crowds:
            crowd.close()
        self._crowds.clear()
        self.httpd.stop()
        for miner in self._miners:
            miner.close()
