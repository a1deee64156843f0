# SPDX-License-Identifier: Apache-2.0
"""How results are told: on which machine, as a table, in a document."""
from pathlib import Path
import sys
import time

from .scene import Requirement


def machine() -> str:
    """Processor, memory and date."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor")
    cores = sum(line.startswith("processor") for line in lines)
    return f"{model}, {cores} cores shared by httpd, pool and miners; {time.strftime('%Y-%m-%d')}"


def table(found: list[Requirement]) -> str:
    """Markdown."""
    rows = [f"| {one.name} | {one.required} | {one.measured} | {'yes' if one.holds else '**no**'} |" for one in found]
    return "\n".join(["| what | required | measured | holds |", "|---|---|---|---|", *rows])


def write(path: Path, name: str, text: str) -> None:
    """Between the marks of that name in the document."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = path.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"{path} has no place for figures: {begin} {end}")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
