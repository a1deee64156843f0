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
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuses connections from now on."""
        self.goes_on.set()
        self._listener.close()

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
