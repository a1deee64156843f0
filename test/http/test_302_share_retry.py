# SPDX-License-Identifier: Apache-2.0
"""A share for a pool that is down: sent again while it surely did not arrive, and false once that cannot help."""
from concurrent.futures import ThreadPoolExecutor
import time

import pytest

pytestmark = pytest.mark.expects_log("MP0210")  # a pool is down, with the reason
DOWN = 0.7  # seconds: longer than a share needs to reach the proxy


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy.start()


def _submit_while_down(mining, *shares):
    mining.alpha.kill()
    start = time.monotonic()
    with ThreadPoolExecutor(len(shares)) as threads:
        replies = [threads.submit(mining.miner().submit, data) for data in shares]
        time.sleep(DOWN)  # how long the pool is away, not an order of events
        mining.alpha.revive()
        return [reply.result() for reply in replies], time.monotonic() - start


@pytest.mark.both_databases
def test_a_share_is_delivered_when_its_pool_is_back(mining):
    data = mining.miner().getwork().solve()
    replies, seconds = _submit_while_down(mining, data)
    assert replies[0].result is True and seconds >= DOWN
    assert len(mining.alpha.submissions) == 1 and not mining.beta.submissions
    mining.wait_rows(1)
    assert mining.database.share_of(mining.worker, data).result == 1


def test_several_shares_are_delivered_when_their_pool_is_back(mining):
    shares = [mining.miner().getwork().solve() for _ in range(4)]
    replies, _ = _submit_while_down(mining, *shares)
    assert [reply.result for reply in replies] == [True] * 4
    assert {share.data for share in mining.alpha.accepted} == set(shares)
    mining.wait_rows(4)


@pytest.mark.proxy(directives=["MiningProxySubmitRetries 1", "MiningProxySubmitTimeout 2s"])
def test_a_share_for_a_pool_that_stays_down_is_false_with_a_reason(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    mining.alpha.kill()
    reply = miner.submit(data)
    assert (reply.status, reply.result, reply.error) == (200, False, None)
    assert reply.reason and reply.seconds < 10
    assert not mining.beta.submissions
    assert miner.mine(1)[0][1].result is True


@pytest.mark.proxy(directives=["MiningProxySubmitRetries 0"])
def test_without_retries_the_answer_comes_at_once(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    mining.alpha.kill()
    reply = miner.submit(data)
    assert reply.result is False and reply.reason and reply.seconds < 2


@pytest.mark.proxy(directives=["MiningProxySubmitRetries 0"])
def test_a_share_that_was_given_up_stays_given_up(mining):
    miner = mining.miner()
    data = miner.getwork().solve()
    mining.alpha.kill()
    first = miner.submit(data)
    mining.alpha.revive()
    again = miner.submit(data)
    assert (first.result, first.reason) == (again.result, again.reason) == (False, "pool-unreachable")
    assert not mining.alpha.submissions
    mining.wait_rows(1)
    row = mining.database.share_of(mining.worker, data)
    assert (row.result, row.reason) == (0, "pool-unreachable")


def test_a_share_on_a_connection_that_the_pool_closed_while_idle(mining):
    miner = mining.miner()
    for _ in range(5):
        data = miner.getwork().solve()
        mining.alpha.kill()
        mining.alpha.revive()
        assert miner.submit(data).result is True
    assert len(mining.alpha.submissions) == 5
