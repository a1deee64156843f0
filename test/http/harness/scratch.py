# SPDX-License-Identifier: Apache-2.0
"""A root file system to install packages in: this machine's, with a layer in memory above it that takes what is written.

It lives in name spaces of its own, together with whatever is started in it: when the process that holds them ends, for whatever
reason, nothing is left. Where no layer can be laid over the root, debootstrap makes a small Debian. The network is the machine's.
"""
import os
from pathlib import Path
import subprocess

import pytest

from .waiting import wait_until

# No daemon is started or stopped by a package here; what was asked for is kept.
_POLICY = '#!/bin/sh\necho "$@" >>/var/log/policy-rc.d.log\nexit 101\n'
_HOLD = """
set -e
root=$1/root
mount -t tmpfs -o mode=0755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$root"
if [ "$MP_SCRATCH" = debootstrap ] || ! mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"; then
    debootstrap --variant=minbase --include=ca-certificates,curl,sqlite3 bookworm "$root" >&2
    cp /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || :
    cp -r /etc/apt/sources.list.d "$root/etc/apt/" 2>/dev/null || :
fi
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
for name in run tmp; do mount -t tmpfs -o mode=1777 tmpfs "$root/$name"; done
mkdir "$root/run/lock"
echo ready
exec chroot "$root" cat
"""


class ScratchRoot:
    """Open until close()."""

    def __init__(self, directory: Path):
        directory.mkdir()
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", _HOLD, "hold", str(directory)]
        self._log = directory.parent / "scratch.log"
        with open(self._log, "wb") as log:
            self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        if self._holder.stdout.readline() != "ready\n":
            self._holder.wait(10)
            said = self._log.read_text()
            if "not permitted" in said or "denied" in said:
                pytest.skip(f"no other root can be made here, as in most containers: {said}")
            raise AssertionError(f"there is no scratch root: {said}")
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        self._init = int(children.split()[0])
        self._wait_for_root()
        policy = self.path("usr/sbin/policy-rc.d")
        policy.write_text(_POLICY)
        policy.chmod(0o755)

    def _wait_for_root(self) -> None:
        """The shell says that it is ready, and then becomes what has the new root."""
        wait_until(lambda: Path(os.readlink(f"/proc/{self._init}/exe")).name == "cat", 10, "the scratch root is entered")

    def path(self, name: str) -> Path:
        """A file in there, seen from here."""
        return Path(f"/proc/{self._init}/root") / name

    def run(self, script: str, status: int | None = 0, timeout: float = 300) -> str:
        """Runs a shell script in there, which ends at the first failure. @return what it said"""
        command = ["nsenter", "--mount", "--pid", "--root", "--wd", f"--target={self._init}", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "sh", "-ec", script]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              check=False)
        assert status is None or done.returncode == status, f"{script}\nended with status {done.returncode}:\n{done.stdout}"
        return done.stdout

    def apt_install(self, names: str) -> None:
        """With the lists that are here, or with new ones."""
        install = f"apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends {names}"
        self.run(f"{install} || {{ apt-get -qq update; {install}; }}", timeout=600)

    def files(self, *folders: str) -> set[str]:
        """Whatever lies in there."""
        return set(self.run(f"find {' '.join(folders)} -mindepth 1").splitlines())

    def close(self) -> None:
        """Ends what runs in there; the layer goes with it."""
        self._holder.stdin.close()
        try:
            self._holder.wait(20)
        finally:
            self._holder.kill()
            self._holder.stdout.close()
