# SPDX-License-Identifier: Apache-2.0
"""A miner waits until its work should be replaced, in the way of each known program and under each MPM."""
import pytest

from fakes import wire
from fakes.miner import PHOENIX, POCLBM, PROFILES, Miner, work_of
from harness.polls import EVERY_MPM
from harness.waiting import holds_for, wait_until

POLLING_PROFILES = ["cpuminer", "cgminer", "cgminer-chunked", "bfgminer", "poclbm", "phoenix", "diablominer", "php-proxy"]


@EVERY_MPM
def test_a_block_wakes_all(polling, mpm):
    assert polling.httpd.config.mpm == mpm
    polling.start()
    miners = [polling.mining(profile=PROFILES[name]) for name in ("cpuminer", "poclbm", "cgminer", "phoenix")]
    polls = polling.park_all(miners)
    holds_for(lambda: all(poll.is_pending for poll in polls), 0.5, "nobody is told anything without a reason")
    polling.find_block(polling.alpha)
    works = [work_of(poll.wait(5)) for poll in polls]
    assert len({work.data for work in works}) == 4
    for miner, work in zip(miners, works):
        assert work.data[4:36] == polling.alpha.ledger.prevhash
        assert (work.reply.announced, work.reply.is_for_old_shares) == ("/lp", False)
        data = work.solve()
        assert miner.submit(data).result is True
        assert (polling.alpha.accepted[-1].data, polling.alpha.accepted[-1].user) == (data, "rig1@alpha")
    polling.wait_rows(4)
    polling.wait_waiting(0)
    wait_until(lambda: polling.poll_counts().block == 4, 5, "the counts tell of four that were woken by a block")
    assert polling.beta.requests == []


@pytest.mark.parametrize("name", POLLING_PROFILES)
def test_every_program_does_its_rounds(polling, name):
    polling.start()
    miner = polling.mining(profile=PROFILES[name])
    for _ in range(2):
        poll = polling.park(miner)
        polling.find_block(polling.alpha)
        reply = poll.wait(5)
        assert reply.status == 200 and reply.announced == "/lp"
        assert miner.submit(work_of(reply).solve()).result is True
        polling.wait_waiting(0)
    assert len(polling.alpha.accepted) == 2


def test_the_answer_is_that_of_a_getwork(polling):
    polling.alpha.roll_ntime = "expire=90"
    polling.start()
    for name in ("cgminer", "poclbm", "php-proxy", "bfgminer"):
        miner = polling.miner(profile=PROFILES[name])
        asked = miner.ask()
        poll = polling.park(miner)
        polling.find_block(polling.alpha)
        told = poll.wait(5)
        assert set(told.json) == set(asked.json) == {"result", "error", "id"}
        assert set(told.result) - {"submitold"} == set(asked.result) - {"submitold"}
        assert told.error is None
        assert told.message.get("Content-Type") == asked.message.get("Content-Type") == "application/json"
        assert told.message.get("X-Roll-NTime") == "expire=90"
        assert int(told.message.get("Content-Length")) == len(told.message.body)
        if miner.profile.poll_method == "POST":
            assert told.json["id"] == miner.profile.id


def test_a_get_has_a_constant_id(polling):
    polling.start()
    polls = polling.park_all(polling.mining(profile=profile) for profile in (POCLBM, PHOENIX))
    polling.find_block(polling.alpha)
    first, second = (poll.wait(5).json["id"] for poll in polls)
    assert first == second and isinstance(first, (int, str))


def test_an_empty_body_asks_for_work(polling):
    polling.start()
    miner = polling.mining()
    poll = miner.send_poll(wire.format_message("POST /lp HTTP/1.1", miner.head() + [("Content-Length", "0")]))
    polling.wait_waiting(1)
    polling.find_block(polling.alpha)
    assert miner.submit(work_of(poll.wait(5)).solve()).result is True


def test_a_share_on_this_path_is_a_share(polling):
    polling.start()
    miner = polling.mining()
    work = miner.getwork()
    miner.path = "/lp"
    data = work.solve()
    reply = miner.submit(data)
    assert (reply.status, reply.result, reply.announced) == (200, True, "/lp")
    assert polling.alpha.accepted[0].data == data
    polling.wait_rows(1)


def test_a_path_that_was_pasted_twice(polling):
    polling.start()
    poll = polling.park(polling.mining(), "http://127.0.0.1:%d/mine/mine/lp" % polling.httpd.port)
    polling.find_block(polling.alpha)
    assert poll.wait(5).result["data"]


@pytest.mark.expects_log("AH01617")
@pytest.mark.parametrize("profile", ["cpuminer", "poclbm"])
def test_who_may_not_come_in_does_not_wait(polling, profile):
    polling.start()
    miner = polling.mining(profile=PROFILES[profile])
    intruder = Miner(polling.httpd.address, "rig1", "wrong", miner.profile)
    intruder.replies = miner.replies
    assert intruder.poll().wait(5).status == 401
    head = [line for line in miner.head() if line[0] != "Authorization"]
    assert miner.send_poll(wire.format_message("GET /lp HTTP/1.1", head)).wait(5).status == 401
    assert polling.waiting() == 0


