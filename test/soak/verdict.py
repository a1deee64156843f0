# SPDX-License-Identifier: Apache-2.0
"""What is required of what was seen. Growth is that from the median of the first third of the looks to that of the last third: a leak goes on, and what is merely busy in
one look is not."""
import statistics

from bench.scene import Requirement

from .farm import CONNECTIONS
from .plan import Plan
from .sights import Look, Seen, Sight

PARENT_FLOOR = 100  # kB; the parent does nothing but start children
SPARE_LINKS = 3 * 64  # idle connections to pools come and go, each with a pair of sockets of libcurl's
SPOOL = 1000  # kB that the state directory may hold while the database is there


def ends(values: list[float]) -> tuple[float, float]:
    """Medians of the first third and of the last."""
    assert len(values) >= 3, "too few looks to tell growth from chance"
    third = max(1, len(values) // 3)
    return statistics.median(values[:third]), statistics.median(values[-third:])


def judge(plan: Plan, seen: Seen) -> list[Requirement]:
    """Every requirement."""
    return _judge_memory(plan, seen) + _judge_things(seen) + _judge_miners(plan, seen) + _judge_words(seen)


def tell_looks(seen: Seen) -> str:
    """Each child's memory in turn, and its sockets but for miners."""
    lines = [f"child {number}: " + ", ".join(f"{look.own / 1000:.2f} MB {look.links:g}" for look in looks) for number, looks in enumerate(_children(seen), 1)]
    return "\n".join([*lines, "all polls wait: " + ", ".join(f"{sight.own_parked / 1000:.2f} MB" for sight in seen.second),
                      "parent: " + ", ".join(f"{look.own / 1000:.2f} MB" for look in seen.parents)])


# Memory

def _growth(name: str, growth: float, floor: float, values: list[float]) -> Requirement:
    first, last = ends(values)
    allowed = max(growth * first, floor)
    return Requirement(name, f"<= {growth:.0%} or {floor:g} kB", f"{last / first - 1:+.1%}, {last - first:+.0f} kB ({first / 1000:.2f} MB at first)",
                       last - first <= allowed)


def _children(seen: Seen) -> list[list[Look]]:
    """The looks at each that lived all the time."""
    lived = set.intersection(*(set(sight.children) for sight in seen.second))
    return [[sight.children[pid] for sight in seen.second] for pid in sorted(lived)]


def _judge_memory(plan: Plan, seen: Seen) -> list[Requirement]:
    children, ever = _children(seen), set().union(*(sight.children for sight in seen.second))
    found = [Requirement("children that lived all the time", f"{len(ever)}", f"{len(children)}", 0 < len(children) == len(ever))]
    if not plan.looks_at_memory:
        return found
    # Not of each child: which of them has how many connections to pools and miners, of some 25 kB each, changes with every round.
    growth, floor = plan.growth, plan.floor
    found.append(_growth("memory of all children, when no poll waits", growth, floor, [sum(look.own for look in looks) for looks in zip(*children)]))
    found.append(_growth("memory of all children, when all polls wait", growth, floor, [sight.own_parked for sight in seen.second]))
    found.append(_growth(f"memory of the parent over {len(seen.parents)} restarts", growth, PARENT_FLOOR, [look.own for look in seen.parents]))
    found.append(_growth("memory of the parent without restarts", growth, PARENT_FLOOR, [sight.parent.own for sight in seen.second]))
    return found


# What else can pile up

def _flat(name: str, values: list[float], spare: float = 0) -> Requirement:
    first, last = ends(values)
    return Requirement(name, f"<= {first + spare:g}", f"{last:g}", last <= first + spare)


def _most(name: str, values: list[float], limit: float) -> Requirement:
    return Requirement(name, f"<= {limit:g}", f"{max(values):g}", max(values) <= limit)


def _judge_things(seen: Seen) -> list[Requirement]:
    parents, sights = seen.parents, seen.first + seen.second
    found = [
        _flat("files and sockets of the parent over the restarts", [look.files + look.links for look in parents]),
        _flat("shared memory of the parent over the restarts, kB", [look.shared for look in parents]),
        _most("threads of the parent", [look.threads for look in parents], 1)]
    for number, looks in enumerate(_children(seen), 1):
        found += [_flat(f"threads of child {number}", [look.threads for look in looks]),
                  _flat(f"files that child {number} has open", [look.files for look in looks]),
                  _flat(f"sockets of child {number} but for miners", [look.links for look in looks], SPARE_LINKS),
                  _flat(f"shared memory of child {number}, kB", [look.shared for look in looks])]
    return found + [
        _flat("files in the state directory", [sight.files for sight in sights]),
        _most("kB in the state directory", [round(sight.kilobytes) for sight in sights], SPOOL),
        _most("connections to the database", [sight.connections for sight in sights], _connections(sights))]


def _connections(sights: list[Sight]) -> int:
    return CONNECTIONS * max(len(sight.children) for sight in sights)


# What miners saw

def _judge_miners(plan: Plan, seen: Seen) -> list[Requirement]:
    wakes, last = seen.wakes, seen.last
    whole = sum(wake["answered"] == wake["waiting"] == plan.polls for wake in wakes)
    late = next((f" ({wake['step']}: {wake['answered']} answered, {wake['waiting']} wait)" for wake in wakes
                 if not wake["answered"] == wake["waiting"] == plan.polls), "")
    wrong = {name: count for name in ("duplicates", "wrong_block") if (count := sum(wake[name] for wake in wakes))}
    errors = {name: count for name, count in last["errors"].items() if count}
    failed = last["failed_fetches"] + last["failed_while_closing"]
    return [
        Requirement("blocks, failovers and restarts that woke each poll", f"{len(wakes)}", f"{whole}{late}", whole == len(wakes) > 0),
        Requirement("pools to which the rigs returned", f"{len(seen.returns)}", f"{sum(seen.returns)}", all(seen.returns) and bool(seen.returns)),
        Requirement("polls that wait at the end", f"{plan.polls}", f"{last['waiting']}", last["waiting"] == plan.polls),
        Requirement("wrong works of polls", "none", _counts(wrong), not wrong),
        Requirement("errors seen by the polls", "none", f"{_counts(errors)} {last['last_error']}".strip(), not errors),
        Requirement("getworks that failed", "0", f"{failed} of {last['fetched']} {last['last_failure']}".strip(), failed == 0 < last["fetched"])]


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


# Books and log

def _judge_words(seen: Seen) -> list[Requirement]:
    return [
        Requirement("shares in the books of miners, pools and database", "once each", seen.books[:300] or f"{seen.accepted} accepted of {seen.shares}",
                    not seen.books and seen.accepted > 0),
        Requirement("requests of rigs that were answered with an error", "0", f"{seen.repeats}", seen.repeats == 0),
        Requirement("undeclared lines in the error log", "0", f"{len(seen.loud)} {' '.join(seen.loud[:1])}".strip(), not seen.loud)]
