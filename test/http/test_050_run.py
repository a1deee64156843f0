# SPDX-License-Identifier: Apache-2.0
"""The README's commands in a clean copy of the tree, as a newcomer types them.

`make run`, three lines in a second terminal, a miner, Ctrl-C.
"""
import fcntl
import http.client
import json
import os
from pathlib import Path
import pty
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import termios

import pytest

from fakes.miner import Miner
from fakes.pool import FakePool
from fakes.ports import free_port
from harness import places
from harness.errorlog import undeclared
from harness.waiting import wait_until

START = 180  # seconds: it builds


def _listed_files():
    listed = subprocess.run(["git", "-C", str(places.ROOT), "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], capture_output=True,
                            text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name]
    assert names, f"git lists no files: {listed.stderr}"
    return [name for name in names if not re.match(r"(build[^/]*|var)/", name) and (places.ROOT / name).is_file()]


@pytest.fixture(scope="module")
def tree(base):
    """A clean copy of the sources."""
    copy = base / "clone"
    for name in _listed_files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(places.ROOT / name, copy / name)
    return copy


class Run:
    """`make run` on a terminal of its own, so that Ctrl-C reaches everybody whom it reaches in life."""

    def __init__(self, tree, port, target="run"):
        self.port, self._output = port, b""
        self._terminal, follower = pty.openpty()
        self.process = subprocess.Popen(["make", target, f"PORT={port}"], cwd=tree, stdin=follower, stdout=follower,
                                        stderr=follower, preexec_fn=lambda: _own_terminal(follower))
        os.close(follower)
        os.set_blocking(self._terminal, False)

    def output(self):
        """What it printed so far."""
        try:
            while chunk := os.read(self._terminal, 65536):
                self._output += chunk
        except OSError:
            pass
        return self._output.decode("utf-8", "replace").replace("\r\n", "\n")

    def wait_running(self):
        """Until it says that miners may come."""
        def is_running():
            assert self.process.poll() is None, self.output()
            return "Point your miners at" in self.output()
        wait_until(is_running, START, "make run says where to point a miner")
        return self

    def wait_end(self, seconds=30):
        """Its exit status."""
        wait_until(lambda: (self.output(), self.process.poll())[1] is not None, seconds, "make run ended")
        return self.process.returncode

    def ctrl_c(self):
        """As the terminal sends it."""
        os.write(self._terminal, b"\x03")
        return self.wait_end()

    def close(self):
        """Ends what is left."""
        if self.process.poll() is None:
            self.ctrl_c()
        os.close(self._terminal)


def _own_terminal(follower):
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs tests in the background of a script ignores it
    os.setsid()
    fcntl.ioctl(follower, termios.TIOCSCTTY, 0)


@pytest.fixture
def start(tree):
    """Starts `make run`; whatever happens, it ends."""
    runs = []

    def begin(port, target="run"):
        runs.append(Run(tree, port, target))
        return runs[-1]
    yield begin
    for run in runs:
        run.close()


def _readme_commands(tree):
    lines = [line.strip() for line in (tree / "README.md").read_text().splitlines()]
    starts = ("make add-pool", "make add-worker", "make assign")
    return [next(line for line in lines if line.startswith(start)) for start in starts]


def _as_typed(tree, command):
    done = subprocess.run(["sh", "-c", command], cwd=tree, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def _console(tree, run, path, data=None):
    """What the README's curl would get, with the password that was told."""
    password = wait_until(lambda: re.search(r"told only this once: +(\S+)\n", run.output()), 5, "the password is told").group(1)
    command = ["curl", "-sS", "-u", f"admin:{password}", "-o", "-", "-w", "\n%{http_code}", f"http://127.0.0.1:{run.port}{path}"]
    command += ["-H", "Content-Type: application/json", "-d", json.dumps(data)] if data else []
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=60, check=True)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def _check_console(tree, run):
    status, page = _console(tree, run, "/admin/")
    assert status == 200 and "<h1" in page
    assert _console(tree, run, "/admin/static/console.css")[0] == 200
    status, body = _console(tree, run, "/admin/pools/new", {"name": "reserve", "url": "http://pool.example.com:8332"})
    assert status == 201, body

    def pools():
        return [pool["name"] for pool in json.loads(_console(tree, run, "/admin/?format=json")[1])["pools"]]
    wait_until(lambda: pools() == ["reserve"], 5, "the console shows the pool")


def _check_balancer(tree, run):
    """The health check that docs/ADMIN.md gives HAProxy."""
    page = (tree / "docs" / "ADMIN.md").read_text()
    path, status = re.search(r"option httpchk GET (\S+)\n +http-check expect status (\d+)", page).groups()
    connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)
    connection.request("GET", path)
    assert connection.getresponse().status == int(status)
    connection.close()


