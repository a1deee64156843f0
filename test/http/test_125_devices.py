# SPDX-License-Identifier: Apache-2.0
"""Devices that know difficulty 1 only hand in what is too easy for the work; nobody is bothered with that."""
from dataclasses import replace

import pytest

from fakes.miner import CPUMINER


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, started."""
    proxy.alpha = make_pool()
    proxy.worker = proxy.database.add_rig(proxy.alpha)
    return proxy.start()


@pytest.mark.parametrize("agent", ["Jephis PIC Miner", "BE Cube BTC Miner"])
def test_what_is_too_easy_is_taken_and_dropped(mining, agent):
    miner = mining.miner(profile=replace(CPUMINER, user_agent=agent))
    work = miner.getwork()
    assert miner.submit(work.unsolved()).result is True
    good = work.solve()
    assert miner.submit(good).result is True
    assert [share.data for share in mining.alpha.submissions] == [good]
    mining.wait_rows(1)


def test_other_miners_hear_the_pools_word(mining):
    miner = mining.miner()
    reply = miner.submit(miner.getwork().unsolved())
    assert (reply.result, reply.reason) == (False, "high-hash")
    mining.wait_rows(1)
