# SPDX-License-Identifier: Apache-2.0
"""Libraries that are loaded before all others, so that a process sees a world of the test's making."""
from pathlib import Path
import subprocess


def build(directory: Path, name: str, source: str) -> Path:
    """The library made of this source in C, which is compiled once for a directory."""
    library, text = directory / f"{name}.so", directory / f"{name}.c"
    if not library.exists():
        text.write_text(source)
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(text)], check=True, timeout=60)
    return library
