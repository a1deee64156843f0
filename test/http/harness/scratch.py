# SPDX-License-Identifier: Apache-2.0
"""A root of its own in which packages are installed and removed: what this machine has, with everything that is written kept apart. It vanishes with the process that holds it."""
import contextlib
from pathlib import Path
import shutil
import subprocess
from typing import Iterator

import pytest

from . import places

_HOLD = """set -e
mount -t tmpfs -o size=2g tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount -t tmpfs tmpfs "$1/root/tmp"
mount -t tmpfs tmpfs "$1/root/run"
mkdir "$1/root/run/lock"
echo there
exec sleep infinity
"""
_NO_SERVICES = "#!/bin/sh\nexit 101\n"


class ScratchRoot:
    """Commands run in it as root, and see the machine's own network."""

    def __init__(self, holder: subprocess.Popen[str], root: Path):
        self._holder, self.path = holder, root

    def try_run(self, *command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Whatever becomes of it."""
        return subprocess.run(["nsenter", "--mount", f"--target={self._holder.pid}", "chroot", str(self.path), "/usr/bin/env", "-i",
                               "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive",
                               *command], input=given, stdin=None if given is not None else subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False)

    def run(self, *command: str, given: str | None = None) -> str:
        """@return what it printed"""
        done = self.try_run(*command, given=given)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """A file there."""
        self.run("sh", "-c", 'cat >"$1"; chmod "$2" "$1"', "sh", path, mode, given=text)

    def bring(self, source: Path, path: str) -> None:
        """Copies a file of this machine."""
        with open(source, "rb") as file:
            subprocess.run(["nsenter", "--mount", f"--target={self._holder.pid}", "chroot", str(self.path), "sh", "-c", 'cat >"$1"', "sh", path],
                           stdin=file, timeout=60, check=True)

    def has(self, path: str) -> bool:
        """Is there such a thing, be it a dangling link?"""
        return self.try_run("sh", "-c", '[ -e "$1" ] || [ -L "$1" ]', "sh", path).returncode == 0

    def read(self, path: str) -> str:
        """A file's text."""
        return self.run("cat", path)


@contextlib.contextmanager
def scratch_root(directory: Path) -> Iterator[ScratchRoot]:
    """Needs root, and a kernel with overlayfs: skips without them."""
    if not places.IS_ROOT:
        pytest.skip("only root can install packages")
    base = directory / "scratch"
    base.mkdir()
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, "sh", str(base)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as holder:
        try:
            assert holder.stdout is not None
            first = holder.stdout.readline()
            if first != "there\n":
                pytest.skip(f"no file system can be laid over this machine's here, as in most containers: {first}")
            root = ScratchRoot(holder, base / "root")
            # Nothing is started or stopped by the installation.
            root.write("/usr/sbin/policy-rc.d", _NO_SERVICES, "755")
            yield root
        finally:
            holder.kill()
    shutil.rmtree(base, ignore_errors=True)
