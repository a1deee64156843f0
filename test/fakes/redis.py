# SPDX-License-Identifier: Apache-2.0
"""A real redis for tests: Debian's redis-tools has the server's program, under the name of one of its tools, and starts no daemon."""
import os
from pathlib import Path
import shlex
import signal
import socket
import subprocess
import time

from .ports import free_port

PROGRAM = "/usr/bin/redis-check-rdb"
COMMAND = 'redis-server --bind {address} --port {port} --save "" --appendonly no'


def own_address() -> str:
    """One by which others reach this machine; loopback if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # chooses a way, and sends nothing
        except OSError:
            return "127.0.0.1"
        return sock.getsockname()[0]


class Redis:
    """A private server, kept in memory only. It may be paused, killed and started again, and the test may read and write all of it."""

    def __init__(self, directory: Path, command: str = COMMAND, address: str = "127.0.0.1") -> None:
        self.address, self.port = address, free_port()
        self._command = shlex.split(command.format(address=self.address, port=self.port))
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts, empty, and waits until it answers."""
        with open(self._directory / "redis.log", "ab") as log:
            self._process = subprocess.Popen(self._command, executable=PROGRAM, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.kill()
            raise

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("redis does not start: " + (self._directory / "redis.log").read_text()[-2000:])
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(10)

    def pause(self) -> None:
        """It is there and does not answer."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on."""
        os.kill(self._process.pid, signal.SIGCONT)

    # What is in it

    def ask(self, *words: bytes | str) -> object:
        """One command, on a connection of its own: bytes, a number, a list, or None."""
        with socket.create_connection((self.address, self.port), timeout=10) as sock, sock.makefile("rb") as reader:
            parts = [word.encode() if isinstance(word, str) else word for word in words]
            sock.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            return _read(reader)

    def keys(self) -> list[bytes]:
        """All of them."""
        return self.ask("KEYS", "*")

    def dump(self) -> dict[bytes, bytes]:
        """All keys and their values."""
        return {key: value for key in self.keys() if (value := self.ask("GET", key)) is not None}

    def seconds_left(self, key: bytes) -> int:
        """Until the entry expires; -1: never."""
        return self.ask("TTL", key)

    def put(self, key: bytes, value: bytes) -> None:
        """Overwrites, for a minute."""
        self.ask("SETEX", key, "60", value)

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == b"PONG"
        except OSError:
            return False


def _read(reader) -> object:
    line = reader.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("redis hung up")
    kind, text = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(text.decode())
    if kind == b":":
        return int(text)
    if kind == b"$":
        return None if text == b"-1" else reader.read(int(text) + 2)[:-2]
    if kind == b"*":
        return [_read(reader) for _ in range(int(text))]
    return text
