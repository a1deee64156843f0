# SPDX-License-Identifier: Apache-2.0
"""Cppcheck over every shipped source: errors, warnings, what is slow, what is not portable."""
from pathlib import Path
import os

from common import Report, module_files, run
from known import Known

FLAGS = ["--enable=warning,performance,portability", "--std=c11", "--quiet", "--force", "--max-configs=1", "--suppress=missingIncludeSystem",
         "--template={file}|{line}|{id}|{message}", "--include=/usr/include/x86_64-linux-gnu/sys/queue.h",
         '-DMP_SHAREDIR="/usr/share/miningproxy"', "-D__linux__", "-Iinclude"]


def check(root: Path) -> Report:
    """All sources, and headers through them."""
    report, found = Report(), [path for path in module_files(root) if path.suffix == ".c"]
    report.checked = len(found)
    known = Known(root, "cppcheck", report)
    if found:
        status, text = run("cppcheck", *FLAGS, f"-j{os.cpu_count() or 1}", f"-I{os.environ.get('BUILD', 'build')}/gen", *map(str, found), cwd=root)
        lines = [line.split("|", 3) for line in text.split("\n") if line.count("|") >= 3]
        for path, line, kind, said in lines:
            known.judge(path, line, kind, said)
        if status and not lines:
            report.add("cppcheck", text[:400] or f"it ended with status {status}")
    known.finish(is_steady=True)
    return report.finish()
