# SPDX-License-Identifier: Apache-2.0
"""The long polls of a fake pool: who waits for its next block, and everybody who ever did.

Each poll has a bell (an eventfd), so that its thread can wait for two things at once without looking again and again:
the block, and its client's end.
"""
from dataclasses import dataclass, field
import os
import select
import socket
import threading
import time

POLLIN = select.POLLIN


@dataclass(eq=False)
class Poll:
    """One long poll. door is the host and port at which it came in."""

    user: str
    method: str
    path: str
    door: tuple[str, int]
    time: float = field(default_factory=time.time)
    ended: float | None = None
    bell: int = field(default_factory=lambda: os.eventfd(0, os.EFD_CLOEXEC))


class WaitingRoom:
    """Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[Poll] = set()
        self._all: list[Poll] = []

    def enter(self, poll: Poll) -> None:
        """From now on, it hears of each block."""
        with self._lock:
            self._inside.add(poll)
            self._all.append(poll)

    def leave(self, poll: Poll) -> None:
        """It was answered, or its client is gone."""
        with self._lock:
            self._inside.discard(poll)
            poll.ended = time.time()
            os.close(poll.bell)

    def ring(self) -> None:
        """A new block."""
        with self._lock:
            for poll in self._inside:
                os.eventfd_write(poll.bell, 1)

    @property
    def inside(self) -> list[Poll]:
        """Who waits now."""
        with self._lock:
            return sorted(self._inside, key=lambda poll: poll.time)

    @property
    def all(self) -> list[Poll]:
        """Who ever waited, in the order of arrival."""
        with self._lock:
            return list(self._all)


def await_bell(poll: Poll, sock: socket.socket, seconds: float | None = None) -> str:
    """Waits for the next block, the client's end or the end of that time: "block", "gone" or "late"."""
    watch = select.poll()
    watch.register(poll.bell, POLLIN)
    watch.register(sock, POLLIN)
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        ready = dict(watch.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000))
        if poll.bell in ready:
            os.eventfd_read(poll.bell)
            return "block"
        if not ready:
            return "late"
        if _is_gone(sock):
            return "gone"


def _is_gone(sock: socket.socket) -> bool:
    try:
        return not sock.recv(4096)
    except OSError:
        return True
