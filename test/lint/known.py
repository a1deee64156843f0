# SPDX-License-Identifier: Apache-2.0
"""What analyzers say although it is not so: test/lint/known-findings, a line for each, with the reason. A line that nothing needs any more is a finding itself."""
from pathlib import Path

from common import Report

FILE = Path("test/lint/known-findings")
PARTS = 5  # tool | file | kind of finding | a part of its text | why it is not so


class Known:
    """The lines of one tool."""

    def __init__(self, root: Path, tool: str, report: Report):
        self.tool, self.report, self.lines, self.used = tool, report, [], set()
        path = root / FILE
        for number, line in enumerate(path.read_text().split("\n") if path.exists() else [], 1):
            if not line or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split("|")]
            if len(parts) != PARTS or not all(parts):
                report.add(f"{FILE}:{number}", "is to be: tool | file | kind of finding | a part of its text | why it is not so")
            elif not (root / parts[1]).exists():
                report.add(f"{FILE}:{number}", f"there is no {parts[1]}")
            elif parts[0] == tool:
                self.lines.append((number, parts))

    def judge(self, path: str, line: str, kind: str, text: str) -> None:
        """One finding: it counts unless it is known."""
        for number, (_, place, known_kind, part, _) in self.lines:
            if (place, known_kind) == (path, kind) and part in text:
                self.used.add(number)
                return
        self.report.add(f"{path}:{line}", f"{text} [{kind}]")

    def finish(self, is_steady: bool) -> None:
        """Lines that are of no use; a tool that is not steady says now this and now that."""
        for number, _ in self.lines:
            if is_steady and number not in self.used:
                self.report.add(f"{FILE}:{number}", f"{self.tool} does not say this any more: take the line out")
        self.report.note = f"{len(self.used)} known to be none" if self.used else ""
