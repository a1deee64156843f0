# SPDX-License-Identifier: Apache-2.0
"""How the proxy itself waits for a pool's next block: one poll per pool and child, and whatever a pool does with it, no miner notices."""
import time

import pytest

from fakes import behaviours
from fakes.miner import work_of
from harness.waiting import holds_for, wait_until

OFTEN, NEVER = "MiningProxyPoolPollInterval 1s", "MiningProxyPoolPollInterval 10min"


def _polled(pool, count=1):
    wait_until(lambda: pool.polls_open == count, 10, f"{count} polls are open at {pool.name}")


def _woken(poll, pool, deadline=5):
    """By this pool's block."""
    work = work_of(poll.wait(deadline))
    assert work.data[4:36] == pool.ledger.prevhash
    return work


def test_one_poll_while_somebody_waits(polling):
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    first, second = polling.mining(), polling.mining("rig2")
    holds_for(lambda: not polling.alpha.polls, 0.5, "nobody waits")
    polls = polling.park_all([first, second, first, second, first])
    _polled(polling.alpha)
    holds_for(lambda: len(polling.alpha.polls) == 1, 0.5, "one poll is enough for all")
    poll = polling.alpha.polls[0]
    assert poll.user in ("rig1@alpha", "rig2@alpha") and poll.path == "/lp"
    request = next(request for request in polling.alpha.requests if request.kind == "poll")
    assert request.password == "alpha-pw"
    polling.alpha.new_block()
    for pending in polls:
        _woken(pending, polling.alpha)
    assert polling.beta.requests == []


def test_the_next_round_is_polled_as_well(polling):
    polling.start()
    miner = polling.mining()
    for _ in range(4):
        poll = polling.park(miner)
        polling.find_block(polling.alpha)
        _woken(poll, polling.alpha, 2)


@pytest.mark.proxy(children=2)
def test_each_child_polls_for_itself(polling):
    polling.start()
    first, second = polling.miners_apart()
    first.getwork()
    second.getwork()
    child = polling.httpd.child_of(first.connection)
    with polling.httpd.passing_over(child):
        polls = [second.poll()]
        wait_until(lambda: len(polling.waiting_of()) == 1, 10, "one child holds a poll")
    other = next(pid for pid in polling.httpd.children() if pid != child)
    with polling.httpd.passing_over(other):
        polls.append(first.poll())
        wait_until(lambda: len(polling.waiting_of()) == 2, 10, "each child holds a poll")
    _polled(polling.alpha, 2)
    polling.alpha.new_block()
    for poll in polls:
        _woken(poll, polling.alpha)


@pytest.mark.load
def test_no_poll_when_nobody_waits_any_more(polling):
    """It stays for a while, because the next miner will come."""
    polling.start()
    poll = polling.park(polling.mining())
    _polled(polling.alpha)
    poll.close()
    polling.wait_waiting(0)
    wait_until(lambda: polling.alpha.polls_open == 0, 45, "the pool is not polled any more")
    asked = len(polling.alpha.requests)
    holds_for(lambda: len(polling.alpha.requests) == asked, 3, "nothing is asked for nobody")


BROKEN = {
    "reset": behaviours.reset, "close": behaviours.close, "garbage": behaviours.garbage, "empty": behaviours.empty,
    "403": behaviours.status(403), "404": behaviours.status(404), "500": behaviours.status(500), "error": behaviours.json_error(),
    "true": behaviours.result(True), "redirect": behaviours.redirect("http://127.0.0.1:9/"),
    "at once": behaviours.answer_at_once, "close in body": behaviours.close_in_body}


def _many(proxy, make_pool, count):
    """So many pools, each with a worker of its own; the worker has the pool's name."""
    pools = [make_pool(f"pool{number}") for number in range(count)]
    for pool in pools:
        pool.long_polling = "/lp"
        proxy.database.add_rig(pool, name=pool.name)
    return pools


def _wait_at(proxy, pools):
    """One miner of each pool waits."""
    return proxy.park_all(proxy.mining(pool.name) for pool in pools)


@pytest.mark.proxy(directives=[OFTEN])
def test_broken_polls_are_invisible(polling, make_pool):
    """They are made again, not too often, and getworks tell of blocks instead."""
    pools = _many(polling, make_pool, len(BROKEN))
    for pool, behaviour in zip(pools, BROKEN.values()):
        pool.behave(behaviour, on="poll")
    polling.start()
    polls = _wait_at(polling, pools)
    names = dict(zip(polls, BROKEN))
    wait_until(lambda: all(pool.polls for pool in pools), 10, "every pool was polled")
    holds_for(lambda: all(poll.is_pending for poll in polls), 4, "no miner notices anything")
    assert {name: len(pool.polls) for name, pool in zip(BROKEN, pools) if len(pool.polls) > 5} == {}
    for pool in pools:
        pool.new_block()
    wait_until(lambda: not [names[poll] for poll in polls if poll.is_pending], 8, "every miner is woken")
    for poll, pool in zip(polls, pools):
        _woken(poll, pool)


