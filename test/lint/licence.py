# SPDX-License-Identifier: Apache-2.0
"""Licence: every source says its licence in one SPDX line at its top."""
from pathlib import Path

from common import Report, every_file

LINE = "SPDX-License-Identifier: Apache-2.0"
SUFFIXES = {".c", ".h", ".py", ".sh", ".sql", ".load", ".in", ".js", ".css", ".mustache"}


def is_source(path: Path, top: str) -> bool:
    """A suffix of ours, the Makefile, or a script."""
    return path.suffix in SUFFIXES or path.name == "Makefile" or top.startswith("#!")


def check(root: Path) -> Report:
    """The first two lines of every source."""
    report = Report(what="sources")
    for path in every_file(root):
        with open(root / path, encoding="utf-8", errors="replace") as file:
            top = file.readline() + file.readline()
        if is_source(path, top):
            report.checked += 1
            if LINE not in top:
                report.add(path, f'"{LINE}" is missing in its first two lines')
    return report.finish()
