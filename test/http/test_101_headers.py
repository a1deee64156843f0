# SPDX-License-Identifier: Apache-2.0
"""Which header lines reach a miner: those on the list and no other, whatever the pool sends."""
import pytest

from fakes import behaviours
from fakes.exchange import Answer
from fakes.miner import BFGMINER, CGMINER, DIABLO, PHOENIX, POCLBM, Profile

FRAME = {"date", "server", "content-type", "content-length", "connection", "keep-alive"}
OURS = {"x-roll-ntime", "x-reject-reason", "x-blocknum", "x-long-polling", "cache-control"}
POOL_HEADERS = [
    ("X-Stratum", "stratum+tcp://elsewhere:3333"), ("X-Switch-To", '{"host":"elsewhere","port":8332,"ttr":10}'),
    ("X-Host-List", '[{"host":"elsewhere","port":8332,"ttr":0}]'), ("X-Long-Polling", "http://elsewhere/lp"),
    ("X-Is-P2Pool", "true"), ("X-Source-Code", "http://elsewhere/"), ("Set-Cookie", "a=b"),
    ("Location", "http://elsewhere/"), ("WWW-Authenticate", 'Basic realm="x"'), ("Server", "leaky/1.0"),
    ("X-Powered-By", "PHP"), ("Refresh", "0; url=http://elsewhere/"), ("X-Mining-Extensions", "hashesdone"),
    ("Via", "1.1 elsewhere"), ("X-Submit-Old", "Y"), ("Connection", "keep-alive"), ("X-Unheard-Of", "elsewhere"),
    ("ETag", '"1"'), ("Expires", "0"), ("X-Mining-Identifier", "elsewhere")]
OTHERS = {"cgminer": CGMINER, "bfgminer": BFGMINER, "phoenix": PHOENIX, "diablominer": DIABLO,
          "nobody": Profile(user_agent=None)}


@pytest.fixture
def mining(proxy, make_pool):
    """A proxy with one worker at one pool, started."""
    proxy.fake = make_pool()
    proxy.database.add_rig(proxy.fake)
    return proxy.start()


def _roll(mining, profile, value):
    mining.fake.roll_ntime = value
    return mining.miner(profile=profile).getwork().reply.message.get("X-Roll-NTime")


def test_nothing_but_the_list_reaches_the_miner(mining):
    mining.fake.extra_headers = POOL_HEADERS
    miner = mining.miner()
    work = miner.getwork()
    replies = [work.reply, miner.submit(work.solve()), miner.submit(work.unsolved()), miner.probe_template()]
    for reply in replies:
        assert reply.message.names() <= FRAME | OURS, reply.message.headers
        everything = str(reply.message.headers) + reply.message.body.decode()
        assert "elsewhere" not in everything and "leaky" not in everything


@pytest.mark.expects_log("MP0210")
def test_a_pools_error_brings_no_headers_either(mining):
    mining.fake.behave(behaviours.says(Answer(500, POOL_HEADERS,
                                              b'{"result":null,"error":{"code":-1,"message":"no"},"id":1}')))
    reply = mining.miner().ask()
    assert reply.status == 200 and reply.error["message"]
    assert reply.message.names() <= FRAME | OURS


@pytest.mark.parametrize("value", [None, "N", "no", "0"])
@pytest.mark.parametrize("name", OTHERS)
def test_rolling_is_forbidden_by_N(mining, name, value):
    assert _roll(mining, OTHERS[name], value) == "N"


@pytest.mark.parametrize("value", [None, "N", "0"])
def test_rolling_is_forbidden_by_silence_for_poclbm(mining, value):
    assert _roll(mining, POCLBM, value) is None


@pytest.mark.parametrize("profile", [CGMINER, POCLBM, PHOENIX, DIABLO], ids=lambda profile: profile.user_agent)
def test_rolling_is_allowed_as_the_pool_says(mining, profile):
    assert _roll(mining, profile, "expire=120") == "expire=120"
    assert _roll(mining, profile, "Y") in ("Y", "1")


def test_rolled_work_is_accepted(mining):
    mining.fake.roll_ntime = "expire=120"
    mining.fake.ledger.rolling = True
    miner = mining.miner()
    work = miner.getwork()
    assert [miner.submit(work.rolled(seconds).solve()).result for seconds in (0, 1, 60)] == [True] * 3
    mining.wait_rows(3)


@pytest.mark.parametrize("reason", ["stale", "prevhash-stale", "Some free text, 100%"])
def test_the_reason_of_a_rejection_is_passed_on(mining, reason):
    mining.fake.behave(behaviours.reject_all(reason), on="share")
    data, reply = mining.miner().mine(1)[0]
    assert (reply.status, reply.result, reply.reason) == (200, False, reason)
    mining.wait_rows(1)
    row = mining.database.share_of(mining.database.worker_id("rig1"), data)
    assert (row.result, row.reason) == (0, reason)


@pytest.mark.parametrize("reason",
                         ["x" * 5000, "tab\there", "\x01\x02bell\x07", "ünïcödé", "<script>alert(1)</script>", "\x7f",
                          "a\x1b[31mred"])
def test_a_strange_reason_harms_nobody(mining, reason):
    mining.fake.behave(behaviours.reject_all(reason), on="share")
    miner = mining.miner()
    _, reply = miner.mine(1)[0]
    assert (reply.status, reply.result) == (200, False)
    said = reply.reason
    assert said and len(said) < 200 and said.isascii() and said.isprintable()
    mining.wait_rows(1)
    assert miner.getwork()


def test_a_rejection_without_a_reason_gets_one(mining):
    mining.fake.says_why = False
    miner = mining.miner()
    reply = miner.submit(miner.getwork().unsolved())
    assert reply.result is False and reply.reason


def test_an_accepted_share_has_no_reason(mining):
    assert mining.miner().mine(1)[0][1].reason is None
