# SPDX-License-Identifier: Apache-2.0
"""What is looked at: each process of httpd, what it left on the disk, and its connections to the database."""
import contextlib
from dataclasses import dataclass, field
import os
from pathlib import Path
import re
import statistics
from typing import Any, Callable, Iterable

from bench.observer import Observer
from harness.mariadb import MariaDatabase

from . import farm

SHARED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-s ", re.M)
CONNECTIONS = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = ? AND user <> 'root'"


@dataclass(frozen=True)
class Look:
    """A process at one moment. Memory in kB."""

    own: float  # RssAnon
    threads: int
    files: int  # descriptors that are neither sockets nor events
    links: int  # these, but for miners' connections: idle connections to pools have both
    shared: float  # memory that it shares with other processes, and may write

    @staticmethod
    def at(pid: int, port: int) -> "Look":
        """Now."""
        sight, (files, links) = Observer(pid, port).look(), _opened(pid, port)
        shared = sum(int(end, 16) - int(begin, 16) for begin, end in SHARED.findall(Path(f"/proc/{pid}/maps").read_text()))
        return Look(sight.own, sight.threads, files, links, shared / 1000)

    @staticmethod
    def median(looks: list["Look"]) -> "Look":
        """Of each figure."""
        return Look(**{name: statistics.median(getattr(look, name) for look in looks) for name in vars(looks[0])})


@dataclass(frozen=True)
class Sight:
    """Everything at one moment, when no poll waits; own_parked: kB of all children together a moment later, when all wait."""

    parent: Look
    children: dict[int, Look]
    files: int  # in the state directory, but for what living children tell the console
    kilobytes: float  # of these
    connections: int  # to the database
    own_parked: float = 0


@dataclass
class Seen:
    """Of the whole play."""

    first: list[Sight] = field(default_factory=list)  # with restarts
    second: list[Sight] = field(default_factory=list)  # without, behind the warm-up
    parents: list[Look] = field(default_factory=list)  # behind each restart
    wakes: list[dict[str, Any]] = field(default_factory=list)  # what the crowd said of each block, failover, failback and restart
    returns: list[bool] = field(default_factory=list)  # of rigs to their pool that was mended
    last: dict[str, Any] = field(default_factory=dict)  # what it said at the end
    loud: list[str] = field(default_factory=list)  # undeclared lines of the error log
    books: str = ""  # what is wrong with them
    shares: int = 0
    accepted: int = 0
    repeats: int = 0  # requests of rigs that were answered with an error


def _opened(pid: int, port: int) -> tuple[int, int]:
    """How many files a process has open, and how many sockets and events, but for those of miners."""
    with open("/proc/net/tcp", encoding="ascii") as lines:
        miners = {f"socket:[{fields[9]}]" for fields in map(str.split, lines) if fields[1].endswith(f":{port:04X}")}
    targets = []
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            targets.append(os.readlink(entry.path))
    links = [target for target in targets if target.startswith("socket:") or target == "anon_inode:[eventfd]"]
    return len(targets) - len(links), sum(target not in miners for target in links)


def take(one: farm.Farm, count: int, pause: Callable[[], None]) -> Sight:
    """Medians of so many looks, each behind a pause."""
    looks: list[dict[int, Look]] = []
    for _ in range(count):
        pause()
        looks.append({pid: Look.at(pid, one.httpd.port) for pid in [one.httpd.pid, *one.httpd.children()]})
    found = {pid: Look.median([look[pid] for look in looks if pid in look]) for pid in looks[-1]}
    parent = found.pop(one.httpd.pid)
    sizes = _sizes(one.httpd.state, found)
    return Sight(parent, found, len(sizes), sum(sizes) / 1000, connections(one))


def _sizes(directory: Path, children: Iterable[int]) -> list[int]:
    """Of the files there, but for what living children tell each other for the console: they do so for a minute after somebody looked."""
    sizes, words = [], {f"sight-{pid}.json" for pid in children}
    for path in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            sizes += [path.stat().st_size] if path.name not in words else []
    return sizes


def connections(one: farm.Farm) -> int:
    """To MariaDB; SQLite has none."""
    return one.database.value(CONNECTIONS, one.database.name) if isinstance(one.database, MariaDatabase) else 0
