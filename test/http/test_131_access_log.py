# SPDX-License-Identifier: Apache-2.0
"""The access log that the sample configuration offers: one line for each request, whoever sends it and whatever becomes of it."""
import re

import pytest

from fakes import behaviours
from harness import places
from harness.database import READINESS
from harness.polls import EVERY_MPM
from harness.waiting import wait_until

CONF, CONF_OF_RUN = (places.ROOT / "conf" / name for name in ("miningproxy.conf", "httpd-run.conf.in"))
FORMAT = re.compile(r"^\s*(LogFormat .* miningproxy)$", re.MULTILINE)
LINE = re.compile(r'^127\.0\.0\.1 - (?P<user>.*) \[.*\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d+) (?P<bytes>\d+|-) worker="(?P<worker>(?:[^"\\]|\\.)*)"'
                  r' pool="(?P<pool>(?:[^"\\]|\\.)*)" verdict=(?P<verdict>\S+) difficulty=(?P<difficulty>\S+) upstream=(?P<upstream>\S+)'
                  r' wake=(?P<wake>\S+) took=(?P<took>\d+)$')


class _Log:
    """The lines of all but the test's own first question, whether the farm is ready."""

    def __init__(self, path):
        self.path, self.read = path, 0

    def lines(self):
        return [line for line in self.path.read_text().splitlines() if f" - {READINESS} " not in line]

    def next(self, **wanted):
        """The one line that the last request left."""
        wait_until(lambda: len(self.lines()) > self.read, 5, "a line in the access log")
        lines = self.lines()
        assert len(lines) == self.read + 1, lines[self.read:]
        self.read = len(lines)
        found = LINE.match(lines[-1])
        assert found, lines[-1]
        assert {name: found[name] for name in wanted} == wanted, lines[-1]
        return found


@pytest.fixture
def log(polling):
    """Of a proxy that is started; worker rig1 has the pools alpha and beta."""
    path = polling.httpd.directory / "logs" / "miners.log"
    polling.httpd.config.directives += [FORMAT.search(CONF.read_text())[1], f'CustomLog "{path}" miningproxy']
    polling.start()
    return _Log(path)


def test_both_samples_have_the_same_format():
    formats = {FORMAT.search(path.read_text())[1] for path in (CONF, CONF_OF_RUN)}
    assert len(formats) == 1


@pytest.mark.both_databases
def test_works_and_shares(polling, log):
    miner = polling.miner()
    work = miner.getwork()
    line = log.next(user="rig1", worker="rig1", pool="alpha", status="200", verdict="-", wake="-", request="POST / HTTP/1.1")
    assert float(line["difficulty"]) > 0 and int(line["upstream"]) >= 0 and int(line["took"]) > 0
    share = work.solve()
    assert miner.submit(share).result is True
    log.next(worker="rig1", pool="alpha", verdict="accepted")
    assert miner.submit(share).result is True
    log.next(pool="alpha", verdict="accepted", upstream="0")
    assert miner.submit(work.unsolved()).result is False
    log.next(pool="alpha", verdict="rejected")
    assert miner.submit(bytes(4) + share[4:]).result is False
    log.next(worker="rig1", pool="-", verdict="rejected")
    miner.call("getwork", ["zz"])
    log.next(worker="rig1", pool="-", verdict="malformed")
    miner.post(b"{")
    log.next(worker="rig1", verdict="malformed")
    miner.call("getblocktemplate", [])
    log.next(worker="rig1", verdict="unknown-method")


@pytest.mark.expects_log("AH01617")
def test_no_pool_and_no_login(polling, log):
    for pool in (polling.alpha, polling.beta):
        pool.behave(behaviours.status(500), on="work")
    polling.miner().ask()
    log.next(worker="rig1", pool="-", verdict="no-pool", status="200")
    assert polling.login_status("rig1", "wrong") == 401
    log.next(worker="-", verdict="-", status="401")


@pytest.mark.expects_log("AH01618")
def test_a_name_breaks_no_line(polling, log):
    """Whoever names workers writes into the log."""
    name = 'rig" verdict=accepted\nüber\x1b[2J'
    polling.database.add_rig(polling.alpha, name=name)
    wait_until(lambda: polling.login_status(name) == 200, 15, "the worker is known")
    polling.miner(name).getwork()
    escaped = r'rig\" verdict=accepted\n\xc3\xbcber\x1b[2J'
    wait_until(lambda: any('pool="alpha"' in line for line in log.lines()), 5, "the work's line")
    found = [LINE.match(line) for line in log.lines()]
    assert all(found), log.lines()
    assert [line["worker"] for line in found if line["pool"] == "alpha"] == [escaped]


@EVERY_MPM
def test_a_long_poll(mpm, polling, log):
    del mpm
    miner = polling.mining()
    poll = polling.park(miner)
    polling.find_block(polling.alpha)
    poll.wait()
    wait_until(lambda: any("wake=block" in line for line in log.lines()), 5, "the poll's line")
    line, = [LINE.match(line) for line in log.lines() if "wake=block" in line]
    assert line["worker"] == "rig1" and line["pool"] == "alpha" and "/lp" in line["request"]
    polling.park(miner).close()
    wait_until(lambda: any("wake=cancelled" in line for line in log.lines()), 20, "who went away has a line too")
