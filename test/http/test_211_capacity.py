# SPDX-License-Identifier: Apache-2.0
"""What the start says about long polls: how many fit, what sets the bound, and which setting stands in the way."""
import contextlib
from pathlib import Path
import re
import resource
import socket

import pytest

from fakes.ports import free_port
from harness.config import LOCATION

TOLD = re.compile(r"MP0050: up to (\d+) long polls per child (.*)")


def _lines(proxy, tag):
    return [line.partition(f"{tag}: ")[2] for line in proxy.log.text().splitlines() if f"{tag}: " in line]


def _level(proxy, tag):
    return re.search(rf"\[miningproxy:(\w+)\].*{tag}: ", proxy.log.text())[1]


def _factor(value):
    """A line behind the harness's own: the last one counts."""
    return f"<IfModule mpm_event_module>\nAsyncRequestWorkerFactor {value}\n</IfModule>"


def _add_host(proxy, *lines):
    port = free_port()
    proxy.httpd.config.host += [f"Listen 127.0.0.1:{port}", f"<VirtualHost 127.0.0.1:{port}>", *lines, LOCATION, "</VirtualHost>"]


@pytest.mark.parametrize("factor,polls,shown", [("2", 36, "2"), ("2.9", 36, "2"), ('"8"', 100, "8"), ("0.1", 25, "1")])
def test_threads_and_factor_set_the_bound(proxy, factor, polls, shown):
    proxy.httpd.config.directives.append(_factor(factor))
    proxy.start()
    assert _lines(proxy, "MP0050") == [
        f"up to {polls} long polls per child wait without a thread (bound: ThreadsPerChild 16 and AsyncRequestWorkerFactor {shown})"]
    assert _level(proxy, "MP0050") == "notice"
    assert not _lines(proxy, "MP0051") and not _lines(proxy, "MP0053")


def test_a_smaller_limit_is_the_bound(proxy):
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 7"]
    proxy.start()
    assert _lines(proxy, "MP0050") == ["up to 7 long polls per child wait without a thread (bound: MiningProxyLongPollLimit)"]


@pytest.mark.expects_log("MP0051")
def test_a_limit_that_the_threads_cannot_hold_is_told_with_what_would_do(proxy):
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 10000", _factor(2)]
    proxy.start()
    assert _level(proxy, "MP0051") == "warn"
    said = _lines(proxy, "MP0051")
    assert len(said) == 1 and "10000" in said[0] and "36 long polls" in said[0]
    needed = int(re.search(r"AsyncRequestWorkerFactor to at least (\d+)", said[0])[1])
    assert _room(proxy, needed) >= 10000 > _room(proxy, needed - 1)


def _room(proxy, factor):
    """How many polls fit with this factor, by the server's own word, in a configuration with files enough."""
    proxy.httpd.config.directives[-1] = _factor(factor)
    proxy.httpd.write_config()
    before = len(_lines(proxy, "MP0050"))
    proxy.httpd.graceful()
    return int(TOLD.search("MP0050: " + _lines(proxy, "MP0050")[before])[1])


def _restart_with_files(proxy, soft, hard):
    """httpd looks at its limit of open files at each restart, and its children inherit it."""
    resource.prlimit(proxy.httpd.pid, resource.RLIMIT_NOFILE, (soft, hard))
    before = {tag: len(_lines(proxy, tag)) for tag in ("MP0050", "MP0051")}
    proxy.httpd.graceful()
    proxy.wait_ready()
    return [_lines(proxy, tag)[count:] for tag, count in before.items()]


def _files_of(pid):
    """Soft and hard limit of a process."""
    found = re.search(r"^Max open files\s+(\d+)\s+(\d+)", Path(f"/proc/{pid}/limits").read_text(), re.M)
    return int(found[1]), int(found[2])


