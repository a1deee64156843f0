# SPDX-License-Identifier: Apache-2.0
"""The best pool breaks, in every way there is, while a farm mines; then it is mended. Its miners work for the next one meanwhile, nobody sees an
HTTP error, and pools, miners and database agree on each share.

MP_FAULTS=long ("make check-faults") tries each way alone with more shares; otherwise one farm has a pool for each, and all break at once.
"""
from collections import Counter
from dataclasses import dataclass
import os
import secrets
from typing import Any, Callable

import pytest

from fakes import behaviours
from fakes.certificates import Authority
from fakes.names import Names
from fakes.pool import TRIVIAL, FakePool
from harness.drill import Drill
from harness.waiting import holds_for, wait_until

IS_LONG = os.environ.get("MP_FAULTS") == "long"
SEED = int(os.environ.get("MP_DRILL_SEED") or secrets.randbits(32))
NAME = "pool.farm"
WORK = '{"result": %s, "error": null, "id": 1}'
SPLIT = "bad\rX-Evil: 1\x0b\x1b[31m"  # what would be a header line of its own, and colours on a terminal
pytestmark = [pytest.mark.load, pytest.mark.expects_log("MP0210"),
              pytest.mark.proxy(children=2, threads=64, directives=["MiningProxySubmitTimeout 5s", "MiningProxyWorkTimeout 5s",
                                                                    "MiningProxySubmitRetries 3"])]


@dataclass
class Scene:
    """What faults need beside their pool."""

    authority: Authority
    stranger: Authority
    names: Names


@dataclass
class Fault:
    """One way to break a pool, and to mend it. leaves: its miners get work elsewhere meanwhile. at_start: it is broken before httpd starts. sent: how
    often a share may come, as a pool's redirects to itself are followed twice."""

    begin: Callable[[Scene, FakePool], None]
    end: Callable[[Scene, FakePool], None] = lambda _, pool: pool.recover()
    leaves: bool = True
    at_start: bool = False
    is_tls: bool = False
    sent: int = 1
    host: str = "127.0.0.1"


def _answers(behaviour: behaviours.Behaviour) -> Fault:
    """Work is never given; shares are judged, and nobody hears how."""
    def begin(_: Scene, pool: FakePool) -> None:
        pool.behave(behaviour)
        pool.behave(behaviours.judged(behaviour), on="share")
    return Fault(begin, sent=3 if behaviour is behaviours.redirect_to_itself else 1)


def _revive(_: Scene, pool: FakePool) -> None:
    pool.kill()
    pool.revive()


def _begin_injection(_: Scene, pool: FakePool) -> None:
    pool.extra_headers = [("X-Roll-NTime", "expire=9\rX-Evil: 1"), ("X-Evil", "1"), ("Set-Cookie", "a=b")]
    pool.long_polling = "/lp\rX-Evil: 1"
    pool.extra_members = {"x\r\nX-Evil: 1": "\r\nX-Evil: 1\r\n\r\n"}
    pool.behave(behaviours.reject_all(SPLIT), on="share")


def _end_injection(_: Scene, pool: FakePool) -> None:
    pool.extra_headers, pool.long_polling, pool.extra_members = [], None, {}
    pool.recover()


def _present(authority: str, names: str) -> Callable[[Scene, FakePool], None]:
    def present(scene: Scene, pool: FakePool) -> None:
        pool.tls = getattr(scene, authority).context("other", names)
        pool.hang_up()
    return present


def _certificate(authority: str, names: str) -> Fault:
    return Fault(_present(authority, names), _present("authority", "IP:127.0.0.1"), is_tls=True)


