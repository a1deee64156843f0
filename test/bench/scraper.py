# SPDX-License-Identifier: Apache-2.0
"""Prometheus, as far as a proxy can tell: somebody who reads the metrics each second."""
import threading
from typing import Any

from harness.httpd import Httpd
from harness.metrics import scrape

INTERVAL = 1.0  # s


class Scraper(threading.Thread):
    """Reads from its start to its end; fails at its end if a page was no good, or if there was none."""

    def __init__(self, httpd: Httpd):
        super().__init__(daemon=True)
        self.httpd, self.count = httpd, 0
        self.failure: BaseException | None = None
        self._ending = threading.Event()

    def run(self) -> None:
        try:
            while self.count == 0 or not self._ending.wait(INTERVAL):
                scrape(self.httpd).value("shares_total")
                self.count += 1
        except BaseException as failure:  # told at the end
            self.failure = failure

    def __enter__(self) -> "Scraper":
        self.start()
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        self._ending.set()
        self.join(20)
        if kind is None and self.failure:
            raise self.failure
        assert kind or self.count > 0, "nobody read the metrics"
