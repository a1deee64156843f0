# SPDX-License-Identifier: Apache-2.0
"""Another best pool: who waits has its work at once, is told that older shares are still welcome, and they still go where they belong."""
import time

import pytest

from fakes.miner import work_of
from harness.polls import EVERY_MPM, EVERY_MPM_SLOWLY
from harness.proxy import PATIENT
from harness.waiting import holds_for, wait_until

DISABLE = "UPDATE pool SET enabled = 0 WHERE name = 'alpha'"


def _disable(proxy):
    """@return when a child knew"""
    rosters = proxy.log.count("MP0202")
    proxy.database.change(DISABLE)
    return wait_until(lambda: proxy.log.count("MP0202") > rosters and time.monotonic(), 5, "a child knows")


def _served_by(pool, reply):
    """This pool issued the work of the answer, and the miner may hand in what it has."""
    assert work_of(reply).data in {work.data for work in pool.issued}
    assert reply.is_for_old_shares
    return work_of(reply)


@pytest.fixture
def waiting(polling):
    """Started, with one miner that waits."""
    polling.start()
    polling.rig = polling.mining()
    polling.poll = polling.park(polling.rig)
    return polling


@pytest.mark.proxy(directives=[PATIENT])
def test_a_disabled_pool_empties_at_once(polling):
    for pool in (polling.alpha, polling.beta):
        pool.without = {"midstate", "hash1"}
    for number in range(2, 11):
        polling.database.add_rig(polling.alpha, polling.beta, name=f"rig{number}")
    polling.start()
    miners = [polling.mining(f"rig{number}") for number in range(1, 11)]
    late = [(miner, miner.getwork().solve()) for miner in miners]
    crowd = polling.crowd()
    crowd.gather(100, miners)
    start = _disable(polling)
    crowd.wait_ended(10)
    assert (len(crowd.replies), crowd.errors) == (100, [])
    works = [_served_by(polling.beta, reply) for reply in crowd.replies]
    assert len({work.data for work in works}) == 100
    assert max(poll.ended for poll in crowd.polls) - start < 2
    assert [miner.submit(data).result for miner, data in late] == [True] * 10
    assert {share.data for share in polling.alpha.accepted} == {data for _, data in late}
    assert miners[0].submit(works[0].solve()).result is True and len(polling.beta.accepted) == 1
    polling.wait_waiting(0)
    wait_until(lambda: polling.poll_counts().switch == 100, 5, "the counts tell of a hundred switches")


@EVERY_MPM
def test_a_few_leave_a_disabled_pool(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    miner = polling.mining()
    late = miner.getwork().solve()
    polls = polling.park_all([miner] * 4)
    start = _disable(polling)
    works = [_served_by(polling.beta, poll.wait(10)) for poll in polls]
    assert max(poll.ended for poll in polls) - start < 3
    assert len({work.data for work in works}) == 4
    assert [miner.submit(data).result for data in (late, works[0].solve())] == [True, True]
    assert [len(pool.accepted) for pool in (polling.alpha, polling.beta)] == [1, 1]
    polling.wait_waiting(0)
    wait_until(lambda: polling.poll_counts().switch == 4, 5, "the counts tell of four switches")


@pytest.mark.load
def test_an_edit_by_hand(waiting):
    """Nobody raised the generation: the roster is read every ten seconds regardless."""
    waiting.database.run(DISABLE)
    _served_by(waiting.beta, waiting.poll.wait(15))


def test_another_priority(waiting):
    beta = waiting.database.pool_id(waiting.beta)
    waiting.database.change("UPDATE worker_pool SET priority = 99 WHERE worker_id = ? AND pool_id = ?", waiting.worker, beta)
    _served_by(waiting.beta, waiting.poll.wait(3))


def test_a_disabled_assignment(waiting):
    alpha = waiting.database.pool_id(waiting.alpha)
    waiting.database.change("UPDATE worker_pool SET enabled = 0 WHERE worker_id = ? AND pool_id = ?", waiting.worker, alpha)
    _served_by(waiting.beta, waiting.poll.wait(3))


def test_another_account(waiting):
    alpha = waiting.database.pool_id(waiting.alpha)
    waiting.database.change("UPDATE worker_pool SET pool_username = 'somebody' WHERE worker_id = ? AND pool_id = ?", waiting.worker, alpha)
    work = _served_by(waiting.alpha, waiting.poll.wait(3))
    assert waiting.rig.submit(work.solve()).result is True
    assert waiting.alpha.accepted[0].user == "somebody"


def test_an_edit_that_does_not_matter(waiting):
    beta = waiting.database.pool_id(waiting.beta)
    rosters = waiting.log.count("MP0202")
    waiting.database.change("UPDATE worker_pool SET pool_username = 'somebody' WHERE worker_id = ? AND pool_id = ?", waiting.worker, beta)
    wait_until(lambda: waiting.log.count("MP0202") > rosters, 5, "the roster is in force")
    holds_for(lambda: waiting.poll.is_pending, 1, "its best pool is the same")


def test_the_first_assignment_of_a_worker(polling):
    worker = polling.database.add_worker("idle")
    polling.start()
    miner = polling.miner("idle")
    assert miner.ask().error
    poll = polling.park(miner, "http://127.0.0.1:%d/lp" % polling.httpd.port)
    holds_for(lambda: poll.is_pending, 0.5, "there is nothing to tell it")
    polling.database.assign(worker, polling.database.pool_id(polling.alpha), "idle@alpha")
    polling.database.raise_generation()
    work = work_of(poll.wait(5))
    assert miner.submit(work.solve()).result is True
    assert polling.alpha.accepted[0].user == "idle@alpha"


@pytest.mark.expects_log("MP0210")
@EVERY_MPM_SLOWLY
def test_a_pool_dies_and_comes_back(waiting, mpm):
    assert waiting.httpd.config.mpm == mpm
    late = waiting.rig.getwork().solve()
    waiting.alpha.kill()
    _served_by(waiting.beta, waiting.poll.wait(15))
    poll = waiting.park(waiting.rig)
    holds_for(lambda: poll.is_pending, 0.5, "beta is the best there is")
    waiting.alpha.revive()
    work = _served_by(waiting.alpha, poll.wait(15))
    assert waiting.rig.submit(work.solve()).result is True
    assert waiting.rig.submit(late).result is True
    assert len(waiting.alpha.accepted) == 2


@pytest.mark.expects_log("MP0210")
def test_a_pool_dies_under_the_hands_of_another_miner(waiting):
    """Getworks of others find out sooner than the watch."""
    waiting.alpha.kill()
    start = time.monotonic()
    other = waiting.miner()
    for _ in range(4):
        other.getwork()
    _served_by(waiting.beta, waiting.poll.wait(5))
    assert time.monotonic() - start < 3
