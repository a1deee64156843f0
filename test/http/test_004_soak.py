# SPDX-License-Identifier: Apache-2.0
"""The verdict of a soak finds what it is there to find."""
from dataclasses import replace

import pytest

from soak import plan, verdict
from soak.sights import Look, Seen, Sight

PLAN = plan.long(30)
ROUNDS = 9
PARENT, CHILD = Look(8000, 1, 20, 0, 70000), Look(20000, 70, 60, 80, 70000)
SIGHT = Sight(PARENT, {11: CHILD, 12: CHILD}, 5, 40, 6, 60000)
WAKE = {"step": "block", "answered": PLAN.polls, "waiting": PLAN.polls, "duplicates": 0, "wrong_block": 0}
LAST = {"errors": {"closed": 0, "status": 0}, "last_error": "", "failed_fetches": 0, "failed_while_closing": 0, "fetched": 1000, "last_failure": "",
        "waiting": PLAN.polls}


def _seen():
    """All is well."""
    return Seen([SIGHT] * 4, [SIGHT] * ROUNDS, [PARENT] * 12, [WAKE] * 20, [True] * 8, LAST, shares=1000, accepted=900)


def _missed(seen):
    return [one.name for one in verdict.judge(PLAN, seen) if not one.holds]


def _child(pid, **figures):
    """In the second part that child's figures rise by so much in each round."""
    def spoil(seen):
        for number, sight in enumerate(seen.second):
            look = replace(CHILD, **{name: getattr(CHILD, name) + number * step for name, step in figures.items()})
            seen.second[number] = replace(sight, children=sight.children | {pid: look})
    return spoil


def _sights(**figures):
    """So much more in each round, with restarts and without."""
    def spoil(seen):
        for sights in (seen.first, seen.second):
            for number, sight in enumerate(sights):
                sights[number] = replace(sight, **{name: getattr(SIGHT, name) + (number + (sights is seen.second) * 4) * step
                                                   for name, step in figures.items()})
    return spoil


def _parents(**figures):
    """So much more after each restart."""
    def spoil(seen):
        seen.parents = [replace(PARENT, **{name: getattr(PARENT, name) + number * step for name, step in figures.items()})
                        for number in range(len(seen.parents))]
    return spoil


def _wake(**figures):
    def spoil(seen):
        seen.wakes[7] = WAKE | figures
    return spoil


def _last(**figures):
    def spoil(seen):
        seen.last = LAST | figures
    return spoil


def _set(**figures):
    def spoil(seen):
        for name, value in figures.items():
            setattr(seen, name, value)
    return spoil


def _replace_child(seen):
    seen.second[-1] = replace(SIGHT, children={11: CHILD, 13: CHILD})


FAULTS = {
    "memory of all children, when no poll waits": _child(12, own=140),
    "memory of all children, when all polls wait": _sights(own_parked=210),
    "memory of the parent over 12 restarts": _parents(own=40),
    "files and sockets of the parent over the restarts": _parents(files=1),
    "shared memory of the parent over the restarts, kB": _parents(shared=4),
    "threads of the parent": _parents(threads=1),
    "threads of child 1": _child(11, threads=1),
    "files that child 2 has open": _child(12, files=1),
    "sockets of child 1 but for miners": _child(11, links=33),
    "shared memory of child 1, kB": _child(11, shared=4),
    "files in the state directory": _sights(files=1),
    "kB in the state directory": _sights(kilobytes=100),
    "connections to the database": _sights(connections=1),
    "blocks, failovers and restarts that woke each poll": _wake(answered=PLAN.polls - 1),
    "pools to which the rigs returned": _set(returns=[True, False]),
    "wrong works of polls": _wake(duplicates=1),
    "polls that wait at the end": _last(waiting=PLAN.polls - 1),
    "errors seen by the polls": _last(errors={"closed": 1}),
    "getworks that failed": _last(failed_while_closing=1),
    "shares in the books of miners, pools and database": _set(books="a share is lost"),
    "requests of rigs that were answered with an error": _set(repeats=1),
    "undeclared lines in the error log": _set(loud=["[core:error] boom"])}


def test_all_is_well():
    assert _missed(_seen()) == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(name):
    seen = _seen()
    FAULTS[name](seen)
    assert _missed(seen) == [name]


def test_a_child_that_was_replaced_is_found():
    seen = _seen()
    _replace_child(seen)
    assert "children that lived all the time" in _missed(seen)


def test_what_does_not_go_on_is_no_leak():
    """One look while a child was busy, and pages of the allocator."""
    seen = _seen()
    seen.second[4] = replace(SIGHT, children={11: replace(CHILD, own=30000, links=200), 12: CHILD})
    _child(12, own=20)(seen)
    seen.second[4] = replace(seen.second[4], own_parked=90000)
    assert _missed(seen) == []


def test_nothing_that_happened_is_no_success():
    """A play without wakes, failovers, getworks or shares says nothing."""
    seen = _seen()
    seen.wakes, seen.returns, seen.last, seen.accepted = [], [], LAST | {"fetched": 0}, 0
    assert _missed(seen) == ["blocks, failovers and restarts that woke each poll", "pools to which the rigs returned", "getworks that failed",
                             "shares in the books of miners, pools and database"]