@pytest.mark.load
def test_a_poll_that_is_reset_each_second(polling):
    polling.alpha.behave(behaviours.slow(1, behaviours.reset), on="poll")
    polling.start()
    poll = polling.park(polling.mining())
    holds_for(lambda: poll.is_pending, 50, "the miner notices nothing")
    assert 2 <= len(polling.alpha.polls) <= 10


@pytest.mark.proxy(directives=[NEVER])
def test_a_poll_that_trickles(polling):
    polling.alpha.behave(behaviours.trickle_blanks(0.3), on="poll")
    polling.start()
    poll = polling.park(polling.mining())
    _polled(polling.alpha)
    holds_for(lambda: poll.is_pending and polling.alpha.polls_open == 1, 1.5, "blanks are no answer")
    polling.alpha.new_block()
    _woken(poll, polling.alpha, 2)
    wait_until(lambda: len(polling.alpha.polls) == 1 or polling.alpha.polls_open == 1, 5, "one poll at a time")


@pytest.mark.proxy(directives=[NEVER])
def test_a_block_that_was_missed(polling):
    """It came while the poll was down: the getwork that follows the new poll tells."""
    polling.start()
    poll = polling.park(polling.mining())
    _polled(polling.alpha)
    wait_until(lambda: len(polling.alpha.issued) == 2, 5, "the getwork behind it was answered")
    polling.alpha.behave(behaviours.reset, on="poll")
    polling.alpha.hang_up()
    polling.alpha.ledger.new_block()
    holds_for(lambda: poll.is_pending, 0.2, "nobody knows yet")
    polling.alpha.recover()
    _woken(poll, polling.alpha, 15)


@pytest.mark.expects_log("MP0210")
@pytest.mark.proxy(directives=[NEVER])
def test_a_block_while_the_only_pool_was_down(polling):
    polling.database.run("DELETE FROM worker_pool WHERE pool_id = ?", polling.database.pool_id(polling.beta))
    polling.start()
    poll = polling.park(polling.mining())
    _polled(polling.alpha)
    polling.alpha.kill()
    polling.alpha.new_block()
    holds_for(lambda: poll.is_pending, 1, "nobody can tell")
    polling.alpha.revive()
    _woken(poll, polling.alpha, 15)


@pytest.mark.proxy(directives=[OFTEN])
def test_a_pool_without_long_polls(polling):
    polling.alpha.long_polling = None
    polling.start()
    poll = polling.park(polling.mining())
    asked = polling.alpha.count("work")
    start = time.monotonic()
    wait_until(lambda: polling.alpha.count("work") >= asked + 3, 6, "the pool is asked now and then")
    assert poll.is_pending and time.monotonic() - start > 1.5
    polling.alpha.new_block()
    _woken(poll, polling.alpha, 4)
    polling.wait_waiting(0)
    assert {request.user for request in polling.alpha.requests} == {"rig1@alpha"}


@pytest.mark.parametrize("announced", ["/lp", None])
@pytest.mark.proxy(directives=[NEVER])
def test_a_work_that_passes_tells_of_the_block(polling, announced):
    """Sooner than the pool's own poll, which hangs."""
    polling.alpha.long_polling = announced
    polling.alpha.behave(behaviours.hang, on="poll")
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    poll = polling.park(polling.mining())
    other = polling.mining("rig2")
    holds_for(lambda: poll.is_pending, 0.3, "the block is the same")
    polling.alpha.new_block()
    other.getwork()
    work = _woken(poll, polling.alpha, 2)
    assert polling.miner().submit(work.solve()).result is True


FORMS = {"/lp": "/lp", "lp": "/lp", "/a/b/lp?id=1&x=2": "/a/b/lp?id=1&x=2", "http://127.0.0.1:{port}/x": "/x", "  /lp ": "/lp",
         "//127.0.0.1:{port}/y": "/y"}


@pytest.mark.proxy(directives=[NEVER])
def test_forms_of_the_announcement(polling, make_pool):
    pools = _many(polling, make_pool, len(FORMS))
    for pool, announced in zip(pools, FORMS):
        pool.long_polling = announced.format(port=pool.port)
    polling.start()
    polls = _wait_at(polling, pools)
    for pool, path, poll in zip(pools, FORMS.values(), polls):
        polling.find_block(pool)
        assert pool.polls[0].path == path
        _woken(poll, pool)


