# SPDX-License-Identifier: Apache-2.0
"""One private httpd: its own root, port, logs and children, ended by process id.

The access log names the child that served each request, so that a test can say in which child a connection lives;
a child that is to be passed over is stopped for the moment in which the connection is accepted.
"""
import contextlib
import os
from pathlib import Path
import resource
import signal
import socket
import subprocess
from typing import Iterator
import uuid

from fakes import wire
from fakes.miner import Connection
from fakes.ports import free_port

from . import places
from .config import Config, format_config
from .errorlog import ErrorLog
from .waiting import settles, wait_until

_DIRECTORIES = ("run", "logs", "state")


class Httpd:
    """An httpd that may be started, restarted and stopped."""

    def __init__(self, directory: Path, config: Config):
        self.directory, self.config = directory, config
        self.port = free_port()
        self.killed: set[int] = set()
        self.more_environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        for name in _DIRECTORIES:
            (directory / name).mkdir(parents=True, exist_ok=True)
        self.state.chmod(0o700)
        places.give_to_child(self.state)
        self.log = ErrorLog(directory / "logs" / "error.log")

    @property
    def state(self) -> Path:
        """The module's state directory."""
        return self.directory / "state"

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    @property
    def pid(self) -> int:
        """Of the parent."""
        assert self._process, "httpd was not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """False before the start, and after the end for whatever reason."""
        return self._process is not None and self._process.poll() is None

    # Configuration

    def write_config(self) -> Path:
        """Writes httpd.conf anew from self.config."""
        path = self.directory / "httpd.conf"
        path.write_text(format_config(self.directory, self.port, self.config))
        return path

    def configtest(self, *more: str) -> subprocess.CompletedProcess[str]:
        """apache2 -t."""
        command = ["apache2", "-d", str(self.directory), "-f", str(self.write_config()), "-t", *more]
        return subprocess.run(command, capture_output=True, text=True, env=self.environment(), timeout=60, check=False)

    def environment(self) -> dict[str, str]:
        """What httpd is started with; nothing of the environment that the tests run in."""
        parts = places.sanitizer_environment(), self.more_environment
        # AddressSanitizer's library must come before all others.
        preloads = [part["LD_PRELOAD"] for part in parts if "LD_PRELOAD" in part]
        environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **parts[0], **parts[1]}
        return environment | ({"LD_PRELOAD": ":".join(preloads)} if preloads else {})

    # Life

    def start(self) -> "Httpd":
        """Starts and waits until it accepts connections."""
        command = ["apache2", "-d", str(self.directory), "-f", str(self.write_config()), "-DFOREGROUND"]
        with open(self.directory / "logs" / "stderr.log", "ab") as stderr:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                                             env=self.environment(), start_new_session=True, preexec_fn=_allow_core_files)
        wait_until(self._accepts, 20, "httpd accepts connections")
        return self

    def _accepts(self) -> bool:
        assert self.is_running, f"httpd ended at its start:\n{self.stderr()}\n{self.log.text()}"
        if "resuming normal operations" not in self.log.text():
            return False
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def crashes(self) -> str:
        """Where children died, from their core files; empty if none did."""
        said = []
        for core in sorted((self.directory / "logs").glob("core*")):
            command = ["gdb", "-batch", "-ex", "thread apply all bt", "apache2", str(core)]
            try:
                said.append(subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout[-20000:])
            except (OSError, subprocess.TimeoutExpired) as error:
                said.append(f"{core}: {error}\n")
        return "".join(said)

    def stderr(self) -> str:
        """What it said before its error log was open."""
        path = self.directory / "logs" / "stderr.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def graceful(self) -> None:
        """Graceful restart; returns when the old children are gone."""
        old, generation = set(self.children()), self.log.count("resuming normal operations")
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.log.count("resuming normal operations") > generation, 20,
                   "httpd resumed after the graceful restart")
        wait_until(lambda: not old & set(self.children()), 30, "the old children are gone")
        wait_until(self._accepts, 20, "httpd accepts connections again")

    def stop(self) -> None:
        """SIGTERM, and a hard end if that takes too long.

        httpd 2.4.71 crashes, with or without the module, when SIGTERM meets a thread that is just closing a
        connection: hence the waits, until the kernel has no such connection and no thread computes.
        """
        if self.is_running:
            try:
                wait_until(lambda: not _has_half_closed(self.port), 10, "httpd closed the connections that its clients closed")
                self._rest()
            finally:
                self._end()

    def _rest(self) -> None:
        """Until no child has a thread that runs, three looks long; not for ever, as some have always something to do."""
        settles(lambda: not any(_is_computing(pid) for pid in self.children()), 3, 2)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            raise AssertionError("httpd did not end within 30 s of SIGTERM") from None

    def graceful_stop(self, deadline: float = 20) -> None:
        """SIGWINCH: what is under way is finished; returns when httpd has ended."""
        os.kill(self.pid, signal.SIGWINCH)
        self._process.wait(deadline)

    def terminate(self) -> None:
        """SIGTERM at this very moment, whatever is under way."""
        self._process.terminate()
        self._process.wait(30)

    def kill_all(self) -> None:
        """kill -9 of the parent and of every child; returns when none is left."""
        processes = [self.pid, *self.children()]
        self.killed.update(processes)
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(20)
        wait_until(lambda: not any(_is_alive(pid) for pid in processes), 20, "every process of httpd is gone")

    def connection_count(self) -> int:
        """How many connections of clients it has not closed; what it closed belongs to no inode any more."""
        return sum(fields[3] != "0A" and fields[9] != "0" for fields in _sockets_of(self.port))

    # Children

    def children(self) -> list[int]:
        """Process ids of the children that are alive."""
        return sorted(pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent_of(pid) == self.pid)

    def kill_child(self, pid: int) -> None:
        """kill -9; returns when it is gone and another one has taken its place."""
        count = len(self.children())
        self.killed.add(pid)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in self.children(), 10, f"child {pid} is gone")
        # A prefork that had more than it needs starts none.
        wait_until(lambda: len(self.children()) >= min(count, self.config.children), 15, "a new child was started")

    def child_of(self, connection: Connection) -> int:
        """The child that serves this connection, made or about to be made."""
        mark = uuid.uuid4().hex
        head = [("Host", "%s:%d" % self.address), ("X-Test-Id", mark), ("Content-Length", "0")]
        connection.exchange(wire.format_message("GET / HTTP/1.1", head))
        return wait_until(lambda: self._logged_child(mark), 10, "the access log names the child")

    def _logged_child(self, mark: str) -> int:
        for line in (self.directory / "logs" / "access.log").read_text().splitlines():
            if line.endswith(mark):
                return int(line.split()[0])
        return 0

    def connect_elsewhere(self, connection: Connection, child: int) -> int:
        """Connects to any child but that one. Returns the child that took it."""
        with self.passing_over(child):
            return self.child_of(connection)

    @contextlib.contextmanager
    def passing_over(self, child: int) -> Iterator[None]:
        """A child is stopped: others take what connects meanwhile."""
        os.kill(child, signal.SIGSTOP)
        try:
            wait_until(lambda: _is_stopped(child), 5, f"every thread of child {child} is stopped")
            yield
        finally:
            os.kill(child, signal.SIGCONT)


def _allow_core_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _parent_of(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[1])


def _sockets_of(port: int) -> list[list[str]]:
    """The kernel's words on every socket of our end of the port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [fields for fields in map(str.split, lines) if fields[1].endswith(f":{port:04X}")]


def _has_half_closed(port: int) -> bool:
    """True while there are connections to the port that only the client closed (CLOSE_WAIT)."""
    return any(fields[3] == "08" for fields in _sockets_of(port))


def _is_computing(pid: int) -> bool:
    """True if one of its threads runs, or would if it had a processor."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] in "RD":
                return True
        except OSError:
            continue
    return False


def _is_stopped(pid: int) -> bool:
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that has just ended
            if stat.read_text().rpartition(")")[2].split()[0] != "T":
                return False
    return True
