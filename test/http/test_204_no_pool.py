# SPDX-License-Identifier: Apache-2.0
"""No pool can serve, and the longest time that a poll may wait: nobody is answered early, everybody is answered in the end."""
import pytest

from fakes.miner import work_of
from harness.polls import EVERY_MPM, EVERY_MPM_SLOWLY
from harness.waiting import holds_for, wait_until

HOLD = "MiningProxyLongPollTimeout 2s"


def _silence(*pools):
    for pool in pools:
        pool.kill()
        pool.new_block()


@pytest.mark.expects_log("MP0210")
@EVERY_MPM_SLOWLY
def test_polls_outlive_their_pools(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    miner = polling.mining()
    polls = polling.park_all([miner] * 3)
    _silence(polling.alpha, polling.beta)
    holds_for(lambda: all(poll.is_pending for poll in polls), 2, "there is no work to be had")
    assert polling.waiting() == 3
    polling.beta.revive()
    works = [work_of(poll.wait(15)) for poll in polls]
    assert {work.data for work in works} <= {work.data for work in polling.beta.issued}
    assert miner.submit(works[0].solve()).result is True


@pytest.mark.expects_log("MP0210")
def test_polls_that_arrive_when_all_pools_are_down(polling):
    polling.start()
    miner = polling.mining()
    _silence(polling.alpha, polling.beta)
    for _ in range(4):
        assert miner.ask().error
    poll = polling.park(miner, "http://127.0.0.1:%d/lp" % polling.httpd.port)
    holds_for(lambda: poll.is_pending, 1, "there is no work to be had")
    polling.alpha.revive()
    assert work_of(poll.wait(15)).data in {work.data for work in polling.alpha.issued}


@pytest.mark.expects_log("MP0052")  # this Timeout is too short for miners
@pytest.mark.parametrize("hold", [
    pytest.param(2.0, marks=[pytest.mark.proxy(directives=[HOLD]), pytest.mark.load], id="directive"),
    pytest.param(4.0, marks=pytest.mark.proxy(timeout=8), id="Timeout")])
def test_fresh_work_when_the_time_is_over(polling, hold):
    polling.start()
    miner = polling.mining()
    crowd = polling.crowd()
    crowd.gather(10, [miner])
    crowd.wait_ended(hold + 3)
    assert (len(crowd.replies), crowd.errors) == (10, [])
    for reply in crowd.replies:
        assert hold - 1 < reply.seconds < hold + 1.5
        assert reply.is_for_old_shares and reply.announced == "/lp"
    assert len({reply.result["data"] for reply in crowd.replies}) == 10
    polling.wait_waiting(0)
    wait_until(lambda: polling.poll_counts().hold == 10, 5, "the counts tell of ten that were held long enough")
    assert miner.submit(work_of(crowd.replies[0]).solve()).result is True


@EVERY_MPM
@pytest.mark.proxy(directives=[HOLD])
def test_a_few_are_held_for_so_long(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    miner = polling.mining()
    replies = [poll.wait(5) for poll in polling.park_all([miner] * 4)]
    assert all(1.5 < reply.seconds < 3.5 and reply.is_for_old_shares for reply in replies)
    assert len({work_of(reply).data for reply in replies}) == 4
    polling.wait_waiting(0)
    assert polling.poll_counts().hold == 4
    assert miner.submit(work_of(replies[0]).solve()).result is True


@pytest.mark.expects_log("MP0210")
@EVERY_MPM_SLOWLY
@pytest.mark.proxy(directives=[HOLD])
def test_words_when_the_time_is_over_and_no_pool_serves(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    miner = polling.mining()
    poll = polling.park(miner)
    _silence(polling.alpha, polling.beta)
    reply = poll.wait(8)
    assert 1.5 < reply.seconds < 4
    assert (reply.status, reply.result, reply.announced) == (200, None, "/lp")
    assert isinstance(reply.error["code"], int) and "pool" in reply.error["message"]
    assert reply.json["id"] == miner.profile.id
    polling.wait_waiting(0)
