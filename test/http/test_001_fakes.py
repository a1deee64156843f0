# SPDX-License-Identifier: Apache-2.0
"""The fakes against each other: a test bed that lies proves nothing, so its judge is tried first."""
import json
import socket
import ssl
import time

import pytest

from fakes import behaviours, header, wire
from fakes.miner import PROFILES, Miner, share_text
from harness import places

VECTORS = json.loads((places.ROOT / "test" / "unit" / "vectors.json").read_text())["vectors"]
HEADERS = [vector for vector in VECTORS if "getwork_midstate" in vector["expect"]]


def _miner(pool, profile="cpuminer", user="rig1"):
    return Miner(("127.0.0.1", pool.port), user, "pw", PROFILES[profile])


@pytest.mark.parametrize("vector", HEADERS, ids=lambda vector: vector["name"])
def test_header_agrees_with_the_golden_vectors(vector):
    expect = vector["expect"]
    data = bytes.fromhex(expect["getwork_data"])
    assert header.midstate(data) == expect["getwork_midstate"]
    assert header.HASH1 == expect["getwork_hash1"]
    assert header.canonical(data) == expect["getwork_data"]
    assert f"{header.hash_number(data):064x}" == expect["block_hash_display"]


def test_targets_agree_with_the_golden_vectors():
    rows = next(vector for vector in VECTORS if vector["name"] == "difficulty_to_target")["expect"]["rows"]
    assert rows
    for row in rows:
        text = next(value for key, value in row.items() if key.endswith("le"))
        assert header.difficulty_number(header.target_parse(text)) == pytest.approx(float(row["difficulty"]), rel=1e-3)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_mines(make_pool, profile):
    pool = make_pool()
    shares = _miner(pool, profile).mine(3)
    assert [reply.result for _, reply in shares] == [True] * 3
    assert [share.data for share in pool.accepted] == [data for data, _ in shares]


@pytest.mark.parametrize("profile,is_canonical",
                         [("cpuminer", True), ("phoenix", False), ("upper-case", False), ("short", False)])
def test_the_pool_notices_forms_that_are_not_canonical(make_pool, profile, is_canonical):
    pool = make_pool()
    _miner(pool, profile).mine(1)
    assert pool.accepted[0].is_canonical is is_canonical


def test_the_pool_judges(make_pool):
    pool = make_pool()
    miner = _miner(pool)
    work = miner.getwork()
    good = work.solve()
    strange = bytes([good[0] ^ 1]) + good[1:]
    late = work.rolled(60).solve()
    reasons = [miner.submit(data).reason for data in (work.unsolved(), strange, late, good, good)]
    assert reasons == ["high-hash", "unknown-work", "time-invalid", None, "duplicate"]
    assert _miner(pool, user="somebody else").submit(work.solve()).reason == "unknown-work"
    pool.ledger.rolling = True
    assert miner.submit(late).result is True
    assert (len(pool.accepted), len(pool.ledger.rejected()), len(pool.ledger.duplicates())) == (2, 5, 1)


def test_each_work_is_unique(make_pool):
    pool = make_pool()
    miner = _miner(pool)
    assert len({miner.getwork().data for _ in range(50)}) == 50


def test_a_killed_pool_refuses_and_comes_back_on_its_port(make_pool):
    pool = make_pool()
    miner = _miner(pool)
    work = miner.getwork()
    pool.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", pool.port))
    pool.revive()
    assert miner.submit(work.solve()).result is True


def test_an_acceptance_only_the_pool_knows(make_pool):
    pool = make_pool()
    miner = _miner(pool)
    work = miner.getwork()
    miner.close()
    pool.behave(behaviours.accept_and_drop, on="share", times=1)
    with pytest.raises(wire.Closed):
        miner.submit(work.solve())
    assert [share.answered for share in pool.accepted] == [False]
    assert miner.mine(1)[0][1].result is True


@pytest.mark.parametrize("behaviour,error", [
    (behaviours.reset, ConnectionResetError), (behaviours.close, wire.Closed), (behaviours.close_in_body, wire.Closed),
    (behaviours.hang, TimeoutError), (behaviours.hang_in_headers, TimeoutError),
    (behaviours.hang_after_headers, TimeoutError),
    (behaviours.hang_in_body, TimeoutError)], ids=lambda value: getattr(value, "__name__", None))
def test_broken_answers_are_broken(make_pool, behaviour, error):
    pool = make_pool()
    pool.behave(behaviour, times=1)
    miner = _miner(pool)
    miner.connection.timeout = 0.3
    with pytest.raises(error):
        miner.ask()
    miner.close()
    assert miner.getwork()


def test_rules_count_and_choose(make_pool):
    pool = make_pool()
    miner = _miner(pool)
    pool.behave(behaviours.status(503), on="work", times=2)
    assert [miner.ask().status for _ in range(3)] == [503, 503, 200]
    pool.behave(behaviours.reject_all("stale"), on="share")
    assert [(reply.result, reply.reason) for _, reply in miner.mine(2)] == [(False, "stale")] * 2
    pool.recover()
    assert miner.mine(1)[0][1].result is True


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_framings(make_pool, framing):
    pool = make_pool()
    pool.framing = framing
    assert [reply.result for _, reply in _miner(pool).mine(2)] == [True, True]


def test_trickle_takes_its_time(make_pool):
    pool = make_pool()
    pool.behave(behaviours.trickle(0.001), times=1)
    start = time.monotonic()
    assert _miner(pool).getwork()
    assert time.monotonic() - start > 0.3


def test_https(make_pool, authority):
    pool = make_pool(tls=authority.context())
    context = ssl.create_default_context(cafile=str(authority.ca))
    miner = _miner(pool)
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", pool.port)), server_hostname="127.0.0.1")
    miner.connection.reader = wire.Reader(sock)
    assert miner.mine(1)[0][1].result is True


def test_wrong_credentials(make_pool):
    pool = make_pool()
    pool.accounts = {"rig1": "right"}
    assert _miner(pool).ask().status == 401


def test_share_forms():
    data = bytes.fromhex("ab" * 80)
    assert share_text(data, "upper") == ("ab" * 80 + header.PADDING).upper()
    assert share_text(data, "zeros") == "ab" * 80 + "0" * 96
