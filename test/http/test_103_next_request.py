# SPDX-License-Identifier: Apache-2.0
"""A miner in a loop, on the one processor that httpd's child has: its next request is there when all others have run, and the thread that has answered serves it too."""
import base64
import itertools
import os
from pathlib import Path
import socket
from typing import Iterator

import pytest

from harness.database import PASSWORD
from harness.proxy import Proxy
from harness.waiting import wait_until

REQUESTS = 90
MOST_IN_ROW = 9
BODY = b'{"method":"getwork","params":[],"id":1}'
REQUEST = (b"POST / HTTP/1.1\r\nHost: proxy\r\nContent-Type: application/json\r\nAuthorization: Basic " + base64.b64encode(f"rig1:{PASSWORD}".encode())
           + b"\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)


@pytest.fixture
def narrow(proxy: Proxy, make_pool) -> Iterator[Proxy]:
    """httpd's child and this thread share a processor; threads.log names the thread of each request."""
    proxy.database.add_rig(make_pool())
    proxy.httpd.config.host = [f'CustomLog "{proxy.httpd.directory}/logs/threads.log" "%{{tid}}P"']
    proxy.start()
    before = os.sched_getaffinity(0)
    processor = {min(before)}
    child, = proxy.httpd.children()
    for task in Path(f"/proc/{child}/task").iterdir():
        os.sched_setaffinity(int(task.name), processor)
    os.sched_setaffinity(0, processor)
    yield proxy
    os.sched_setaffinity(0, before)


def rows_of_threads(proxy: Proxy) -> list[int]:
    """How many requests each thread served in a row, of those behind the login of the start."""
    log = proxy.httpd.directory / "logs" / "threads.log"
    known = len(log.read_text().split())
    with socket.create_connection(proxy.httpd.address) as miner:
        for _ in range(REQUESTS):
            miner.sendall(REQUEST)
            assert miner.recv(65536).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: len(log.read_text().split()) == known + REQUESTS, 5, "all requests are in the log")
    return [len(list(row)) for _, row in itertools.groupby(log.read_text().split()[known:])]


def test_a_thread_serves_the_next_request_too(narrow):
    rows = rows_of_threads(narrow)
    assert sum(rows) == REQUESTS
    assert len(rows) < REQUESTS // 3, f"{rows}: hardly ever one thread in a row"


def test_no_thread_serves_one_miner_for_ever(narrow):
    assert max(rows_of_threads(narrow)) <= 2 * MOST_IN_ROW  # a thread that gave the connection back may be the one who takes it again