@pytest.mark.expects_log("MP0051")
def test_a_limit_that_the_open_files_cannot_hold(proxy):
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 1000", _factor(400)]
    proxy.start()
    assert not _lines(proxy, "MP0051")
    said, warned = _restart_with_files(proxy, 512, 700)
    assert said == ["up to 412 long polls per child wait without a thread (bound: a limit of 700 open files)"]
    assert len(warned) == 1 and "raise the limit of open files to at least 1288 (it is 700)" in warned[0]
    assert "AsyncRequestWorkerFactor" not in warned[0]


@pytest.mark.expects_log("MP0051")
def test_what_they_cannot_hold_together_is_told_together(proxy):
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 1000", _factor(2)]
    proxy.start()
    warned = _restart_with_files(proxy, 512, 700)[1]
    assert re.search(r"AsyncRequestWorkerFactor to at least \d+ \(it is 2\).*; raise the limit of open files to at least 1288", warned[0])


def test_a_child_may_open_as_many_files_as_connections_may_come(proxy):
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 10", _factor(40)]
    proxy.start()
    _restart_with_files(proxy, 900, 2000)
    assert {_files_of(pid) for pid in proxy.httpd.children()} == {(16 + 640 + 256 + 32 + 512, 2000)}
    assert _files_of(proxy.httpd.pid) == (900, 2000)
    _restart_with_files(proxy, 1900, 2000)
    assert {_files_of(pid) for pid in proxy.httpd.children()} == {(1900, 2000)}


def test_never_more_than_the_hard_limit(proxy):
    proxy.start()
    _restart_with_files(proxy, 512, 1024)
    assert {_files_of(pid) for pid in proxy.httpd.children()} == {(1024, 1024)}


def test_more_connections_than_files_are_told(proxy):
    proxy.httpd.config.directives.append(_factor(40))
    proxy.start()
    _restart_with_files(proxy, 512, 656 + 288)
    assert not _lines(proxy, "MP0058")
    _restart_with_files(proxy, 512, 656 + 287)
    said = _lines(proxy, "MP0058")
    assert len(said) == 1 and "up to 656 connections (ThreadsPerChild 16 and AsyncRequestWorkerFactor 40)" in said[0]
    assert "only 943 files open" in said[0] and "raise the limit of open files to at least 944" in said[0]


