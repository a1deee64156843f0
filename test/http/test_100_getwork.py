# SPDX-License-Identifier: Apache-2.0
"""Requests for work in all their forms, and what comes back."""
from dataclasses import replace
import json

import pytest

from fakes import header, wire
from fakes.miner import CKPOOL, CPUMINER, MISSING, PROFILES, Profile, work_of
from harness import places
from harness.polls import page_faults

FORMS = [
    '{"method": "getwork", "params": [], "id":0}\r\n', '{"method": "getwork", "params": [], "id":1}\n',
    '{"method":"getwork","params":[],"id":"json"}', '{"method":"getwork","id":1}', '{"method":"getwork"}',
    '{"method":"getwork","params":[],"id":null}', '{"method":"getwork","params":null,"id":1}',
    '{"method":"getwork","params":{},"id":1}', '{"method":"getwork","params":[null],"id":1}',
    '{"method":"getwork","params":[""],"id":1}',
    '{"jsonrpc":"2.0","version":"1.1","method":"getwork","params":[],"id":1,"more":{"a":[1]}}',
    '  \r\n {"id":1,"params":[],"method":"getwork"} \n ', '{"method":"get\\u0077ork","params":[],"id":1}']
IDS = ["0", "1", "-7", '"json"', '""', "null", "1.5", "9007199254740993",
       '"\\u00e9\\n\\""']  # what JSON-RPC allows; no miner sends anything else


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, started."""
    proxy.fake = make_pool()
    for name in ("rig1", "rig2"):
        proxy.database.add_rig(proxy.fake, name=name)
    return proxy.start()


def test_work_arrives_as_the_pool_made_it(mining):
    work = mining.miner().getwork()
    issued = mining.fake.issued[-1]
    result = work.reply.result
    assert result["data"] == issued.data.hex() + header.PADDING
    assert result["target"] == header.target_text(issued.target)
    assert result["midstate"] == header.midstate(issued.data)
    assert result["hash1"] == header.HASH1
    assert work.reply.error is None
    assert (work.reply.message.status, work.reply.message.get("Content-Type")) == (200, "application/json")


def test_the_pool_sees_the_workers_account_and_nothing_of_the_miner(mining):
    miner = mining.miner()
    miner.extra_headers = [("Cookie", "a=b"), ("X-Forwarded-For", "1.2.3.4"), ("Referer", "http://x/")]
    miner.getwork()
    request = mining.fake.requests[-1]
    assert (request.user, request.password) == ("rig1@alpha", "alpha-pw")
    assert not request.message.names() & {"cookie", "x-forwarded-for", "referer", "accept-encoding", "expect"}
    assert "cpuminer" not in (request.message.get("User-Agent") or "")
    tokens = set((request.message.get("X-Mining-Extensions") or "").split())
    assert tokens == {"longpoll", "midstate", "rollntime", "submitold"}
    assert json.loads(request.message.body)["method"] == "getwork"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_request(mining, form):
    reply = mining.miner().post(form.encode())
    assert reply.status == 200
    assert work_of(reply).data


@pytest.mark.parametrize("profile", PROFILES)
def test_every_known_client_mines(mining, profile):
    shares = mining.miner(profile=PROFILES[profile]).mine(2)
    assert [reply.result for _, reply in shares] == [True, True]
    assert [share.data for share in mining.fake.accepted] == [data for data, _ in shares]
    assert all(share.is_canonical for share in mining.fake.submissions)
    mining.wait_rows(2)


@pytest.mark.parametrize("text", IDS)
def test_the_id_comes_back_with_its_type(mining, text):
    reply = mining.miner().post(b'{"method":"getwork","params":[],"id":%s}' % text.encode())
    assert json.dumps(reply.json["id"]) == json.dumps(json.loads(text))
    reply = mining.miner().post(b'{"method":"nonsense","id":%s}' % text.encode())
    assert json.dumps(reply.json["id"]) == json.dumps(json.loads(text))


def test_a_missing_id_is_null(mining):
    assert mining.miner(profile=CKPOOL).ask().json["id"] is None


def test_all_three_members_are_always_there(mining):
    miner = mining.miner()
    replies = [miner.ask(), miner.call("nonsense"), miner.submit(miner.getwork().solve()), miner.submit(bytes(80))]
    assert all(set(reply.json) == {"result", "error", "id"} for reply in replies)


def test_one_connection_serves_many_requests(mining):
    miner = mining.miner()
    miner.getwork()
    reader = miner.connection.reader
    miner.mine(5)
    assert miner.connection.reader is reader


def test_connections_to_the_pool_are_kept(mining):
    miner = mining.miner()
    miner.mine(10)
    assert mining.fake.connection_count <= 2


def test_http_1_0_and_close(mining):
    for profile in (replace(CPUMINER, version="HTTP/1.0"), replace(CPUMINER, headers=(("Connection", "close"),))):
        miner = mining.miner(profile=profile)
        reply = miner.ask()
        assert work_of(reply)
        assert reply.message.get("Transfer-Encoding") is None
        assert int(reply.message.get("Content-Length")) == len(reply.message.body)
        assert miner.connection.reader is None


@pytest.mark.skipif(places.ASAN, reason="its allocator gives memory back when it likes")
def test_a_connection_of_its_own_gives_no_memory_back(mining):
    """What one connection leaves the next one finds: each page that was given back would be a fault in the next request."""
    child, = mining.httpd.children()
    kept, closing = mining.miner(), mining.miner(profile=replace(CPUMINER, headers=(("Connection", "close"),)))

    def faults_of(miner):
        before = page_faults(child)
        for _ in range(50):
            assert work_of(miner.ask())
        return page_faults(child) - before
    found = [(faults_of(kept), faults_of(closing)) for _ in range(4)]
    assert min(faults for _, faults in found) < min(faults for faults, _ in found) + 50


def test_chunked_beside_content_length(mining):
    miner = mining.miner(profile=Profile(chunked=True))
    assert [reply.result for _, reply in miner.mine(3)] == [True] * 3


def test_chunked_alone(mining):
    body = b'{"method":"getwork","params":[],"id":1}'
    miner = mining.miner()
    head = miner.head() + [("Transfer-Encoding", "chunked")]
    assert work_of(miner.send(wire.format_message("POST / HTTP/1.1", head, wire.format_chunks(body, 1))))


def test_expect_100_continue(mining):
    body = b'{"method":"getwork","params":[],"id":1}'
    miner = mining.miner()
    miner.connection.open()
    head = miner.head() + [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
    sock = miner.connection.reader.sock
    sock.sendall(wire.format_message("POST / HTTP/1.1", head))
    assert miner.connection.reader.message().status == 100
    sock.sendall(body)
    assert miner.connection.reader.message().status == 200


@pytest.mark.parametrize("name,value",
                         [("Content-Type", "application/json"), ("Content-type", "application/json; charset=utf-8"),
                                        ("Content-Type", "application/json-rpc"), ("Content-Type", "text/plain"),
                                        ("Content-Type", "application/x-www-form-urlencoded"), (None, None)])
def test_any_content_type(mining, name, value):
    profile = Profile(content_type=(name, value) if name else None)
    assert mining.miner(profile=profile).getwork()


def test_getblocktemplate_is_refused_in_a_200(mining):
    reply = mining.miner().probe_template()
    assert reply.status == 200
    assert reply.error["code"] == -32601 and reply.error["message"]
    assert reply.result is None
    assert not mining.fake.requests


@pytest.mark.parametrize("method", ["submitblock", "getinfo", "GETWORK", "getwork ", "", "mining.subscribe"])
def test_other_methods_are_unknown(mining, method):
    reply = mining.miner().call(method, [])
    assert (reply.status, reply.error["code"]) == (200, -32601)
    assert not mining.fake.requests


@pytest.mark.parametrize("left_out", [{"midstate"}, {"hash1"}, {"midstate", "hash1"}])
def test_midstate_and_hash1_are_supplied(mining, left_out):
    mining.fake.without = left_out
    result = mining.miner().getwork().reply.result
    assert result["midstate"] == header.midstate(mining.fake.issued[-1].data)
    assert result["hash1"] == header.HASH1


def test_a_missing_target_means_difficulty_1(mining):
    mining.fake.without = {"target"}
    result = mining.miner().ask().result
    assert header.target_parse(result["target"]) == header.DIFFICULTY_1


def test_unknown_members_are_passed_on(mining):
    mining.fake.extra_members = {"submitold": True, "noncerange": "000000001fffffff", "mask": 32, "algorithm": "scrypt",
                                 "odd": {"a": [1, None]}}
    result = mining.miner().getwork().reply.result
    assert {key: result[key] for key in mining.fake.extra_members} == mining.fake.extra_members


def test_the_identifier_is_kept_with_one_pool(mining):
    mining.fake.extra_members = {"identifier": "4711"}
    assert mining.miner().getwork().reply.result["identifier"] == "4711"


@pytest.mark.parametrize("other,is_kept", [({}, False), ({"enabled": False}, True)], ids=["enabled", "disabled"])
def test_the_identifier_is_stripped_with_more_than_one_enabled_pool(proxy, make_pool, other, is_kept):
    alpha, beta = make_pool("alpha"), make_pool("beta")
    alpha.extra_members = {"identifier": "4711"}
    worker = proxy.database.add_rig(alpha)
    proxy.database.assign(worker, proxy.database.pool_id(beta), "b", priority=-1, **other)
    proxy.start()
    assert ("identifier" in proxy.miner().getwork().reply.result) is is_kept


def test_members_that_lead_away_are_stripped(mining):
    mining.fake.extra_members = {"serverlist": [{"uris": ["http://elsewhere/"]}], "longpolluri": "http://elsewhere/lp"}
    assert not set(mining.miner().getwork().reply.result) & set(mining.fake.extra_members)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_every_framing_of_a_pools_answer(mining, framing):
    mining.fake.framing = framing
    assert [reply.result for _, reply in mining.miner().mine(3)] == [True] * 3


def test_data_in_upper_case_or_without_padding_is_completed(mining):
    miner = mining.miner()
    for change in (str.upper, lambda text: text[:160], lambda text: text[:160] + "0" * 96):
        issued = mining.fake.ledger.issue("rig1@alpha", mining.fake.difficulty)
        mining.fake.extra_members = {"data": change(issued.data.hex() + header.PADDING),
                                     "midstate": header.midstate(issued.data)}
        work = miner.getwork()
        assert work.reply.result["data"] == issued.data.hex() + header.PADDING
        assert miner.submit(work.solve()).result is True


def test_each_worker_has_its_own_account(mining):
    mining.miner("rig1").mine(1)
    mining.miner("rig2").mine(2)
    assert [share.user for share in mining.fake.accepted] == ["rig1@alpha", "rig2@alpha", "rig2@alpha"]


def test_an_account_goes_out_exactly_as_typed(proxy, make_pool):
    pool = make_pool()
    worker = proxy.database.add_worker()
    proxy.database.assign(worker, proxy.database.add_pool(pool), "größe.1 + 2", "pass:word: ü'\"")
    proxy.start()
    proxy.miner().getwork()
    assert (pool.requests[-1].user, pool.requests[-1].password) == ("größe.1 + 2", "pass:word: ü'\"")


def test_a_worker_without_pools_gets_an_error_in_words(proxy):
    proxy.database.add_worker("rig1")
    proxy.start()
    reply = proxy.miner().ask()
    assert reply.status == 200
    assert reply.result is None and "pool" in reply.error["message"]


def test_params_as_absent_as_can_be(mining):
    assert mining.miner(profile=Profile(params=MISSING, id=MISSING)).getwork()