def _rows(tree):
    path = next((tree / "var").resolve().rglob("*.db"))
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT COUNT(*) FROM submitted_work WHERE result = 1").fetchone()[0]
    finally:
        connection.close()


def _mine(port, count):
    miner = Miner(("127.0.0.1", port), "rig1", "secret")
    wait_until(lambda: miner.ask().status == 200, 5, "the worker gets in")
    wait_until(lambda: miner.ask().result, 5, "work comes")
    assert [reply.result for _, reply in miner.mine(count)] == [True] * count
    miner.close()


def _environment(tree):
    """Of httpd."""
    number = int((tree / "var" / "httpd.pid").resolve().read_text())
    return Path(f"/proc/{number}/environ").read_bytes().split(b"\0")


def test_as_the_readme_says(tree, start, make_pool):
    pool: FakePool = make_pool()
    port = free_port()
    run = start(port).wait_running()
    assert "=".join(places.TUNED).encode() in _environment(tree)
    _check_console(tree, run)
    _check_balancer(tree, run)
    for command in _readme_commands(tree):
        _as_typed(tree, command.replace("http://pool.example.com:8332", pool.url))
    _mine(port, 5)
    wait_until(lambda: _rows(tree) == 5, 10, "five rows")
    assert {share.user for share in pool.accepted} == {"me.rig1"}
    assert run.ctrl_c() == 0, run.output()
    assert "stopped" in run.output().splitlines()[-1]

    again = start(port).wait_running()
    _mine(port, 3)
    wait_until(lambda: _rows(tree) == 8, 10, "three more rows: the first five were kept")
    assert again.ctrl_c() == 0
    log = (tree / "var" / "logs" / "error.log").resolve().read_text()
    assert not undeclared(log, {"AH01618"})  # rig1 asked before the module had noticed it


def test_a_port_in_use_is_one_clear_sentence(start, make_pool):
    pool = make_pool()
    run = start(pool.port)
    assert run.wait_end(START) != 0
    sentences = [line for line in run.output().splitlines() if str(pool.port) in line]
    assert len(sentences) == 1 and "in use" in sentences[0] and "PORT=" in sentences[0]


def test_a_broken_database_is_one_clear_sentence(tree, start):
    folder = (tree / "var" / "database").resolve()
    if not folder.is_dir():
        subprocess.run(["make", "list"], cwd=tree, capture_output=True, timeout=START, check=True)
    path = next(folder.glob("*.db"))
    aside = path.rename(path.with_suffix(".aside"))
    path.write_bytes(b"this is no database" * 1000)
    try:
        run = start(free_port())
        assert run.wait_end(START) != 0
        assert any("database" in line and str(path) in line for line in run.output().splitlines()), run.output()
    finally:
        aside.rename(path)


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none(start, port):
    run = start(port)
    assert run.wait_end(START) != 0
    assert any(f"PORT={port}" in line for line in run.output().splitlines()), run.output()


def test_a_sigterm_to_make_leaves_nothing_behind(start):
    port = free_port()
    run = start(port).wait_running()
    os.killpg(run.process.pid, signal.SIGTERM)
    run.wait_end()

    def is_free():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0
    wait_until(is_free, 15, "nobody listens any more")


def test_the_demo_lives_and_keeps_its_data_apart(start, tree):
    kept = {path: path.stat().st_mtime_ns for path in (tree / "var").resolve().rglob("*.db")}
    run = start(free_port(), "demo").wait_running()
    wait_until(lambda: "This is a demo" in run.output(), 10, "it says what it is")

    def totals():
        return json.loads(_console(tree, run, "/admin/?format=json")[1])["totals"]
    wait_until(lambda: totals()["accepted"] > 5 and totals()["active"] == 6, 60, "six miners mine")
    assert (totals()["pools"], totals()["workers"]) == (3, 7)
    wait_until(lambda: totals()["waiting"] > 0, 30, "some wait for the next block")
    assert run.ctrl_c() == 0, run.output()
    assert kept == {path: path.stat().st_mtime_ns for path in (tree / "var").resolve().rglob("*.db")}
