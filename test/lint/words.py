# SPDX-License-Identifier: Apache-2.0
"""Words: no unfinished work, no silenced checks, nothing that exists on one person's machine only."""
from pathlib import Path
import re

from common import Report, every_file

# Written in pieces, because this file is searched too.
PATTERNS = {
    r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b": "unfinished work belongs into an issue",
    r"\bNO" r"LINT|clang-format " r"off": "a check is not silenced, the code is changed",
    r"/work/" r"\w|\bshared/" r"(design|protocol|hooks)": "names a place outside of the project",
}


def check(root: Path) -> Report:
    """Every text file."""
    report = Report()
    for path in every_file(root):
        try:
            lines = (root / path).read_text().split("\n")
        except UnicodeDecodeError:
            continue
        report.checked += 1
        for number, line in enumerate(lines, 1):
            for pattern, why in PATTERNS.items():
                if match := re.search(pattern, line):
                    report.add(f"{path}:{number}", f'"{match[0]}": {why}')
    return report.finish()
