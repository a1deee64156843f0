# SPDX-License-Identifier: Apache-2.0
"""Small file systems, to be full at once."""
import contextlib
from pathlib import Path
import subprocess
from typing import Iterator

import pytest

from . import places


@contextlib.contextmanager
def mounted_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own; root only."""
    if not places.IS_ROOT:
        pytest.skip("only root can make a small disk")
    path.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here, as in most containers: {done.stderr.strip()}")
    places.give_to_child(path)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True, timeout=20)


def fill_disk(path: Path) -> None:
    """Until the last byte."""
    with open(path / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while True:
            filler.write(bytes(4096))


def free_disk(path: Path) -> None:
    """What filled it goes."""
    (path / "filler").unlink()
