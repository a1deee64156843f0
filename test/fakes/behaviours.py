# SPDX-License-Identifier: Apache-2.0
"""The ways in which a fake pool answers. Each is a function of an Exchange that says whether the connection stays open.

Names read after "pool.behave(": behave(hang), behave(status(500)), behave(slow(0.5), on="share").
"""
import itertools
import json
import random
from typing import Any, Callable

from . import wire
from .exchange import Answer, Exchange

Behaviour = Callable[[Exchange], bool]


def normal(exchange: Exchange) -> bool:
    """As a pool should: a long poll waits for the next block, everything else is answered at once."""
    if exchange.poll and exchange.is_admitted and exchange.wait_block() != "block":
        return False
    return exchange.send(exchange.answer())


def answer_at_once(exchange: Exchange) -> bool:
    """A long poll gets work although there is no new block."""
    return exchange.send(exchange.answer())


def trickle_blanks(interval: float) -> Behaviour:
    """A long poll as Eloipool answers it: headers and the first brace at once, a blank now and then, the rest with the block."""
    def behaviour(exchange: Exchange) -> bool:
        head = [("Content-Type", "application/json"), *exchange.pool.poll_headers(), ("Transfer-Encoding", "chunked")]
        exchange.send_bytes(wire.format_message("HTTP/1.1 200 OK", head, _chunk(b"{")))
        while (end := exchange.wait_block(interval)) != "block":
            if end == "gone":
                return False
            exchange.send_bytes(_chunk(b" "))
        exchange.send_bytes(_chunk(exchange.answer().body[1:]) + b"0\r\n\r\n")
        return True
    return behaviour


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def hang(exchange: Exchange) -> bool:
    """Accepts the request and never answers."""
    exchange.wait_gone()
    return False


def hang_in_headers(exchange: Exchange) -> bool:
    """Starts a header and stops."""
    exchange.send_bytes(b"HTTP/1.1 200 OK\r\nContent-Ty")
    return hang(exchange)


def hang_after_headers(exchange: Exchange) -> bool:
    """Sends the headers only."""
    answer = exchange.answer()
    exchange.send_bytes(wire.format_message(answer.start(), answer.head()))
    return hang(exchange)


def hang_in_body(exchange: Exchange) -> bool:
    """Sends half of the answer."""
    data = exchange.answer().encode()
    exchange.send_bytes(data[:-40])
    return hang(exchange)


def reset(exchange: Exchange) -> bool:
    """Reads the request and resets the connection."""
    exchange.reset()
    return False


def close(exchange: Exchange) -> bool:
    """Reads the request and closes without a word."""
    return not exchange


def close_in_body(exchange: Exchange) -> bool:
    """Sends half of the answer and closes."""
    exchange.send_bytes(exchange.answer().encode()[:-40])
    return False


def accept_and_drop(exchange: Exchange) -> bool:
    """Judges the share, records the verdict, and drops the connection: an acceptance that only the pool knows."""
    exchange.answer()
    return False


def judged(then: Behaviour) -> Behaviour:
    """Judges the share as ever, and answers in another way."""
    def behaviour(exchange: Exchange) -> bool:
        exchange.answer()
        return then(exchange)
    return behaviour


def raw(data: bytes) -> Behaviour:
    """Sends these bytes whatever was asked, and closes."""
    def behaviour(exchange: Exchange) -> bool:
        exchange.send_bytes(data)
        return False
    return behaviour


def says(answer: Answer) -> Behaviour:
    """Sends this answer whatever was asked."""
    return lambda exchange: exchange.send(answer)


def status(code: int, body: bytes = b"<html>no</html>", headers: list[tuple[str, str]] | None = None) -> Behaviour:
    """An HTTP status with a page."""
    return says(Answer(code, headers or [], body))


def redirect(location: str) -> Behaviour:
    """Sends the client elsewhere."""
    return status(302, headers=[("Location", location)])


def redirect_to_itself(exchange: Exchange) -> bool:
    """Sends the client to where it is."""
    return redirect(exchange.pool.url)(exchange)


def body(data: bytes) -> Behaviour:
    """Sends this body, as if all were well."""
    return says(Answer(200, [], data))


garbage = says(Answer(200, [], b"\x00\xff{]not json at all"))
empty = says(Answer(200, [], b""))


def result(value: Any) -> Behaviour:
    """A well-formed answer whose result is anything."""
    return says(Answer(200, [], json.dumps({"result": value, "error": None, "id": 1}).encode()))


def error(value: Any, code: int = 500) -> Behaviour:
    """A well-formed answer whose error is anything: an object, a string, an array, true."""
    return says(Answer(code, [], json.dumps({"result": None, "error": value, "id": 1}).encode()))


def json_error(code: int = -10, message: str = "Bitcoin is downloading blocks...") -> Behaviour:
    """An error object as bitcoind sends it."""
    return error({"code": code, "message": message})


def huge(size: int) -> Behaviour:
    """A body of size bytes, sent for as long as somebody reads it."""
    def behaviour(exchange: Exchange) -> bool:
        exchange.send_bytes(wire.format_message("HTTP/1.1 200 OK", [("Content-Length", str(size))]))
        piece = b" " * 65536
        for _ in range(size // len(piece)):
            exchange.send_bytes(piece)
        return False
    return behaviour


def trickle(interval: float) -> Behaviour:
    """A good answer, one byte at a time."""
    def behaviour(exchange: Exchange) -> bool:
        for byte in exchange.answer().encode():
            exchange.send_bytes(bytes([byte]))
            if exchange.wait_gone(interval):
                return False
        return True
    return behaviour


def slow(delay: float, then: Behaviour = normal) -> Behaviour:
    """Thinks for a while first; gives up if the client does."""
    return lambda exchange: not exchange.wait_gone(delay) and then(exchange)


def slow_at_random(longest: float) -> Behaviour:
    """Thinks for a while first, never for the same while."""
    return lambda exchange: slow(random.uniform(0, longest))(exchange)


def judged_slow(delay: float) -> Behaviour:
    """Takes the share at once, and says so late."""
    def behaviour(exchange: Exchange) -> bool:
        answer = exchange.answer()
        return not exchange.wait_gone(delay) and exchange.send(answer)
    return behaviour


def reject_all(reason: str) -> Behaviour:
    """Good shares are rejected with this reason."""
    return lambda exchange: exchange.send(exchange.answer(refusal=reason))


def one_of(*behaviours: Behaviour) -> Behaviour:
    """Each in its turn."""
    turns = itertools.cycle(behaviours)
    return lambda exchange: next(turns)(exchange)
