# SPDX-License-Identifier: Apache-2.0
"""The fakes against each other: a test bed that lies proves nothing, so its judge is tried first."""
import json
import socket
import ssl
import time
import urllib.error
import urllib.request

import pytest

from fakes import behaviours, header, wire
from fakes.miner import PROFILES, Miner, share_text, work_of
from fakes.pending_poll import PendingPoll, PollCrowd
from fakes.relay import Relay
from harness import places
from harness.waiting import wait_until

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
    pool.ledger.rolling, pool.ledger.roll_limit = True, 59
    assert miner.submit(late).reason == "time-invalid"
    pool.ledger.roll_limit = 60
    assert miner.submit(late).result is True
    assert (len(pool.accepted), len(pool.ledger.rejected()), len(pool.ledger.duplicates())) == (2, 6, 1)


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


def test_a_choked_pool_hangs_at_connect(make_pool):
    pool = make_pool()
    pool.choke()
    with pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", pool.port), 0.3)
    pool.kill()
    pool.revive()
    assert _miner(pool).getwork()


def test_a_relay_takes_its_time(make_pool):
    pool = make_pool()
    relay = Relay(pool.port)
    miner = Miner(("127.0.0.1", relay.port), "rig1", "pw", PROFILES["cpuminer"])
    miner.getwork()
    relay.slow(0.4)
    assert miner.getwork().reply.seconds >= 0.4
    relay.quick()
    assert min(miner.getwork().reply.seconds for _ in range(3)) < 0.4
    relay.close()


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
    patience, miner.connection.timeout = miner.connection.timeout, 0.3 if error is TimeoutError else 5
    with pytest.raises(error):
        miner.ask()
    miner.close()
    miner.connection.timeout = patience
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
    miner = _miner(pool)
    miner.connection.context = ssl.create_default_context(cafile=str(authority.ca))
    assert miner.mine(1)[0][1].result is True


def test_wrong_credentials(make_pool):
    pool = make_pool()
    pool.accounts = {"rig1": "right"}
    assert _miner(pool).ask().status == 401


def test_share_forms():
    data = bytes.fromhex("ab" * 80)
    assert share_text(data, "upper") == ("ab" * 80 + header.PADDING).upper()
    assert share_text(data, "zeros") == "ab" * 80 + "0" * 96


@pytest.fixture
def announcing(make_pool):
    """A pool with long polls."""
    pool = make_pool()
    pool.long_polling = "/lp"
    return pool


@pytest.fixture
def crowd():
    """Reads long polls."""
    crowd = PollCrowd()
    yield crowd
    crowd.close()


@pytest.mark.parametrize("profile", ["cpuminer", "cgminer", "bfgminer", "poclbm", "phoenix", "diablominer", "php-proxy"])
def test_a_long_poll_waits_for_the_block(announcing, profile):
    miner = _miner(announcing, profile)
    old = miner.getwork()
    poll = miner.poll()
    wait_until(lambda: announcing.polls_open == 1, 5, "the pool has the poll")
    assert poll.is_pending and announcing.polls[0].method == PROFILES[profile].poll_method
    announcing.new_block()
    fresh = work_of(poll.wait(5))
    assert fresh.data[4:36] != old.data[4:36]
    assert miner.submit(fresh.solve()).result is True
    wait_until(lambda: announcing.polls_open == 0, 5, "the pool has seen its answer off")
    assert (len(announcing.polls), announcing.count("poll")) == (1, 1)
    assert announcing.polls[0].user == "rig1" and announcing.polls[0].ended > announcing.polls[0].time


@pytest.mark.parametrize("profile,own,announced,resolved", [
    ("cpuminer", "http://h:1/", "/lp", "http://h:1/lp"), ("cgminer", "http://h:1/mine", "/mine/lp", "http://h:1/mine/mine/lp"),
    ("poclbm", "http://h:1/mine", "/mine/lp", "http://h:1/mine/lp"), ("phoenix", "http://h:1/", "http://h:2/x", "http://h:2/x"),
    ("bfgminer", "http://h:1/", "https://h:2/x", "https://h:2/x")])
def test_each_program_resolves_in_its_own_way(profile, own, announced, resolved):
    assert PROFILES[profile].resolve(own, announced) == resolved


def test_polls_hear_of_the_end_of_client_and_pool(announcing):
    miner = _miner(announcing)
    miner.getwork()
    for leave in (PendingPoll.close, PendingPoll.reset, PendingPoll.half_close):
        poll = miner.poll()
        wait_until(lambda: announcing.polls_open == 1, 5, "the pool has the poll")
        leave(poll)
        wait_until(lambda: announcing.polls_open == 0, 5, "the pool knows that the client is gone")
    poll = miner.poll()
    wait_until(lambda: announcing.polls_open == 1, 5, "the pool has the poll")
    announcing.kill()
    assert announcing.polls_open == 0
    with pytest.raises(ConnectionError):
        poll.wait(5)


