# SPDX-License-Identifier: Apache-2.0
"""Headers: each compiles alone, with gcc and with clang, and its doc comments are what clang -Wdocumentation accepts."""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import os

from common import Report, c_files, compiler_flags, run

COMPILERS = [["gcc", "-Wall", "-Wextra", "-Wundef"], ["clang", "-Wall", "-Wextra", "-Wundef", "-Wdocumentation", "-Wno-unused-macros"]]


def complaints(root: Path, header: Path, flags: list[str]) -> list[str]:
    """What the compilers say about a file that includes this header only, twice."""
    line, said = f'#include "{"/".join(header.parts[1:])}"\n', []
    for command in COMPILERS:
        status, text = run(*command, "-Werror", *flags, "-fsyntax-only", "-x", "c", "-", cwd=root, text=line + line)
        if status:
            first = next((one for one in text.split("\n") if "error:" in one), text)
            said.append(f"{command[0]}: {first}")
    return said


def check(root: Path) -> Report:
    """All headers of the layers."""
    report, found = Report(what="headers"), [path for path in c_files(root, "include") if path.suffix == ".h"]
    report.checked = len(found)
    flags = compiler_flags(root, Path(os.environ.get("BUILD", "build")))
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        for header, said in zip(found, workers.map(lambda path: complaints(root, path, flags), found)):
            for text in said:
                report.add(header, text)
    return report.finish()
