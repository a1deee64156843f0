# SPDX-License-Identifier: Apache-2.0
"""A poll that arrives with old work is answered at once, and only once: the block that matters came before it."""
import pytest

from fakes.miner import work_of
from harness.waiting import holds_for, wait_until


def _answered_once(proxy, miner, previous):
    """It has news at once; the next poll waits."""
    reply = miner.poll().wait(5)
    assert reply.seconds < 3 and work_of(reply).data[4:36] == previous
    again = proxy.park(miner)
    holds_for(lambda: again.is_pending, 1, "it was told already")
    return reply


def test_a_block_that_another_miner_brought(polling):
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    miner = polling.mining()
    polling.alpha.new_block()
    polling.mining("rig2")
    reply = _answered_once(polling, miner, polling.alpha.ledger.prevhash)
    assert not reply.is_for_old_shares
    assert miner.submit(work_of(reply).solve()).result is True


def test_a_block_that_nobody_noticed(polling):
    """Between getwork and poll the pool found a block, and no work told of it: the watch that begins has to look."""
    polling.alpha.announces_everywhere = True
    polling.start()
    miner = polling.mining()
    polling.alpha.new_block()
    reply = miner.poll().wait(5)
    assert work_of(reply).data[4:36] == polling.alpha.ledger.prevhash
    again = polling.park(miner)
    holds_for(lambda: again.is_pending, 1, "it was told already")


@pytest.mark.proxy(children=2)
def test_the_other_child_handed_it_out(polling):
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    here, there = polling.miner("rig2"), polling.miner()
    child = polling.httpd.child_of(there.connection)
    there.getwork()
    assert polling.httpd.connect_elsewhere(here.connection, child) != child
    polling.alpha.new_block()
    here.getwork()
    with polling.httpd.passing_over(child):
        reply = _answered_once(polling, there, polling.alpha.ledger.prevhash)
    assert there.submit(work_of(reply).solve()).result is True


@pytest.mark.proxy(children=2)
def test_a_child_that_never_asked_the_pool(polling):
    """What the miner got from the other one is all that it knows, and the block came since."""
    polling.start()
    miner = polling.miner()
    child = polling.httpd.child_of(miner.connection)
    miner.getwork()
    polling.alpha.new_block()
    with polling.httpd.passing_over(child):
        _answered_once(polling, miner, polling.alpha.ledger.prevhash)


@pytest.mark.proxy(children=2)
def test_the_other_child_told_of_the_block(polling):
    """The work that the pool told with went to this miner: it is the newest one that it has, and it is not told again."""
    polling.alpha.submit_old = True
    polling.start()
    here, there = polling.miners_apart()
    first, second = (polling.httpd.child_of(miner.connection) for miner in (here, there))
    there.getwork()
    here.getwork()
    with polling.httpd.passing_over(second):
        poll = polling.park(here)
        wait_until(lambda: len(polling.alpha.issued) == 3, 5, "the getwork behind the pool's poll was answered")
        polling.find_block(polling.alpha)
        assert poll.wait(5).is_for_old_shares, "it is the pool's own word"
        polling.wait_waiting(0)
    with polling.httpd.passing_over(first):
        again = polling.park(here)
        holds_for(lambda: again.is_pending, 1, "it was told already")


@pytest.mark.proxy(children=2)
def test_the_other_child_handed_out_the_news(polling):
    """What the worker got last counts, whichever child it was: no answer at once for who has the newest work."""
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    here, there = polling.miner(), polling.miner()
    child = polling.httpd.child_of(there.connection)
    assert polling.httpd.connect_elsewhere(here.connection, child) != child
    here.getwork()
    polling.alpha.new_block()
    there.getwork()
    with polling.httpd.passing_over(child):
        poll = there.poll()
        wait_until(lambda: polling.waiting() == 1 or not poll.is_pending, 5, "it waits")
        holds_for(lambda: poll.is_pending, 0.5, "it has the newest work")


def test_another_best_pool_since(polling):
    """Soon, not at once: children that see their pools differently would make a miner run in circles."""
    polling.start()
    miner = polling.mining()
    late = miner.getwork().solve()
    rosters = polling.log.count("MP0202")
    polling.database.change("UPDATE pool SET enabled = 0 WHERE name = 'alpha'")
    wait_until(lambda: polling.log.count("MP0202") > rosters, 5, "the roster is in force")
    reply = miner.poll().wait(7)
    assert reply.is_for_old_shares
    assert work_of(reply).data in {work.data for work in polling.beta.issued}
    assert miner.submit(late).result is True
    assert len(polling.alpha.accepted) == 1
    again = polling.park(miner)
    holds_for(lambda: again.is_pending, 1, "it was told already")


def test_who_never_had_work_gets_some_in_time(polling):
    """Nobody does that, but for a miner that lost its first answer: it waits for the block like the others, or has work at once."""
    polling.start()
    poll = polling.miner().poll("http://127.0.0.1:%d/lp" % polling.httpd.port)
    wait_until(lambda: polling.waiting() == 1 or not poll.is_pending, 5, "it waits or was answered")
    if poll.is_pending:
        wait_until(lambda: polling.alpha.polls_open == 1, 5, "the pool is polled")
        polling.alpha.new_block()
    assert polling.miner().submit(work_of(poll.wait(5)).solve()).result is True
