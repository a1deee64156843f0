# SPDX-License-Identifier: Apache-2.0
"""A getwork pool for tests: scriptable, honest in its books, fast.

It runs in threads of the test's own process, because a test wants to look into its ledger and change its behaviour
between two requests. A killed pool keeps its port bound without listening: connections are refused, and nobody
else can take the port until it is revived.
"""
from dataclasses import dataclass
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urljoin, urlsplit

from . import wire
from .behaviours import Behaviour, normal
from .exchange import Exchange, Request, read_request
from .ledger import Issued, Ledger, Submission
from .ports import free_port
from .waiting_room import Poll, WaitingRoom

EASY = 2.0 ** -22  # about a thousand hashes, some milliseconds in Python
TRIVIAL = 2.0 ** -29


@dataclass
class Rule:
    """A behaviour for some of the requests; remaining is None for all of them."""

    behaviour: Behaviour
    kind: str | None
    remaining: int | None

    def takes(self, request: Request) -> bool:
        """Counts the request if the rule is for it."""
        if self.kind not in (None, request.kind) or self.remaining == 0:
            return False
        if self.remaining is not None:
            self.remaining -= 1
        return True


class Door:
    """An address at which a pool listens; closed, it stays bound."""

    def __init__(self, host: str, port: int):
        self.address = host, port
        self.listener: socket.socket | None = None
        self._placeholder: socket.socket | None = self._bound()
        self._crowd: list[socket.socket] = []  # connections that nobody accepts

    def open(self) -> socket.socket:
        """Connections are accepted."""
        self.listener, self._placeholder = self._placeholder, None
        self.listener.listen(1024)
        return self.listener

    def choke(self) -> None:
        """Connections are neither accepted nor refused: the kernel's queue for them is full."""
        self.listener, self._placeholder = self._placeholder, None
        self.listener.listen(0)
        for _ in range(4):
            self._crowd.append(socket.socket())
            self._crowd[-1].setblocking(False)
            self._crowd[-1].connect_ex(self.address)

    def close(self) -> None:
        """Connections are refused."""
        for sock in self._crowd:
            sock.close()
        self._crowd.clear()
        if self.listener:
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None
            self._placeholder = self._bound()

    def abandon(self) -> None:
        """The port is given up."""
        self.close()
        self._placeholder.close()

    def _bound(self) -> socket.socket:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(self.address)
        return sock