WRONG_TYPES = behaviours.one_of(*(behaviours.result(value) for value in (7, "true", [True], {"data": 1}, {}, None, 1.5)))
FAULTS = {
    "refuses": Fault(lambda _, pool: pool.kill(), _revive),
    "hangs at connect": Fault(lambda _, pool: pool.choke(), _revive),
    "resets": _answers(behaviours.reset),
    "closes": _answers(behaviours.close),
    "hangs before headers": _answers(behaviours.hang),
    "hangs in headers": _answers(behaviours.hang_in_headers),
    "hangs after headers": _answers(behaviours.hang_after_headers),
    "hangs in the body": _answers(behaviours.hang_in_body),
    "closes in the body": _answers(behaviours.close_in_body),
    "trickles": _answers(behaviours.trickle(0.1)),  # for longer than anybody waits
    "500": _answers(behaviours.status(500)),
    "100 MB": _answers(behaviours.huge(100_000_000)),
    "invalid UTF-8": _answers(behaviours.body(b'{"result": true, "error": null, "id": "\xff\xc3\x28\xed\xa0\x80"}')),
    "deep JSON": _answers(behaviours.body((WORK % ("[" * 100_000 + "]" * 100_000)).encode())),
    "huge numbers": _answers(behaviours.one_of(behaviours.body((WORK % ("9" * 5000)).encode()), behaviours.body((WORK % "1e99999").encode()))),
    "wrong types": _answers(WRONG_TYPES),
    "header injection": Fault(_begin_injection, _end_injection, leaves=False),
    "redirect loop": _answers(behaviours.redirect_to_itself),
    "unknown authority": _certificate("stranger", "IP:127.0.0.1"),
    "certificate of another": _certificate("authority", "DNS:elsewhere.example"),
    "no such name": Fault(lambda scene, _: scene.names.know(), lambda scene, _: scene.names.know(NAME), at_start=True, host=NAME)}
GROUPS = [[name] for name in FAULTS] if IS_LONG else [list(FAULTS)]
SHARES = 200 if IS_LONG else 400
HEADERS = {"date", "server", "content-type", "content-length", "connection", "keep-alive", "x-long-polling", "x-reject-reason", "x-roll-ntime"}


@pytest.fixture
def scene(directory: Any, authority: Authority, proxy: Any) -> Scene:
    """Whom the proxy trusts, and what names it knows."""
    made = Scene(authority, Authority(directory / "strange", "stranger"), Names(directory))
    proxy.httpd.more_environment = made.names.environment
    proxy.httpd.config.directives.append(f"MiningProxyUpstreamCAFile {authority.ca}")
    return made


def _add_pool(proxy: Any, make_pool: Any, scene: Scene, name: str) -> FakePool:
    fault = FAULTS[name]
    pool = make_pool(name.replace(" ", "-"), difficulty=TRIVIAL, tls=scene.authority.context() if fault.is_tls else None)
    pool.without = {"midstate", "hash1"}
    proxy.database.add_pool(pool, pool.url.replace("127.0.0.1", fault.host))
    return pool


def _add_farm(proxy: Any, make_pool: Any, scene: Scene, group: list[str]) -> dict[str, list[str]]:
    """For each fault a pool with two rigs, whose second pool is healthy; two others have it the other way round."""
    healthy = make_pool("healthy", difficulty=TRIVIAL)
    healthy.without = {"midstate", "hash1"}
    proxy.pools, rigs = [healthy], {}
    for name in group:
        pool = _add_pool(proxy, make_pool, scene, name)
        proxy.pools.append(pool)
        rigs[name] = [f"{pool.name}-{number}" for number in (1, 2)]
        for rig in rigs[name]:
            proxy.database.add_rig(pool, healthy, name=rig)
    rigs["healthy"] = ["rig1", "rig2"]
    for rig in rigs["healthy"]:
        proxy.database.add_rig(healthy, proxy.pools[1], name=rig)
    return rigs


def _wait_elsewhere(drill: Drill, rigs: dict[str, list[str]], group: list[str]) -> None:
    healthy = drill.proxy.pools[0]
    for name in group:
        if FAULTS[name].leaves:
            wait_until(lambda rigs=rigs[name]: any(work.user.split("@")[0] in rigs for work in healthy.issued), 30,
                       f"the miners of \"{name}\" get work elsewhere")


