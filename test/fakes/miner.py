# SPDX-License-Identifier: Apache-2.0
"""A miner that really hashes, and the habits of those that exist.

A Profile is what one known program does on the wire; the Miner does the mining. It speaks over a raw socket with
keep-alive, and repeats a request only where libcurl would: on a connection that had been used before, of which
the server sent nothing more.
"""
import base64
from dataclasses import dataclass, field, replace
import hashlib
import itertools
import json
import random
import ssl
import time
from typing import Any, Iterator
from urllib.parse import urljoin, urlsplit

from . import header, wire
from .pending_poll import PendingPoll
from .reply import Reply

MISSING = object()


@dataclass(frozen=True)
class Profile:
    """The wire habits of a mining program."""

    user_agent: str | None = "cpuminer/2.5.1"
    content_type: tuple[str, str] | None = ("Content-Type", "application/json")
    headers: tuple[tuple[str, str], ...] = ()
    id: Any = 0
    params: Any = field(default_factory=list)  # of a request for work
    version: str = "HTTP/1.1"
    tail: str = ""  # behind the JSON text
    share_form: str = "keep"  # keep, zeros, upper, short
    chunked: bool = False  # Transfer-Encoding: chunked beside Content-Length
    template_first: bool = False  # probes getblocktemplate
    poll_method: str = "POST"  # of a long poll
    pastes: bool = True  # a path that is announced for long polls goes behind the miner's own URL, as text

    def resolve(self, own: str, announced: str) -> str:
        """The URL of long polls, as this program makes it of its own URL and X-Long-Polling."""
        if announced.startswith(("http://", "https://")):
            return announced
        return own.rstrip("/") + "/" + announced.lstrip("/") if self.pastes else urljoin(own, announced)


CPUMINER = Profile(headers=(("X-Mining-Extensions", "midstate"), ("Accept-Encoding", "deflate, gzip")), tail="\r\n",
                   template_first=True)
CGMINER = Profile("cgminer 3.7.2", headers=(("X-Mining-Extensions", "longpoll midstate rollntime submitold"),
                                            ("X-Mining-Hashrate", "123456789")), tail="\n", template_first=True)
CGMINER_CHUNKED = replace(CGMINER, chunked=True)
BFGMINER = replace(CGMINER, user_agent="bfgminer/5.5.0", headers=(("X-Minimum-Wait", "0"),), id=1)
POCLBM = Profile("poclbm/12.10", None, (("X-Mining-Extensions", "hostlist midstate rollntime"),), "json",
                 poll_method="GET", pastes=False)
PHOENIX = Profile("phoenix/v1.7.5", ("Content-Type", "application/json"), (("X-Work-Identifier", "1"),), 1,
                  share_form="zeros", poll_method="GET", pastes=False)
DIABLO = Profile("DiabloMiner",
                 headers=(("X-Mining-Extensions", "longpoll rollntime switchto"), ("Accept-Encoding", "gzip,deflate")),
                 id=1, pastes=False)
PHP_PROXY = Profile(None, ("Content-type", "application/json-rpc"), id="json", version="HTTP/1.0", poll_method="GET")
CKPOOL = Profile(None, None, id=MISSING, params=MISSING)
UPPER = Profile("upper/1.0", id="a", share_form="upper")
SHORT = Profile("short/1.0", id=None, params=None, share_form="short")
PROFILES = {
    "cpuminer": CPUMINER, "cgminer": CGMINER, "cgminer-chunked": CGMINER_CHUNKED, "bfgminer": BFGMINER,
    "poclbm": POCLBM, "phoenix": PHOENIX, "diablominer": DIABLO, "php-proxy": PHP_PROXY, "ckpool": CKPOOL,
    "upper-case": UPPER, "short": SHORT}


