# SPDX-License-Identifier: Apache-2.0
"""Where each poll holds a thread: at most half of them, so that getworks are served whatever waits."""
import pytest

from harness.waiting import holds_for


@pytest.mark.proxy(mpm="worker")
def test_half_of_the_threads(polling):
    polling.start()
    miner = polling.mining()
    polls = polling.park_all([miner] * 8)
    for _ in range(3):
        reply = miner.poll().wait(5)
        assert reply.status == 503 and int(reply.message.get("Retry-After")) >= 1
    other = polling.miner()
    assert [reply.result for _, reply in other.mine(5)] == [True] * 5
    assert max(reply.seconds for reply in other.replies) < 5
    holds_for(lambda: all(poll.is_pending for poll in polls), 0.5, "they wait")
    polling.find_block(polling.alpha)
    assert [poll.wait(5).status for poll in polls] == [200] * 8
    polling.wait_waiting(0)


@pytest.mark.proxy(mpm="worker")
def test_who_leaves_makes_room(polling):
    polling.start()
    miner = polling.mining()
    polls = polling.park_all([miner] * 8)
    for poll in polls[:3]:
        poll.close()
    polling.wait_waiting(5)
    polls = polls[3:] + polling.park_all([miner] * 3)
    polling.find_block(polling.alpha)
    assert [poll.wait(5).status for poll in polls] == [200] * 8


@pytest.mark.proxy(mpm="prefork", children=8, directives=["MiningProxyLongPolling On"])
def test_one_poll_of_a_process(polling):
    polling.start()
    miner = polling.mining()
    polls = polling.park_all([miner] * 5)
    assert set(polling.waiting_of().values()) == {1}
    other = polling.miner()
    assert [reply.result for _, reply in other.mine(5)] == [True] * 5
    polls[0].close()
    polling.wait_waiting(4)
    polling.find_block(polling.alpha)
    assert [poll.wait(5).status for poll in polls[1:]] == [200] * 4


@pytest.mark.proxy(mpm="prefork", children=2)
def test_off_under_prefork_unless_asked_for(polling):
    polling.start()
    miner = polling.mining()
    assert miner.replies[-1].announced is None
    assert miner.poll("http://127.0.0.1:%d/lp" % polling.httpd.port).wait(5).status == 404
