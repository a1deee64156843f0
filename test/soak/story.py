# SPDX-License-Identifier: Apache-2.0
"""What happens, in rounds: a block, miners that vanish and come back, an operator, a pool that fails and is mended. At first each round ends with restarts; later httpd's
children live on. Behind each round all polls hang up, and everything is looked at."""
from dataclasses import dataclass, field, replace
import itertools
import time
from typing import Any, Callable

from bench.observer import Observer
from harness import errorlog

from . import sights
from .farm import EDITED, Farm

DECLARED = {"MP0210", f"AH01617: user {EDITED}:"}  # a pool is down; a password that one child does not know yet
WAYS = ("hangs", "refuses")
VANISHING = 10  # one of so many polls, at a time
LINE = 60.0  # seconds from one line to the next


@dataclass
class Progress:
    """Says once a minute how it goes."""

    tell: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)
    fetched: int = 0
    shares: int = 0
    doing: str = ""

    def tick(self, farm: Farm, seen: dict[str, Any]) -> None:
        """To be called every second or so, with what the crowd said."""
        now = time.monotonic()
        passed = now - self.last
        if passed < LINE:
            return
        own = [Observer(pid, farm.httpd.port).look().own / 1000 for pid in [farm.httpd.pid, *farm.httpd.children()]]
        shares = farm.drill.count
        self.tell(f"{(now - self.began) / 60:.0f} min, {self.doing}: {(seen['fetched'] - self.fetched) / passed:.0f} getworks/s, "
                  f"{(shares - self.shares) / passed:.1f} shares/s, {seen['waiting']} polls wait, {sights.connections(farm)} connections to the database; "
                  f"parent {own[0]:.2f} MB, children {', '.join(f'{mb:.2f}' for mb in own[1:])} MB")
        self.last, self.fetched, self.shares = now, seen["fetched"], shares


class Story:
    """One play."""

    def __init__(self, farm: Farm, tell: Callable[[str], None]):
        self.farm, self.plan, self.crowd = farm, farm.plan, farm.crowd
        self.progress = Progress(tell)
        self.seen = sights.Seen()
        self.observer = Observer(farm.httpd.pid, farm.httpd.port)
        self.numbers, self.ways = itertools.count(), itertools.cycle(WAYS)

    def play(self) -> sights.Seen:
        """All of it. @return what was seen"""
        plan = self.plan
        self.crowd.step("login")
        self.crowd.step("park")
        with self.farm.drill:
            self._rounds(plan.with_restarts, 1, lambda: self.seen.first.append(self._round(plan.restarts, plan.rest)))
            self._warm_up()
            self._rounds(plan.settling, plan.warm, lambda: self._round(0, plan.rest))
            self._rounds(plan.without, plan.rounds, lambda: self.seen.second.append(self._round(0, plan.long_rest)))
        self.seen.last = self.crowd.step("rest 1")
        self._close()
        return self.seen

    def _warm_up(self) -> None:
        """The last children do everything for the first time."""
        self.crowd.step("login")
        for _ in range(self.plan.pages):
            self.farm.look_at_console()

    @staticmethod
    def _rounds(seconds: float, count: int, play: Callable[[], Any]) -> None:
        end = time.monotonic() + seconds
        while count > 0 or time.monotonic() < end:
            play()
            count -= 1

    def _round(self, restarts: int, rest: float) -> sights.Sight:
        self._live(self.plan.steady, "all is well")
        self.seen.wakes.append(self.crowd.step("block"))
        self.crowd.step(f"vanish {self.plan.polls // VANISHING}")
        self.farm.look_at_console()
        self.farm.edit_worker()
        if next(self.numbers) % self.plan.failovers == 1 % self.plan.failovers:
            self._fail_over(next(self.ways))
        for _ in range(restarts):
            self._wake("a restart", self.farm.httpd.graceful)
            self.seen.parents.append(sights.Look.at(self.farm.httpd.pid, self.farm.httpd.port))
        self.crowd.step("forget")
        return self._look(rest)

    def _fail_over(self, way: str) -> None:
        alpha = self.farm.proxy.pools[0]
        self._wake(f"a pool {way}", lambda: self.farm.fail(way))
        self._live(self.plan.down, "the pool is away")
        taken = len(alpha.accepted)
        self._wake("the pool is back", lambda: self.farm.mend(way))
        self._until(lambda _: len(alpha.accepted) > taken, "the rigs' pool is back")
        self.seen.returns.append(len(alpha.accepted) > taken)

    def _look(self, rest: float) -> sights.Sight:
        """The polls hang up and come back."""
        plan = self.plan
        self.crowd.step("close")
        self._live(rest, "no poll waits")
        found = sights.take(self.farm, plan.looks, lambda: self._live(0, "no poll waits"))
        self.crowd.step("park")
        self._live(rest, "all polls wait")
        parked = sights.take(self.farm, plan.looks, lambda: self._live(0, "all polls wait"))
        return replace(found, own_parked=sum(look.own for look in parked.children.values()))

    # Time passes

    def _live(self, seconds: float, doing: str) -> dict[str, Any]:
        """So long, and one tick at least."""
        end = time.monotonic() + seconds
        self.progress.doing = doing
        while True:
            seen = self.crowd.step(f"rest {self.plan.tick}")
            self.progress.tick(self.farm, seen)
            failures = [rig.failure for rig in self.farm.drill.rigs if rig.failure]
            assert not failures, failures
            if time.monotonic() >= end:
                return seen

    def _until(self, condition: Callable[[dict[str, Any]], bool], doing: str) -> dict[str, Any]:
        """Or until its patience is at an end."""
        end = time.monotonic() + self.plan.patience
        while not condition(seen := self._live(0, doing)) and time.monotonic() < end:
            pass
        return seen

    def _wake(self, what: str, cause: Callable[[], None]) -> None:
        """Every poll is answered because of that, and waits again."""
        self._until(lambda _: self.observer.connections()[1] == 0, what)
        self.crowd.step("expect")
        cause()
        polls = self.plan.polls
        seen = self._until(lambda seen: seen["answered"] >= polls and seen["waiting"] >= polls, what)
        self.seen.wakes.append(seen | {"step": what})

    # The end

    def _close(self) -> None:
        """Books and error log."""
        drill, httpd = self.farm.drill, self.farm.httpd
        try:
            drill.close_books()
            drill.audit_order()
        except AssertionError as error:
            self.seen.books = str(error) or repr(error)
        self.seen.shares, self.seen.accepted, self.seen.repeats = drill.count, len(drill.rows_of(1)), drill.repeats
        self.seen.loud = errorlog.undeclared(httpd.log.text() + httpd.stderr(), DECLARED, httpd.killed)
