# SPDX-License-Identifier: Apache-2.0
"""Workers that are deleted, or whose password is changed, while they wait: no work for them, and no hurry to tell them."""
import pytest

from harness.database import cheap_hash
from harness.polls import EVERY_MPM
from harness.waiting import holds_for, wait_until


@pytest.fixture
def waiting(polling):
    """Two workers wait; rig1 stays as it is."""
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    polling.stays, polling.goes = polling.park_all([polling.mining("rig1"), polling.mining("rig2")])
    wait_until(lambda: polling.alpha.polls_open == len(polling.waiting_of()), 10, "each child in which somebody waits polls the pool")
    return polling


def _delete(proxy):
    worker = proxy.database.worker_id("rig2")
    proxy.database.run("DELETE FROM worker_pool WHERE worker_id = ?", worker)
    proxy.database.change("DELETE FROM worker WHERE id = ?", worker)


def _change_password(proxy):
    proxy.database.change("UPDATE worker SET password = ? WHERE name = 'rig2'", cheap_hash("another"))


def _do(proxy, change):
    def rosters():
        return [sum("MP0202" in line and f"[pid {pid}:" in line for line in proxy.log.text().splitlines()) for pid in children]
    children = proxy.waiting_of()
    before = rosters()
    change(proxy)
    wait_until(lambda: all(now > then for now, then in zip(rosters(), before)), 5, "the roster was read wherever somebody waits")
    # The watches hear of it a moment later; and a pool's poll that is answered within half a second is not repeated at once, but by whoever waits then.
    holds_for(lambda: proxy.goes.is_pending, 0.6, "nothing changes for who waits")


CHANGES = pytest.mark.parametrize("change", [_delete, _change_password], ids=["deleted", "another password"])


@EVERY_MPM
@CHANGES
def test_no_work_at_the_next_block(waiting, change, mpm):
    assert waiting.httpd.config.mpm == mpm
    _do(waiting, change)
    waiting.alpha.new_block()
    assert waiting.stays.wait(5).result["data"]
    holds_for(lambda: waiting.goes.is_pending or waiting.goes.reply.result is None, 1, "it gets no work")


@CHANGES
def test_no_hurry_at_the_next_block(waiting, change):
    """An error that comes early would be repeated at once; and nobody asks a pool for a work that cannot be handed out."""
    _do(waiting, change)
    since = len(waiting.alpha.requests)
    waiting.alpha.new_block()
    assert waiting.stays.wait(5).result["data"]
    holds_for(lambda: waiting.goes.is_pending, 1, "there is no hurry")
    work = [request for request in waiting.alpha.requests[since:] if (request.kind, request.user) == ("work", "rig2@alpha")]
    assert work == []


@pytest.mark.load
@pytest.mark.proxy(directives=["MiningProxyLongPollTimeout 40s"])
@CHANGES
def test_they_are_told_in_the_end(waiting, change):
    """In words, at the latest when every poll ends."""
    _do(waiting, change)
    reply = waiting.goes.wait(45)
    assert reply.seconds >= 29
    assert (reply.status, reply.result) == (200, None) and reply.error["message"]
    assert waiting.stays.wait(15).result["data"]


@pytest.mark.expects_log("AH01617", "AH01618")
@CHANGES
def test_it_comes_again(waiting, change):
    """What it waits for is over; its next request is that of a stranger."""
    _do(waiting, change)
    waiting.goes.close()
    waiting.wait_waiting(1)
    assert waiting.login_status("rig2") == 401
    assert waiting.stays.is_pending
