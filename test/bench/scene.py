# SPDX-License-Identifier: Apache-2.0
"""Many long polls at one httpd child: the scene, what is measured, and what must hold. The benchmark plays it large, a test small."""
import crypt
from dataclasses import dataclass, field
import statistics
from typing import Any, Callable, Iterable

from harness.database import PASSWORD, Database

from .observer import Observer, Sight
from .tools import Crowd, Pool

# As the shipped configuration has it, with one child and fewer connections: for each a file must be open, and 20,000 may be.
HTTPD_DIRECTIVES = ["AsyncRequestWorkerFactor 250", "LogLevel notice", '<Directory "/">\nAllowOverride None\n</Directory>']
DIRECTIVES = HTTPD_DIRECTIVES + [
    "MiningProxyWorkTimeout 2s", "MiningProxySubmitTimeout 30s", "MiningProxyFailbackAfter 30s", "MiningProxyDatabaseTimeout 5s"]
CONFIG: dict[str, Any] = {"mpm": "event", "children": 1, "threads": 64, "timeout": 3900, "keep_alive_timeout": 120}
OTHERS = 16  # accounts and connections of those who fetch work all the time
SHARES = 8  # connections over which shares are submitted


@dataclass
class Plan:
    """How large, and what must hold."""

    polls: int = 10000
    workers: int = 1000
    bystanders: int = 50
    rate: int = 200
    blocks: int = 11  # the first is looked at closely, the others come in a row
    rest: int = 10  # seconds of nothing but getworks
    repoll: int = 0  # milliseconds between an answer and the next poll; miners take none
    threads: int = 3
    kilobytes: float = 25
    last: float = 3.0
    rest_p99: float = 20
    wake_p99: float = 250
    back: float = 0.10
    growth: float = 0.05
    looks_at_memory: bool = True
    worst: Callable[[Iterable[float]], float] = max  # which block counts for what a machine that stands still now and then makes worse: max or min

    def options(self) -> dict[str, int]:
        """For the crowd."""
        return {"polls": self.polls, "workers": self.workers, "bystanders": self.bystanders, "rate": self.rate,
                "sample": min(200, self.polls), "repoll": self.repoll}


@dataclass
class Requirement:
    """One line of the verdict."""

    name: str
    required: str
    measured: str
    holds: bool
    by_machine: bool = False  # a machine that is busy with something else makes it worse, and nothing makes it better


@dataclass
class Outcome:
    """What was seen."""

    start: Sight
    parked: Sight
    blocks: list[dict[str, Any]] = field(default_factory=list)
    after_blocks: list[Sight] = field(default_factory=list)
    bystanders: list[int] = field(default_factory=list)
    end: Sight | None = None
    last: dict[str, Any] = field(default_factory=dict)
    connections: tuple[int, int] = (0, 0)  # those beside the polls at most, and what was left when the polls had hung up
    processor: float = 0  # seconds that the child computed for the first block


def add_farm(database: Database, pool: Pool, plan: Plan) -> None:
    """The pool and everybody's account, before httpd starts. All share one password, so that one hash does."""
    hashed = crypt.crypt(PASSWORD, "$2b$05$abcdefghijklmnopqrstuu")
    names = [f"{kind}{number}" for kind, count in (("w", plan.workers), ("b", plan.bystanders), ("g", OTHERS))
             for number in range(1, count + 1)]
    pool_id = database.add_pool(pool.name, pool.url)
    database.run(f"INSERT INTO worker (name, password) VALUES {', '.join(['(?, ?)'] * len(names))}",
                 *[value for name in names for value in (name, hashed)])
    database.run("INSERT INTO worker_pool (pool_id, worker_id, pool_username, pool_password, priority, enabled)"
                 " SELECT ?, id, name, 'pool-pw', 0, 1 FROM worker WHERE name <> 'readiness'", pool_id)


def play(plan: Plan, pool: Pool, port: int, child: int) -> Outcome:
    """The whole scene, against a httpd that runs."""
    observer = Observer(child, port)
    with Crowd(port, pool, **plan.options()) as crowd:
        crowd.step("login")
        beside = plan.bystanders + OTHERS + SHARES
        for step in ("park", "block", "close", "bystanders"):  # everything has worked once; whom the departure cost the connection has one again
            crowd.step(step)
        observer.settle(beside)
        crowd.step(f"rest {plan.rest}")
        start = observer.look()
        crowd.step("park")
        observer.settle(beside + plan.polls)
        still_open = crowd.step("bystanders")["bystanders_open"]
        crowd.step(f"rest {plan.rest}")
        outcome = Outcome(start, observer.look(), bystanders=[still_open])
        for _ in range(plan.blocks):
            _one_block(outcome, crowd, observer, beside + plan.polls)
        crowd.step("close")
        outcome.connections = (beside, observer.settle(beside))
        observer.rest()
        outcome.end = observer.look()
        outcome.last = crowd.step("bystanders")
        outcome.bystanders.append(outcome.last["bystanders_open"])
        return outcome


def _one_block(outcome: Outcome, crowd: Crowd, observer: Observer, connections: int) -> None:
    before = observer.processor_time()
    outcome.blocks.append(crowd.step("block"))
    outcome.processor = outcome.processor or observer.processor_time() - before
    observer.settle(connections)
    outcome.after_blocks.append(observer.look())
    outcome.bystanders.append(crowd.step("bystanders")["bystanders_open"])


