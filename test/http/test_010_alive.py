# SPDX-License-Identifier: Apache-2.0
"""It starts, speaks, restarts and ends; a browser and a stranger get an answer in words."""
import os
import signal

import pytest

from fakes import wire
from fakes.miner import Connection
from harness.waiting import wait_until


def _request(proxy, method, headers=(), version="HTTP/1.1", body=b""):
    connection = Connection(proxy.httpd.address)
    head = [("Host", "proxy"), *headers] + ([("Content-Length", str(len(body)))] if body else [])
    answer = connection.exchange(wire.format_message(f"{method} / {version}", head, body))
    connection.close()
    return answer


def test_a_browser_gets_a_page_in_words_without_login(proxy):
    proxy.start()
    answer = _request(proxy, "GET")
    assert answer.status == 200
    assert answer.get("Content-Type").startswith("text/")
    page = answer.body.decode()
    assert "mining proxy" in page and "miner" in page and "http://proxy/" in page
    assert "running" in page


def test_the_page_in_http_1_0(proxy):
    proxy.start()
    assert _request(proxy, "GET", version="HTTP/1.0").status == 200


def test_a_miner_without_credentials_is_asked_for_them(proxy):
    proxy.start()
    answer = _request(proxy, "POST", body=b'{"method":"getwork","params":[],"id":0}')
    assert answer.status == 401
    assert answer.get("WWW-Authenticate") == 'Basic realm="mining proxy"'


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_by_name(proxy, method):
    proxy.database.add_rig()
    proxy.start()
    token = ("Authorization", "Basic cmlnMTpzZWNyZXQ=")
    answer = _request(proxy, method, [token], body=b"x")
    assert answer.status == 405
    assert "POST" in answer.get("Allow")


def test_it_starts_and_ends_without_a_loud_line(proxy):
    proxy.start()
    proxy.stop()
    assert not proxy.httpd.is_running
    assert proxy.log.count("MP0"), "the module says nothing at all when it starts"


def test_an_idle_child_leaves_at_a_graceful_stop(proxy):
    proxy.start()
    os.kill(proxy.httpd.pid, signal.SIGWINCH)
    wait_until(lambda: not proxy.httpd.is_running, 15, "httpd ended gracefully")


@pytest.mark.proxy(children=2)
def test_restarts_again_and_again(proxy, make_pool):
    pool = make_pool()
    proxy.database.add_rig(pool)
    proxy.start()
    miner = proxy.miner()
    for _ in range(3):
        proxy.httpd.graceful()
        proxy.wait_ready()
        assert miner.mine(1)[0][1].result is True
    assert len(pool.accepted) == 3
