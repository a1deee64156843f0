# SPDX-License-Identifier: Apache-2.0
"""Which pool serves: the best one that works. What a broken pool does to a miner: nothing but other work."""
import pytest

from fakes import behaviours, header
from fakes.exchange import Answer
from harness.proxy import HASTY
from harness.waiting import wait_until

pytestmark = pytest.mark.expects_log("MP0210")  # a pool is down, with the reason


def _bad_work(**members):
    good = {"data": "00" * 80 + header.PADDING, "target": "ff" * 32}
    return behaviours.result({key: value for key, value in (good | members).items() if value is not None})


BROKEN = {
    "hang": behaviours.hang, "hang in headers": behaviours.hang_in_headers,
    "hang after headers": behaviours.hang_after_headers, "hang in body": behaviours.hang_in_body,
    "reset": behaviours.reset, "close": behaviours.close, "close in body": behaviours.close_in_body,
    "500": behaviours.status(500), "503": behaviours.status(503), "404": behaviours.status(404),
    "401": behaviours.status(401), "403": behaviours.status(403),
    "redirect": behaviours.redirect("http://127.0.0.1:9/"), "garbage": behaviours.garbage, "empty": behaviours.empty,
    "error": behaviours.json_error(), "error as text": behaviours.error("no"),
    "error as array": behaviours.error([1, "no", None]), "error as true": behaviours.error(True, code=200),
    "null": behaviours.result(None), "number": behaviours.result(4), "text": behaviours.result("x"),
    "array": behaviours.result([]), "true": behaviours.result(True), "empty object": behaviours.result({}),
    "no data": _bad_work(data=None), "number as data": _bad_work(data=5), "short data": _bad_work(data="00" * 79),
    "data that is no hex": _bad_work(data="zz" * 128), "short target": _bad_work(target="ff"),
    "number as target": _bad_work(target=1), "target that is no hex": _bad_work(target="zz" * 32),
    "huge": behaviours.huge(100_000_000), "trickle": behaviours.trickle(0.02), "slow": behaviours.slow(3),
    "no HTTP": behaviours.raw(b"hello\r\n\r\n"),
    "endless header": behaviours.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 3_000_000),
    "bad length": behaviours.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"),
    "bad chunk": behaviours.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "array as answer": behaviours.says(Answer(200, [], b"[1]")),
    "lies about length": behaviours.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"result":')}


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at two pools, started."""
    proxy.alpha, proxy.beta = make_pool("alpha"), make_pool("beta")
    proxy.worker = proxy.database.add_rig(proxy.alpha, proxy.beta)
    return proxy.start()


def _last_served(*pools):
    return max((pool for pool in pools if pool.issued), key=lambda pool: pool.issued[-1].time)


@pytest.mark.proxy(directives=[HASTY])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pool_is_passed_over(mining, name):
    mining.alpha.behave(BROKEN[name])
    miner = mining.miner()
    work = miner.getwork()
    assert work.data == mining.beta.issued[-1].data
    assert work.reply.seconds < 1.5
    assert miner.submit(work.solve()).result is True
    assert len(mining.beta.accepted) == 1
    mining.wait_rows(1)


def test_a_pool_that_refuses_is_passed_over(mining):
    mining.alpha.kill()
    miner = mining.miner()
    assert [reply.result for _, reply in miner.mine(5)] == [True] * 5
    assert len(mining.beta.accepted) == 5
    assert max(reply.seconds for reply in miner.replies if reply.result is not True) < 0.5


def test_a_host_that_does_not_exist_is_passed_over(proxy, make_pool):
    beta = make_pool("beta")
    worker = proxy.database.add_rig(beta)
    proxy.database.assign(worker, proxy.database.add_pool("alpha", "http://pool.invalid:8332/"), "u", priority=9)
    proxy.start()
    assert proxy.miner().mine(1)[0][1].result is True


def test_the_best_pool_serves_while_it_works(mining):
    mining.miner().mine(10)
    assert (len(mining.alpha.accepted), len(mining.beta.requests)) == (10, 0)


def test_all_pools_down_is_an_error_in_words(mining):
    mining.alpha.kill()
    mining.beta.behave(behaviours.status(500))
    for _ in range(6):
        reply = mining.miner().ask()
        assert (reply.status, reply.result, reply.error["code"]) == (200, None, -9)
        assert "pool" in reply.error["message"]


def test_a_worker_gets_work_again_when_a_pool_is_back(mining):
    mining.alpha.kill()
    mining.beta.kill()
    miner = mining.miner()
    for _ in range(4):
        assert miner.ask().error
    mining.beta.revive()
    wait_until(lambda: miner.ask().result, 10, "work comes again")


def test_equal_priorities_are_tried_in_the_order_of_ids(proxy, make_pool):
    pools = [make_pool(name) for name in ("zulu", "mike", "alpha")]
    worker = proxy.database.add_worker()
    ids = [proxy.database.add_pool(pool) for pool in pools]
    for pool_id in reversed(ids):
        proxy.database.assign(worker, pool_id, f"user{pool_id}", priority=5)
    proxy.start()
    for _ in range(10):
        proxy.miner().getwork()
    assert [len(pool.issued) for pool in pools] == [10, 0, 0]
    pools[0].kill()
    proxy.miner().getwork()
    assert [len(pool.issued) for pool in pools] == [10, 1, 0]


@pytest.mark.parametrize("priorities,first",
                         [((1, 2, 3), 2), ((3, 2, 1), 0), ((-1, 0, -2), 1), ((1000000, 2, 1000001), 2)])
def test_higher_priority_goes_first(proxy, make_pool, priorities, first):
    pools = [make_pool(name) for name in ("a", "b", "c")]
    worker = proxy.database.add_worker()
    for pool, priority in zip(pools, priorities):
        proxy.database.assign(worker, proxy.database.add_pool(pool), "u", priority=priority)
    proxy.start()
    proxy.miner().getwork()
    assert [len(pool.issued) for pool in pools] == [int(n == first) for n in range(3)]


def test_disabled_pools_and_assignments_are_not_used(proxy, make_pool):
    pools = [make_pool(name) for name in ("off", "unassigned", "on")]
    worker = proxy.database.add_worker()
    off, unassigned, on = (proxy.database.add_pool(pool, enabled=pool.name != "off") for pool in pools)
    proxy.database.assign(worker, off, "u", priority=9)
    proxy.database.assign(worker, unassigned, "u", priority=8, enabled=False)
    proxy.database.assign(worker, on, "u", priority=1)
    proxy.start()
    assert proxy.miner().mine(1)[0][1].result is True
    assert [len(pool.requests) for pool in pools[:2]] == [0, 0]


def test_one_workers_bad_account_does_not_hurt_the_others(proxy, make_pool):
    alpha, beta = make_pool("alpha"), make_pool("beta")
    alpha.accounts = {"good@alpha": "alpha-pw"}
    for name in ("good", "bad"):
        proxy.database.add_rig(alpha, beta, name=name)
    proxy.start()
    good, bad = proxy.miner("good"), proxy.miner("bad")
    for _ in range(20):
        bad.getwork()
    assert {work.user for work in beta.issued} == {"bad@beta"}
    good.getwork()
    assert [work.user for work in alpha.issued] == ["good@alpha"]


def test_a_pool_that_serves_work_but_breaks_shares_still_gets_them(mining):
    mining.alpha.behave(behaviours.reject_all("stale"), on="share")
    miner = mining.miner()
    assert [reply.reason for _, reply in miner.mine(5)] == ["stale"] * 5
    assert not mining.beta.requests


def test_a_redirect_is_not_followed_to_another_host(mining, make_pool):
    trap = make_pool("trap")
    mining.alpha.behave(behaviours.redirect(trap.url))
    mining.miner().mine(1)
    assert not trap.requests


@pytest.mark.both_databases
def test_disabling_the_best_pool_moves_the_miners(mining):
    miner = mining.miner()
    miner.getwork()
    mining.database.change("UPDATE pool SET enabled = 0 WHERE name = 'alpha'")
    wait_until(lambda: miner.getwork() and mining.beta.issued, 3, "work comes from the second pool")
    mining.database.change("UPDATE pool SET enabled = 1 WHERE name = 'alpha'")
    wait_until(lambda: miner.getwork() and _last_served(mining.alpha, mining.beta) is mining.alpha, 3,
               "work comes from the first again")
