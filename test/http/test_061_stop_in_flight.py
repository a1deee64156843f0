# SPDX-License-Identifier: Apache-2.0
"""httpd is told to stop while a share is under way: it ends in time, and the share is in the books."""
from concurrent.futures import ThreadPoolExecutor
import time

import pytest

from fakes import behaviours
from harness.waiting import wait_until

pytestmark = pytest.mark.parametrize("mpm", [
    pytest.param(name, marks=pytest.mark.proxy(mpm=name, children=1)) for name in ("event", "worker", "prefork")])


def test_a_share_under_way(proxy, make_pool, mpm):
    """Its miner may lose the connection; the pool's acceptance is not lost."""
    assert mpm
    pool = make_pool()
    worker = proxy.database.add_rig(pool)
    proxy.start()
    miner = proxy.miner()
    data = miner.getwork().solve()
    pool.behave(behaviours.judged_slow(1.0), on="share")
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(_try, miner, data)
        wait_until(lambda: pool.requests[-1].kind == "share", 5, "the pool has the share")
        start = time.monotonic()
        proxy.httpd.terminate()
        assert time.monotonic() - start < 8
        answer.result()
    assert len(pool.accepted) == 1
    row = proxy.database.share_of(worker, data)
    if row is None:
        proxy.start()
        wait_until(lambda: proxy.database.share_of(worker, data), 10, "the next child adopts what was left")
        row = proxy.database.share_of(worker, data)
    assert row.result in (1, None)
    assert proxy.database.share_count() == 1


def _try(miner, data):
    try:
        return miner.submit(data).result
    except ConnectionError:
        return None