def alone(plan: Plan) -> dict[str, Any]:
    """Crowd and pool without anything between them: what the programs themselves need."""
    with Pool() as pool, Crowd(pool.port, pool, **plan.options()) as crowd:
        for step in ("login", "park", "rest 2", "block"):
            seen = crowd.step(step)
        return seen


def judge(plan: Plan, outcome: Outcome) -> list[Requirement]:
    """Every requirement, with what was measured."""
    return _judge_blocks(plan, outcome) + _judge_others(plan, outcome) + _judge_child(plan, outcome)


def _judge_blocks(plan: Plan, outcome: Outcome) -> list[Requirement]:
    blocks = outcome.blocks
    sums = {name: sum(block[name] for block in blocks) for name in ("answered", "lost", "early", "duplicates", "wrong_block", "shares",
                                                                    "accepted")}
    errors = {name: count for name, count in outcome.last["errors"].items() if count}
    usual = statistics.median(block["times"]["max_ms"] for block in blocks)
    wanted = plan.polls * plan.blocks
    bad = {name: sums[name] for name in ("lost", "early", "duplicates", "wrong_block") if sums[name]}
    return [
        Requirement("polls answered, none lost", f"{plan.blocks} x {plan.polls}", f"{sums['answered']}" + _but(bad),
                    sums["answered"] == wanted and not bad),
        Requirement("errors seen by the polls", "none",
                    " ".join([_but(errors).strip(" ,"), outcome.last["last_error"][:80]]).strip() or "none", not errors),
        Requirement("a sample of the works is routable", "every share accepted", f"{sums['accepted']} of {sums['shares']}",
                    0 < sums["shares"] == sums["accepted"]),
        Requirement("the last poll answered, first block", f"<= {plan.last:g} s", f"{blocks[0]['times']['max_ms'] / 1000:.2f} s",
                    blocks[0]["times"]["max_ms"] <= plan.last * 1000, by_machine=True),
        Requirement(f"the last poll answered, median of {plan.blocks} blocks", f"<= {plan.last:g} s", f"{usual / 1000:.2f} s",
                    usual <= plan.last * 1000, by_machine=True)]


def _but(counts: dict[str, int]) -> str:
    return "".join(f", {count} {name}" for name, count in counts.items())


def _judge_others(plan: Plan, outcome: Outcome) -> list[Requirement]:
    rest, wake = outcome.last["rest"], outcome.last["wake"]
    failed = outcome.last["failed_fetches"]
    # What the last look finds behind a mass departure is only told.
    fewest = plan.bystanders - plan.worst(plan.bystanders - count for count in outcome.bystanders[1:-1])
    return [
        Requirement(f"{plan.rate} getworks/s while all wait, 99 %", f"< {plan.rest_p99:g} ms", f"{rest['p99_ms']:.1f} ms ({rest['count']})",
                    rest["count"] > 0 and rest["p99_ms"] < plan.rest_p99, by_machine=True),
        Requirement(f"{plan.rate} getworks/s during the wake, 99 %", f"< {plan.wake_p99:g} ms",
                    f"{wake['p99_ms']:.1f} ms ({wake['count']})",
                    wake["count"] > 0 and wake["p99_ms"] < plan.wake_p99, by_machine=True),
        Requirement("getworks that failed", "0", f"{failed} of {outcome.last['fetched']}", failed == 0, by_machine=True),
        Requirement("bystanders' idle connections still open", f"{plan.bystanders}",
                    f"{fewest}" + ("" if fewest == plan.bystanders else f" (in turn {outcome.bystanders})"),
                    fewest == plan.bystanders, by_machine=True)]


def _judge_child(plan: Plan, outcome: Outcome) -> list[Requirement]:
    start, parked, end = outcome.start, outcome.parked, outcome.end

    def each(sight: Sight) -> float:
        return (sight.own - start.own) / plan.polls
    back = end.own / start.own - 1
    first, last = outcome.after_blocks[0], outcome.after_blocks[-1]
    growth = last.own / first.own - 1
    beside, after = outcome.connections
    found = [
        Requirement("threads more than with none waiting", f"<= {plan.threads}",
                    f"{parked.threads - start.threads} ({start.threads} before)",
                    parked.threads - start.threads <= plan.threads),
        Requirement("connections left after all hung up", f"<= {beside}", f"{after}", after <= beside)]
    if not plan.looks_at_memory:
        return found
    return found + [
        Requirement("memory of each waiting poll", f"<= {plan.kilobytes:g} KB", f"{each(parked):.1f} KB", each(parked) <= plan.kilobytes),
        Requirement("the same after the last block", f"<= {plan.kilobytes:g} KB", f"{each(last):.1f} KB", each(last) <= plan.kilobytes),
        Requirement("memory after all hung up, against the start", f"<= +{plan.back:.0%}",
                    f"{back:+.1%} ({start.own / 1000:.1f} MB, {end.own / 1000:.1f} MB)", back <= plan.back),
        Requirement(f"growth from the first block to the last of {plan.blocks}", f"<= {plan.growth:.0%}",
                    f"{growth:+.1%} ({first.own / 1000:.1f} MB, {last.own / 1000:.1f} MB)", growth <= plan.growth)]
