# SPDX-License-Identifier: Apache-2.0
"""Log tags: each message of level debug and above begins with a tag; a tag stands once in the sources and once in docs/log-tags.md; documents name no other."""
from collections import Counter
from pathlib import Path
import re

from common import Report, arguments, line_of, module_files, without_comments

REGISTER = Path("docs/log-tags.md")
ROW = re.compile(r"^\|\s*(MP\d{4})\s*\|\s*(\w+)\s*\|", re.M)
# A message that goes to stderr as well, for want of a log, is the same event.
TAG = re.compile(r'(?<!stderr, )"(MP\d{4})(?=: |")')
CALL = re.compile(r"\b(mp_log|ap_log_(?:error|rerror|cerror|perror))\s*\(")
# Which argument is the level, which is the format.
POSITIONS = {"mp_log": (0, 1), "ap_log": (1, 4)}
# In a document; the first of a range need not be one.
NAMED = re.compile(r"\bMP0\d{3}\b(?!–)")
# Lines that come finished from libmp.a pass through here.
SINK = Path("src/httpd/log_sink.c")


def level_of(argument: str) -> str:
    """ "warning" for MP_LOG_WARNING and APLOG_WARNING; "" if a variable decides."""
    names = [name for name in re.findall(r"\b(?:MP_LOG|APLOG)_(\w+)", argument) if name not in ("STARTUP", "TOCLIENT", "NOERRNO")]
    word = names[0].lower() if len(names) == 1 else ""
    return {"err": "error", "warn": "warning"}.get(word, word)


def is_passed_on(path: Path, given: list[str], format_at: int) -> bool:
    """The two places where the tag does not stand in the format: the sink, and a function that is given its tag."""
    text = given[format_at]
    return (path == SINK and text == '"%s"') or (text.startswith('"%s: ') and given[format_at + 1:][:1] == ["tag"])


def check_calls(report: Report, path: Path, text: str, levels: dict[str, str]) -> None:
    """Every logging call of a file; remembers the level of each tag."""
    for match in CALL.finditer(text):
        given = arguments(text, match.end() - 1)[0]
        level_at, format_at = POSITIONS[match[1][:6]]
        if len(given) <= format_at or given[level_at].startswith("mp_log_level_t "):
            continue
        report.checked += 1
        level, tag = level_of(given[level_at]), TAG.match(given[format_at])
        if tag and level:
            levels[tag[1]] = level
        elif not tag and not level.startswith("trace") and not is_passed_on(path, given, format_at):
            report.add(f"{path}:{line_of(text, match.start())}", f"{match[1]}() without a tag: {' '.join(given[format_at].split())[:60]}")


def check_register(report: Report, rows: list[tuple[str, str]], used: Counter, levels: dict[str, str]) -> None:
    """The register against the sources."""
    registered = dict(rows)
    for tag, count in Counter(tag for tag, _ in rows).items():
        if count > 1:
            report.add(REGISTER, f"{tag} is registered {count} times")
    for tag, count in sorted(used.items()):
        if count > 1:
            report.add("sources", f"{tag} stands {count} times; a tag means one event")
        if tag not in registered:
            report.add("sources", f"{tag} is not registered in {REGISTER}")
        elif tag in levels and levels[tag] != registered[tag]:
            report.add(REGISTER, f"{tag} is registered as {registered[tag]}, the source says {levels[tag]}")
    for tag in sorted(set(registered) - set(used)):
        report.add(REGISTER, f"{tag} is registered, but no source uses it")


def check_documents(report: Report, root: Path, registered: set[str]) -> None:
    """Whoever looks for a tag in the log must be able to find it there."""
    for path in [Path("README.md"), *(path.relative_to(root) for path in sorted((root / "docs").glob("*.md")))]:
        text = (root / path).read_text() if (root / path).exists() else ""
        for match in NAMED.finditer(text):
            if match[0] not in registered:
                report.add(f"{path}:{line_of(text, match.start())}", f"{match[0]} is not registered in {REGISTER}")


def check(root: Path) -> Report:
    """Sources, register and documents."""
    report, used, levels = Report(what="log calls"), Counter(), {}
    for path in module_files(root):
        text = without_comments((root / path).read_text())
        used.update(TAG.findall(text))
        check_calls(report, path, text, levels)
    rows = ROW.findall((root / REGISTER).read_text()) if (root / REGISTER).exists() else []
    if not rows:
        report.add(REGISTER, "holds no tag")
    check_register(report, rows, used, levels)
    check_documents(report, root, {tag for tag, _ in rows})
    return report.finish()
