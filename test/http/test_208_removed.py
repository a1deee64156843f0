# SPDX-License-Identifier: Apache-2.0
"""Workers that are deleted, or whose password is changed, while they wait: no work for them, and no hurry to tell them."""
import pytest

from harness.database import cheap_hash
from harness.waiting import holds_for, wait_until


@pytest.fixture
def waiting(polling):
    """Three workers wait; rig2 is deleted, rig3 has another password, rig1 is as it was."""
    for name in ("rig2", "rig3"):
        polling.database.add_rig(polling.alpha, name=name)
    polling.start()
    polling.polls = {name: polling.park(polling.mining(name)) for name in ("rig1", "rig2", "rig3")}
    gone = polling.database.worker_id("rig2")
    rosters = polling.log.count("MP0202")
    polling.database.run("DELETE FROM worker_pool WHERE worker_id = ?", gone)
    polling.database.run("DELETE FROM worker WHERE id = ?", gone)
    polling.database.change("UPDATE worker SET password = ? WHERE name = 'rig3'", cheap_hash("another"))
    wait_until(lambda: polling.log.count("MP0202") > rosters, 5, "the roster is in force")
    return polling


def _asked_for(pool, name, since):
    return [request for request in pool.requests[since:] if request.user == f"{name}@alpha"]


def test_no_work_for_who_may_not_come_in(waiting):
    since = len(waiting.alpha.requests)
    waiting.find_block(waiting.alpha)
    assert waiting.polls["rig1"].wait(5).result["data"]
    holds_for(lambda: waiting.polls["rig2"].is_pending and waiting.polls["rig3"].is_pending, 2, "there is no hurry")
    work = [request for name in ("rig2", "rig3") for request in _asked_for(waiting.alpha, name, since) if request.kind == "work"]
    assert work == []


@pytest.mark.load
def test_they_are_told_in_the_end(waiting):
    since = len(waiting.alpha.requests)
    for name in ("rig2", "rig3"):
        reply = waiting.polls[name].wait(45)
        assert reply.seconds >= 29
        assert (reply.status, reply.result) == (200, None) and reply.error["message"]
    assert waiting.polls["rig1"].is_pending
    work = [request for name in ("rig2", "rig3") for request in _asked_for(waiting.alpha, name, since) if request.kind == "work"]
    assert work == []