def test_everything_that_comes_back_says_where_to_wait(polling):
    polling.start()
    miner = polling.miner()
    shares = miner.mine(2)
    assert {reply.announced for reply in miner.replies} == {"/lp"}
    assert miner.submit(shares[0][0]).announced == "/lp"
    assert miner.call("getwork", [["no share"]]).announced in ("/lp", None)
    polling.alpha.kill()
    polling.beta.kill()


def test_several_polls_of_one_worker_from_one_address(polling):
    polling.start()
    miner = polling.mining()
    polls = polling.park_all([miner] * 5)
    polling.find_block(polling.alpha)
    assert len({poll.wait(5).result["data"] for poll in polls}) == 5


def test_the_pools_own_word_on_old_shares(polling):
    """What the pool's own long poll brought is handed on as it came; works fetched for the others say nothing of it."""
    polling.alpha.submit_old = True
    polling.start()
    poll = polling.park(polling.mining())
    wait_until(lambda: len(polling.alpha.issued) == 2, 5, "the getwork behind the pool's poll was answered")
    polling.find_block(polling.alpha)
    assert poll.wait(5).is_for_old_shares


def test_workers_have_accounts_of_their_own(polling):
    for number in range(2, 6):
        polling.database.add_rig(polling.alpha, name=f"rig{number}")
    polling.start()
    miners = [polling.mining(f"rig{number}") for number in range(1, 6)]
    polls = polling.park_all(miners)
    polling.find_block(polling.alpha)
    for miner, poll in zip(miners, polls):
        assert miner.submit(work_of(poll.wait(5)).solve()).result is True
    assert {share.user for share in polling.alpha.accepted} == {f"rig{number}@alpha" for number in range(1, 6)}


@pytest.mark.both_databases
def test_shares_of_woken_miners_are_recorded(polling):
    polling.start()
    miner = polling.mining()
    poll = polling.park(miner)
    polling.find_block(polling.alpha)
    data = work_of(poll.wait(5)).solve()
    assert miner.submit(data).result is True
    polling.wait_rows(1)
    assert polling.database.share_of(polling.worker, data).result == 1


def test_a_head_is_no_poll(polling):
    polling.start()
    miner = polling.mining()
    poll = miner.send_poll(wire.format_message("HEAD /lp HTTP/1.1", miner.head() + [("Connection", "close")]))
    wait_until(lambda: not poll.is_pending, 5, "it is answered")
    status, *head = poll.buffer.decode().split("\r\n")
    allowed = next(line.split(":")[1] for line in head if line.startswith("Allow:"))
    assert " 405 " in status and {"GET", "POST"} <= set(allowed.replace(",", " ").split())
    assert head[-2:] == ["", ""]
    assert polling.waiting() == 0


def _lead_on(proxy):
    """From /await and /act, httpd itself goes on to /lp."""
    root = proxy.httpd.directory / "htdocs"
    root.mkdir()
    proxy.httpd.config.host = [
        f'DocumentRoot "{root}"', f'<Directory "{root}">', "RewriteEngine On", 'RewriteRule "^await$" "/lp"', "</Directory>",
        'Action led-on "/lp?" virtual', """<If "%{REQUEST_URI} == '/act'">""", "SetHandler led-on", "</If>"]
    proxy.start()


@EVERY_MPM
@pytest.mark.proxy(modules=["rewrite", "actions"])
@pytest.mark.parametrize("path", ["/await", "/act"])
def test_a_redirect_within_httpd(polling, mpm, path):
    assert polling.httpd.config.mpm == mpm
    _lead_on(polling)
    miners = [polling.mining(), polling.mining(profile=POCLBM)]
    polls = polling.park_all(miners, "http://127.0.0.1:%d%s" % (polling.httpd.port, path))
    holds_for(lambda: all(poll.is_pending for poll in polls), 0.5, "nobody is told anything without a reason")
    polling.find_block(polling.alpha)
    works = [work_of(poll.wait(5)) for poll in polls]
    assert [miner.submit(work.solve()).result for miner, work in zip(miners, works)] == [True, True]
    polling.wait_waiting(0)
    polling.park(miners[0], "http://127.0.0.1:%d%s" % (polling.httpd.port, path)).close()
    polling.wait_waiting(0)
    assert miners[1].mine(1)[0][1].result is True


@pytest.mark.proxy(modules=["rewrite", "actions"])
def test_redirected_polls_leave_threads_to_others(polling):
    """Whatever way they wait in: there are more of them than threads, some may be refused, and getworks are served."""
    _lead_on(polling)
    miner = polling.mining()
    polls = [miner.poll("http://127.0.0.1:%d/await" % polling.httpd.port) for _ in range(24)]
    wait_until(lambda: polling.waiting() + sum(not poll.is_pending for poll in polls) == 24, 5, "all of them wait or are refused")
    other = polling.miner()
    other.connection.timeout = 5
    assert other.ask().result
    assert {poll.reply.status for poll in polls if not poll.is_pending} <= {503}


@pytest.mark.proxy(directives=["MiningProxyLongPolling Off"])
def test_switched_off(polling):
    polling.start()
    miner = polling.mining()
    assert miner.replies[-1].announced is None
    assert miner.poll("http://127.0.0.1:%d/lp" % polling.httpd.port).wait(5).status == 404
    assert polling.alpha.polls == []
