# SPDX-License-Identifier: Apache-2.0
"""X-Long-Polling: on every 200 the same value, in a form that every miner resolves to the right URL."""
import pytest

from fakes import behaviours, wire
from fakes.miner import MISSING, Miner
from fakes.ports import free_port
from harness.config import LOCATION

NAME = "X-Long-Polling"
WITHOUT_HOST = b"POST /mine HTTP/1.0\r\nAuthorization: %s\r\nContent-Length: 40\r\n\r\n" + b'{"method":"getwork","params":[],"id":1} '


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, not started."""
    proxy.fake = make_pool()
    proxy.database.add_rig(proxy.fake)
    return proxy


def _add_host(proxy, *lines):
    port = free_port()
    proxy.httpd.config.host += [f"Listen 127.0.0.1:{port}", f"<VirtualHost 127.0.0.1:{port}>", *lines, LOCATION, "</VirtualHost>"]
    return Miner(("127.0.0.1", port), "rig1", "secret")


def _told(miner, path=None, host=None):
    """The value at this path, for a miner that knows the proxy by this name."""
    body = b'{"method":"getwork","params":[],"id":1}'
    head = [(name, host if host and name == "Host" else value) for name, value in miner.head()]
    head.append(("Content-Length", str(len(body))))
    reply = miner.send(wire.format_message(f"POST {path or miner.path} HTTP/1.1", head, body))
    assert (reply.status, reply.error) == (200, None)
    return reply.message.get(NAME)


def _at(mining):
    return "http://%s:%d" % mining.httpd.address


def test_the_path_alone_where_the_proxy_is_mounted_at_the_root(mining):
    miner = mining.start().miner()
    assert [_told(miner, path) for path in ("/", "//", "/?a=b", "/", "/")] == ["/lp"] * 5


def test_an_absolute_url_where_it_is_mounted_below(mining):
    miner = mining.start().miner()
    whole = _at(mining) + "/mine/lp"
    assert [_told(miner, path) for path in ("/mine", "/mine/", "/mine//", "/mine?a=b", "/a/../mine")] == [whole] * 5
    assert _told(miner, "/a/b") == _at(mining) + "/a/b/lp"


def test_what_the_path_holds_is_escaped_again(mining):
    miner = mining.start().miner()
    assert _told(miner, "/a%20b%22%3c%0d%0aX:%20y%C3%BC") == _at(mining) + "/a%20b%22%3c%0d%0aX:%20y%c3%bc/lp"
    assert _told(miner, "/100%25%3Fx") == _at(mining) + "/100%25%3fx/lp"


def test_the_host_is_the_one_that_the_miner_knows(mining):
    miner = mining.start().miner()
    for host in ("farm.example.com", "farm.example.com:8332", "192.0.2.7:1234", "[::1]:8332"):
        assert _told(miner, "/mine", host) == f"http://{host}/mine/lp"
    assert _told(miner, "/mine", "FARM.example.com:80") == "http://farm.example.com/mine/lp"
    assert _told(miner, "/", "farm.example.com:8332") == "/lp"


@pytest.mark.parametrize("host", [
    'farm"<x>', "a b", "a\tb", "x@farm.example.com", "farm.example.com;x", "a,b", "h%41", "ü".encode().decode("latin-1")])
def test_an_odd_host_is_not_repeated(mining, host):
    mining.httpd.config.directives.append("HttpProtocolOptions Unsafe")
    miner = mining.start().miner()
    body = b'{"method":"getwork","params":[],"id":1}'
    head = [(name, host if name == "Host" else value) for name, value in miner.head()] + [("Content-Length", str(len(body)))]
    reply = miner.send(wire.format_message("POST /mine HTTP/1.1", head, body))
    if reply.status == 200:
        assert reply.message.get(NAME) == "/mine/lp"
    else:
        assert reply.status == 400


def test_without_a_host_the_path_is_told(mining):
    miner = mining.start().miner()
    authorization = dict(miner.head())["Authorization"].encode()
    reply = miner.send(WITHOUT_HOST % authorization)
    assert reply.status == 200 and reply.message.get(NAME) == "/mine/lp"


def test_a_value_never_grows_beyond_what_small_devices_keep(mining):
    miner = mining.start().miner()
    fitting = "/" + "x" * (200 - len(_at(mining)) - len("//lp"))
    assert _told(miner, fitting) == _at(mining) + fitting + "/lp"
    assert len(_told(miner, fitting)) == 200
    assert _told(miner, fitting + "x") == fitting + "x/lp"
    assert _told(miner, "/" + "x" * 150 + "/" + "x" * 150) == "/lp"
    assert _told(miner, "/mine", "h" * 190) == "/mine/lp"


def test_every_answer_with_status_200_has_it_and_always_the_same(mining):
    miner = mining.start().miner()
    miner.path = "/mine"
    work = miner.getwork()
    replies = [work.reply, miner.submit(work.solve()), miner.submit(work.unsolved()), miner.probe_template(),
               miner.call("getwork", "nonsense"), miner.call("getwork", ["00"]), miner.call(MISSING), miner.post(b"no json"), miner.post(b"")]
    assert replies[1].result is True and replies[2].result is False
    assert [reply.status for reply in replies] == [200] * len(replies)
    assert {reply.message.get(NAME) for reply in replies} == {_at(mining) + "/mine/lp"}


def test_a_long_polls_answer_has_it_wherever_the_miner_looked_for_it(mining):
    """The ones that paste come to another path than they were told; their next poll must not go deeper still."""
    mining.httpd.config.directives.append("MiningProxyLongPollTimeout 100ms")
    mining.start()
    for path in ("/mine/lp", "/mine//lp", "/mine/mine/lp", "/mine/mine/mine/mine/lp"):
        assert _told(mining.miner(), path) == _at(mining) + "/mine/lp"
    for path in ("/lp", "//lp"):
        assert _told(mining.miner(), path) == "/lp"
    assert _told(mining.miner(), "/mime/mine/lp") == _at(mining) + "/mime/mine/lp"
    assert _told(mining.miner(), "/help") == _at(mining) + "/help/lp"


@pytest.mark.expects_log("MP0210")
def test_an_answer_without_work_has_it(mining):
    mining.fake.behave(behaviours.close)
    reply = mining.start().miner().ask()
    assert reply.status == 200 and reply.error["message"]
    assert reply.message.get(NAME) == "/lp"


@pytest.mark.expects_log("AH01617")
def test_other_answers_have_none(mining):
    mining.httpd.config.directives.append("MiningProxyMaxRequestBody 1k")
    miner = mining.start().miner()
    assert [(reply.status, reply.message.get(NAME)) for reply in (
        mining.miner(password="wrong").ask(), miner.post(b" " * 2000))] == [(401, None), (413, None)]
    page = miner.send(wire.format_message("GET / HTTP/1.1", miner.head()))
    assert (page.status, page.message.get(NAME)) == (200, None)


def test_a_public_url_is_told_whatever_was_asked(mining):
    outer = "https://mine.example.com:8443/btc"
    mining.httpd.config.directives.append(f"MiningProxyPublicURL {outer}/")
    own = _add_host(mining, "MiningProxyPublicURL http://192.0.2.1", "MiningProxyLongPollPath /wait")
    moved = _add_host(mining, "MiningProxyLongPollPath /wait/long")
    miner = mining.start().miner()
    assert [_told(miner, path) for path in ("/", "/mine", "/a%20b")] == [outer + "/lp"] * 3
    assert [_told(own, path) for path in ("/", "/mine")] == ["http://192.0.2.1/wait"] * 2
    assert _told(moved) == outer + "/wait/long"


def test_a_path_of_ones_own(mining):
    mining.httpd.config.directives.append("MiningProxyLongPollPath /long/poll")
    miner = mining.start().miner()
    assert _told(miner) == "/long/poll"
    assert _told(miner, "/mine") == _at(mining) + "/mine/long/poll"


def test_nothing_is_told_where_long_polls_are_off(mining):
    silent = _add_host(mining, "MiningProxyLongPolling Off")
    miner = mining.start().miner()
    assert _told(silent) is None and _told(silent, "/mine") is None
    assert _told(miner) == "/lp"


def test_a_virtual_host_may_switch_them_on_again(mining):
    mining.httpd.config.directives.append("MiningProxyLongPolling Off")
    loud = _add_host(mining, "MiningProxyLongPolling On")
    miner = mining.start().miner()
    assert (_told(loud), _told(miner)) == ("/lp", None)


@pytest.mark.parametrize("mpm,directives,value", [
    ("event", (), "/lp"), ("worker", (), "/lp"), ("prefork", (), None), ("prefork", ("MiningProxyLongPolling On",), "/lp")])
def test_what_each_mpm_offers_unasked(make_proxy, make_pool, database, mpm, directives, value):
    database.add_rig(make_pool())
    mining = make_proxy(database, directives, mpm=mpm).start()
    assert _told(mining.miner()) == value
