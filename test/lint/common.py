# SPDX-License-Identifier: Apache-2.0
"""What the guards share: which files there are, C text without comments or literals, and how compilers are called.

A guard is a module with check(root) -> Report. A report without anything checked is a failure: a guard that looks at
the wrong place must not pass.
"""
from dataclasses import dataclass, field
from pathlib import Path
import re
import subprocess

LAYERS = {"base": 0, "codec": 1, "core": 2, "store": 3, "upstream": 3, "service": 4, "httpd": 5}
SKIPPED = re.compile(r"^(\.git|build|build-.*|var|var-demo|__pycache__|\.pytest_cache|\.ruff_cache)$")
PACKAGES = ["apr-1", "apr-util-1", "jansson", "libcurl", "sqlite3", "libmariadb", "libcrypto"]


@dataclass
class Report:
    """The outcome of one guard."""

    checked: int = 0
    what: str = "files"
    findings: list[str] = field(default_factory=list)
    note: str = ""

    def add(self, place: object, text: str) -> None:
        """One finding."""
        self.findings.append(f"{place}: {text}")

    def finish(self) -> "Report":
        """Turns "nothing to check" into a finding."""
        if not self.checked:
            self.findings.append(f"found no {self.what} to check")
        return self


def every_file(root: Path) -> list[Path]:
    """All files of the project, built and private ones left out, relative to root."""
    found = []
    for path in sorted(root.iterdir()):
        if SKIPPED.match(path.name):
            continue
        if path.is_dir() and not path.is_symlink():
            found += [path.relative_to(root) / inner for inner in every_file(path)]
        elif path.is_file():
            found.append(path.relative_to(root))
    return found


def c_files(root: Path, *places: str) -> list[Path]:
    """C sources and headers in these folders (default: all of the project's)."""
    return [path for path in every_file(root) if path.suffix in (".c", ".h") and (not places or path.parts[0] in places)]


def module_files(root: Path) -> list[Path]:
    """The C files that are shipped: no tests."""
    return c_files(root, "src", "include", "tools", "mod_miningproxy.c")


def layer_of(path: Path) -> str:
    """The layer that a file belongs to."""
    return "httpd" if path.name == "mod_miningproxy.c" else path.parts[1] if path.parts[0] in ("src", "include") else ""


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def without_comments(text: str) -> str:
    """C text with comments blanked; line numbers and literals stay."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m[0][0] == "/" else m[0], text)


def without_literals(text: str) -> str:
    """C text with comments and the insides of literals blanked."""
    return _TOKEN.sub(lambda m: _blank(m[0]) if m[0][0] == "/" else m[0][0] + _blank(m[0][1:-1]) + m[0][0], text)


def arguments(text: str, opening: int) -> tuple[list[str], int]:
    """The arguments of the call whose "(" is at that index, split at top-level commas, and the index behind its ")".

    Works on C text without comments.
    """
    plain, depth, start, found = without_literals(text), 0, opening + 1, []
    for index in range(opening, len(plain)):
        if plain[index] in "([{":
            depth += 1
        elif plain[index] in ")]}":
            depth -= 1
            if depth == 0:
                return [*found, text[start:index].strip()], index + 1
        elif plain[index] == "," and depth == 1:
            found.append(text[start:index].strip())
            start = index + 1
    return found, len(text)


def line_of(text: str, index: int) -> int:
    """The line number of an index."""
    return text.count("\n", 0, index) + 1


def run(*command: str, cwd: Path, text: str = "") -> tuple[int, str]:
    """Runs a tool. @return its exit status and everything it said"""
    done = subprocess.run(command, cwd=cwd, input=text, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def compiler_flags(root: Path, build: Path) -> list[str]:
    """Flags with which each source compiles: our include folders, everybody else's as system headers."""
    said = [run("pkg-config", "--cflags-only-I", *PACKAGES, cwd=root)[1], "-I" + run("apxs", "-q", "includedir", cwd=root)[1]]
    foreign = [word[2:] for word in " ".join(said).split() if word.startswith("-I")]
    return ["-std=gnu11", "-D_GNU_SOURCE", "-Iinclude", f"-I{build}/gen", *[word for path in foreign for word in ("-isystem", path)]]
