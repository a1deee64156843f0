# SPDX-License-Identifier: Apache-2.0
"""The log rule bites: a guard that nobody has seen failing is no guard."""
import os
import subprocess
import sys

import pytest

from harness import places
from harness.errorlog import undeclared

STAMP = "[Sun Nov 22 15:04:05.123456 2026] "
QUIET = STAMP + "[mpm_event:notice] [pid 7:tid 7] AH00489: Apache/2.4.71 configured -- resuming normal operations"
LOUD = STAMP + "[miningproxy:warn] [pid 7:tid 8] [client 127.0.0.1:5] MP0510: pool 1 \"alpha\" refused"
DEATH = STAMP + "[core:notice] [pid 7:tid 7] AH00052: child pid 4711 exit signal Segmentation fault (11)"

INNER = '''
import pytest

def _start(make_httpd):
    # httpd warns that MaxRequestWorkers is no multiple of ThreadsPerChild: AH00513 on stderr, AH00514 in its log
    make_httpd(with_module=False, directives=["MaxRequestWorkers 17", "ServerLimit 2"]).start()

def test_undeclared(make_httpd):
    _start(make_httpd)

@pytest.mark.expects_log("AH00513", "AH00514")
def test_declared(make_httpd):
    _start(make_httpd)
'''
CONFTEST = "import sys\nsys.path[:0] = {paths!r}\nfrom harness.plugin import *\n"


@pytest.mark.parametrize("text,declared,killed,count", [
    ("", set(), set(), 0), (QUIET, set(), set(), 0), (LOUD, set(), set(), 1), (LOUD, {"MP0510"}, set(), 0),
    (LOUD, {"MP0511"}, set(), 1),
    (DEATH, set(), set(), 1), ("AH00513: odd", {"AH00513"}, set(), 0), ("AH00513: odd", set(), set(), 1),
    ("[crit] no memory", {"[crit] no memory"}, set(), 0), ("[crit] no memory, odd", {"[crit] no memory"}, set(), 1), (DEATH, {"AH00052"}, set(), 1), (DEATH, set(), {4711}, 0), ("free(): invalid pointer", {"free"}, set(), 1),
    ("==7==ERROR: AddressSanitizer: heap-use-after-free", set(), set(), 1),
    (LOUD.replace("warn", "error") + "\n" + LOUD, set(), set(), 2)])
def test_which_lines_fail_a_test(text, declared, killed, count):
    assert len(undeclared(text, declared, killed)) == count


def test_a_loud_line_fails_the_test_that_did_not_declare_it(directory):
    paths = [str(places.ROOT / "test" / "http"), str(places.ROOT / "test")]
    (directory / "conftest.py").write_text(CONFTEST.format(paths=paths))
    (directory / "test_inner.py").write_text(INNER)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--rootdir", str(directory),
               str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, timeout=120, check=False)
    assert done.returncode == 1, done.stdout
    assert "ERROR test_inner.py::test_undeclared" in done.stdout
    assert "AH00514" in done.stdout
    assert "2 passed, 1 error" in done.stdout
