# SPDX-License-Identifier: Apache-2.0
"""State: below httpd nothing mutable lives at file scope, because two servers, restarts and tests share a process.

Reads the symbol table of libmp.a. Tables of pointers lie in .data.rel.ro: written by the loader once, constant afterwards.
"""
from pathlib import Path
import os
import re

from common import Report, run

# The log sink, the clock that tests replace, the locale that case folding needs.
ALLOWED = {"log.o", "clock.o", "text.o"}
MEMBER = re.compile(r"^Symbols from .*\[([^\]]+)\]:$")


def symbols(root: Path, library: Path) -> list[tuple[str, str, str, str]]:
    """(object, symbol, class, section) of each symbol in the archive."""
    found, member = [], ""
    for line in run("nm", "--format=sysv", str(library), cwd=root)[1].split("\n"):
        cells = [cell.strip() for cell in line.split("|")]
        if match := MEMBER.match(line):
            member = match[1]
        elif len(cells) == 7:
            found.append((member, cells[0], cells[2], cells[6]))
    return found


def check(root: Path) -> Report:
    """Data symbols that can be written to, outside of the objects that may have some."""
    report = Report(what="symbols")
    library = root / os.environ.get("BUILD", "build") / "libmp.a"
    for member, name, kind, section in symbols(root, library) if library.exists() else []:
        report.checked += 1
        if kind in "bBdDCsS" and not section.startswith(".data.rel.ro") and member not in ALLOWED:
            report.add(member, f"{name} is mutable at file scope ({section})")
    return report.finish()
