# SPDX-License-Identifier: Apache-2.0
"""A child that ends answers who waits: on a graceful restart, on a graceful stop; and SIGTERM does not take long."""
import time

import pytest

from harness.polls import EVERY_MPM
from harness.proxy import PATIENT
from harness.waiting import wait_until

NUMBERS = {"event": 200, "worker": 6, "prefork": 3}


def _gather(polling, count):
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miner = polling.mining()
    crowd = polling.crowd()
    crowd.gather(count, [miner])
    # worker and prefork wait for idle connections. And event looks at its threads' sockets when it ends by force, also at one whose memory a thread gave back just then: it crashes
    # about once in a hundred times where a connection is being closed in that moment.
    miner.close()
    wait_until(lambda: polling.httpd.connection_count() == count, 5, "only polls are connected")
    return crowd


def _all_have_work(crowd, count):
    crowd.wait_ended(15)
    assert (len(crowd.replies), crowd.errors) == (count, [])
    assert {reply.status for reply in crowd.replies} == {200}
    assert len({reply.result["data"] for reply in crowd.replies}) == count
    assert all(reply.is_for_old_shares for reply in crowd.replies)


@EVERY_MPM
def test_a_graceful_restart(polling, mpm):
    crowd = _gather(polling, NUMBERS[mpm])
    start = time.monotonic()
    polling.httpd.graceful()
    assert time.monotonic() - start < 10
    _all_have_work(crowd, NUMBERS[mpm])
    polling.wait_ready()
    miner = polling.mining()
    poll = polling.park(miner)
    polling.find_block(polling.alpha)
    assert poll.wait(5).status == 200


@EVERY_MPM
def test_a_graceful_stop(polling, mpm):
    crowd = _gather(polling, NUMBERS[mpm])
    start = time.monotonic()
    polling.httpd.graceful_stop()
    assert time.monotonic() - start < 10
    _all_have_work(crowd, NUMBERS[mpm])


@EVERY_MPM
def test_sigterm(polling, mpm):
    """Nobody has to be answered; nothing may crash (the log rule looks), and it may not take long."""
    crowd = _gather(polling, NUMBERS[mpm])
    start = time.monotonic()
    polling.httpd.terminate()
    assert time.monotonic() - start < 8
    crowd.wait_ended(5)
    assert {reply.status for reply in crowd.replies} <= {200}


@pytest.mark.load
@pytest.mark.proxy(directives=[PATIENT])
def test_a_thousand_wait_at_a_graceful_restart(polling):
    crowd = _gather(polling, 1000)
    start = time.monotonic()
    polling.httpd.graceful()
    assert time.monotonic() - start < 20
    _all_have_work(crowd, 1000)


@pytest.mark.expects_log("MP0210")
def test_a_graceful_restart_without_any_pool(polling):
    """They are answered all the same, in words."""
    crowd = _gather(polling, 20)
    polling.alpha.kill()
    polling.beta.kill()
    wait_until(lambda: polling.log.count("MP0210") >= 1, 20, "a pool is known to be down")
    start = time.monotonic()
    polling.httpd.graceful()
    assert time.monotonic() - start < 15
    crowd.wait_ended(15)
    assert len(crowd.replies) == 20
    assert all(reply.result is None and reply.error["message"] for reply in crowd.replies)


def test_a_killed_child(polling):
    """kill -9: connections drop, miners come again to the next child."""
    crowd = _gather(polling, 20)
    polling.httpd.kill_child(polling.httpd.children()[0])
    crowd.wait_ended(5)
    assert len(crowd.errors) == 20
    polling.wait_ready()
    wait_until(lambda: polling.alpha.polls_open == 0, 5, "the dead child's poll is gone")
    poll = polling.park(polling.mining())
    wait_until(lambda: polling.alpha.polls_open == 1, 5, "the pool is polled")
    polling.find_block(polling.alpha)
    assert poll.wait(5).status == 200


@pytest.mark.load
@pytest.mark.proxy(children=2)
def test_restarts_again_and_again(polling):
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    for _ in range(3):
        miner = polling.mining()
        crowd = polling.crowd()
        crowd.gather(50, [miner])
        polling.httpd.graceful()
        _all_have_work(crowd, 50)
        polling.wait_ready()
