# SPDX-License-Identifier: Apache-2.0
"""Order by waiting for a condition with a deadline; the only place where the harness sleeps."""
import time
from typing import Callable, TypeVar

Value = TypeVar("Value")


def wait_until(condition: Callable[[], Value], deadline: float = 10, what: str = "") -> Value:
    """Returns the first true value of the condition; fails when the deadline (seconds) passes without one."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            name = what or getattr(condition, "__name__", condition)
            raise AssertionError(f"not within {deadline} s: {name}; last value {value!r}")
        time.sleep(0.01)


def holds_for(condition: Callable[[], bool], seconds: float, what: str = "") -> None:
    """Fails as soon as the condition is false within that time: for what must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what or "the condition ceased to hold"
        time.sleep(0.01)


def settles(condition: Callable[[], bool], looks: int, deadline: float) -> bool:
    """True as soon as the condition held at so many looks in a row; False when the deadline (seconds) passes before."""
    end, held = time.monotonic() + deadline, 0
    while held < looks and time.monotonic() < end:
        time.sleep(0.01)
        held = held + 1 if condition() else 0
    return held >= looks