@dataclass
class Work:
    """A header to solve."""

    data: bytes
    target: int
    reply: Reply

    def nonces(self) -> Iterator[bytes]:
        """The solved headers, endlessly: each is another share of this work."""
        swapped = header.wordswap(self.data[:header.HEADER_SIZE])
        first, tail = hashlib.sha256(swapped[:64]), swapped[64:76]
        for nonce in itertools.count(random.getrandbits(31)):
            state = first.copy()
            state.update(tail + (nonce & 0xffffffff).to_bytes(4, "little"))
            if int.from_bytes(hashlib.sha256(state.digest()).digest(), "little") <= self.target:
                yield self.data[:76] + (nonce & 0xffffffff).to_bytes(4, "big")

    def solve(self) -> bytes:
        """One solved header, in data order."""
        return next(self.nonces())

    def rolled(self, seconds: int) -> "Work":
        """The same work some seconds later, for pools that allow it."""
        ntime = int.from_bytes(self.data[68:72], "big") + seconds
        return replace(self, data=self.data[:68] + ntime.to_bytes(4, "big") + self.data[72:])

    def unsolved(self) -> bytes:
        """A header that misses the target."""
        return next(data for nonce in itertools.count()
                    if header.hash_number(data := self.data[:76] + nonce.to_bytes(4, "big")) > self.target)


class NoWork(Exception):
    """The answer to a request for work held none."""


class Connection:
    """A keep-alive connection that is made when needed."""

    def __init__(self, address: tuple[str, int], timeout: float = 40, context: ssl.SSLContext | None = None):
        self.address, self.timeout, self.context = address, timeout, context
        self.retries = True  # as libcurl does; poclbm and Phoenix do not
        self.source: str | None = None  # an address of this machine, to be seen as another miner
        self.reader: wire.Reader | None = None

    def open(self) -> None:
        """Connects unless it is connected."""
        if self.reader is None:
            self.reader = wire.Reader(wire.connect(self.address, self.timeout, self.context, self.source))

    def close(self) -> None:
        """Hangs up."""
        if self.reader is not None:
            self.reader.sock.close()
            self.reader = None

    def exchange(self, data: bytes) -> wire.Message:
        """Sends a request and reads its answer. A connection that went away while idle is replaced once."""
        is_reused = self.retries and self.reader is not None
        try:
            return self._once(data)
        except ConnectionError:
            if not is_reused or self.reader is None or self.reader.buffer:
                self.close()
                raise
            self.close()
            return self._once(data)

    def _once(self, data: bytes) -> wire.Message:
        self.open()
        self.reader.sock.sendall(data)
        message = self.reader.message()
        if (message.get("Connection") or "").lower() == "close" or message.start[0] == "HTTP/1.0":
            self.close()
        return message


