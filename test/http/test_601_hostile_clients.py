# SPDX-License-Identifier: Apache-2.0
"""Beside clients that mean no good, an honest miner goes on: with the settings that are shipped, its getworks stay under 250 ms."""
import base64
import re
import time

import pytest

from harness.hostile import Hostile, Plan
from harness.places import ROOT
from harness.waiting import wait_until

SHIPPED = (ROOT / "conf" / "miningproxy.conf").read_text()
BOUND = 0.25  # s, of 99 in 100
IDLE = 3000  # connections; a test's own limit of open files allows no more everywhere


def _shipped(name):
    return re.search(rf"^ *# +{name} (.+)$", SHIPPED, re.M)[1]


CONFIG = {"children": int(_shipped("StartServers")), "threads": int(_shipped("ThreadsPerChild")), "timeout": int(_shipped("Timeout")),
          "keep_alive_timeout": int(_shipped("KeepAliveTimeout")), "request_read_timeout": _shipped("RequestReadTimeout"),
          "directives": [f"AsyncRequestWorkerFactor {_shipped('AsyncRequestWorkerFactor')}"]}
THREADS = CONFIG["children"] * CONFIG["threads"]
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


def _page(_):
    return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_idle_connections(farm, record_property):
    """Nobody needs a login for that."""
    with Hostile(farm.httpd.address, Plan(_page, IDLE, sources=500, is_idle=True)) as hostile:
        wait_until(lambda: hostile.answered - hostile.cut == hostile.plan.count, 30, "all of them were answered, and stay")
        _check(_mine(farm), record_property)
        assert hostile.connected == hostile.plan.count


# AH00045, AH00046: at its end httpd closes sockets, which wakes no thread that waits for one; it kills such children.
@pytest.mark.expects_log("MP0056", "AH00045", "AH00046")
def test_connections_that_say_nothing(farm, record_property):
    with Hostile(farm.httpd.address, Plan(lambda _: b"", IDLE, sources=500)) as hostile:
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
