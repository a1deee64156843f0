# SPDX-License-Identifier: Apache-2.0
"""Sizes: functions of at most 60 lines, files of at most 600, at most 6 parameters.

Relies on the format that clang-format enforces: a function's braces stand alone in the first column, no other's do.
"""
from pathlib import Path
import re
import statistics

from common import Report, arguments, c_files, every_file, line_of, without_literals

FUNCTION_LINES, FILE_LINES, PARAMETERS = 60, 600, 6
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)", re.S)
DECLARED = re.compile(r"(\w+|\(\s*\*\s*\w+\s*\))\s*(?=\()")
TEXT_SUFFIXES = {".c", ".h", ".py", ".sh", ".sql", ".css", ".js", ".mustache", ""}


def functions(text: str) -> list[tuple[str, int, int, str]]:
    """(name, first line, number of lines, parameter text) of each function defined in C text."""
    lines, found = without_literals(text).split("\n"), []
    for opening, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        first = opening
        while first > 0 and lines[first - 1].strip() and not re.search(r"[;}]\s*$|^\s*#|\*/\s*$", lines[first - 1]):
            first -= 1
        last = next((n for n in range(opening, len(lines)) if lines[n].rstrip() == "}"), len(lines) - 1)
        signature = ATTRIBUTE.sub("", "\n".join(lines[first:opening]))
        if name := re.search(r"(\w+)\s*\(", signature):
            found.append((name[1], first + 1, last - first + 1, signature[name.end() - 1:]))
    return found


def parameter_count(text: str) -> int:
    """Of a parameter list that begins with its parenthesis."""
    given = arguments(text, 0)[0]
    return 0 if given in ([""], ["void"]) else len(given)


def blank(match: re.Match) -> str:
    """The same lines, empty."""
    return re.sub(r"[^\n]", " ", match[0])


def check_declarations(report: Report, path: Path, text: str) -> None:
    """Prototypes, members and types that are functions; not what a function's body calls, nor macros."""
    plain = ATTRIBUTE.sub(blank, without_literals(text))
    plain = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", blank, plain, flags=re.M)
    plain = re.sub(r"^\{$.*?^\}$", blank, plain, flags=re.M | re.S)
    for match in DECLARED.finditer(plain):
        given, end = arguments(plain, match.end())
        if plain[end:].lstrip().startswith(";") and len(given) > PARAMETERS:
            report.add(f"{path}:{line_of(plain, match.start())}", f"{match[1]}() has {len(given)} parameters, the limit is {PARAMETERS}")


def check_functions(report: Report, path: Path, text: str) -> list[int]:
    """@return the lengths"""
    lengths = []
    for name, line, length, parameters in functions(text):
        lengths.append(length)
        if length > FUNCTION_LINES:
            report.add(f"{path}:{line}", f"{name}() has {length} lines, the limit is {FUNCTION_LINES}")
        if parameter_count(parameters) > PARAMETERS:
            report.add(f"{path}:{line}", f"{name}() has {parameter_count(parameters)} parameters, the limit is {PARAMETERS}")
    return lengths


def check(root: Path) -> Report:
    """All C files; of the others the length only."""
    report, lengths = Report(what="C functions"), []
    for path in every_file(root):
        if path.suffix in TEXT_SUFFIXES and path.name != "LICENSE":
            count = (root / path).read_bytes().count(b"\n")
            if count > FILE_LINES:
                report.add(path, f"{count} lines, the limit is {FILE_LINES}")
    for path in c_files(root):
        text = (root / path).read_text()
        found = check_functions(report, path, text)
        lengths += found if path.parts[0] != "test" else []
        report.checked += len(found)
        if path.suffix == ".h":
            check_declarations(report, path, text)
    if len(lengths) > 1:
        report.note = f"function length: median {statistics.median(lengths):.0f}, 95 % <= {statistics.quantiles(lengths, n=20)[18]:.0f}, longest {max(lengths)}"
    return report.finish()
