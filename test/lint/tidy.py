# SPDX-License-Identifier: Apache-2.0
"""Clang-tidy: the checks of .clang-tidy on every shipped source, one process per file (its analyzer confuses itself otherwise)."""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import os
import re

from common import Report, compiler_flags, module_files, run
from known import Known

FINDING = re.compile(r"^(\S+?):(\d+):\d+: (?:error|warning): (.*) \[([\w.-]+)[^]]*\]$", re.M)


def check(root: Path) -> Report:
    """All sources; headers are seen through them."""
    report, found = Report(), [path for path in module_files(root) if path.suffix == ".c"]
    report.checked = len(found)
    known = Known(root, "tidy", report)
    flags = compiler_flags(root, Path(os.environ.get("BUILD", "build")))

    def tidy(path: Path) -> tuple[int, str]:
        return run("clang-tidy", "--quiet", str(path), "--", *flags, cwd=root)

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for path, (status, text) in zip(found, workers.map(tidy, found)):
            found_here = sorted(set(FINDING.findall(text)))
            for place, line, said, kind in found_here:
                known.judge(place.replace(f"{root}/", ""), line, kind, said)
            if status and not found_here:
                report.add(path, text[:400] or f"clang-tidy ended with status {status}")
    known.finish(is_steady=True)
    report.findings = list(dict.fromkeys(report.findings))
    return report.finish()
