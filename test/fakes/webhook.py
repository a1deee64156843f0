# SPDX-License-Identifier: Apache-2.0
"""Somebody's server that takes notices of alerts: it writes down what it gets, and answers well, badly or not at all."""
from dataclasses import dataclass
import json
import socket
import threading
import time
from typing import Any, Callable

from . import wire
from .pool import Door
from .ports import free_port


@dataclass
class Notice:
    """A request, as it arrived."""

    path: str
    headers: dict[str, str]  # names in lower case
    body: str

    @property
    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


class Webhook:
    """A server on a port of its own. What it does may be changed at any time, and counts from the next request on; what it was told and did not take is received as well."""

    def __init__(self, path: str = "/hook") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}{path}"
        self.origin = f"http://127.0.0.1:{self.port}"
        self.received: list[Notice] = []
        self._status = 200
        self._arrival = threading.Condition()
        self._goes_on = threading.Event()
        self._goes_on.set()
        self._sockets: list[socket.socket] = []
        self._door = Door("127.0.0.1", self.port)
        self._is_open = False
        self.ok()

    # Scripting

    def ok(self) -> None:
        """Takes everything."""
        self.answer(200)

    def answer(self, status: int) -> None:
        """Answers with this status."""
        self._status = status
        self._open()
        self._goes_on.set()

    def hang(self) -> None:
        """Reads a request and says nothing until it is told otherwise."""
        self._open()
        self._goes_on.clear()

    def refuse(self) -> None:
        """Connections are refused."""
        if self._is_open:
            self._is_open = False
            self._door.close()
        for sock in list(self._sockets):
            _end(sock)
        self._goes_on.set()

    def close(self) -> None:
        """For good."""
        self.refuse()
        self._door.abandon()

    # What came

    def wait_for(self, wanted: int | Callable[[Notice], bool], timeout: float = 10) -> list[Notice]:
        """Waits for so many notices, or for one that is as wanted. Returns all, or those that are as wanted; fails when the time passes."""
        end = time.monotonic() + timeout
        with self._arrival:
            while not (found := self._find(wanted)):
                if not self._arrival.wait(end - time.monotonic()):
                    raise AssertionError(f"not within {timeout} s: {wanted} notices; received {self.received}")
            return found

    def _find(self, wanted: int | Callable[[Notice], bool]) -> list[Notice]:
        if callable(wanted):
            return [notice for notice in self.received if wanted(notice)]
        return list(self.received) if len(self.received) >= wanted else []

    # Serving

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            threading.Thread(target=self._accept, args=(self._door.open(),), daemon=True, name="webhook").start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            self._sockets.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True, name="webhook").start()

    def _serve(self, sock: socket.socket) -> None:
        reader = wire.Reader(sock)
        try:
            while True:
                self._note(reader.message())
                self._goes_on.wait()
                sock.sendall(wire.format_message(f"HTTP/1.1 {self._status} Whatever", [("Content-Length", "2")], b"ok"))
        except OSError:
            _end(sock)

    def _note(self, message: wire.Message) -> None:
        headers = {name.lower(): value for name, value in message.headers}
        with self._arrival:
            self.received.append(Notice(message.start[1], headers, message.body.decode()))
            self._arrival.notify_all()


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it had ended already
    sock.close()
