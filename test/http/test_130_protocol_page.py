# SPDX-License-Identifier: Apache-2.0
"""docs/PROTOCOL.md: what it says a miner sends is sent, and the answers are those that stand there. Its work is a golden vector, with a share that somebody found."""
import json
import re

import pytest

from fakes import behaviours, header, wire
from harness import places

PAGE = (places.ROOT / "docs" / "PROTOCOL.md").read_text()
VECTORS = json.loads((places.ROOT / "test" / "unit" / "vectors.json").read_text())["vectors"]
VECTOR, = [vector["input"] for vector in VECTORS if vector["name"] == "p2pool_getwork_share"]
DIALOGUES = re.findall(r"^    -> (.*)\n    <- (.*)\n((?:    <- [\w-]+: .*\n)*)", PAGE, re.MULTILINE)


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, which hands out the page's work and takes every share."""
    proxy.fake = make_pool()
    proxy.fake.behave(behaviours.result(VECTOR["result"]), on="work")
    proxy.fake.behave(behaviours.result(True), on="share")
    proxy.database.add_rig(proxy.fake)
    return proxy.start()


def _block(first):
    """The block of code that begins with this line."""
    lines = PAGE[PAGE.index(f"    {first}"):].splitlines()
    end = next(n for n, line in enumerate(lines) if line and not line.startswith("    "))
    return "\n".join(line[4:] for line in lines[:end])


def test_every_answer_is_as_it_stands_there(mining):
    assert len(DIALOGUES) == PAGE.count("\n    -> ") > 5
    miner = mining.miner()
    for sent, answer, headers in DIALOGUES:
        reply = miner.post(sent.encode())
        assert (reply.status, reply.message.body.decode()) == (200, answer + "\n")
        for name, value in re.findall(r"<- (\S+): (.*)", headers):
            assert reply.message.get(name) == value
    share, = [json.loads(request.message.body) for request in mining.fake.requests if request.is_share]
    assert share["params"] == [VECTOR["submit_good"]]


def test_the_request_with_its_headers(mining):
    head, body = re.fullmatch(r"((?:.+\n)+)\n(.+)\n*", _block("POST / HTTP/1.1")).groups()
    start, *lines = head.splitlines()
    headers = dict(line.split(": ", 1) for line in lines)
    assert int(headers["Content-Length"]) == len(body)
    assert mining.miner().send(wire.format_message(start, list(headers.items()), body.encode())).result == VECTOR["result"]


def test_its_program_knows_a_good_share():
    scope = {}
    exec(_block("from hashlib import sha256"), scope)  # pylint: disable=exec-used
    target = VECTOR["result"]["target"]
    assert scope["is_good"](VECTOR["submit_good"], target) is True
    assert scope["is_good"](VECTOR["submit_wrong_nonce_order"], target) is False
    assert scope["is_good"](VECTOR["result"]["data"], target) is False


def test_its_padding_is_the_padding():
    row, = re.findall(r"\| 160 to 255 \| padding \| (.*) \|", PAGE)
    assert row == "`00000080`, eighty zeros, `80020000`"
    assert header.PADDING == "00000080" + 80 * "0" + "80020000"
