# SPDX-License-Identifier: Apache-2.0
"""One work of a pool that allows it serves several requests: the proxy advances ntime, and no two miners get the same header."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import behaviours
from fakes.header import HEAD_SIZE
from fakes.miner import CGMINER, POCLBM, work_of
from harness.waiting import wait_until

HOLD = 5  # seconds for which the proxy holds a work


def _allow(pool, value="expire=120", limit=120):
    """The pool lets ntime be advanced by so many seconds, and not by more."""
    pool.roll_ntime = value
    pool.ledger.rolling, pool.ledger.roll_limit = True, limit


@pytest.fixture
def rolling(polling):
    """A proxy that rolls for worker rig1 at alpha, and not at beta; not started."""
    polling.database.run("UPDATE pool SET roll_ntime = 1 WHERE id = ?", polling.database.pool_id(polling.alpha))
    for pool in (polling.alpha, polling.beta):
        _allow(pool)
    return polling


def _headers(works):
    return {work.data[:72] for work in works}


def _wait_getworks(rolling, count):
    sql = "SELECT COALESCE(SUM(getworks), 0) FROM share_stats WHERE period_length = 300 AND worker_id = ?"
    wait_until(lambda: int(rolling.database.value(sql, rolling.worker)) >= count, 10, f"{count} getworks are counted")
    assert rolling.database.value(sql, rolling.worker) == count


@pytest.mark.both_databases
def test_ninety_requests_one_trip(rolling):
    miner = rolling.start().miner(profile=CGMINER)
    works = [miner.getwork() for _ in range(90)]
    assert rolling.alpha.count("work") == 1
    assert len(_headers(works)) == 90 and len({work.data[:HEAD_SIZE] for work in works}) == 1
    assert {work.reply.message.get("X-Roll-NTime") for work in works} == {"N"}
    assert all(set(work.reply.result) == set(works[0].reply.result) for work in works)
    assert [miner.submit(work.solve()).result for work in works] == [True] * 90
    assert not rolling.alpha.ledger.rejected()
    rolling.wait_rows(90)
    _wait_getworks(rolling, 90)
    assert rolling.database.value("SELECT COUNT(*) FROM work_data") == 1
    assert rolling.database.value("SELECT last_work_pool_id FROM worker_status WHERE worker_id = ?",
                                  rolling.worker) == rolling.database.pool_id(rolling.alpha)


def test_many_at_a_time(rolling):
    rolling.start()

    def ask(_):
        miner = rolling.miner()
        return [miner.getwork() for _ in range(25)]
    with ThreadPoolExecutor(8) as threads:
        works = [work for some in threads.map(ask, range(8)) for work in some]
    assert len(_headers(works)) == 200
    assert rolling.alpha.count("work") < 20
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda work: rolling.miner().submit(work.solve()).result, works[::5])) == [True] * 40


def test_the_pools_limit_counts(rolling):
    """As far as ntime may go, and no further; at three quarters of it one request fetches the next work."""
    _allow(rolling.alpha, "Y", 60)
    miner = rolling.start().miner()
    works = [miner.getwork() for _ in range(122)]
    assert rolling.alpha.count("work") == 3 and len(_headers(works)) == 122
    assert [miner.submit(work.solve()).result for work in works[55:65]] == [True] * 10
    assert not rolling.alpha.ledger.rejected()


def test_poclbm_is_told_by_silence(rolling):
    miner = rolling.start().miner(profile=POCLBM)
    assert [miner.getwork().reply.message.get("X-Roll-NTime") for _ in range(3)] == [None] * 3
    assert rolling.alpha.count("work") == 1


def test_off_unless_asked_for(rolling):
    rolling.database.run("UPDATE pool SET roll_ntime = 0")
    miner = rolling.start().miner()
    works = [miner.getwork() for _ in range(10)]
    assert rolling.alpha.count("work") == 10
    assert {work.reply.message.get("X-Roll-NTime") for work in works} == {"expire=120"}


@pytest.mark.parametrize("value", [None, "N", "0"])
def test_not_where_the_pool_forbids_it(rolling, value):
    _allow(rolling.alpha, value, 0)
    miner = rolling.start().miner()
    works = [miner.getwork() for _ in range(10)]
    assert rolling.alpha.count("work") == 10
    assert {work.reply.message.get("X-Roll-NTime") for work in works} == {"N"}


def test_shared_work_is_not_rolled(rolling):
    rolling.alpha.extra_members = {"noncerange": "00000000ffffffff"}
    miner = rolling.start().miner()
    works = [miner.getwork() for _ in range(5)]
    assert rolling.alpha.count("work") == 5
    assert {work.reply.message.get("X-Roll-NTime") for work in works} == {"N"}


def test_it_expires(rolling):
    """expire=2 is two seconds of ntime, for one second."""
    _allow(rolling.alpha, "expire=2", 2)
    miner = rolling.start().miner()
    assert len({miner.getwork().data[:HEAD_SIZE] for _ in range(3)}) == 1
    first = miner.getwork()
    assert rolling.alpha.count("work") == 2
    wait_until(lambda: miner.getwork().data[:HEAD_SIZE] != first.data[:HEAD_SIZE], HOLD, "other work")


def test_held_for_seconds_only(rolling):
    miner = rolling.start().miner()
    first = miner.getwork()
    wait_until(lambda: miner.getwork().data[:HEAD_SIZE] != first.data[:HEAD_SIZE], HOLD + 2, "other work")
    assert rolling.alpha.count("work") == 2


def test_a_block_that_a_long_poll_tells_of(rolling):
    rolling.start()
    miner, waiting = rolling.mining(), rolling.mining()
    poll = rolling.park(waiting)
    miner.getwork()
    rolling.find_block(rolling.alpha)
    own = work_of(poll.wait(5))
    works = [miner.getwork() for _ in range(5)]
    assert {work.data[4:36] for work in works} == {rolling.alpha.ledger.prevhash}
    assert own.data[:HEAD_SIZE] not in {work.data[:HEAD_SIZE] for work in works}, "a poll's work is its own"
    assert own.reply.message.get("X-Roll-NTime") == "N", "one rule for all works of a pool"
    assert all(miner.submit(work.solve()).result is True for work in [own, *works])


@pytest.mark.proxy(directives=["MiningProxyLongPolling Off"])
def test_a_block_that_another_worker_sees(rolling):
    rolling.database.add_rig(rolling.alpha, name="rig2")
    rolling.start()
    miner = rolling.mining()
    rolling.alpha.new_block()
    assert rolling.miner("rig2").getwork().data[4:36] == rolling.alpha.ledger.prevhash
    assert miner.getwork().data[4:36] == rolling.alpha.ledger.prevhash


def test_another_account(rolling):
    database = rolling.database
    miner = rolling.start().mining()
    database.change("UPDATE worker_pool SET pool_username = 'other' WHERE worker_id = ? AND pool_id = ?", rolling.worker,
                    database.pool_id(rolling.alpha))
    wait_until(lambda: miner.getwork() and rolling.alpha.issued[-1].user == "other", 5, "work of the other account")
    work = miner.getwork()
    assert miner.submit(work.solve()).result is True and rolling.alpha.accepted[-1].user == "other"


def test_workers_have_works_of_their_own(rolling):
    rolling.database.add_rig(rolling.alpha, name="rig2")
    rolling.start()
    miners = [rolling.miner(), rolling.miner("rig2")]
    works = [miner.getwork() for miner in miners for _ in range(10)]
    assert rolling.alpha.count("work") == 2 and rolling.alpha.users() == {"rig1@alpha", "rig2@alpha"}
    assert len(_headers(works)) == 20
    assert all(miners[n // 10].submit(work.solve()).result is True for n, work in enumerate(works))


@pytest.mark.proxy(children=2)
def test_two_children(rolling):
    rolling.start()
    miners = rolling.miners_apart()
    works = [miner.getwork() for _ in range(20) for miner in miners]
    assert rolling.alpha.count("work") == 2
    assert len(_headers(works)) == 40
    assert [miners[n % 2].submit(work.solve()).result for n, work in enumerate(works, 1)] == [True] * 40, "each at the other child"
    rolling.wait_rows(40)


@pytest.mark.expects_log("MP0210")
def test_over_to_a_pool_that_is_not_rolled_and_back(rolling):
    miner = rolling.start().mining()
    rolling.alpha.kill()
    wait_until(lambda: miner.getwork().data[:HEAD_SIZE] in {work.data[:HEAD_SIZE] for work in rolling.beta.issued}, 10, "the other pool")
    asked = rolling.beta.count("work")
    works = [miner.getwork() for _ in range(5)]
    assert rolling.beta.count("work") == asked + 5
    assert {work.reply.message.get("X-Roll-NTime") for work in works} == {"expire=120"}
    rolling.alpha.revive()
    heads = {work.data[:HEAD_SIZE] for work in rolling.alpha.issued}
    wait_until(lambda: miner.getwork().data[:HEAD_SIZE] in {work.data[:HEAD_SIZE] for work in rolling.alpha.issued} - heads, 15, "the first one again")
    asked = rolling.alpha.count("work")
    assert {miner.getwork().reply.message.get("X-Roll-NTime") for _ in range(5)} == {"N"}
    assert rolling.alpha.count("work") <= asked + 1


def test_a_failure_is_no_work(rolling):
    """Nothing is held of an answer that was none."""
    rolling.alpha.behave(behaviours.status(500), on="work", times=1)
    miner = rolling.start().miner()
    assert miner.getwork().data == rolling.beta.issued[-1].data
    assert miner.getwork().data == rolling.alpha.issued[-1].data


def test_a_log_says_what_it_cost(rolling):
    path = rolling.httpd.directory / "logs" / "works.log"
    rolling.httpd.config.directives += ['LogFormat "%{miningproxy-pool}n %{miningproxy-upstream-ms}n %{miningproxy-difficulty}n" works',
                                        f'CustomLog "{path}" works']
    rolling.alpha.behave(behaviours.slow(0.1), on="work", times=1)
    miner = rolling.start().miner()
    for _ in range(3):
        miner.getwork()
    wait_until(lambda: path.read_text().count("alpha") == 3, 5, "three lines")
    times = [line.split()[1] for line in path.read_text().splitlines() if line.startswith("alpha")]
    assert int(times[0]) >= 100 and times[1:] == ["0", "0"]