def test_connections_that_stay_do_not_end_a_child(proxy):
    """Whoever has no login gets a page, and a connection that he may keep."""
    proxy.httpd.config.directives += ["MiningProxyLongPollLimit 10", _factor(100)]
    proxy.start()
    _restart_with_files(proxy, 700, 4000)
    children = proxy.httpd.children()
    with contextlib.ExitStack() as stack:
        for _ in range(1200):
            client = stack.enter_context(socket.create_connection(proxy.httpd.address))
            client.sendall(b"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert proxy.httpd.children() == children


def test_threads_are_halved_where_each_poll_holds_one(make_proxy, database):
    proxy = make_proxy(database, mpm="worker").start()
    assert _lines(proxy, "MP0050") == ["up to 8 long polls per child may wait; each holds a thread (bound: half of ThreadsPerChild 16)"]
    assert not _lines(proxy, "MP0052")


@pytest.mark.expects_log("MP0051")
def test_a_limit_beyond_half_of_the_threads(make_proxy, database):
    proxy = make_proxy(database, ["MiningProxyLongPollLimit 9"], mpm="worker").start()
    assert "9, but a child can hold 8 long polls" in _lines(proxy, "MP0051")[0]
    assert "ThreadsPerChild to at least 18, or use the event MPM" in _lines(proxy, "MP0051")[0]


def test_prefork_says_that_each_poll_holds_a_process(make_proxy, database):
    proxy = make_proxy(database, ["MiningProxyLongPolling On"], mpm="prefork").start()
    assert len(_lines(proxy, "MP0050")) == 1 and "each holds a process" in _lines(proxy, "MP0050")[0]
    assert not _lines(proxy, "MP0052") and not _lines(proxy, "MP0053")


@pytest.mark.parametrize("mpm,directives", [("event", ["MiningProxyLongPolling Off"]), ("prefork", [])])
def test_nothing_is_said_where_there_are_no_long_polls(make_proxy, database, mpm, directives):
    proxy = make_proxy(database, directives, mpm=mpm).start()
    assert "MP0005: " in proxy.log.text()
    assert not [tag for tag in ("MP0050", "MP0051", "MP0052", "MP0053") if _lines(proxy, tag)]


def test_it_is_said_once_at_each_start(proxy):
    proxy.start()
    assert len(_lines(proxy, "MP0050")) == 1
    proxy.httpd.graceful()
    assert len(_lines(proxy, "MP0050")) == 2


# How long a poll may wait


def test_a_time_out_that_ends_polls_early_is_told(proxy):
    proxy.start()
    assert _lines(proxy, "MP0052") == ["long polls in the main server end after 55 s, because Timeout is 60: set Timeout 3900"]
    assert _level(proxy, "MP0052") == "notice"


@pytest.mark.expects_log("MP0052")
def test_it_is_a_warning_where_that_is_very_early(proxy):
    proxy.httpd.config.directives += ["Timeout 34", "MiningProxyLongPollTimeout 10min"]
    proxy.start()
    assert _lines(proxy, "MP0052") == ["long polls in the main server end after 29 s, because Timeout is 34: set Timeout 1200"]
    assert _level(proxy, "MP0052") == "warn"


@pytest.mark.parametrize("lines", [["Timeout 3305"], ["MiningProxyLongPollTimeout 55s"], ["MiningProxyLongPolling Off"]])
def test_nothing_is_told_where_polls_last(proxy, lines):
    proxy.httpd.config.directives += lines
    proxy.start()
    assert not _lines(proxy, "MP0052")


def test_a_virtual_host_is_judged_by_the_time_out_that_holds_for_it(proxy):
    """Of several hosts on one address httpd goes by the first one's, unless a later one has a KeepAliveTimeout as well."""
    port = free_port()
    long, short = "Timeout 3900", "Timeout 40"
    hosts = [("first", [short]), ("second", [long]), ("third", [long, "KeepAliveTimeout 60"])]
    proxy.httpd.config.directives.append(long)
    proxy.httpd.config.host.append(f"Listen 127.0.0.1:{port}")
    for name, lines in hosts:
        proxy.httpd.config.host += [f"<VirtualHost 127.0.0.1:{port}>", f"ServerName {name}", *lines, LOCATION, "</VirtualHost>"]
    _add_host(proxy, long)
    proxy.start()
    said = _lines(proxy, "MP0052")
    conf = (proxy.httpd.directory / "httpd.conf").read_text().splitlines()
    at = {name: f"httpd.conf:{conf.index(f'ServerName {name}')} " for name, _ in hosts}
    assert len(said) == 2
    of = {name: next(line for line in said if place in line) for name, place in at.items() if name != "third"}
    assert "because Timeout is 40: set Timeout 3900 there, and KeepAliveTimeout beside it" in of["first"]
    assert "because Timeout is 40, that of the first virtual host on this address" in of["second"]


def test_hosts_without_miners_are_not_judged(proxy):
    port = free_port()
    proxy.httpd.config.directives.append("Timeout 3900")
    proxy.httpd.config.host += [f"Listen 127.0.0.1:{port}", f"<VirtualHost 127.0.0.1:{port}>", "Timeout 40", "KeepAliveTimeout 5",
                                "</VirtualHost>"]
    proxy.start()
    assert not _lines(proxy, "MP0052")


# How long a child lives


def test_children_that_are_ended_with_polls_in_them(make_proxy, database):
    proxy = make_proxy(database, ["MaxConnectionsPerChild 5000", "MinSpareThreads 16", "MaxSpareThreads 32", "MaxRequestWorkers 64"])
    proxy.start()
    said = _lines(proxy, "MP0053")
    assert len(said) == 1
    assert "set MaxConnectionsPerChild 0 (it is 5000); set MaxSpareThreads to MaxRequestWorkers, 64 (it is 32)" in said[0]
    assert _level(proxy, "MP0053") == "notice"
