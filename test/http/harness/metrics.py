# SPDX-License-Identifier: Apache-2.0
"""The metrics page, as Prometheus reads it."""
import http.client
import re
import subprocess
from typing import Any

from . import places
from .httpd import Httpd

LOCATION = '<Location "/metrics">\nSetHandler miningproxy-metrics\nRequire all granted\n</Location>'
STATUS = '<Location "/server-status">\nSetHandler server-status\nRequire all granted\n</Location>'
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def ask(httpd: Httpd, path: str = "/metrics", method: str = "GET") -> tuple[int, dict[str, str], str]:
    """Status, headers (names in lower case), text."""
    connection = http.client.HTTPConnection(*httpd.address, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


class Metrics:
    """One scrape."""

    def __init__(self, text: str):
        self.text = text
        self.samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            match = SAMPLE.match(line)
            assert match, line
            key = (match[1], frozenset(LABEL.findall(match[2] or "")))
            assert key not in self.samples, line
            self.samples[key] = float(match[3])

    def value(self, name: str, **labels: Any) -> float:
        """The sum of the samples that have these labels; there must be one."""
        wanted = {(key, str(value)) for key, value in labels.items()}
        found = [value for (other, have), value in self.samples.items() if other == "miningproxy_" + name and wanted <= have]
        assert found, f"no {name} with {labels}"
        return sum(found)

    def count(self, name: str) -> int:
        """How many series it has."""
        return sum(other == "miningproxy_" + name for other, _ in self.samples)

    def counters(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """What must never fall."""
        return {key: value for key, value in self.samples.items() if re.search(r"_(total|bucket|count|sum)$", key[0])}

    def assert_not_behind(self, before: "Metrics") -> None:
        """Nothing fell or went away since."""
        now = self.counters()
        fallen = {key: (value, now.get(key)) for key, value in before.counters().items() if now.get(key, -1) < value}
        assert not fallen


def scrape(httpd: Httpd) -> Metrics:
    """What the page says now."""
    status, headers, text = ask(httpd)
    assert status == 200, text
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8" and headers["cache-control"] == "no-store"
    return Metrics(text)


def check(text: str) -> None:
    """Fails if promtool finds anything to say."""
    done = subprocess.run([str(places.ROOT / "tools/promtool"), "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done.stdout + done.stderr
