# SPDX-License-Identifier: Apache-2.0
"""What a child keeps of the memory that it once needed."""
from concurrent.futures import ThreadPoolExecutor
import json
from pathlib import Path
import re

import pytest

from harness import places
from harness.config import Console
from harness.console import Visitor
from harness.metrics import LOCATION, ask
from harness.waiting import wait_until

ARENA = 64 << 20  # bytes; what glibc reserves for one at a multiple of that, but for the first, which is the heap
TAKEN = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0 *\n\2-([0-9a-f]+) ---p 00000000 00:00 0 *$", re.MULTILINE)


def _arenas(child):
    """Beside the heap."""
    maps = Path(f"/proc/{child}/maps").read_text()
    ranges = [(int(begin, 16), int(end, 16)) for begin, _, end in TAKEN.findall(maps)]
    return sum(begin % ARENA == 0 and end >= begin + ARENA for begin, end in ranges)


def _own(child):
    """In kB."""
    return int(re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{child}/status").read_text(), re.MULTILINE)[1])


@pytest.mark.skipif(places.ASAN, reason="it has an allocator of its own")
@pytest.mark.parametrize("environment,is_shared", [({}, True), ({"MALLOC_ARENA_MAX": "8"}, False)])
def test_threads_share_them(proxy, make_pool, environment, is_shared):
    proxy.database.add_rig(make_pool())
    proxy.httpd.more_environment = environment
    proxy.start()
    miners = [proxy.miner() for _ in range(12)]
    with ThreadPoolExecutor(len(miners)) as threads:
        for _ in range(5):
            list(threads.map(lambda miner: miner.getwork(), miners))
    child, = proxy.httpd.children()
    assert (_arenas(child) <= 1) == is_shared


@pytest.mark.skipif(places.ASAN, reason="it has an allocator of its own")
def test_pages_of_the_console_leave_little_behind(polling, templates):
    """httpd hands the memory of a connection on to the next one, and there are as many as there are threads: a page takes a hundred times what a miner's request does."""
    polling.httpd.config.console = Console(templates=templates)
    for number in range(100):
        polling.database.add_rig(polling.alpha, name=f"rig-{number}")
    polling.start()
    child = polling.httpd.children()[0]
    before = _own(child)
    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(lambda page: Visitor(polling).get(page).status, ["/", "/workers"] * 240))
    assert statuses == {200}
    assert _own(child) - before < 9000, _own(child) - before


@pytest.mark.skipif(places.ASAN, reason="it has an allocator of its own")
@pytest.mark.proxy(directives=["MiningProxyMetricsWorkers 1000"])
def test_metrics_leave_little_behind(polling):
    """Likewise a page of 130 kB, which Prometheus asks for all day."""
    polling.httpd.config.locations.append(LOCATION)
    names = [f"rig-{number}" for number in range(300)]
    for name in names:
        polling.database.add_rig(polling.alpha, name=name)
    polling.start()
    for name in names:
        miner = polling.miner(name)
        miner.getwork()
        miner.close()
    child = polling.httpd.children()[0]
    before = _own(child)
    with ThreadPoolExecutor(8) as threads:
        sizes = list(threads.map(lambda _: len(ask(polling.httpd)[2]), range(480)))
    assert min(sizes) > 100_000
    assert _own(child) - before < 2500


@pytest.mark.skipif(places.ASAN, reason="it has an allocator of its own")
@pytest.mark.proxy(directives=["MiningProxyMaxRequestBody 1M"], threads=64)
def test_large_requests_leave_little_behind(polling):
    """Likewise the largest ones that a miner may send, each on a connection of its own, all at the same time."""
    polling.start()
    polling.mining().close()
    child = polling.httpd.children()[0]
    before, body = _own(child), json.dumps({"method": "getwork", "params": [], "id": 1}).encode() + b" " * 900_000
    miners = [polling.miner() for _ in range(40)]
    with ThreadPoolExecutor(len(miners)) as threads:
        statuses = set(threads.map(lambda miner: miner.post(body).status, miners))
    assert statuses == {200}
    for miner in miners:
        miner.close()
    wait_until(lambda: polling.httpd.connection_count() == 0, 10, "no miner is connected")
    assert _own(child) - before < 9000, _own(child) - before
