# SPDX-License-Identifier: Apache-2.0
"""The benchmark against plain Apache, as small as it can be: not how fast anything is, but that every answer and every row is looked at."""
import contextlib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import signal
import socket
import threading
from types import SimpleNamespace
import urllib.request

import pytest

from bench import cases, runs, subjects, tools, verdicts
from bench.scraper import Scraper
from fakes.ports import free_port
from harness.waiting import wait_until

pytestmark = pytest.mark.load
PREVIOUS = "00000001" * 8
# What loses a few rows or counts.
LOSSES = {
    "shares": "AFTER INSERT ON submitted_work WHEN NEW.id % 50 = 0 BEGIN DELETE FROM submitted_work WHERE id = NEW.id; END",
    "works": "AFTER INSERT ON work_data WHEN NEW.worker_id = (SELECT id FROM worker WHERE name = 'w2') AND NEW.rowid % 50 = 0"
             " BEGIN DELETE FROM work_data WHERE rowid = NEW.rowid; END",
    "statistics": "AFTER UPDATE ON share_stats WHEN NEW.getworks > OLD.getworks"
                  " BEGIN UPDATE share_stats SET getworks = getworks - 1 WHERE rowid = NEW.rowid; END"}


class Repeater(BaseHTTPRequestHandler):
    """A pool that hands out one work for ever."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        result = {"data": "00000001" + PREVIOUS + "11" * 92, "target": "ff" * 32}
        body = json.dumps({"result": result, "error": None, "id": 0}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def repeater():
    with ThreadingHTTPServer(("127.0.0.1", 0), Repeater) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def on_sqlite(name):
    """That case, warmed up for a moment only."""
    case = next(case for case in cases.CASES if case.name == name)
    return replace(case, farm=replace(case.farm, database="sqlite"), load=case.load | {"warm-up": 100})


def missed(case, seen, loud=()):
    """The requirements that do not hold, whatever the machine."""
    return [one.name for one in verdicts.judge(verdicts.Result(case, seen, list(loud))) if not one.holds and not one.by_machine]


@pytest.mark.parametrize("name", ["mix-sqlite", "rolling", "close", "tls", "scrape"])
def test_answers_and_rows_are_complete(directory, name):
    """Works and shares through the module and through plain Apache: nothing wrong, nothing missing, nothing loud."""
    case = on_sqlite(name)
    with contextlib.ExitStack() as stack:
        pool, found = stack.enter_context(subjects.Stage(directory, stack).subjects(case))
        seen = {subject.name: runs.measure(subject, pool, 1) for subject in found}
        loud = [line for subject in found for line in subject.loud(case.declared)]
        works, shares = found[0].books.rows()
        stats = pool.stats()
    assert missed(case, seen, loud) == []
    assert set(seen) >= {"proxy", "apache"} and all(run.rate > 0 for run in seen.values())
    assert 0 < works < stats["getworks"] and shares <= stats["accepted"] == stats["shares"]
    assert (shares > 0) == ("shares" in case.load) and (found[0].handed_out > works) == case.farm.rolls


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loss_is_seen(directory, loss):
    """A share, a work or a getwork's count that the database lost is a failure."""
    case = on_sqlite("mix-sqlite")
    case = replace(case, farm=replace(case.farm, workers=2))
    with contextlib.ExitStack() as stack:
        pool, found = stack.enter_context(subjects.Stage(directory, stack).subjects(case))
        found[0].database.run(f"CREATE TRIGGER forget {LOSSES[loss]}")
        seen = {subject.name: runs.measure(subject, pool, 1, deadline=1) for subject in found}
    assert seen["proxy"].missing > 0
    assert missed(case, seen) == ["mix-sqlite: rows and counted getworks that are missing or too many"]


def test_metrics_that_cannot_be_read_are_seen():
    with pytest.raises(ConnectionRefusedError), Scraper(SimpleNamespace(address=("127.0.0.1", free_port()))):
        pass


def test_warnings_and_repeats_are_seen():
    """Neither a line in the error log nor many requests that were sent again pass unseen, but for connections that are meant to be closed."""
    run = runs.Run(rate=1, p50=1, p99=1, load=1, memory=1, requests=1000, wrong=0, first_wrong="", repeated=1, drained=0)
    case, close = on_sqlite("c8"), on_sqlite("close")
    result = verdicts.Result(case, {"proxy": run, "apache": run}, ["[core:warn] a | b"])
    held = {one.name: one.holds for one in verdicts.judge(result)}
    assert not held["c8: warnings in the error log"] and not held["c8: requests that were sent again"]
    assert "c8: 1 of 1,000 requests of proxy were sent again, because it had closed the connection" in verdicts.repeats(result)
    assert missed(close, result.runs) == []


def test_wrong_answers_are_no_requests(repeater):
    """The same work again and again: one answer is right, all others are wrong."""
    with tools.Load(**{"port": repeater, "previous": PREVIOUS, "connections": 2, "seconds": 1, "warm-up": 100}) as load:
        seen = load.expect("ready").run()
    assert seen["works"] == 1 and seen["requests"] == 0 and seen["wrong"] > 1
    assert "the same work again" in seen["first_wrong"]


def test_another_block_is_wrong(repeater):
    """Works for another block than the pool's count as wrong."""
    with tools.Load(**{"port": repeater, "previous": "00000002" * 8, "connections": 1, "seconds": 1, "warm-up": 100}) as load:
        seen = load.expect("ready").run()
    assert seen["works"] == seen["requests"] == 0 and "another block" in seen["first_wrong"]


def call(pool, *params):
    """What the pool answers, and why it refuses."""
    body = json.dumps({"method": "getwork", "params": params, "id": 0}).encode()
    with urllib.request.urlopen(urllib.request.Request(pool.url, body), timeout=10) as answer:
        return json.load(answer)["result"], answer.headers.get("X-Reject-Reason")


def later(data, seconds):
    """The work with another time."""
    return data[:136] + f"{int(data[136:144], 16) + seconds:08x}" + data[144:]


def test_the_pool_judges_time():
    """Only a pool that allows it takes shares that are younger than their work, and then none twice."""
    with tools.Pool() as strict, tools.Pool(roll="expire=120") as rolling:
        data = call(strict)[0]["data"]
        assert call(strict, data) == (True, None)
        assert call(strict, later(data, 1)) == (False, "time-invalid")
        data = call(rolling)[0]["data"]
        assert call(rolling, later(data, 120)) == (True, None)
        assert call(rolling, later(data, 120)) == (False, "duplicate")
        assert call(rolling, later(data, 121)) == call(rolling, later(data, -1)) == (False, "time-invalid")
        assert call(rolling, "00000002" + data[8:]) == (False, "unknown-work")


def test_the_pool_goes_and_comes_back():
    """At its old port, with its works."""
    with tools.Pool() as pool:
        data = call(pool)[0]["data"]
        pool.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: not _listens(pool), 5, "the pool refuses connections")
        pool.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: _listens(pool), 5, "the pool is back")
        assert call(pool, data) == (True, None)


def _listens(pool):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", pool.port)) == 0
