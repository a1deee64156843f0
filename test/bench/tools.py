# SPDX-License-Identifier: Apache-2.0
"""The C programs: a pool, a crowd of miners, and miners in a closed loop."""
import json
import os
from pathlib import Path
import resource
import select
import subprocess
from typing import Any, Callable
import urllib.request

from harness import places

FOLDER = places.MODULE.parent / "bench"
ENVIRONMENT = {"PATH": os.environ["PATH"], "ASAN_OPTIONS": "detect_leaks=0"}


def allow_files(count: int) -> None:
    """Raises this process's limit of open files, which httpd and the programs inherit.

    Raises OSError if so many are not allowed: a benchmark of fewer polls would say nothing.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
        except (ValueError, OSError) as error:
            raise OSError(f"{count} open files are needed, and \"ulimit -Hn\" says {hard}") from error
    elif soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _words(options: dict[str, Any]) -> list[str]:
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


class Program:
    """One of them, running."""

    def __init__(self, name: str, *arguments: str):
        path: Path = FOLDER / name
        assert path.exists(), f"{path} is missing: run make bench-tools"
        self.process = subprocess.Popen([str(path), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
        self._text = b""

    def line(self, deadline: float) -> str:
        """Its next line; fails if it does not come in time."""
        while b"\n" not in self._text:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline)
            assert ready, f"{self.process.args[0]} said nothing for {deadline} s"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, f"{self.process.args[0]} ended with status {self.process.wait()}"
            self._text += piece
        line, _, self._text = self._text.partition(b"\n")
        return line.decode()

    def stop(self) -> None:
        """Ends it."""
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Pool(Program):
    """A pool on a free port."""

    name = "bench"

    def __init__(self, **options: str) -> None:
        super().__init__("pool", *_words(options))
        self.port = int(self.line(10).split()[1])

    @property
    def url(self) -> str:
        """As an operator would enter it."""
        return f"http://127.0.0.1:{self.port}/"

    def stats(self) -> dict[str, Any]:
        """What it has counted."""
        with urllib.request.urlopen(f"{self.url}stats", timeout=10) as answer:
            return json.load(answer)


class Crowd(Program):
    """Miners of whatever listens on that port."""

    deadline = 60  # seconds that a step may take
    tell: Callable[[str], None] = staticmethod(lambda words: None)  # of progress

    def __init__(self, port: int, pool: Pool, **options: int):
        numbers = {"port": port, "pool-port": pool.port, "deadline": self.deadline, **options}
        super().__init__("crowd", *_words(numbers))

    def step(self, name: str) -> dict[str, Any]:
        """Does this, and says how it went."""
        self.process.stdin.write(f"{name}\n".encode())
        self.process.stdin.flush()
        seen = json.loads(self.line(2 * self.deadline))
        self.tell(f"{seen['step']}: {seen['seconds']:.1f} s, {seen['waiting']} wait, {seen['bystanders_open']} bystanders")
        return seen


class Load(Program):
    """Miners in a closed loop."""

    deadline = 180  # seconds that the logins may take

    def __init__(self, **options: Any):
        super().__init__("load", *_words(options))

    def expect(self, word: str) -> "Load":
        """Waits until it says this: "connected" before logins, "ready" when it has warmed up."""
        said = self.line(self.deadline)
        assert said == word, f"load said {said}"
        return self

    def go(self) -> None:
        """It goes on."""
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def run(self) -> dict[str, Any]:
        """What was measured."""
        self.go()
        return json.loads(self.line(self.deadline))
