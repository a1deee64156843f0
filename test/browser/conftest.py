# SPDX-License-Identifier: Apache-2.0
"""Browser tests use the harness of the tests against a real httpd."""
from pathlib import Path
import sys

sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "http"), str(TESTS)]

from harness.plugin import *  # noqa: E402,F401,F403