@pytest.mark.parametrize("behaviour,error", [
    (behaviours.reset, ConnectionResetError), (behaviours.close, wire.Closed), (behaviours.hang, TimeoutError)])
def test_polls_can_be_broken(announcing, behaviour, error):
    miner = _miner(announcing)
    miner.getwork()
    announcing.behave(behaviour, on="poll")
    poll = miner.poll()
    announcing.new_block()
    with pytest.raises(error):
        poll.wait(0.5 if error is TimeoutError else 5)
    assert miner.mine(1)[0][1].result is True
    poll.close()


def test_a_poll_can_trickle(announcing):
    miner = _miner(announcing)
    miner.getwork()
    announcing.behave(behaviours.trickle_blanks(0.05), on="poll")
    poll = miner.poll()
    wait_until(lambda: poll.is_pending and poll.buffer.count(b"1\r\n \r\n") >= 3, 5, "three blanks came")
    announcing.new_block()
    assert poll.wait(5).result["data"]


def test_a_poll_can_be_answered_at_once(announcing):
    announcing.behave(behaviours.answer_at_once, on="poll", times=1)
    announcing.submit_old = False
    announcing.announces_everywhere = True
    miner = _miner(announcing)
    miner.getwork()
    reply = miner.poll().wait(5)
    assert (reply.result["submitold"], reply.announced) == (False, "/lp")


def test_a_share_on_the_path_of_polls_is_a_share(announcing):
    miner = _miner(announcing)
    work = miner.getwork()
    miner.path = "/lp"
    assert miner.submit(work.solve()).result is True
    assert announcing.polls == []


def test_other_doors(announcing):
    for host, port in (announcing.add_door(), announcing.add_door("127.0.0.2", announcing.port)):
        announcing.long_polling = f"http://{host}:{port}/x"
        miner = _miner(announcing)
        miner.getwork()
        poll = miner.poll()
        wait_until(lambda: announcing.polls_open == 1, 5, "the pool has the poll")
        assert (announcing.polls[-1].door, announcing.polls[-1].path) == ((host, port), "/x")
        announcing.new_block()
        poll.wait(5)
        wait_until(lambda: announcing.polls_open == 0, 5, "the pool has seen its answer off")
    announcing.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, port))
    announcing.revive()
    socket.create_connection((host, port)).close()


def test_a_crowd(announcing, crowd):
    announcing.without = {"midstate", "hash1"}
    miner = _miner(announcing)
    miner.getwork()
    polls = crowd.open(200, lambda number: miner.poll())
    wait_until(lambda: announcing.polls_open == 200, 10, "the pool has all polls")
    crowd.leave(PendingPoll.reset, polls[:50])
    wait_until(lambda: announcing.polls_open == 150, 10, "the pool knows who left")
    start = time.monotonic()
    announcing.new_block()
    crowd.wait_ended(10)
    assert (len(crowd.replies), len(crowd.errors), crowd.pending) == (150, 50, [])
    assert len({reply.result["data"] for reply in crowd.replies}) == 150
    assert all(poll.ended > start for poll in polls[50:])


def test_a_poll_over_tls(make_pool, authority):
    pool = make_pool(tls=authority.context())
    pool.long_polling = "/lp"
    miner = Miner(("127.0.0.1", pool.port), "rig1", "pw")
    miner.connection.context = ssl.create_default_context(cafile=str(authority.ca))
    miner.getwork()
    for leave in (PendingPoll.say_goodbye, PendingPoll.reset):
        poll = miner.poll()
        wait_until(lambda: pool.polls_open == 1, 5, "the pool has the poll")
        leave(poll)
        wait_until(lambda: pool.polls_open == 0, 5, "the pool knows that the client is gone")
    poll = miner.poll()
    wait_until(lambda: pool.polls_open == 1, 5, "the pool has the poll")
    pool.new_block()
    assert poll.wait(5).result["data"]


def _post(webhook, body, timeout=5.0):
    request = urllib.request.Request(f"{webhook.url}?a=b", body, {"Title": "hello"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
        return answer.status


def test_a_webhook_takes_notices(webhook):
    assert _post(webhook, b'{"kind": "test"}') == 200
    notice, = webhook.wait_for(1)
    assert (notice.path, notice.headers["title"], notice.json) == ("/hook?a=b", "hello", {"kind": "test"})
    assert webhook.wait_for(lambda one: one.json["kind"] == "test") == [notice]
    with pytest.raises(AssertionError, match="not within"):
        webhook.wait_for(2, 0.05)


def test_a_webhook_that_is_not_well(webhook):
    webhook.answer(503)
    with pytest.raises(urllib.error.HTTPError, match="503"):
        _post(webhook, b"1")
    webhook.hang()
    with pytest.raises(OSError, match="timed out"):
        _post(webhook, b"2", 0.5)
    webhook.wait_for(2)
    webhook.refuse()
    with pytest.raises(urllib.error.URLError, match="refused"):
        _post(webhook, b"3")
    webhook.ok()
    assert _post(webhook, b"4") == 200
    assert [notice.body for notice in webhook.received] == ["1", "2", "4"]
