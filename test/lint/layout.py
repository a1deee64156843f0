# SPDX-License-Identifier: Apache-2.0
"""Layout: every C file is what clang-format makes of it."""
from pathlib import Path
import re

from common import Report, c_files, run


def check(root: Path) -> Report:
    """All C files, in one call."""
    report, found = Report(), c_files(root)
    report.checked = len(found)
    if found:
        status, text = run("clang-format", "--dry-run", "--Werror", *map(str, found), cwd=root)
        places = re.findall(r"^(\S+?):(\d+):\d+: error:", text, re.M)
        for name in sorted({name for name, _ in places}):
            lines = [line for other, line in places if other == name]
            report.add(name, f"clang-format would change {len(lines)} places, the first in line {lines[0]}")
        if status and not places:
            report.add("clang-format", text[:400] or f"ended with status {status}")
    return report.finish()
