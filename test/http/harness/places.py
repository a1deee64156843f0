# SPDX-License-Identifier: Apache-2.0
"""Where things are: the module under test, its command, httpd's own modules, the test run's directory.

The directory lies directly below /tmp and is open to all, because httpd's children run as www-data and pytest's own
temporary directories are closed to them.
"""
import functools
import os
from pathlib import Path
import pwd
import re
import shutil
import subprocess
import tempfile

ROOT = Path(__file__).resolve().parents[3]
ASAN = os.environ.get("MP_ASAN") == "1"
BUILD = ROOT / "build-asan" if ASAN else Path(os.environ.get("MP_BUILD") or ROOT / "build")
MODULE = Path(os.environ.get("MP_MODULE") or BUILD / "mod_miningproxy.so").resolve()
FARM = Path(os.environ.get("MP_FARM") or MODULE.parent / "farm").resolve()
TEMPLATES = ROOT / "admin-templates"
SCHEMA_MYSQL = ROOT / "database" / "schema.sql"
SCHEMA_SQLITE = ROOT / "database" / "schema.sqlite.sql"
TUNED = re.search(r"^ +export (\w+)=(\S+)$", (ROOT / "docs" / "ADMIN.md").read_text("utf-8"), re.M).groups()  # what admins are told of glibc's memory
IS_ROOT = os.geteuid() == 0
CHILD_USER = "www-data" if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name


@functools.cache
def libexecdir() -> str:
    """Where httpd's own modules are."""
    return subprocess.run(["apxs", "-q", "libexecdir"], capture_output=True, text=True, check=True).stdout.strip()


@functools.cache
def static_modules() -> str:
    """What "apache2 -l" lists: modules that must not be loaded again."""
    return subprocess.run(["apache2", "-l"], capture_output=True, text=True, check=True).stdout


@functools.cache
def sanitizer_environment() -> dict[str, str]:
    """What apache2 needs to load a module that was built with AddressSanitizer; nothing for an ordinary one."""
    if not ASAN:
        return {}
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True,
                             check=True).stdout.strip()
    return {"LD_PRELOAD": os.path.realpath(library), "ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1",
            "GCOV_PREFIX": str(_line_counts()), "GCOV_PREFIX_STRIP": str(len(BUILD.parts) - 1)}


@functools.cache
def _line_counts() -> Path:
    """Where httpd and its children leave which lines they ran: the folder of the objects may be closed to a child, and what root makes is closed too."""
    base = Path(tempfile.mkdtemp(prefix="mp-lines-", dir="/tmp"))
    base.chmod(0o777)
    for notes in [BUILD / "mod_miningproxy.gcno", *(BUILD / "src").rglob("*.gcno")]:
        counts = (base / notes.relative_to(BUILD)).with_suffix(".gcda")
        counts.parent.mkdir(parents=True, exist_ok=True)
        counts.touch()
        counts.chmod(0o666)
    return base


def make_base() -> Path:
    """The test run's directory."""
    base = Path(tempfile.mkdtemp(prefix="mp-test-", dir="/tmp"))
    base.chmod(0o755)
    return base


def keep_line_counts() -> None:
    """At the end of the run: beside the objects, with what is needed to read them. Those of the run before go."""
    if not ASAN:
        return
    kept = BUILD / "http"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.move(_line_counts(), kept)
    for counts in list(kept.rglob("*.gcda")):
        notes = counts.relative_to(kept).with_suffix(".gcno")
        counts.with_suffix(".gcno").symlink_to(BUILD / notes)


def give_to_child(path: Path) -> None:
    """Makes httpd's children the owner of a directory and what is in it."""
    if IS_ROOT:
        user = pwd.getpwnam(CHILD_USER)
        for entry in [path, *path.rglob("*")]:
            os.chown(entry, user.pw_uid, user.pw_gid)
