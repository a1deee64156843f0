# SPDX-License-Identifier: Apache-2.0
"""The benchmark against plain Apache, as small as it can be: not how fast anything is, but that every answer and every row is looked at."""
import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading
import urllib.request

import pytest

from bench import cases, runs, subjects, tools, verdicts

pytestmark = pytest.mark.load
PREVIOUS = "00000001" * 8
MIX = next(case for case in cases.CASES if case.name == "mix-sqlite")


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


def test_answers_and_rows_are_complete(directory):
    """Works and shares through the module and through plain Apache: nothing wrong, nothing missing."""
    with contextlib.ExitStack() as stack:
        pool, found = stack.enter_context(subjects.Stage(directory, stack).subjects(MIX))
        seen = {subject.name: runs.measure(subject, pool, 1) for subject in found}
        works, shares = found[0].rows()
        stats = pool.stats()
    missed = [one for one in verdicts.judge(verdicts.Result(MIX, seen)) if not one.holds and not one.by_machine]
    assert not missed, missed
    assert set(seen) == {"proxy", "apache"} and all(run.rate > 0 for run in seen.values())
    assert 0 < works < stats["getworks"] and 0 < shares < stats["accepted"] == stats["shares"]


def test_a_missing_row_is_seen(directory):
    """A share that the database lost is a failure."""
    with contextlib.ExitStack() as stack:
        pool, found = stack.enter_context(subjects.Stage(directory, stack).subjects(MIX))
        found[0].database.run("CREATE TRIGGER forget AFTER INSERT ON submitted_work WHEN NEW.id % 50 = 0"
                           " BEGIN DELETE FROM submitted_work WHERE id = NEW.id; END")
        seen = {subject.name: runs.measure(subject, pool, 1, deadline=2) for subject in found}
    assert seen["proxy"].missing > 0
    assert [one.name for one in verdicts.judge(verdicts.Result(MIX, seen)) if not one.holds and not one.by_machine] == [
        "mix-sqlite: rows that are missing or too many"]


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
