# SPDX-License-Identifier: Apache-2.0
"""A relay on the way to a server of this machine, on which every answer can take its time."""
import socket
import threading

from .ports import free_port


class Relay:
    """Passes on whatever comes, at once unless it is told to be slow."""

    def __init__(self, server_port: int):
        self.port = free_port()
        self._server = "127.0.0.1", server_port
        self._delay = 0.0
        self._is_quick = threading.Event()
        self._is_quick.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True, name="relay").start()

    def slow(self, seconds: float) -> None:
        """From now on whatever the server says comes so much later."""
        self._delay = seconds
        self._is_quick.clear()

    def quick(self) -> None:
        """What is under way arrives now."""
        self._is_quick.set()

    def close(self) -> None:
        """All connections end."""
        self.quick()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._sockets):
            _end(sock)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._server, 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(sock)
            for ends in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True, name="relay").start()

    def _pass_on(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer:
                    self._is_quick.wait(self._delay)
                target.sendall(data)
        except OSError:
            pass
        _end(source)
        _end(target)


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
