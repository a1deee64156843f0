# SPDX-License-Identifier: Apache-2.0
"""Clients that mean no good, many at a time on one thread, and the honest miner beside them."""
from collections import Counter
from dataclasses import dataclass
import selectors
import socket
import threading
import time
from typing import Callable, Iterator

BATCH = 32  # what connects between two looks at those that are connected


@dataclass
class Plan:
    """What they do: count connections at a time, each sends text(its number); who is answered or cut off begins again."""

    text: Callable[[int], bytes]
    count: int
    pause: float = 0  # s between two bytes; 0: all at once
    rate: float = 0  # connections that begin each second; 0: as soon as one has ended
    sources: int = 1  # addresses that they come from
    is_idle: bool = False  # whoever is answered stays, and says nothing more


class Hostile:
    """Carries out a plan on a thread of its own. Use it with "with"."""

    def __init__(self, address: tuple[str, int], plan: Plan):
        self.address, self.plan = address, plan
        self.begun = self.answered = self.cut = self.connected = 0
        self.statuses: Counter[bytes] = Counter()
        self._selector = selectors.DefaultSelector()
        self._turns: dict[socket.socket, Iterator[bytes]] = {}
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Hostile":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join(20)
        for sock in list(self._turns):
            sock.close()
        self._selector.close()

    def _pieces(self, number: int) -> Iterator[bytes]:
        text = self.plan.text(number)
        yield from [text[i:i + 1] for i in range(len(text))] if self.plan.pause else [text]

    def _begin(self) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        source = self.begun % self.plan.sources
        sock.bind((f"127.0.{1 + source // 250}.{2 + source % 250}", 0))
        sock.connect_ex(self.address)
        self._turns[sock] = self._pieces(self.begun)
        self._selector.register(sock, selectors.EVENT_READ | (0 if self.plan.pause else selectors.EVENT_WRITE))
        self.begun += 1

    def _end(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        del self._turns[sock]
        sock.close()

    def _send(self, sock: socket.socket) -> None:
        try:
            sock.send(next(self._turns[sock], b""))
        except BlockingIOError:
            pass
        except OSError:
            self.cut += 1
            self._end(sock)

    def _hear(self, sock: socket.socket) -> None:
        try:
            heard = sock.recv(65536)
        except OSError:
            heard = b""
        self.answered += bool(heard)
        self.cut += not heard
        self.statuses[heard[9:12]] += 1
        if not heard or not self.plan.is_idle:
            self._end(sock)

    def _look(self) -> None:
        for key, events in self._selector.select(0.005):
            if events & selectors.EVENT_WRITE:
                self._selector.modify(key.fileobj, selectors.EVENT_READ)
                self._send(key.fileobj)
            elif events & selectors.EVENT_READ:
                self._hear(key.fileobj)

    def _begin_some(self, seconds: float) -> None:
        room = min(BATCH, self.plan.count - len(self._turns))
        if self.plan.rate:
            room = min(room, int(seconds * self.plan.rate) - self.begun)
        for _ in range(room):
            self._begin()
        self.connected = len(self._turns)

    def _run(self) -> None:
        start = next_round = time.monotonic()
        while not self._is_over:
            self._begin_some(time.monotonic() - start)
            self._look()
            if self.plan.pause and time.monotonic() >= next_round:
                next_round = time.monotonic() + self.plan.pause
                for sock in list(self._turns):
                    self._send(sock)
