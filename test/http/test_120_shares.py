# SPDX-License-Identifier: Apache-2.0
"""Shares: to the pool that issued the work, as the account that fetched it, in one form; and one row each."""
from datetime import datetime, timedelta, timezone

import pytest

from fakes import behaviours, header
from fakes.miner import PHOENIX, UPPER
from harness.waiting import wait_until

pytestmark = pytest.mark.both_databases


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    proxy.database.add_rig(proxy.alpha, name="rig2")
    return proxy.start()


def _utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_an_accepted_share_is_a_row(mining):
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    data, reply = mining.miner().mine(1)[0]
    assert reply.result is True
    wait_until(lambda: mining.database.share_count() == 1, 5, "the row is there")
    row = mining.database.shares()[0]
    assert row.share_id == header.share_id(mining.worker, data)
    assert (row.worker_id, row.pool_id) == (mining.worker, mining.database.pool_id(mining.alpha))
    assert row.result == 1 and not row.reason
    assert row.difficulty == pytest.approx(mining.alpha.difficulty, rel=1e-6)
    assert before <= _utc(row.time) <= datetime.now(timezone.utc) + timedelta(seconds=2)


def test_a_rejected_share_is_a_row_with_its_reason(mining):
    miner = mining.miner()
    work = miner.getwork()
    reply = miner.submit(work.unsolved())
    assert (reply.result, reply.reason) == (False, "high-hash")
    mining.wait_rows(1)
    row = mining.database.shares()[0]
    assert (row.result, row.reason) == (0, "high-hash")


@pytest.mark.parametrize("difficulty", [2.0 ** -16, 2.0 ** -22, 3.7e-8])
def test_the_difficulty_is_the_works(mining, difficulty):
    mining.alpha.difficulty = difficulty
    mining.miner().mine(1)
    mining.wait_rows(1)
    assert mining.database.shares()[0].difficulty == pytest.approx(difficulty, rel=1e-5)


def test_a_difficulty_above_one_is_recorded_too(mining):
    mining.alpha.difficulty = 4096.0
    miner = mining.miner()
    assert miner.submit(miner.getwork().unsolved()).reason == "high-hash"
    mining.wait_rows(1)
    assert mining.database.shares()[0].difficulty == pytest.approx(4096, rel=1e-5)


def test_two_nonces_of_one_work_are_two_shares(mining):
    miner = mining.miner()
    solutions = miner.getwork().nonces()
    assert [miner.submit(next(solutions)).result for _ in range(2)] == [True, True]
    assert len(mining.alpha.accepted) == 2
    mining.wait_rows(2)


@pytest.mark.parametrize("profile", [PHOENIX, UPPER], ids=["zeros", "upper"])
def test_the_pool_gets_the_canonical_form(mining, profile):
    data, reply = mining.miner(profile=profile).mine(1)[0]
    assert reply.result is True
    assert mining.alpha.accepted[0].text == header.canonical(data)


def test_a_share_goes_where_its_work_came_from(mining):
    miner = mining.miner()
    work = miner.getwork()
    mining.alpha.behave(behaviours.status(500), on="work")
    other = miner.getwork()
    assert (len(mining.alpha.issued), len(mining.beta.issued)) == (1, 1)
    assert [miner.submit(found.solve()).result for found in (work, other)] == [True, True]
    assert [share.user for share in mining.alpha.accepted] == ["rig1@alpha"]
    assert [share.user for share in mining.beta.accepted] == ["rig1@beta"]
    mining.wait_rows(2)


def test_another_workers_work_is_unknown(mining):
    work = mining.miner("rig1").getwork()
    reply = mining.miner("rig2").submit(work.solve())
    assert (reply.status, reply.result, reply.reason) == (200, False, "unknown-work")
    assert not mining.alpha.submissions


def test_routes_and_statistics_are_in_the_database(mining):
    miner = mining.miner()
    work = miner.getwork()
    alpha = mining.database.pool_id(mining.alpha)
    rows = wait_until(lambda: mining.database.rows("SELECT worker_id, data, pool_id, difficulty FROM work_data"), 5,
                      "the route is stored")
    worker, data, pool, difficulty = rows[0]
    head = bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else bytes.fromhex(data)
    assert (worker, head[:header.HEAD_SIZE], pool) == (mining.worker, work.data[:header.HEAD_SIZE], alpha)
    assert difficulty == pytest.approx(mining.alpha.difficulty, rel=1e-6)
    miner.submit(work.solve())
    miner.submit(work.solve())
    miner.submit(work.unsolved())
    sums = "SELECT COALESCE(SUM(accepted), 0), COALESCE(SUM(rejected), 0), COALESCE(SUM(getworks), 0) FROM share_stats WHERE period_length = 300 AND worker_id = ? AND pool_id = ?"
    wait_until(lambda: tuple(map(int, mining.database.rows(sums, mining.worker, alpha)[0])) == (2, 1, 1), 5,
               "statistics agree")


@pytest.mark.parametrize("answer",
                         [behaviours.json_error(-8, "Invalid parameter"), behaviours.error("share rejected"),
                          behaviours.error([21, "job not found", None]),
                                    behaviours.result("yes"), behaviours.result(None), behaviours.result(1),
                                    behaviours.error(True, code=200)],
                         ids=["error object", "string", "array", "text result", "null result", "number result",
                              "true error"])
def test_only_true_is_accepted(mining, answer):
    mining.alpha.behave(answer, on="share")
    miner = mining.miner()
    reply = miner.submit(miner.getwork().solve())
    assert (reply.status, reply.result, reply.error) == (200, False, None)
    assert reply.reason
    mining.wait_rows(1)
    assert mining.database.shares()[0].result in (0, None)
    assert len([request for request in mining.alpha.requests if request.is_share]) == 1
