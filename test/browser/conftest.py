# SPDX-License-Identifier: Apache-2.0
"""Browser tests use the harness of the tests against a real httpd, and drive Chromium."""
from pathlib import Path
import sys
from typing import Callable, Iterator

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS), str(TESTS / "browser")]

import pytest  # noqa: E402

from browser import Browser  # noqa: E402
from harness.plugin import *  # noqa: E402,F401,F403
from preview import Preview  # noqa: E402


@pytest.fixture
def make_browser(directory: Path) -> Iterator[Callable[..., Browser]]:
    """Opens windows, each with a profile of its own."""
    browsers: list[Browser] = []

    def make(has_script: bool = True) -> Browser:
        browsers.append(Browser(directory / f"profile{len(browsers)}", has_script))
        return browsers[-1]
    yield make
    for browser in browsers:
        browser.close()


@pytest.fixture
def browser(make_browser: Callable[..., Browser]) -> Browser:
    """A window."""
    return make_browser()


@pytest.fixture
def preview() -> Iterator[Preview]:
    """Serves made-up farms."""
    server = Preview()
    yield server
    server.shutdown()
    server.server_close()