class Miner:
    """One mining program with one account."""

    def __init__(self, address: tuple[str, int], user: str, password: str, profile: Profile = CPUMINER,
                 path: str = "/"):
        self.connection = Connection(address)
        self.user, self.password, self.profile, self.path = user, password, profile, path
        self.extra_headers: list[tuple[str, str]] = []
        self.replies: list[Reply] = []
        self.polls: list[PendingPoll] = []

    def post(self, body: bytes, headers: list[tuple[str, str]] | None = None) -> Reply:
        """Sends this very body with the profile's headers."""
        return self.send(self._format_post(self.path, body, headers or []))

    def _format_post(self, path: str, body: bytes, headers: list[tuple[str, str]]) -> bytes:
        profile = self.profile
        head = self.head() + headers
        if profile.chunked:
            head, body = head + [("Transfer-Encoding", "chunked"),
                                 ("Content-Length", str(len(body)))], wire.format_chunks(body)
        else:
            head.append(("Content-Length", str(len(body))))
        return wire.format_message(f"POST {path} {profile.version}", head, body)

    def send(self, data: bytes) -> Reply:
        """Sends a finished request."""
        start = time.monotonic()
        reply = Reply(self.connection.exchange(data), time.monotonic() - start)
        self.replies.append(reply)
        return reply

    def head(self) -> list[tuple[str, str]]:
        """The headers of every request, without framing."""
        profile = self.profile
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        head = [("Host", "%s:%d" % self.connection.address), ("Authorization", f"Basic {token}")]
        head += [("User-Agent", profile.user_agent)] if profile.user_agent else []
        head += [profile.content_type] if profile.content_type else []
        return head + list(profile.headers) + self.extra_headers

    def call(self, method: str, params: Any = MISSING) -> Reply:
        """One JSON-RPC request as this program writes it."""
        return self.post(self._format_call(method, params))

    def _format_call(self, method: str, params: Any) -> bytes:
        members = {"method": method, "params": params, "id": self.profile.id}
        rpc = {key: value for key, value in members.items() if value is not MISSING}
        return (json.dumps(rpc) + self.profile.tail).encode()

    # Long polls

    @property
    def url(self) -> str:
        """As it was given to the program."""
        scheme = "https" if self.connection.context else "http"
        return "%s://%s:%d%s" % (scheme, *self.connection.address, self.path)

    @property
    def poll_url(self) -> str:
        """Where it goes for long polls, after what it was told last."""
        announced = next((reply.announced for reply in reversed(self.replies) if reply.announced), None)
        assert announced, "nobody offered a long poll"
        return self.profile.resolve(self.url, announced)

    def poll(self, url: str | None = None) -> PendingPoll:
        """Begins a long poll in this program's way, on a connection of its own."""
        parts = urlsplit(url or self.poll_url)
        if self.profile.poll_method == "POST":
            request = self._format_post(parts.path, self._format_call("getwork", self.profile.params), [])
        else:
            head = [line for line in self.head() if line != self.profile.content_type]
            request = wire.format_message(f"GET {parts.path} {self.profile.version}", head)
        return self.send_poll(request, (parts.hostname, parts.port))

    def send_poll(self, request: bytes, address: tuple[str, int] | None = None) -> PendingPoll:
        """Sends this very request on a connection of its own."""
        connection = self.connection
        sock = wire.connect(address or connection.address, 30, connection.context, connection.source)
        self.polls.append(PendingPoll(sock, request))
        return self.polls[-1]

    def ask(self) -> Reply:
        """A request for work, whatever comes of it."""
        return self.call("getwork", self.profile.params)

    def getwork(self) -> Work:
        """A request for work that must succeed."""
        reply = self.ask()
        if reply.status != 200 or not isinstance(reply.result, dict):
            raise NoWork(f"{reply.status}: {reply.message.body[:300]!r}")
        return work_of(reply)

    def probe_template(self) -> Reply:
        """What cpuminer and its like send first of all."""
        return self.call("getblocktemplate",
                         [{"capabilities": ["coinbasetxn", "coinbasevalue", "longpoll", "workid"],
                           "rules": ["segwit"]}])

    def submit(self, data: bytes) -> Reply:
        """Sends a solved header in this program's form."""
        return self.call("getwork", [share_text(data, self.profile.share_form)])

    def mine(self, count: int = 1) -> list[tuple[bytes, Reply]]:
        """Works for some shares: what was sent, and what was said."""
        if self.profile.template_first and not self.replies:
            self.probe_template()
        shares = []
        for _ in range(count):
            data = self.getwork().solve()
            shares.append((data, self.submit(data)))
        return shares

    def close(self) -> None:
        """Hangs up."""
        self.connection.close()


def work_of(reply: Reply) -> Work:
    """The work in an answer."""
    result = reply.result
    return Work(bytes.fromhex(result["data"][:160]), header.target_parse(result["target"]), reply)


def share_text(data: bytes, form: str) -> str:
    """A solved header as the string that is submitted."""
    digits = data.hex()
    forms = {"keep": digits + header.PADDING, "zeros": digits + "0" * 96, "short": digits,
             "upper": (digits + header.PADDING).upper()}
    return forms[form]