class FakePool:
    """One pool on a port of its own. Attributes may be changed at any time and count from the next request on."""

    def __init__(self, name: str = "pool", difficulty: float = EASY, tls: ssl.SSLContext | None = None):
        self.name, self.difficulty, self.tls = name, difficulty, tls
        self.difficulties: dict[str, float] = {}
        self.accounts: dict[str, str] | None = None  # user to password; None: everybody is let in
        self.roll_ntime: str | None = None
        self.long_polling: str | None = None  # X-Long-Polling, in whatever form
        self.announces_everywhere = False  # also on verdicts and on what long polls get, not with work only
        self.submit_old: bool | None = None  # member of what long polls get
        self.room = WaitingRoom()
        self.extra_headers: list[tuple[str, str]] = []
        self.extra_members: dict[str, Any] = {}
        self.without: set[str] = set()
        self.says_why = True
        self.framing = "length"
        self.ledger = Ledger()
        self.requests: list[Request] = []
        self.port = free_port()
        self.connection_count = 0
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self._is_alive = False
        self._doors = [Door("127.0.0.1", self.port)]
        self._connections: dict[socket.socket, threading.Thread] = {}
        self.revive()

    # Scripting

    def behave(self, behaviour: Behaviour, on: str | None = None, times: int | None = None) -> None:
        """From now on, for requests of a kind ("work", "share", "poll"; None: all), at most so often. The latest rule wins."""
        with self._lock:
            self._rules.insert(0, Rule(behaviour, on, times))

    def recover(self) -> None:
        """Forgets all rules: normal again."""
        with self._lock:
            self._rules.clear()

    def new_block(self) -> None:
        """The next work has another previous block, and who waits for it hears of it."""
        self.ledger.new_block()
        self.room.ring()

    def add_door(self, host: str = "127.0.0.1", port: int | None = None) -> tuple[str, int]:
        """Listens at another address too, for the same pool with the same books."""
        door = Door(host, port or free_port())
        with self._lock:
            self._doors.append(door)
            if self._is_alive:
                self._open(door)
        return door.address

    def kill(self) -> None:
        """Connections end, new ones are refused; all threads of connections have ended when this returns."""
        with self._lock:
            if not self._is_alive:
                return
            self._is_alive = False
            for door in self._doors:
                door.close()
            threads = list(self._connections.values())
            for sock in self._connections:
                _hang_up(sock)
        for thread in threads:
            thread.join(10)

    def choke(self) -> None:
        """Connections end, and new ones hang until it is killed and revived."""
        self.kill()
        with self._lock:
            self._is_alive = True
            for door in self._doors:
                door.choke()

    def hang_up(self) -> None:
        """Connections end; new ones are welcome."""
        with self._lock:
            for sock in self._connections:
                _hang_up(sock)

    def revive(self) -> None:
        """Listens again, on the same port, with the same books."""
        with self._lock:
            self._is_alive = True
            for door in self._doors:
                self._open(door)

    def close(self) -> None:
        """The end; the ports are given up."""
        self.kill()
        for door in self._doors:
            door.abandon()

    # What a test asks

    @property
    def url(self) -> str:
        """As an operator would enter it."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}/"

    @property
    def accepted(self) -> list[Submission]:
        """Shares that it took."""
        return self.ledger.accepted()

    @property
    def submissions(self) -> list[Submission]:
        """Every share that arrived."""
        with self.ledger.lock:
            return list(self.ledger.submissions)

    @property
    def issued(self) -> list[Issued]:
        """Every work that was handed out."""
        with self.ledger.lock:
            return list(self.ledger.issued)

    @property
    def polls(self) -> list[Poll]:
        """Every long poll that ever came."""
        return self.room.all

    @property
    def polls_open(self) -> int:
        """How many long polls are open now."""
        return len(self.room.inside)

    def count(self, kind: str) -> int:
        """How many requests of a kind came."""
        return sum(request.kind == kind for request in list(self.requests))

    @property
    def poll_path(self) -> str | None:
        """Where long polls come, query included; None if it offers none, or none that anybody could find."""
        try:
            parts = urlsplit(urljoin(self.url, (self.long_polling or "").strip()))
        except ValueError:
            return None
        path = parts.path + ("?" + parts.query if parts.query else "")
        return path if parts.scheme in ("http", "https") and path not in ("", "/") else None

    def users(self) -> set[str]:
        """Everybody who ever asked."""
        return {request.user for request in list(self.requests)}

    # What an exchange asks

    def admits(self, request: Request) -> bool:
        """Are the credentials good?"""
        return self.accounts is None or self.accounts.get(request.user) == request.password

    def difficulty_of(self, user: str) -> float:
        """Of the next work of this account."""
        return self.difficulties.get(user, self.difficulty)

    def work_headers(self) -> list[tuple[str, str]]:
        """Header lines of a work."""
        return self.extra_headers + self._announcement() + (
            [("X-Roll-NTime", self.roll_ntime)] if self.roll_ntime is not None else [])

    def poll_headers(self) -> list[tuple[str, str]]:
        """Header lines of what a long poll gets: many pools do not announce themselves there."""
        return [line for line in self.work_headers() if self.announces_everywhere or line[0] != "X-Long-Polling"]

    def share_headers(self) -> list[tuple[str, str]]:
        """Header lines of a verdict."""
        return self.extra_headers + (self._announcement() if self.announces_everywhere else [])

    def _announcement(self) -> list[tuple[str, str]]:
        return [] if self.long_polling is None else [("X-Long-Polling", self.long_polling)]

    # Threads

    def _open(self, door: Door) -> None:
        threading.Thread(target=self._accept, args=(door, door.open()), daemon=True, name=f"{self.name} accept").start()

    def _accept(self, door: Door, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True, name=f"{self.name} connection")
            with self._lock:
                if door.listener is not listener:
                    sock.close()
                    return
                self.connection_count += 1
                self._connections[sock] = thread
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        sock = plain
        try:
            sock = self.tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) if self.tls else plain
            self._replace(plain, sock)
            self._converse(sock)
        except (OSError, wire.Closed, ValueError):
            pass
        finally:
            with self._lock:
                self._connections.pop(plain, None)
                self._connections.pop(sock, None)
            sock.close()

    def _replace(self, plain: socket.socket, sock: socket.socket) -> None:
        with self._lock:
            thread = self._connections.pop(plain, None)
            if thread is None or not self._is_alive:
                raise wire.Closed("killed meanwhile")
            self._connections[sock] = thread

    def _converse(self, sock: socket.socket) -> None:
        reader = wire.Reader(sock)
        while True:
            request = read_request(reader.message())
            request.is_poll_path = request.path == self.poll_path
            exchange = Exchange(self, sock, request)
            if request.kind == "poll":
                exchange.poll = Poll(request.user, request.message.start[0], request.path, sock.getsockname())
                self.room.enter(exchange.poll)
            try:
                if not self._behaviour(request)(exchange):
                    return
            finally:
                if exchange.poll:
                    self.room.leave(exchange.poll)

    def _behaviour(self, request: Request) -> Behaviour:
        with self._lock:
            self.requests.append(request)
            return next((rule.behaviour for rule in self._rules if rule.takes(request)), normal)


def _hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
