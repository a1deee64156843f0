# SPDX-License-Identifier: Apache-2.0
"""A memcached for tests: the text protocol's get, set and delete, in memory that the test may read and forge."""
import socket
import threading

from .ports import free_port


class FakeMemcached:
    """Listens on a port of its own until it is closed."""

    def __init__(self) -> None:
        self.port = free_port()
        self.values: dict[str, bytes] = {}
        self.gets = 0
        self.goes_on = threading.Event()  # cleared: it takes requests and does not answer
        self.goes_on.set()
        self.is_stuck = threading.Event()
        self._until_stuck: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuses connections from now on."""
        self.goes_on.set()
        self._listener.close()

    def get_stuck_in_update(self) -> None:
        """The first get after the next set gets no answer, nor does its connection ever again: as if it were half open. All others are well."""
        self._until_stuck = ["set", "get"]

    def _gets_stuck(self, verb: str) -> bool:
        if not self._until_stuck or verb != self._until_stuck[0]:
            return False
        del self._until_stuck[0]
        return not self._until_stuck

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                words = line.decode("ascii").split()
                if not words or words[0] == "quit":
                    return
                if self._gets_stuck(words[0]):
                    self.is_stuck.set()
                    reader.read()
                    return
                answer = self._answer(words, reader)
                self.goes_on.wait(60)
                connection.sendall(answer)

    def _answer(self, words: list[str], reader) -> bytes:
        if words[0] == "get":
            self.gets += 1
            value = self.values.get(words[1])
            found = b"" if value is None else f"VALUE {words[1]} 0 {len(value)}\r\n".encode() + value + b"\r\n"
            return found + b"END\r\n"
        if words[0] == "set":
            self.values[words[1]] = reader.read(int(words[4]) + 2)[:-2]
            return b"STORED\r\n"
        if words[0] == "delete":
            return b"DELETED\r\n" if self.values.pop(words[1], None) is not None else b"NOT_FOUND\r\n"
        return b"VERSION 1.6\r\n" if words[0] == "version" else b"ERROR\r\n"
