# SPDX-License-Identifier: Apache-2.0
"""httpd's own time-outs against ours: whatever ends a poll first, nothing crashes, and everybody is answered or cleanly closed."""
import socket
import threading
import time

import pytest

from fakes import behaviours, wire
from fakes.miner import POCLBM
from harness.polls import descriptor_count
from harness.proxy import HASTY, PATIENT
from harness.waiting import holds_for, wait_until


@pytest.mark.expects_log("MP0052")  # this Timeout is too short for miners
@pytest.mark.proxy(timeout=6, directives=["MiningProxyLongPollTimeout 55min", PATIENT])
def test_blocks_and_time_outs_at_the_same_time(polling):
    """A second is all that Timeout leaves; blocks come all the time; polls arrive staggered."""
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miners = [polling.mining(), polling.mining(profile=POCLBM)]
    crowd = polling.crowd()
    is_over = threading.Event()

    def find_blocks():
        while not is_over.wait(0.1):
            polling.alpha.new_block()
    blocks = threading.Thread(target=find_blocks)
    blocks.start()
    try:
        end = time.monotonic() + 4
        while time.monotonic() < end:
            crowd.open(10, lambda number: miners[number % 2].poll())
            wait_until(lambda: len(crowd.pending) < 200, 10, "there is room for more")
    finally:
        is_over.set()
        blocks.join()
    crowd.wait_ended(15)
    assert len(crowd.polls) > 200
    assert {type(error) for error in crowd.errors} <= {wire.Closed}
    assert {reply.status for reply in crowd.replies} == {200}
    assert len(crowd.replies) > len(crowd.polls) * 0.98
    assert len({reply.result["data"] for reply in crowd.replies}) == len(crowd.replies)
    polling.wait_waiting(0)
    assert miners[0].mine(1)[0][1].result is True


@pytest.mark.load
@pytest.mark.expects_log("MP0052", "MP0210")  # this Timeout is too short for miners; 400 ms are 500 on a machine that is busy
@pytest.mark.proxy(timeout=6, directives=["MiningProxyLongPollTimeout 55min", HASTY])
def test_pools_slower_than_the_time_out(polling):
    """The hold limit comes, and the work for it takes a while."""
    polling.start()
    miner = polling.mining()
    polling.alpha.behave(behaviours.slow(0.4), on="work")
    crowd = polling.crowd()
    crowd.gather(50, [miner])
    crowd.wait_ended(15)
    assert {type(error) for error in crowd.errors} <= {wire.Closed}
    assert {reply.status for reply in crowd.replies} == {200}
    polling.wait_waiting(0)


def _open_staggered(crowd, miners, count, seconds):
    """So many polls, evenly spread over this time."""
    start = time.monotonic()
    for number in range(count):
        wait_until(lambda number=number: time.monotonic() >= start + number * seconds / count, 5)
        crowd.open(1, lambda _, number=number: miners[number % len(miners)].poll())
    return start


@pytest.mark.expects_log("MP0052")  # this Timeout is too short for miners
@pytest.mark.proxy(timeout=2, directives=["MiningProxyLongPollTimeout 55min", PATIENT])
@pytest.mark.parametrize("rounds", [3, pytest.param(20, marks=pytest.mark.load)])
def test_httpds_own_time_out(polling, rounds):
    """A healthy child answers before httpd's time is over. So it is stopped until that is over for some of the polls."""
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miners = [polling.mining(), polling.mining(profile=POCLBM)]
    (child,) = polling.httpd.children()
    before, connected = descriptor_count(child), polling.httpd.connection_count()
    polling.alpha.behave(behaviours.slow_at_random(0.6), on="work")
    crowd = polling.crowd()
    for number in range(rounds):
        start = _open_staggered(crowd, miners, 80, 0.8)
        if number % 2:
            polling.alpha.new_block()
        with polling.httpd.passing_over(child):
            wait_until(lambda start=start, number=number: time.monotonic() > start + 2.1 + number % 4 / 10, 5)
        crowd.wait_ended(15)
        polling.wait_waiting(0)
    assert len(crowd.polls) == 80 * rounds
    assert {type(error) for error in crowd.errors} == {wire.Closed}
    assert not any(poll.buffer for poll in crowd.polls if poll.error), "nobody got half of an answer"
    assert {reply.status for reply in crowd.replies} == {200}
    assert len(crowd.errors) >= 5 * rounds and len(crowd.replies) >= 5 * rounds
    works = [reply.result["data"] for reply in crowd.replies if reply.result]
    assert works and len(set(works)) == len(works)
    polling.alpha.behave(behaviours.normal, on="work")
    wait_until(lambda: polling.httpd.connection_count() <= connected, 15, "every poll's connection is closed")
    # Connections to the pool stay warm: as many as there were fetches at the same time.
    wait_until(lambda: descriptor_count(child) <= before + 80 + 5, 15, "its descriptors are about as many as before")
    assert polling.httpd.children() == [child]
    assert miners[0].mine(1)[0][1].result is True


@pytest.mark.proxy(request_read_timeout="header=1 body=1")
def test_a_waiting_poll_is_no_slow_request(polling):
    polling.start()
    polls = polling.park_all([polling.mining(), polling.mining(profile=POCLBM)])
    with socket.create_connection(polling.httpd.address) as slow:
        slow.sendall(b"GET /lp HTTP/1.1\r\nHost")
        slow.settimeout(5)
        start = time.monotonic()
        while slow.recv(4096):
            pass
        assert time.monotonic() - start < 4
    holds_for(lambda: all(poll.is_pending for poll in polls), 2, "they sent all they have to send")
    polling.find_block(polling.alpha)
    assert [poll.wait(5).status for poll in polls] == [200, 200]
