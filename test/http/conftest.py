# SPDX-License-Identifier: Apache-2.0
"""Tests against a real httpd. Everything lives in harness/, because the browser tests use it too."""
from pathlib import Path
import sys

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from harness.plugin import *  # noqa: E402,F401,F403