def _assert_clean(drill: Drill) -> None:
    """No byte of a pool's headers reaches a miner but those that are meant to."""
    names = set().union(*(reply.message.names() for rig in drill.rigs for reply in rig.miner.replies))
    assert names <= HEADERS, names - HEADERS
    reasons = {entry.reason for entry in drill.entries().values() if entry.reason}
    assert not [reason for reason in reasons if not reason.isprintable() or not reason.isascii()], reasons


def _assert_undisturbed(drill: Drill, names: list[str]) -> None:
    """Miners of the healthy pool hear of nothing."""
    reasons = {entry.reason for rig in drill.rigs if rig.name in names for entry in rig.entries}
    assert reasons <= {None, "high-hash"}, reasons


def _assert_not_sent_again(faults: dict[FakePool, Fault]) -> None:
    """What may have arrived stays where it is."""
    for pool, fault in faults.items():
        sent = Counter(request.param for request in pool.requests if request.is_share)
        assert max(sent.values()) <= fault.sent, f"{pool.name} got a share again"


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group[0] if len(group) == 1 else "all")
def test_the_best_pool_breaks_and_is_mended(proxy, make_pool, scene, group):
    scene.names.know(NAME)
    rigs = _add_farm(proxy, make_pool, scene, group)
    faults = {pool: FAULTS[name] for pool, name in zip(proxy.pools[1:], group)}
    for pool, fault in faults.items():
        if fault.at_start:
            fault.begin(scene, pool)
    proxy.start()
    with Drill(proxy, [rig for names in rigs.values() for rig in names], SEED, pace=0.05) as drill:
        drill.negatives = {0, None}
        drill.mine(SHARES)
        for pool, fault in faults.items():
            assert fault.at_start or pool.accepted
            fault.begin(scene, pool)
        drill.mine(SHARES)
        _wait_elsewhere(drill, rigs, group)
        drill.mine(SHARES)
        served = {pool: len(pool.accepted) for pool in faults}
        for pool, fault in faults.items():
            fault.end(scene, pool)
        for pool, count in served.items():
            wait_until(lambda pool=pool, count=count: len(pool.accepted) > count + 2, 60, f"the pool \"{pool.name}\" serves again")
    drill.close_books()
    assert drill.hangups == 0 and drill.repeats == 0, "a miner saw more than other work"
    _assert_clean(drill)
    _assert_undisturbed(drill, rigs["healthy"])
    _assert_not_sent_again(faults)


PAIRS = {
    "refuse": lambda pool: pool.kill(), "hang": lambda pool: pool.behave(behaviours.hang),
    "500": lambda pool: pool.behave(behaviours.status(500)), "garbage": lambda pool: pool.behave(behaviours.judged(behaviours.garbage))}


@pytest.mark.parametrize("how", PAIRS if IS_LONG else ["refuse", "garbage"])
def test_all_pools_break(polling, how):
    """Miners are told so in a 200, polls go on waiting, and what was sent already is in the books."""
    polling.pools = [polling.alpha, polling.beta]
    for pool in polling.pools:
        pool.difficulty = TRIVIAL
    names = [f"rig{number}" for number in range(2, 8)]
    for name in names:
        polling.database.add_rig(polling.alpha, polling.beta, name=name)
    polling.start()
    miner = polling.mining()
    with Drill(polling, names, SEED, pace=0.05) as drill:
        drill.negatives = {0, None}
        drill.mine(50)
        polls = polling.park_all([miner] * 5)
        for pool in polling.pools[::-1]:  # or the best one's miners would have time to leave it for the other
            PAIRS[how](pool)
        asked = wait_until(lambda: (reply := miner.ask()).error and reply, 20, "no pool gives work")
        assert (asked.status, asked.result) == (200, None) and "pool" in asked.error["message"]
        holds_for(lambda: all(poll.is_pending for poll in polls), 1, "there is no work to be had")
        wait_until(lambda: drill.repeats, 30, "the rigs are told that there is no work")
        for pool in polling.pools:
            _revive(None, pool)
            pool.recover()
            pool.new_block()
        for poll in polls:
            assert poll.wait(40).status == 200
        drill.mine(100)
    drill.close_books()
    assert drill.hangups == 0
