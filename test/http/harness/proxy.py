# SPDX-License-Identifier: Apache-2.0
"""The thing under test: an httpd with the module, on a database, with miners to connect to it."""
from typing import Any

from fakes.miner import CPUMINER, Miner, Profile

from .database import PASSWORD, READINESS, Database
from .httpd import Httpd
from .waiting import wait_until

QUICK = [
    "MiningProxyWorkTimeout 500ms", "MiningProxySubmitTimeout 5s", "MiningProxySubmitRetries 10",
    "MiningProxyFailbackAfter 1s", "MiningProxyDatabaseTimeout 2s"]


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
        self._miners.append(miner)
        return miner

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
        self.httpd.stop()
        for miner in self._miners:
            miner.close()
