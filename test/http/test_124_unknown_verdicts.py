# SPDX-License-Identifier: Apache-2.0
"""A share whose verdict never came is unknown: never sent again, and never called rejected in the books.

The miner hears `false` with a reason, because nothing that it could do would help.
"""
import pytest

from fakes import behaviours

pytestmark = [pytest.mark.proxy(directives=["MiningProxySubmitTimeout 1s"]), pytest.mark.expects_log("MP0210")]
LOST = [
    behaviours.accept_and_drop, behaviours.hang, behaviours.hang_in_headers, behaviours.hang_after_headers,
    behaviours.hang_in_body, behaviours.close_in_body, behaviours.reset]
UNUSABLE = {
    "garbage": behaviours.garbage, "empty": behaviours.empty, "bad gateway": behaviours.status(502),
    "redirect": behaviours.redirect("http://127.0.0.1:1/"), "huge": behaviours.huge(100_000_000),
    "array": behaviours.says(behaviours.Answer(200, [], b"[]"))}


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy.start()


def _assert_unknown(mining, data, reply):
    assert (reply.status, reply.result, reply.error) == (200, False, None)
    assert reply.reason
    assert len([request for request in mining.alpha.requests if request.is_share]) == 1
    assert not mining.beta.submissions
    mining.wait_rows(1)
    row = mining.database.share_of(mining.worker, data)
    assert row.result is None and row.reason
    assert row.pool_id == mining.database.pool_id(mining.alpha)


@pytest.mark.both_databases
@pytest.mark.parametrize("behaviour", LOST, ids=lambda behaviour: behaviour.__name__)
def test_an_answer_that_never_came(mining, behaviour):
    mining.alpha.behave(behaviour, on="share")
    miner = mining.miner()
    data, reply = miner.mine(1)[0]
    _assert_unknown(mining, data, reply)
    mining.alpha.recover()
    assert miner.mine(1)[0][1].result is True
    mining.wait_rows(2)


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_answer_that_says_nothing(mining, name):
    mining.alpha.behave(UNUSABLE[name], on="share")
    data, reply = mining.miner().mine(1)[0]
    _assert_unknown(mining, data, reply)


def test_a_repeat_of_an_unknown_share_is_not_sent_again(mining):
    mining.alpha.behave(behaviours.accept_and_drop, on="share", times=1)
    miner = mining.miner()
    data, reply = miner.mine(1)[0]
    assert reply.result is False
    again = miner.submit(data)
    assert (again.result, again.reason) == (False, reply.reason)
    _assert_unknown(mining, data, again)


def test_an_unknown_share_counts_in_no_statistics(mining):
    mining.alpha.behave(behaviours.accept_and_drop, on="share", times=1)
    miner = mining.miner()
    miner.mine(2)
    mining.wait_rows(2)
    assert tuple(map(int, mining.database.rows("SELECT SUM(accepted), SUM(rejected) FROM share_stats WHERE period_length = 300")[0])) == (1, 0)
