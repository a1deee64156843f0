# SPDX-License-Identifier: Apache-2.0
"""Directives: the list in the source, the sample configuration and the README name the same ones; other documents name none that does not exist."""
from pathlib import Path
import re

from common import Report

LIST = Path("include/httpd/directives.h")
ENTRY = re.compile(r"^\s*X\((MiningProxy\w+),", re.M)
NAME = re.compile(r"\bMiningProxy[A-Z]\w*")
DOCUMENTS = [Path("conf/miningproxy.conf"), Path("README.md")]
SETTING = re.compile(r"^\s*#?\s*(MiningProxy[A-Z]\w*)[ \t]+\S", re.M)


def check_document(report: Report, root: Path, path: Path, listed: set[str]) -> None:
    """One text that must name all, and none that does not exist."""
    text = (root / path).read_text() if (root / path).exists() else ""
    shown = set(SETTING.findall(text)) if path.suffix == ".conf" else set(NAME.findall(text))
    for name in sorted(listed - shown):
        report.add(path, f"{name} is missing" + (' (a line "#Name value" shows it)' if path.suffix == ".conf" else ""))
    for name in sorted(set(NAME.findall(text)) - listed):
        report.add(path, f"{name} is no directive of {LIST}")


def check(root: Path) -> Report:
    """The list against the documents, and all other configuration and documents against the list."""
    report = Report(what="directives")
    listed = set(ENTRY.findall((root / LIST).read_text())) if (root / LIST).exists() else set()
    report.checked = len(listed)
    if listed:
        for path in DOCUMENTS:
            check_document(report, root, path, listed)
        for path in sorted([*root.glob("conf/*.in"), *root.glob("docs/*.md")]):
            for name in sorted(set(NAME.findall(path.read_text())) - listed):
                report.add(path.relative_to(root), f"{name} is no directive of {LIST}")
    return report.finish()
