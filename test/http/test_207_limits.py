# SPDX-License-Identifier: Apache-2.0
"""More polls than may wait: the newcomer is told to come later, unless somebody has waited long enough to make room."""
from dataclasses import replace

import pytest

from fakes.miner import BFGMINER, CPUMINER, POCLBM, work_of
from harness.waiting import holds_for, wait_until


def _refused(miner):
    reply = miner.poll().wait(5)
    assert reply.status == 503
    assert reply.message.get("Content-Type") == "application/json"
    assert int(reply.message.get("Retry-After")) >= 1
    assert reply.result is None and reply.error["message"]
    if miner.profile.poll_method == "POST":
        assert reply.json["id"] == miner.profile.id
    return reply


@pytest.fixture
def farm(polling):
    """Two workers, started."""
    polling.database.add_rig(polling.alpha, name="rig2")
    return polling.start()


@pytest.mark.proxy(directives=["MiningProxyLongPollLimit 3"])
def test_a_limit_for_all(farm):
    first, second = farm.mining(), farm.mining("rig2")
    polls = farm.park_all([first, second, first])
    _refused(first)
    _refused(second)
    holds_for(lambda: all(poll.is_pending for poll in polls), 0.5, "nobody has waited long enough")
    wait_until(lambda: farm.poll_counts().refused == 2, 5, "the counts tell of two that were refused")
    polls[0].close()
    farm.wait_waiting(2)
    polls[0] = farm.park(second)
    farm.find_block(farm.alpha)
    assert [poll.wait(5).status for poll in polls] == [200] * 3


@pytest.mark.proxy(directives=["MiningProxyLongPollLimit 1"])
def test_who_is_refused_finds_its_id(farm):
    poll = farm.park(farm.mining())
    for profile in (CPUMINER, BFGMINER, replace(CPUMINER, id="a \"strange\" one"), replace(CPUMINER, id=None)):
        _refused(farm.mining("rig2", profile))
    assert _refused(farm.mining("rig2", POCLBM)).json["id"] is not None
    assert poll.is_pending


@pytest.mark.proxy(directives=["MiningProxyLongPollLimitPerWorker 2"])
def test_a_limit_of_each_worker(farm):
    first, second = farm.mining(), farm.mining("rig2")
    polls = farm.park_all([first, first])
    _refused(first)
    polls += farm.park_all([second, second])
    _refused(second)
    assert all(poll.is_pending for poll in polls)


@pytest.mark.proxy(directives=["MiningProxyLongPollLimitPerAddress 2"])
def test_a_limit_of_each_address(farm):
    here, there = farm.mining(), farm.mining("rig2")
    there.close()
    there.connection.source = "127.0.0.9"
    polls = farm.park_all([here, here])
    _refused(here)
    polls += farm.park_all([there, there])
    _refused(there)
    other = farm.mining("rig2")
    _refused(other)
    assert all(poll.is_pending for poll in polls)


@pytest.mark.load
@pytest.mark.proxy(directives=["MiningProxyLongPollLimit 2"])
def test_the_longest_wait_makes_room(farm):
    miner = farm.mining()
    oldest, other = farm.park(miner), farm.park(miner)  # in this order
    _refused(miner)
    holds_for(lambda: oldest.is_pending, 30, "nobody has waited long enough")
    newcomer = miner.poll()
    reply = oldest.wait(5)
    assert reply.seconds >= 29 and reply.is_for_old_shares
    assert miner.submit(work_of(reply).solve()).result is True
    farm.wait_waiting(2)
    assert other.is_pending and newcomer.is_pending
    wait_until(lambda: farm.poll_counts().room == 1, 5, "the counts tell of one that made room")
