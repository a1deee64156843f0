# SPDX-License-Identifier: Apache-2.0
"""A child's threads share the arenas of glibc's malloc."""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import re

import pytest

from harness import places

ARENA = 64 << 20  # bytes; where one begins, but for the first, which is the heap
TAKEN = re.compile(r"^([0-9a-f]+)-[0-9a-f]+ rw-p 00000000 00:00 0 *$", re.MULTILINE)


def _arenas(child):
    """Beside the heap."""
    maps = Path(f"/proc/{child}/maps").read_text()
    return sum(int(begin, 16) % ARENA == 0 for begin in TAKEN.findall(maps))


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
