# SPDX-License-Identifier: Apache-2.0
"""Bad bodies: a JSON-RPC error in a 200 that says what was wrong, and the connection goes on.

Never an HTTP error: some miners repeat for ever what gets one.
"""
import pytest

from fakes import wire
from harness.waiting import wait_until

DEEP = b"[" * 100000
BODIES = {
    "empty": b"", "blanks": b" \r\n ", "open": b"{", "word": b"getwork", "array": b"[]", "null": b"null",
    "number": b"42", "text": b'"getwork"', "no method": b"{}", "number as method": b'{"method":1}',
    "null as method": b'{"method":null}', "object as method": b'{"method":{}}',
    "text as params": b'{"method":"getwork","params":"abc","id":1}',
    "number as params": b'{"method":"getwork","params":5,"id":1}',
    "number as share": b'{"method":"getwork","params":[1],"id":1}',
    "object as share": b'{"method":"getwork","params":[{}],"id":1}',
    "array as share": b'{"method":"getwork","params":[["x"]],"id":1}',
    "true as share": b'{"method":"getwork","params":[true],"id":1}', "NUL": b'{"method":"get\x00work"}',
    "escaped NUL": b'{"method":"getwork\\u0000","params":[]}', "not UTF-8": b'{"method":"\xff\xfe"}',
    "lone surrogate": b'{"method":"\\ud800"}', "batch": b'[{"method":"getwork","params":[],"id":1}]',
    "two values": b'{"method":"getwork"}{}', "tail": b'{"method":"getwork","params":[],"id":1} x',
    "single quotes": b"{'method':'getwork'}", "comma": b'{"method":"getwork",}', "deep": DEEP,
    "deep params": b'{"method":"getwork","id":1,"params":' + DEEP + b"}", "form": b"method=getwork&id=1",
    "huge number": b'{"method":"getwork","params":[1e999],"id":1}', "byte order mark": b'\xef\xbb\xbf{"method":1}',
    "binary": bytes(range(256))}
SHARES = {
    "short": "00" * 79, "one digit": "0", "no hex": "zz" * 128, "hex and then not": "00" * 70 + "xx" * 58,
    "blank inside": "00" * 40 + " " + "00" * 88, "words": "hello", "unicode": "ü" * 256, "odd": "0" * 159}
NO_RETRY = {"unknown": "00" * 128, "long": "00" * 1000, "very long": "00" * 20000}


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, started."""
    proxy.fake = make_pool()
    proxy.database.add_rig(proxy.fake)
    return proxy.start()


@pytest.mark.proxy(directives=["MiningProxyMaxRequestBody 256k"])
@pytest.mark.parametrize("name", BODIES)
def test_a_malformed_body_is_explained(mining, name):
    miner = mining.miner()
    reply = miner.post(BODIES[name])
    assert reply.status == 200
    assert set(reply.json) == {"result", "error", "id"}
    assert reply.result is None
    assert reply.error["code"] in (-32700, -32600, -32601, -32602)
    assert len(reply.error["message"]) > 10 and min(reply.error["message"]) >= " "
    assert not mining.fake.requests
    assert miner.mine(1)[0][1].result is True


@pytest.mark.parametrize("name", SHARES)
def test_malformed_share_data_is_a_rejected_share(mining, name):
    miner = mining.miner()
    reply = miner.call("getwork", [SHARES[name]])
    assert (reply.status, reply.result, reply.error) == (200, False, None)
    assert reply.reason
    assert not mining.fake.requests
    assert miner.mine(1)[0][1].result is True
    mining.wait_rows(1)


@pytest.mark.parametrize("name", NO_RETRY)
def test_unknown_work_is_a_rejected_share(mining, name):
    reply = mining.miner().call("getwork", [NO_RETRY[name]])
    assert (reply.status, reply.result, reply.error, reply.reason) == (200, False, None, "unknown-work")
    assert not mining.fake.requests


@pytest.mark.parametrize("chunked", [False, True])
def test_ten_megabytes_are_too_many_and_the_next_request_is_fine(mining, chunked):
    miner = mining.miner()
    body = b'{"method":"getwork","params":["' + b"0" * 10_000_000 + b'"],"id":1}'
    head = miner.head()
    head.append(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body))))
    payload = wire.format_chunks(body, 65536) if chunked else body
    reply = miner.send(wire.format_message("POST / HTTP/1.1", head, payload))
    assert reply.status == 413
    assert miner.mine(1)[0][1].result is True


@pytest.mark.proxy(directives=["MiningProxyMaxRequestBody 4k"])
def test_the_limit_is_the_directives(mining):
    miner = mining.miner()
    request = b'{"method":"getwork","params":[],"id":1}'
    assert miner.post(request.ljust(4096)).status == 200
    assert miner.post(request.ljust(4097)).status == 413
    assert miner.getwork()


@pytest.mark.proxy(host=["RequestReadTimeout header=5 body=1"])
def test_a_body_that_never_comes_holds_nobody(mining):
    slow, other = mining.miner(), mining.miner()
    slow.connection.open()
    head = slow.head() + [("Content-Length", "1000")]
    slow.connection.reader.sock.sendall(wire.format_message("POST / HTTP/1.1", head, b'{"meth'))
    assert other.mine(1)[0][1].result is True
    answer = slow.connection.reader.message()
    assert answer.status in (400, 408)


def test_a_miner_that_hangs_up_half_way_is_forgotten(mining):
    for _ in range(20):
        gone = mining.miner()
        gone.connection.open()
        head = gone.head() + [("Content-Length", "1000")]
        gone.connection.reader.sock.sendall(wire.format_message("POST / HTTP/1.1", head, b'{"meth'))
        gone.close()
    assert mining.miner().mine(1)[0][1].result is True
    wait_until(lambda: mining.database.share_count() == 1)
