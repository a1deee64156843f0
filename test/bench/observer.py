# SPDX-License-Identifier: Apache-2.0
"""What the kernel knows of httpd's child: threads, memory, processor time, connections."""
from dataclasses import dataclass
import os
from pathlib import Path
import re
import time

TICKS = os.sysconf("SC_CLK_TCK")
LISTEN, TIME_WAIT = "0A", "06"
QUIET = 0.25  # of one processor: less than this is nothing but the getworks that go on


def processor_time(stat: Path) -> float:
    """Seconds that a process or thread has computed so far, by its file."""
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass
class Sight:
    """The child at one moment. Memory in kB of 1000 bytes; own is what no other process shares with it (RssAnon)."""

    threads: int
    own: float
    resident: float


class Observer:
    """Looks at one child, and at the connections to its port."""

    def __init__(self, pid: int, port: int):
        self.pid, self.port = pid, port

    def look(self) -> Sight:
        """Now."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        values = {name: int(value) for name, value in re.findall(r"^(Threads|RssAnon|VmRSS):\s+(\d+)", text, re.M)}
        return Sight(values["Threads"], values["RssAnon"] * 1.024, values["VmRSS"] * 1.024)

    def processor_time(self) -> float:
        """Seconds that it has computed so far."""
        return processor_time(Path(f"/proc/{self.pid}/stat"))

    def connections(self) -> tuple[int, int]:
        """How many connections httpd has, and how many bytes or connections wait for it to take them."""
        count = waiting = 0
        with open("/proc/net/tcp", encoding="ascii") as lines:
            for line in lines:
                fields = line.split()
                if fields[1].endswith(f":{self.port:04X}") and fields[3] != TIME_WAIT:
                    count += fields[3] != LISTEN
                    waiting += int(fields[4].partition(":")[2], 16)
        return count, waiting

    def rest(self, seconds: float = 2) -> None:
        """The module gives memory back when it has had nothing to do for a moment."""
        time.sleep(seconds)

    def settle(self, count: int, seconds: float = 30) -> int:
        """Waits until httpd has taken everything, computes next to nothing and has at most so many connections. @return how many it has"""
        end = time.monotonic() + seconds
        while True:
            before, began = self.processor_time(), time.monotonic()
            time.sleep(0.4)
            busy = (self.processor_time() - before) / (time.monotonic() - began)
            found, waiting = self.connections()
            if (waiting == 0 and found <= count and busy < QUIET) or time.monotonic() > end:
                return found
