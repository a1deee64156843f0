# SPDX-License-Identifier: Apache-2.0
"""The error log is part of every test's verdict: what is loud (warning or above) and not declared by the test fails it.

A line that is not httpd's own (a sanitizer's report, glibc's last words) is always a failure, and so is a child's
death by a signal that the test did not send. At its start, before the log is open, httpd says things with a tag only.
"""
from pathlib import Path
import re

# httpd's advice to allow more threads: it comes by chance while a child starts, because the tests fix the number
# of children. AH01882: Debian's mod_ssl was built against a newer OpenSSL than this machine has. MP0058: the
# machine's limit of open files is below what the shipped configuration is for.
ADVICE = {"AH00484", "AH10159", "AH01882", "MP0058"}
LOUD = {"warn", "error", "crit", "alert", "emerg"}
_LINE = re.compile(r"^\[[^\]]+\] \[(?P<module>[\w-]*):(?P<level>\w+)\] \[pid (?P<pid>\d+)(?::tid \d+)?\] (?P<text>.*)$")
_DEATH = re.compile(r"child pid (\d+) exit signal")


def _complaint(line: str, declared: set[str], killed: set[int]) -> bool:
    match = _LINE.match(line)
    if match is None:
        return bool(line.strip()) and not any(line == tag or line.startswith(f"{tag}: ") for tag in declared)
    death = _DEATH.search(line)
    if death:
        return int(death.group(1)) not in killed
    is_loud = match["level"] in LOUD and not any(tag in line for tag in declared | ADVICE)
    return is_loud or "runtime error:" in line


def undeclared(text: str, declared: set[str], killed: set[int] = frozenset()) -> list[str]:
    """The lines that fail a test. killed: children that the test killed itself."""
    return [line for line in text.splitlines() if _complaint(line, declared, killed)]


class ErrorLog:
    """One httpd's error log, read forward: a line is judged by the test in which it appeared."""

    def __init__(self, path: Path):
        self.path = path
        self._offset = 0

    def text(self) -> str:
        """Everything so far."""
        return self.path.read_text("utf-8", "replace") if self.path.exists() else ""

    def count(self, words: str) -> int:
        """How many lines hold these words."""
        return sum(words in line for line in self.text().splitlines())

    def unread(self) -> str:
        """What was written since the last call."""
        text = self.text()
        new, self._offset = text[self._offset:], len(text)
        return new
