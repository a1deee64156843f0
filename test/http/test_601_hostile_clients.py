# SPDX-License-Identifier: Apache-2.0
"""Beside clients that mean no good, an honest miner goes on: with the settings that are shipped, its getworks stay under 250 ms."""
import base64
import contextlib
import re
import socket
import time

import pytest

from bench import tools
from harness.hostile import Hostile, Plan
from harness.places import ROOT
from harness.waiting import wait_until

SHIPPED = (ROOT / "conf" / "miningproxy.conf").read_text()
BOUND = 0.25  # s, of 99 in 100
SILENT = 3000  # connections
MOMENT = 0.09  # s for which nobody is called slow while an eighth of the threads is idle


def _shipped(name):
    return re.search(rf"^ *# +{name} (.+)$", SHIPPED, re.M)[1]


CONFIG = {"children": int(_shipped("StartServers")), "threads": int(_shipped("ThreadsPerChild")), "timeout": int(_shipped("Timeout")),
          "keep_alive_timeout": int(_shipped("KeepAliveTimeout")), "request_read_timeout": _shipped("RequestReadTimeout"),
          "directives": [f"AsyncRequestWorkerFactor {_shipped('AsyncRequestWorkerFactor')}"]}
THREADS = CONFIG["children"] * CONFIG["threads"]
FACTOR = 50  # instead of the shipped one: the clients are one process, which may not open 50,000 files everywhere
pytestmark = [pytest.mark.load, pytest.mark.proxy(**CONFIG)]


@pytest.fixture
def farm(proxy, make_pool):
    """Twenty-one workers; rig1 is the honest one."""
    pool = make_pool()
    for number in range(1, 22):
        proxy.database.add_rig(pool, name=f"rig{number}")
    proxy.start()
    proxy.honest = proxy.miner()
    proxy.honest.getwork()
    return proxy


def _percentile(times, percent):
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]


def _getwork(miner):
    """As a miner does it: on a new connection where httpd closed the one that it had, because all threads were busy."""
    for _ in range(10):
        try:
            return miner.getwork()
        except ConnectionError:
            miner.close()
    raise AssertionError("ten connections of the honest miner were closed, one after the other")


def _mine(farm, seconds=8, pace=0.02):
    """The honest miner for so long. @return how long each of its getworks took, new connections included"""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        _getwork(farm.honest)
        times.append(time.monotonic() - began)
        time.sleep(pace)
    return times


def _check(times, record_property):
    for percent in (50, 99, 100):
        record_property(f"getwork p{percent} ms", round(_percentile(times, percent) * 1000, 1))
    assert len(times) > 100
    assert _percentile(times, 99) < BOUND, f"99 %: {_percentile(times, 99) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms, of {len(times)}"


def _endless_head(_):
    return b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"x" * 4000


def _endless_body(_):
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n" + b" " * 4000


@pytest.mark.expects_log("MP0056")
@pytest.mark.parametrize("sources", [1, 500])
@pytest.mark.parametrize("text", [_endless_head, _endless_body])
def test_a_byte_a_second(farm, record_property, text, sources):
    with Hostile(farm.httpd.address, Plan(text, 8 * THREADS, pause=1, sources=sources)) as hostile:
        wait_until(lambda: hostile.begun >= hostile.plan.count, 20, "all of them came")
        _check(_mine(farm), record_property)


def _is_answered(client):
    with contextlib.suppress(ConnectionError):
        return client.makefile("rb").readline().startswith(b"HTTP/1.1 ")
    return False


@pytest.mark.expects_log("MP0056")  # if this machine was too slow
@pytest.mark.proxy(children=1, threads=16)
def test_honest_clients_that_come_at_once(farm):
    """Of sixteen threads thirteen wait for clients that were interrupted for a moment, as by each other's TLS handshakes: nobody is cut off for that."""
    def come():
        """@return whether they were as quick as they should be"""
        before, began = farm.log.count("MP0056"), time.monotonic()
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(farm.httpd.address, 5)) for _ in range(13)]
            for client in clients:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
            wait_until(lambda: time.monotonic() > began + MOMENT / 2, 1, "half of the moment has passed")
            with contextlib.suppress(ConnectionError):
                for client in clients:
                    client.sendall(b"Connection: close\r\n\r\n")
            took = time.monotonic() - began
            served = sum(_is_answered(client) for client in clients)
        assert (served, farm.log.count("MP0056")) == (13, before) or took > MOMENT
        return took <= MOMENT
    wait_until(come, 20, "this machine let them be quick")


def _page(_):
    return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def _taken(busy):
    """How many connections the event MPM takes, at most, while so many threads of each child are busy."""
    return CONFIG["children"] * (CONFIG["threads"] + (CONFIG["threads"] - busy) * FACTOR)


def _accepting(httpd):
    """The children that still accept connections, by what each said last."""
    said = dict(re.findall(r"pid (\d+):.* (not accepting|Accepting) new conn", httpd.log.text()))
    return [child for child in httpd.children() if said.get(str(child)) != "not accepting"]


@pytest.mark.proxy(directives=[f"AsyncRequestWorkerFactor {FACTOR}", "LogLevel mpm_event:debug"])
def test_idle_connections(farm, record_property):
    """More than httpd takes: the last ones wait in the kernel. Nobody needs a login for that."""
    tools.allow_files(_taken(0) + 2000)
    with Hostile(farm.httpd.address, Plan(_page, _taken(0) + 200, sources=500, is_idle=True)) as hostile:
        # The honest miner is there while they come: where httpd runs out of threads and closes its connection, there is still room for another.
        wait_until(lambda: _getwork(farm.honest) and hostile.answered - hostile.cut >= _taken(8) and not _accepting(farm.httpd), 30,
                   "httpd accepts no more")
        _check(_mine(farm), record_property)
        record_property("idle connections", hostile.answered - hostile.cut)
        assert _taken(8) <= hostile.answered - hostile.cut <= _taken(0)
        wait_until(lambda: not _accepting(farm.httpd), 5, "httpd still accepts no more")


# AH00045, AH00046: at its end httpd closes sockets, which wakes no thread that waits for one; it kills such children.
@pytest.mark.expects_log("MP0056", "AH00045", "AH00046")
def test_connections_that_say_nothing(farm, record_property):
    with Hostile(farm.httpd.address, Plan(lambda _: b"", SILENT, sources=500)) as hostile:
        wait_until(lambda: hostile.begun >= hostile.plan.count, 30, "all of them came")
        _check(_mine(farm), record_property)


def _wrong_login(number):
    login = base64.b64encode(f"rig{2 + number % 20}:guess {number}".encode()).decode()
    body = b'{"method":"getwork","params":[],"id":1}'
    return f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.expects_log("AH01617", "MP0031", "MP0032")
@pytest.mark.parametrize("sources", [1, 500])
def test_a_thousand_wrong_passwords_a_second(farm, record_property, sources):
    with Hostile(farm.httpd.address, Plan(_wrong_login, 1000, rate=1000, sources=sources)) as hostile:
        wait_until(lambda: hostile.answered > 500, 20, "guesses are answered")
        before, began = hostile.begun, time.monotonic()
        times = _mine(farm)
        rate = (hostile.begun - before) / (time.monotonic() - began)
    record_property("guesses a second", round(rate))
    assert hostile.statuses[b"200"] == 0
    _check(times, record_property)
