# SPDX-License-Identifier: Apache-2.0
"""A private MariaDB server in a directory, and databases on it.

One server serves the whole test run; a test that stops or kills it gets a copy of its own, made from the freshly
installed data directory. The module's user may read and write rows and nothing else; the owner imports the schema
with the documented command.
"""
import itertools
from pathlib import Path
import shutil
import signal
import subprocess
from typing import Any

import pymysql

from fakes.certificates import Authority
from fakes.ports import free_port

from . import places
from .database import READINESS, Database
from .waiting import wait_until

USER, USER_PASSWORD = "miner", "miner's pass word"
_OPTIONS = [
    "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin", "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2", "--performance-schema=off",
    "--skip-slave-start",
    # What a killed server has written is there, whether it is on the disk or not; most waiting for the disk is for nothing.
    "--debug-no-sync"]
SYNCED = "--skip-debug-no-sync"  # for whoever measures


def install(directory: Path) -> Path:
    """A new data directory."""
    data = directory / "data"
    directory.mkdir(parents=True)
    command = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
               "--skip-test-db", "--innodb-log-file-size=16M", f"--tmpdir={directory}", *_run_as()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return data


def _run_as() -> list[str]:
    return ["--user=root"] if places.IS_ROOT else []


class MariaServer:
    """A server that may be paused, killed and started again."""

    def __init__(self, directory: Path, template: Path, *options: str):
        self.options = options
        self.directory, self.data = directory, directory / "data"
        self.port, self.socket = free_port(), directory / "s"
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        shutil.copytree(template, self.data)
        self.authority = Authority(directory / "tls", "database authority")
        self._tls = self.authority.issue("mariadb")
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the server."""
        assert self._process, "MariaDB was not started"
        return self._process.pid

    def start(self) -> "MariaServer":
        """Starts and waits until it answers."""
        cert, key = self._tls
        command = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
                   f"--port={self.port}", *_OPTIONS,
                   # A server that starts removes the temporary tables that it finds there, its own or not.
                   f"--tmpdir={self.directory}", f"--pid-file={self.directory / 'pid'}", f"--log-error={self.directory / 'error.log'}",
                   f"--ssl-cert={cert}", f"--ssl-key={key}", *self.options, *_run_as()]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True)
        wait_until(self._answers, 60, "MariaDB answers")
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"MariaDB ended: {(self.directory / 'error.log').read_text()[-3000:]}"
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def connect(self, database: str | None = None, **options: Any) -> pymysql.connections.Connection:
        """As root, over the socket."""
        settings: dict[str, Any] = {"autocommit": True, "charset": "utf8mb4", "read_timeout": 30}
        return pymysql.connect(unix_socket=str(self.socket), user="root", database=database, **(settings | options))

    def kill(self) -> None:
        """kill -9."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(20)

    def pause(self) -> None:
        """It is there and does not answer."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """An orderly end, a hard one if it takes too long."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def create_database(self, directory: Path, with_schema: bool = True) -> "MariaDatabase":
        """A database of its own, and the user's rights on it."""
        name = f"farm{next(self._numbers)}"
        connection = self.connect()
        with connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'%%' IDENTIFIED BY %s", (USER_PASSWORD,))
            cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'localhost' IDENTIFIED BY %s", (USER_PASSWORD,))
            for host in ("%", "localhost"):
                cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO '{USER}'@'{host}'")
        return MariaDatabase(self, name, directory, with_schema)


class MariaDatabase(Database):
    """One database on a server."""

    engine = "mariadb"

    def __init__(self, server: MariaServer, name: str, directory: Path, with_schema: bool):
        self.server, self.name = server, name
        self.url = f"mysql://{USER}@127.0.0.1:{server.port}/{name}"
        self.password_file = directory / "database.password"
        self.password_file.write_text(USER_PASSWORD + "\n")
        self.password = USER_PASSWORD
        if with_schema:
            self.import_schema()
            self.add_worker(READINESS)

    def import_schema(self) -> None:
        """As the manual tells the owner of the schema to do it."""
        command = ["mariadb", "--no-defaults", f"--socket={self.server.socket}", "--user=root", self.name]
        with open(places.SCHEMA_MYSQL, "rb") as schema:
            subprocess.run(command, stdin=schema, check=True, capture_output=True, timeout=60)

    def run(self, sql: str, *parameters: Any) -> tuple[list[tuple[Any, ...]], int]:
        connection = self.server.connect(self.name)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), parameters)
            return list(cursor.fetchall()), cursor.lastrowid or 0

    def farm_options(self) -> list[str]:
        return ["--password-file", str(self.password_file)]
