# SPDX-License-Identifier: Apache-2.0
"""Long polls behind mod_ssl: parked like the others; a close_notify is a goodbye, not a request."""
import pytest

from fakes.miner import PROFILES, work_of
from fakes.pending_poll import PendingPoll
from harness.waiting import holds_for, wait_until


@pytest.fixture
def secure(polling, authority):
    """A proxy that miners reach over TLS, started."""
    polling.serve_tls(authority)
    return polling.start()


@pytest.mark.parametrize("profile", ["cpuminer", "poclbm", "phoenix"])
def test_a_block_wakes(secure, profile):
    miner = secure.mining(profile=PROFILES[profile])
    for _ in range(2):
        poll = secure.park(miner)
        holds_for(lambda poll=poll: poll.is_pending, 0.3, "there is nothing to tell it")
        secure.find_block(secure.alpha)
        assert miner.submit(work_of(poll.wait(5)).solve()).result is True
        secure.wait_waiting(0)


def test_a_crowd_is_woken_and_closed(secure):
    secure.alpha.without = {"midstate", "hash1"}
    miner = secure.mining()
    crowd = secure.crowd()
    crowd.gather(100, [miner])
    secure.find_block(secure.alpha)
    crowd.wait_ended(10)
    assert (len(crowd.replies), crowd.errors) == (100, [])
    assert len({reply.result["data"] for reply in crowd.replies}) == 100
    secure.wait_waiting(0)


@pytest.mark.parametrize("leave", [PendingPoll.say_goodbye, PendingPoll.close, PendingPoll.reset, PendingPoll.half_close])
def test_who_goes_is_not_asked_for(secure, leave):
    miner = secure.mining()
    polls = secure.park_all([miner] * 3)
    wait_until(lambda: secure.alpha.polls_open == 1, 5, "the pool is polled")
    for poll in polls:
        leave(poll)
    secure.wait_waiting(0)
    asked = secure.alpha.count("work")
    secure.alpha.new_block()
    holds_for(lambda: secure.alpha.count("work") <= asked + 1, 0.5, "no work is fetched for who is gone")
    assert secure.poll_counts().cancelled == 3


def test_a_graceful_restart(secure):
    crowd = secure.crowd()
    crowd.gather(30, [secure.mining()])
    secure.httpd.graceful()
    crowd.wait_ended(10)
    assert (len(crowd.replies), crowd.errors) == (30, [])


@pytest.mark.proxy(directives=["MiningProxyLongPollTimeout 2s"])
def test_the_time_is_over(secure):
    reply = secure.park(secure.mining()).wait(6)
    assert reply.is_for_old_shares and 1 < reply.seconds < 4
