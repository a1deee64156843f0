# SPDX-License-Identifier: Apache-2.0
"""Layers: a file includes its own layer and those below; store and upstream do not know each other; headers do not include each
other in circles; each foreign library has one door, and so has memory."""
from pathlib import Path
import re

from common import LAYERS, Report, layer_of, line_of, module_files, without_comments, without_literals

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)

# Which header may be included where; both are patterns. Paths are those of the file that includes.
DOORS = [
    (r"(httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|mpm_\w+|scoreboard|unixd)\.h", r"mod_miningproxy\.c|(src|include)/httpd/.*"),
    (r"jansson.*\.h", r"src/codec/json\.c"),
    (r"(mysql|mariadb|errmsg|mysqld_error|ma_\w+).*\.h|(mysql|mariadb)/.*", r"src/store/mysql\.c"),
    (r"sqlite3.*\.h", r"src/store/sqlite\.c"),
    (r"openssl/.*", r"src/base/sha256\.c"),
    (r"curl/.*", r"(src|include)/upstream/.*"),
]

# What returns nothing where there is no memory, and who may call it; for the others base/memory.h does. The pool of httpd/cache.c is kept when our code is
# unloaded, tools are processes of their own.
MEMORY = re.compile(r"\b(apr_pool_create\w*|malloc|calloc|realloc|reallocarray|strn?dup|v?asprintf)\s*\(")
MEMORY_DOORS = r"src/base/memory\.c|src/httpd/cache\.c|tools/.*"


def includes(root: Path, path: Path) -> list[tuple[str, str]]:
    """(kind of quote, header) of each include line."""
    return INCLUDE.findall(without_comments((root / path).read_text()))


def may_know(layer: str, other: str) -> bool:
    """The direction."""
    return layer == other or LAYERS[layer] > LAYERS[other]


def check_direction(report: Report, path: Path, header: str) -> None:
    """One include line of ours."""
    layer, other = layer_of(path), header.split("/")[0]
    if layer in LAYERS and other in LAYERS and not may_know(layer, other):
        report.add(path, f"{layer} must not include {header}: {other} does not stand below it")


def check_doors(report: Report, path: Path, header: str) -> None:
    """One include line of somebody else's header."""
    for pattern, allowed in DOORS:
        if re.fullmatch(pattern, header) and not re.fullmatch(allowed, str(path)):
            report.add(path, f"{header} may be included in {allowed} only")


def check_memory(report: Report, root: Path, path: Path) -> None:
    """Memory comes out of base/memory.h."""
    if re.fullmatch(MEMORY_DOORS, str(path)):
        return
    text = without_literals((root / path).read_text())
    for match in MEMORY.finditer(text):
        report.add(f"{path}:{line_of(text, match.start())}", f"{match[1]}() may find no memory: take that of base/memory.h")


def check_circles(report: Report, graph: dict[str, list[str]]) -> None:
    """Depth first; a header that is still being visited closes a circle."""
    done: set[str] = set()

    def visit(header: str, trail: list[str]) -> None:
        if header in trail:
            report.add(header, "includes itself: " + " -> ".join([*trail[trail.index(header):], header]))
        elif header not in done:
            for other in graph.get(header, []):
                visit(other, [*trail, header])
            done.add(header)

    for start in graph:
        visit(start, [])


def check(root: Path) -> Report:
    """Every include line of the shipped files."""
    report, graph = Report(), {}
    for path in module_files(root):
        report.checked += 1
        check_memory(report, root, path)
        lines = includes(root, path)
        for quote, header in lines:
            if quote == '"':
                check_direction(report, path, header)
            if quote == "<" or header.split("/")[0] not in LAYERS:
                check_doors(report, path, header)
        if path.parts[0] == "include":
            graph["/".join(path.parts[1:])] = [header for quote, header in lines if quote == '"']
    check_circles(report, graph)
    return report.finish()
