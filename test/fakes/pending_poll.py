# SPDX-License-Identifier: Apache-2.0
"""Long polls of miners: requests whose answers may take an hour, each on a connection of its own.

None of them needs a thread: a test holds a few by hand, or a thousand in a PollCrowd, which reads them all in one
thread and notes when each answer came.
"""
import selectors
import socket
import ssl
import struct
import threading
import time
from typing import Callable, Iterable

from . import wire
from .reply import Reply


class PendingPoll:
    """One long poll under way: its request is sent on that connection when this is made."""

    def __init__(self, sock: socket.socket, request: bytes):
        self.sock = sock
        self.sock.sendall(request)
        self.sock.setblocking(False)
        self.started = time.monotonic()
        self.ended: float | None = None  # when the answer was complete, or the connection's end was seen
        self.error: Exception | None = None  # why there is no answer
        self.buffer = b""
        self.is_read_by_crowd = False
        self._message: wire.Message | None = None

    @property
    def is_pending(self) -> bool:
        """Neither answered nor ended."""
        if not self.is_read_by_crowd:
            self.pump()
        return self.ended is None

    @property
    def reply(self) -> Reply | None:
        """The answer, if it came."""
        return self._message and Reply(self._message, self.ended - self.started)

    def pump(self) -> None:
        """Reads what is there."""
        while self.ended is None:
            try:
                chunk = self.sock.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError as error:
                self._end(error)
                return
            self.buffer += chunk
            self._message = wire.try_parse(self.buffer, at_end=not chunk)
            if self._message:
                self._end()
            elif not chunk:
                self._end(wire.Closed(f"closed after {len(self.buffer)} bytes of a message: {self.buffer[:200]!r}"))

    def _end(self, error: Exception | None = None) -> None:
        self.ended, self.error = time.monotonic(), error
        self.sock.close()

    def wait(self, timeout: float = 20) -> Reply:
        """The answer; raises what ended the connection instead, or TimeoutError."""
        end = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            if self.ended is None:
                selector.register(self.sock, selectors.EVENT_READ)
            while self.is_pending:
                if not selector.select(max(0.0, end - time.monotonic())) and time.monotonic() > end:
                    raise TimeoutError(f"no answer within {timeout} s")
        if self.error:
            raise self.error
        return self.reply

    # The ways in which a miner goes

    def close(self) -> None:
        """Hangs up; without a word, if it is TLS."""
        self._vanish("closed by the miner")

    def reset(self) -> None:
        """The connection ends with RST."""
        if self.ended is None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._vanish("reset by the miner")

    def half_close(self) -> None:
        """Says that nothing more will be sent; would still read."""
        self.sock.shutdown(socket.SHUT_WR)

    def send_more(self) -> None:
        """Another request behind the one that waits, which nobody should do."""
        self.sock.sendall(b"GET /lp HTTP/1.1\r\nHost: x\r\n\r\n")

    def say_goodbye(self) -> None:
        """TLS: close_notify, and hangs up."""
        try:
            self.sock.unwrap()
        except (ssl.SSLWantReadError, OSError):
            pass
        self._vanish("closed by the miner")

    def _vanish(self, why: str) -> None:
        if self.ended is None:
            self._end(wire.Closed(why))


class PollCrowd:
    """Many long polls, read by one thread."""

    def __init__(self) -> None:
        self.polls: list[PendingPoll] = []
        self._changed = threading.Condition()
        self._selector = selectors.DefaultSelector()
        self._bell = socket.socketpair()
        self._selector.register(self._bell[0], selectors.EVENT_READ)
        self._is_closed = False
        self._thread = threading.Thread(target=self._read, daemon=True, name="crowd of long polls")
        self._thread.start()

    def add(self, poll: PendingPoll) -> PendingPoll:
        """From now on the crowd reads it."""
        with self._changed:
            self.polls.append(poll)
            poll.is_read_by_crowd = True
            self._selector.register(poll.sock, selectors.EVENT_READ, poll)
        return poll

    def open(self, count: int, start: Callable[[int], PendingPoll]) -> list[PendingPoll]:
        """Opens so many: start(n) makes each."""
        return [self.add(start(number)) for number in range(count)]

    def _read(self) -> None:
        while not self._is_closed:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._pump(key.data, key.fd)

    def _pump(self, poll: PendingPoll, number: int) -> None:
        with self._changed:
            if poll.ended is not None:
                return  # it left meanwhile
            poll.pump()
            if poll.ended is not None:
                self._selector.unregister(number)
                self._changed.notify_all()

    @property
    def pending(self) -> list[PendingPoll]:
        """Those that wait still."""
        with self._changed:
            return [poll for poll in self.polls if poll.ended is None]

    @property
    def replies(self) -> list[Reply]:
        """All answers so far."""
        with self._changed:
            return [poll.reply for poll in self.polls if poll.reply]

    @property
    def errors(self) -> list[Exception]:
        """Why some got none."""
        with self._changed:
            return [poll.error for poll in self.polls if poll.error]

    def wait_ended(self, timeout: float = 20, polls: Iterable[PendingPoll] | None = None) -> None:
        """Waits until none of them (of these) is pending."""
        def left() -> int:
            return sum(poll.ended is None for poll in polls or self.polls)
        with self._changed:
            if not self._changed.wait_for(lambda: not left(), timeout):
                raise TimeoutError(f"{left()} of {len(self.polls)} polls still wait after {timeout} s")

    def leave(self, how: Callable[[PendingPoll], None], polls: Iterable[PendingPoll]) -> None:
        """These miners go, each in that way: PendingPoll.close, reset, say_goodbye."""
        with self._changed:
            for poll in polls:
                if poll.ended is None:
                    self._selector.unregister(poll.sock)
                    how(poll)
            self._changed.notify_all()

    def close(self) -> None:
        """The end of all."""
        self.leave(PendingPoll.close, self.polls)
        self._is_closed = True
        self._bell[1].close()
        self._thread.join(5)
        self._selector.close()
        self._bell[0].close()
