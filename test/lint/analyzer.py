# SPDX-License-Identifier: Apache-2.0
"""Gcc's static analyzer (-fanalyzer) over every shipped source."""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import os
import re

from common import Report, compiler_flags, module_files, run
from known import Known

FOUND = re.compile(r"^\S+?:(\d+):\d+: warning: (.*) \[-W(analyzer-[a-z-]+)\]$")
FUNCTION = re.compile(r"^\S+: In function '([^']+)':$")


def findings(text: str) -> list[tuple[str, str, str]]:
    """Line, kind and text of each; the text begins with the function, because a macro's own line says little."""
    function, found = "", []
    for line in text.split("\n"):
        if match := FUNCTION.match(line):
            function = match[1]
        elif match := FOUND.match(line):
            found.append((match[1], match[3], f"{function}(): {match[2]}"))
    return found


def check(root: Path) -> Report:
    """All sources; headers are seen through them."""
    report, found = Report(), [path for path in module_files(root) if path.suffix == ".c"]
    report.checked = len(found)
    known = Known(root, "analyzer", report)
    # What it finds depends on where its memory lies; without setarch, or where that is not allowed, on chance.
    steady = ["setarch", "-R"] if run("setarch", "-R", "true", cwd=root)[0] == 0 else []
    flags = [*compiler_flags(root, Path(os.environ.get("BUILD", "build"))), '-DMP_SHAREDIR="/usr/share/miningproxy"']

    def analyze(path: Path) -> tuple[int, str]:
        return run("env", "LC_ALL=C", *steady, "gcc", "-O2", "-fanalyzer", "-fdiagnostics-plain-output", "-fanalyzer-verbosity=0", *flags, "-c", str(path), "-o", "/dev/null", cwd=root)

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for path, (status, text) in zip(found, workers.map(analyze, found)):
            for line, kind, said in findings(text):
                known.judge(str(path), line, kind, said)
            if status:
                report.add(path, text[:400] or f"gcc ended with status {status}")
    known.finish(is_steady=False)
    return report.finish()
