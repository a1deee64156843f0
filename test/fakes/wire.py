# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.x messages off a socket, for both sides.

Raw, because the tests need what http.client forbids (both framing headers at once, HTTP/1.0, no reconnect behind
one's back) and must see each header line exactly as it arrived.
"""
from dataclasses import dataclass, field
import socket
import ssl


class Closed(ConnectionError):
    """The other side closed the connection before the message was complete."""


@dataclass
class Message:
    """A request or an answer. The start line is split into its three words."""

    start: tuple[str, str, str]
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def get(self, name: str) -> str | None:
        """The first header of that name, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def names(self) -> set[str]:
        """All header names in lower case."""
        return {key.lower() for key, _ in self.headers}

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.start[1])


class Reader:
    """Buffered reading of whole messages from one socket."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.buffer = b""

    def _more(self) -> None:
        chunk = self.sock.recv(65536)
        if not chunk:
            raise Closed(f"closed after {len(self.buffer)} bytes of a message: {self.buffer[:200]!r}")
        self.buffer += chunk

    def until(self, mark: bytes) -> bytes:
        """Everything up to and without the mark, which is consumed."""
        while mark not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(mark, 1)
        return head

    def exactly(self, size: int) -> bytes:
        """The next size bytes."""
        while len(self.buffer) < size:
            self._more()
        head, self.buffer = self.buffer[:size], self.buffer[size:]
        return head

    def rest(self) -> bytes:
        """Everything until the other side closes."""
        try:
            while True:
                self._more()
        except Closed:
            rest, self.buffer = self.buffer, b""
            return rest

    def message(self) -> Message:
        """The next request or answer with its body. Raises Closed at a clean end as well."""
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        words = (lines[0].split(" ", 2) + ["", ""])[:3]
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        message = Message((words[0], words[1], words[2]), headers)
        message.body = self._body(message)
        return message

    def _body(self, message: Message) -> bytes:
        if (message.get("Transfer-Encoding") or "").lower() == "chunked":
            return self._chunks()
        length = message.get("Content-Length")
        if length is not None:
            return self.exactly(int(length))
        is_answer = message.start[0].startswith("HTTP/")
        return self.rest() if is_answer and message.status not in (204, 304) and message.status >= 200 else b""

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            body += self.exactly(size)
            self.until(b"\r\n")
        while self.until(b"\r\n"):
            pass
        return body


class _Text:
    """What was read already, in the shape of a socket."""

    def __init__(self, data: bytes):
        self._data = data

    def recv(self, _size: int) -> bytes:
        """Everything, and then the end."""
        data, self._data = self._data, b""
        return data


def try_parse(data: bytes, at_end: bool) -> Message | None:
    """The message if it is complete. at_end: no more will come, so that a body without framing ends here."""
    head, mark, _ = data.partition(b"\r\n\r\n")
    if not mark or not (at_end or b"content-length:" in head.lower() or b"transfer-encoding:" in head.lower()):
        return None
    try:
        return Reader(_Text(data)).message()
    except Closed:
        return None


def connect(address: tuple[str, int], timeout: float, context: ssl.SSLContext | None = None,
            source: str | None = None) -> socket.socket:
    """A connection; over TLS if a context is given, from that address of ours if it matters."""
    sock = socket.create_connection(address, timeout, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_hostname=address[0]) if context else sock


def format_message(start: str, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """The bytes of a message; the caller says everything, framing included."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{start}\r\n{head}\r\n".encode("utf-8") + body


def format_chunks(body: bytes, size: int = 37) -> bytes:
    """A body cut into odd chunks."""
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