USELESS = ["ftp://127.0.0.1/lp", "gopher://x/", "file:///etc/passwd", "http://", "http://[::1", ":", "\x01", "", "x" * 5000]


@pytest.mark.proxy(directives=[OFTEN])
def test_announcements_that_cannot_be_used(polling, make_pool):
    pools = _many(polling, make_pool, len(USELESS))
    for pool, announced in zip(pools, USELESS):
        pool.long_polling = announced
    polling.start()
    polls = _wait_at(polling, pools)
    for pool in pools:
        pool.new_block()
    for poll, pool in zip(polls, pools):
        _woken(poll, pool)
    assert [pool.name for pool in pools if pool.count("poll") > 3 or pool.count("other") > 3] == []


@pytest.mark.proxy(directives=[NEVER])
def test_another_port_of_the_same_host(polling):
    polling.alpha.long_polling = "http://%s:%d/x" % polling.alpha.add_door()
    polling.start()
    poll = polling.park(polling.mining())
    _polled(polling.alpha)
    request = next(request for request in polling.alpha.requests if request.kind == "poll")
    assert (request.user, request.password) == ("rig1@alpha", "alpha-pw")
    assert polling.alpha.polls[0].door[1] != polling.alpha.port
    polling.alpha.new_block()
    _woken(poll, polling.alpha)


def _elsewhere(proxy, make_pool):
    """Another host, which listens; the pool announces it."""
    spy = make_pool("spy")
    host, port = spy.add_door("127.0.0.2")
    spy.long_polling = "/lp"
    proxy.alpha.long_polling = f"http://{host}:{port}/lp"
    return spy


@pytest.mark.proxy(directives=[OFTEN])
def test_another_host_gets_no_account(polling, make_pool):
    spy = _elsewhere(polling, make_pool)
    polling.start()
    poll = polling.park(polling.mining())
    holds_for(lambda: poll.is_pending and spy.connection_count == 0, 1.5, "another host is not even connected to")
    polling.alpha.new_block()
    _woken(poll, polling.alpha)
    assert spy.connection_count == 0


@pytest.mark.proxy(directives=[NEVER, "MiningProxyForeignLongPoll On"])
def test_another_host_that_is_trusted(polling, make_pool):
    spy = _elsewhere(polling, make_pool)
    spy.ledger = polling.alpha.ledger
    polling.start()
    poll = polling.park(polling.mining())
    _polled(spy)
    assert (spy.requests[0].user, spy.requests[0].password) == ("rig1@alpha", "alpha-pw")
    spy.new_block()
    work = _woken(poll, polling.alpha)
    assert polling.miner().submit(work.solve()).result is True


@pytest.mark.proxy(directives=[OFTEN])
def test_no_way_from_https_to_http(polling, make_pool, authority):
    spy = make_pool("spy")
    spy.long_polling = "/lp"
    safe = make_pool("safe", tls=authority.context())
    safe.long_polling = f"http://127.0.0.1:{spy.port}/lp"
    polling.httpd.config.directives.append(f'MiningProxyUpstreamCAFile "{authority.ca}"')
    polling.database.add_rig(safe, name="rig2")
    polling.start()
    poll = polling.park(polling.mining("rig2"))
    holds_for(lambda: poll.is_pending and spy.connection_count == 0, 1.5, "the account does not leave the safe way")
    safe.new_block()
    _woken(poll, safe)
    assert spy.connection_count == 0


@pytest.mark.proxy(directives=[NEVER])
def test_a_poll_at_an_https_pool(polling, make_pool, authority):
    safe = make_pool("safe", tls=authority.context())
    safe.long_polling = "/lp"
    polling.httpd.config.directives.append(f'MiningProxyUpstreamCAFile "{authority.ca}"')
    polling.database.add_rig(safe, name="rig2")
    polling.start()
    poll = polling.park(polling.mining("rig2"))
    _polled(safe)
    safe.new_block()
    _woken(poll, safe)


@pytest.mark.proxy(directives=[NEVER])
def test_an_account_that_the_pool_refuses_meanwhile(polling):
    """The pool let rig1 in when it asked for work; now it does not. Another waiter's account does as well."""
    polling.database.add_rig(polling.alpha, name="rig2")
    polling.start()
    first, second = polling.mining(), polling.mining("rig2")
    polling.alpha.accounts = {"rig2@alpha": "alpha-pw"}
    pending = polling.park_all([first, second])
    wait_until(lambda: any(poll.user == "rig2@alpha" and poll.ended is None for poll in polling.alpha.polls), 15, "rig2's account waits")
    polling.alpha.new_block()
    _woken(pending[1], polling.alpha)
