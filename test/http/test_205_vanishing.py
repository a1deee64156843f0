# SPDX-License-Identifier: Apache-2.0
"""Miners that go while they wait: noticed at once, asked nothing for, and nothing of them is left."""
import pytest

from fakes.miner import POCLBM
from fakes.pending_poll import PendingPoll
from harness.polls import cpu_seconds, descriptor_count
from harness.proxy import PATIENT
from harness.waiting import holds_for, wait_until

THREADED = pytest.mark.parametrize("mpm", [pytest.param(name, marks=pytest.mark.proxy(mpm=name)) for name in ("event", "worker")])


@pytest.mark.proxy(directives=[PATIENT])
@pytest.mark.parametrize("way", ["close", "reset", "half close"])
def test_a_thousand_leave(polling, way):
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miner = polling.mining()
    (child,) = polling.httpd.children()
    miner.mine(1)
    before = descriptor_count(child)
    crowd = polling.crowd()
    polls = crowd.gather(1000, [miner])
    wait_until(lambda: polling.alpha.polls_open == 1, 5, "the pool is polled")
    if way == "half close":
        for poll in polls:
            poll.half_close()
        crowd.wait_ended(20)
    else:
        crowd.leave({"close": PendingPoll.close, "reset": PendingPoll.reset}[way], polls)
    polling.wait_waiting(0)
    wait_until(lambda: descriptor_count(child) <= before + 5, 15, "its descriptors are as many as before")
    asked = polling.alpha.count("work")
    polling.alpha.new_block()
    holds_for(lambda: polling.alpha.count("work") <= asked + 1, 1, "no work is fetched for who is gone")
    counts = polling.poll_counts()
    assert (counts.cancelled, counts.block) == (1000, 0)
    assert miner.mine(1)[0][1].result is True


@pytest.mark.proxy(directives=[PATIENT])
def test_some_leave_and_the_others_are_told(polling):
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miner = polling.mining()
    crowd = polling.crowd()
    polls = crowd.gather(300, [miner])
    asked = polling.alpha.count("work")
    crowd.leave(PendingPoll.close, polls[::3])
    crowd.leave(PendingPoll.reset, polls[1::3])
    polling.wait_waiting(100)
    polling.find_block(polling.alpha)
    crowd.wait_ended(10)
    assert len(crowd.replies) == 100
    assert len({reply.result["data"] for reply in crowd.replies}) == 100
    assert polling.alpha.count("work") <= asked + 101
    polling.wait_waiting(0)


@pytest.mark.proxy(directives=[PATIENT])
def test_leaving_while_work_is_fetched(polling):
    """Half of them hang up in the very moment of the block."""
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    miner = polling.mining()
    (child,) = polling.httpd.children()
    before = descriptor_count(child)
    crowd = polling.crowd()
    for _ in range(5):
        polls = crowd.gather(200, [miner])
        polling.find_block(polling.alpha)
        crowd.leave(PendingPoll.reset, polls[::2])
        crowd.wait_ended(10, polls)
        polling.wait_waiting(0)
    assert len(crowd.replies) >= 500
    assert {reply.status for reply in crowd.replies} == {200}
    # Connections to the pool stay warm: as many as there were fetches at the same time, and one for each of its own polls; a link to the database has two.
    wait_until(lambda: descriptor_count(child) <= before + 64 + 10, 15, "its descriptors are about as many as before")


@THREADED
def test_who_sends_more_is_answered_now(polling, mpm):
    """A second request on the connection of a waiting poll: the poll ends with fresh work."""
    assert polling.httpd.config.mpm == mpm
    polling.start()
    poll = polling.park(polling.mining())
    poll.send_more()
    reply = poll.wait(5)
    assert reply.result["data"] and reply.is_for_old_shares
    polling.wait_waiting(0)


def _leave_late(proxy, *ways):
    """Each way is gone by a POST and by a GET, when what mod_reqtimeout allows a request is over."""
    miners = [proxy.mining(), proxy.mining(profile=POCLBM)]
    (child,) = proxy.httpd.children()
    polls = proxy.park_all(miners * (len(ways) + 1))
    holds_for(lambda: all(poll.is_pending for poll in polls), 2, "they sent all they have to send")
    before, lines = cpu_seconds(child), proxy.log.count("")
    for number, poll in enumerate(polls[2:]):
        ways[number // 2](poll)
    for poll in polls[:2]:
        poll.send_more()
    assert [poll.wait(5).result is None for poll in polls[:2]] == [False, False]
    proxy.wait_waiting(0, 5)
    holds_for(lambda: cpu_seconds(child) - before < 0.3, 2, "nothing is left that keeps the child busy")
    assert proxy.log.count("") - lines < 50
    counts = proxy.poll_counts()
    assert (counts.on_the_spot, counts.cancelled) == (2, len(polls) - 2)
    assert miners[0].mine(1)[0][1].result is True


@pytest.mark.proxy(request_read_timeout="header=1 body=1")
@THREADED
def test_leaving_long_after_the_request(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    _leave_late(polling, PendingPoll.close, PendingPoll.reset, PendingPoll.half_close)


@pytest.mark.proxy(request_read_timeout="handshake=5 header=1 body=1")
def test_leaving_long_after_the_request_over_tls(polling, authority):
    polling.serve_tls(authority)
    polling.start()
    _leave_late(polling, PendingPoll.close, PendingPoll.reset, PendingPoll.half_close, PendingPoll.say_goodbye)
