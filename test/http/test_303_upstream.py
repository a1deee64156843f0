# SPDX-License-Identifier: Apache-2.0
"""The way to a pool: https with verification, paths, and a proxy towards pools."""
import json

import pytest

from fakes import behaviours
from fakes.certificates import Authority
from harness.waiting import wait_until

pytestmark = pytest.mark.expects_log("MP0210")  # a pool is down, with the reason


def _start(proxy, pool, *directives, url=None):
    proxy.httpd.config.directives += list(directives)
    worker = proxy.database.add_worker()
    proxy.database.assign(worker, proxy.database.add_pool(pool, url), "rig1@alpha")
    return proxy.start()


def test_https_with_a_trusted_certificate(proxy, make_pool, authority):
    pool = make_pool(tls=authority.context())
    _start(proxy, pool, f"MiningProxyUpstreamCAFile {authority.ca}")
    assert [reply.result for _, reply in proxy.miner().mine(3)] == [True] * 3
    assert len(pool.accepted) == 3
    assert pool.connection_count <= 2


def test_https_by_name(proxy, make_pool, authority):
    pool = make_pool(tls=authority.context())
    _start(proxy, pool, f"MiningProxyUpstreamCAFile {authority.ca}", url=f"https://localhost:{pool.port}/")
    assert proxy.miner().mine(1)[0][1].result is True


@pytest.mark.parametrize("how", ["unknown authority", "another name", "system's authorities only"])
def test_https_with_a_certificate_that_cannot_be_trusted(proxy, make_pool, authority, directory, how):
    signer = Authority(directory / "strange") if how == "unknown authority" else authority
    pool = make_pool(tls=signer.context("odd", "DNS:elsewhere.example" if how == "another name" else "IP:127.0.0.1"))
    trusted = [] if how.startswith("system") else [f"MiningProxyUpstreamCAFile {authority.ca}"]
    _start(proxy, pool, *trusted)
    reply = proxy.miner().ask()
    assert (reply.status, reply.result) == (200, None)
    assert not pool.requests, "credentials went to a server that could be anybody"


def test_plain_http_on_a_tls_port_is_a_broken_pool(proxy, make_pool, authority):
    pool = make_pool(tls=authority.context())
    _start(proxy, pool, url=f"http://127.0.0.1:{pool.port}/")
    assert proxy.miner().ask().error


@pytest.mark.parametrize("path,wanted", [("/", "/"), ("", "/"), ("/mine/getwork?x=1", "/mine/getwork?x=1")])
def test_the_path_of_the_url_is_asked(proxy, make_pool, path, wanted):
    pool = make_pool()
    _start(proxy, pool, url=f"http://127.0.0.1:{pool.port}{path}")
    assert proxy.miner().mine(1)[0][1].result is True
    assert {request.message.start[1] for request in pool.requests} == {wanted}
    assert {request.message.start[0] for request in pool.requests} == {"POST"}


def _behind_slash(then):
    """Whoever leaves the last slash out is sent there, as httpd does it for a directory."""
    def behaviour(exchange):
        path = exchange.request.path
        return then(exchange) if path.endswith("/") else behaviours.redirect(path + "/")(exchange)
    return behaviour


@pytest.mark.parametrize("reason", [None, "stale"])
def test_work_and_shares_go_where_the_pool_redirects_them(proxy, make_pool, reason):
    pool = make_pool()
    pool.behave(_behind_slash(behaviours.normal))
    pool.behave(_behind_slash(behaviours.reject_all(reason)), on="share")
    _start(proxy, pool, url=f"http://127.0.0.1:{pool.port}/mine")
    data, reply = proxy.miner().mine(1)[0]
    assert [share.data for share in pool.submissions] == [data]
    assert (reply.result, reply.reason) == (reason is None, reason)


def test_a_pool_that_judges_a_share_before_it_redirects_it(proxy, make_pool):
    """It calls the share a duplicate of itself then."""
    pool = make_pool()
    pool.behave(behaviours.judged(behaviours.redirect_to_itself), on="share", times=1)
    _start(proxy, pool)
    data, reply = proxy.miner().mine(1)[0]
    assert [share.reason for share in pool.submissions] == ["", "duplicate"]
    assert (reply.result, reply.reason) == (True, None)
    proxy.wait_rows(1)
    assert [tuple(row) for row in proxy.database.rows("SELECT result, reason FROM submitted_work")] == [(1, None)]


def test_pools_are_asked_through_the_upstream_proxy(proxy, make_pool):
    forward = make_pool("forward")
    _start(proxy, forward, f"MiningProxyUpstreamProxy http://127.0.0.1:{forward.port}",
           url="http://pool.invalid:8332/x")
    assert proxy.miner().mine(1)[0][1].result is True
    assert {request.message.start[1] for request in forward.requests} == {"http://pool.invalid:8332/x"}


def test_the_environment_chooses_no_proxy(proxy, make_pool, monkeypatch):
    trap, pool = make_pool("trap"), make_pool("alpha")
    environment = proxy.httpd.environment()
    monkeypatch.setattr(proxy.httpd, "environment",
                        lambda: environment | {"http_proxy": trap.url, "all_proxy": trap.url})
    _start(proxy, pool)
    assert proxy.miner().mine(1)[0][1].result is True
    assert not trap.requests


def test_what_a_pool_is_asked(proxy, make_pool):
    pool = make_pool()
    _start(proxy, pool)
    data, _ = proxy.miner().mine(1)[0]
    work, share = (json.loads(request.message.body) for request in pool.requests[-2:])
    assert (work["method"], work["params"]) == ("getwork", [])
    assert (share["method"], share["params"][0][:160]) == ("getwork", data.hex())
    for request in pool.requests:
        assert request.message.get("Content-Type").startswith("application/json")
        assert request.message.get("Content-Length") and not request.message.get("Transfer-Encoding")
        assert not request.message.get("Expect")


def test_many_miners_share_few_connections(proxy, make_pool):
    pool = make_pool()
    _start(proxy, pool)
    miners = [proxy.miner() for _ in range(10)]
    for _ in range(5):
        for miner in miners:
            miner.mine(1)
    assert pool.connection_count <= 4


def test_the_error_of_a_pool_is_said_in_words_in_the_log(proxy, make_pool):
    pool = make_pool()
    pool.behave(behaviours.json_error(-10, "Bitcoin is downloading blocks..."))
    _start(proxy, pool)
    proxy.miner().ask()
    wait_until(lambda: "Bitcoin is downloading blocks" in proxy.log.text(), 5, "the log says what the pool said")
    assert 'pool 1 "alpha"' in proxy.log.text()
