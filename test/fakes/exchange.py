# SPDX-License-Identifier: Apache-2.0
"""One request at a fake pool: what came, what a well-behaved pool would answer, and the ways to send something else.

Behaviours (behaviours.py) are functions of an Exchange, so that a new way to misbehave is one small function.
"""
import base64
from dataclasses import dataclass, field
import json
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from . import header, wire
from .ledger import Issued, Submission
from .waiting_room import Poll, await_bell

if TYPE_CHECKING:
    from .pool import FakePool

REASONS = {
    200: "OK", 302: "Found", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable"}


@dataclass
class Request:
    """What a pool remembers of a request."""

    message: wire.Message
    time: float
    user: str
    password: str
    method: str
    param: Any
    is_poll_path: bool = False  # came where the pool says that one may wait for a block

    @property
    def is_share(self) -> bool:
        """A getwork with a parameter submits one."""
        return self.method == "getwork" and self.param is not None

    @property
    def kind(self) -> str:
        """The word by which rules choose: "work", "share", "poll" or "other"."""
        if self.is_share:
            return "share"
        return "poll" if self.is_poll_path else "work" if self.method == "getwork" else "other"

    @property
    def path(self) -> str:
        """What was asked for, query included."""
        return self.message.start[1]


def read_request(message: wire.Message) -> Request:
    """Understands a request as far as possible; what cannot be read is empty."""
    user, password = _credentials(message.get("Authorization") or "")
    try:
        rpc = json.loads(message.body)
        method, params = rpc.get("method", ""), rpc.get("params") or [None]
    except (ValueError, AttributeError):
        method, params = "", [None]
    return Request(message, time.time(), user, password, method, params[0])


def _credentials(value: str) -> tuple[str, str]:
    scheme, _, coded = value.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    user, _, password = base64.b64decode(coded).decode("utf-8", "replace").partition(":")
    return user, password


@dataclass
class Answer:
    """What goes back. framing: "length", "chunked" or "close" (HTTP/1.0, delimited by the end of the connection)."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    framing: str = "length"

    def head(self) -> list[tuple[str, str]]:
        """All header lines, framing included."""
        frame = {"length": ("Content-Length", str(len(self.body))), "chunked": ("Transfer-Encoding", "chunked"),
                 "close": ("Connection", "close")}[self.framing]
        return [("Content-Type", "application/json"), *self.headers, frame]

    def start(self) -> str:
        """The status line."""
        version = "HTTP/1.0" if self.framing == "close" else "HTTP/1.1"
        return f"{version} {self.status} {REASONS.get(self.status, 'Something')}"

    def encode(self) -> bytes:
        """The whole message."""
        body = wire.format_chunks(self.body) if self.framing == "chunked" else self.body
        return wire.format_message(self.start(), self.head(), body)


class Exchange:
    """A request with its connection and its pool."""

    def __init__(self, pool: "FakePool", sock: socket.socket, request: Request):
        self.pool, self.sock, self.request = pool, sock, request
        self.submission: Submission | None = None
        self.poll: Poll | None = None  # of a long poll: its place in the waiting room

    @property
    def is_admitted(self) -> bool:
        """Are the credentials good?"""
        return self.pool.admits(self.request)

    def answer(self, refusal: str | None = None) -> Answer:
        """What a well-behaved pool says; refusal: the reason with which it rejects good shares."""
        if not self.is_admitted:
            return Answer(401, [("WWW-Authenticate", 'Basic realm="pool"')], b"")
        if self.request.kind == "share":
            return self._verdict(refusal)
        if self.request.kind == "work":
            return self._result(self._work(), self.pool.work_headers())
        if self.request.kind == "poll":
            members = {} if self.pool.submit_old is None else {"submitold": self.pool.submit_old}
            return self._result(self._work() | members, self.pool.poll_headers())
        return self.error(-32601, "Method not found", status=200)

    def _work(self) -> dict[str, Any]:
        pool = self.pool
        issued = pool.ledger.issue(self.request.user, pool.difficulty_of(self.request.user))
        members = work_members(issued, pool.without) | pool.extra_members
        return {key: value for key, value in members.items() if key not in pool.without}

    def _verdict(self, refusal: str | None) -> Answer:
        request = self.request
        self.submission = self.pool.ledger.judge(request.user, request.password, str(request.param), refusal)
        reason = self.submission.reason
        headers = [("X-Reject-Reason", reason)] if reason and self.pool.says_why else []
        return self._result(self.submission.accepted, headers + self.pool.share_headers())

    def _result(self, result: Any, headers: list[tuple[str, str]]) -> Answer:
        body = json.dumps({"result": result, "error": None, "id": 1}).encode()
        return Answer(200, headers, body, self.pool.framing)

    def error(self, code: int, message: str, status: int = 500) -> Answer:
        """A JSON-RPC error as bitcoind sends it."""
        body = {"result": None, "error": {"code": code, "message": message}, "id": 1}
        return Answer(status, [], json.dumps(body).encode(), self.pool.framing)

    def send(self, answer: Answer) -> bool:
        """Sends in one piece. True if the connection may be used again."""
        self.send_bytes(answer.encode())
        if self.submission:
            self.submission.answered = True
        return answer.framing != "close" and (self.request.message.get("Connection") or "").lower() != "close"

    def send_bytes(self, data: bytes) -> None:
        """Anything at all."""
        self.sock.sendall(data)

    def wait_gone(self, seconds: float | None = None) -> bool:
        """Waits until the client hung up or the pool was killed; False if the time was over first."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        finally:
            self.sock.settimeout(None)
        return True

    def wait_block(self, seconds: float | None = None) -> str:
        """Of a long poll: waits for the next block ("block"), the client's end ("gone") or that of the time ("late")."""
        assert self.poll, "only a long poll waits for a block"
        return await_bell(self.poll, self.sock, seconds)

    def reset(self) -> None:
        """The connection ends with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def work_members(issued: Issued, without: set[str]) -> dict[str, Any]:
    """getwork's result object. The midstate is dear in Python: it is not even computed where the pool leaves it out."""
    midstate = {} if "midstate" in without else {"midstate": header.midstate(issued.data)}
    return {"data": issued.data.hex() + header.PADDING, "hash1": header.HASH1, "target": header.target_text(issued.target)} | midstate
