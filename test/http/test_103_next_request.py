# SPDX-License-Identifier: Apache-2.0
"""A miner in a loop, and an httpd in which giving the processor to others takes as long as the miner needs for its next request: the thread that has answered serves that too, some times."""
import itertools

import pytest

from fakes import preload
from harness.waiting import wait_until

REQUESTS = 40
MOST_IN_ROW = 9
YIELD = 0.05  # seconds
SLOW_YIELD = f"""
#include <unistd.h>
int sched_yield(void) {{ usleep({YIELD * 1e6:.0f} * 11 / 10); return 0; }}
"""


@pytest.fixture
def yielding(proxy, make_pool, directory):
    """threads.log names the thread of each request that says so."""
    proxy.database.add_rig(make_pool())
    proxy.threads_log = proxy.httpd.directory / "logs" / "threads.log"
    proxy.httpd.config.modules.append("setenvif")
    proxy.httpd.config.host = ["SetEnvIf X-Row .+ row", f'CustomLog "{proxy.threads_log}" "%{{tid}}P" env=row']
    proxy.httpd.more_environment = {"LD_PRELOAD": str(preload.build(directory, "slow_yield", SLOW_YIELD))}
    return proxy


def mine_in_a_loop(proxy):
    """@return the miner"""
    miner = proxy.miner()
    miner.extra_headers = [("X-Row", "1")]
    for _ in range(REQUESTS):
        miner.getwork()
    return miner


def test_a_thread_serves_next_requests_but_not_for_ever(yielding):
    miner = mine_in_a_loop(yielding.start())
    wait_until(lambda: len(yielding.threads_log.read_text().split()) == REQUESTS, 5, "all requests are in the log")
    rows = [len(list(row)) for _, row in itertools.groupby(yielding.threads_log.read_text().split())]
    assert len(rows) <= REQUESTS // 3, f"{rows} in a row"
    # The same thread may begin the next row by chance; then nobody gave the processor away before.
    quick = sum(reply.seconds < YIELD for reply in miner.replies)
    assert REQUESTS // MOST_IN_ROW <= quick <= REQUESTS // 2, f"{rows} in a row, {quick} without a look"


def test_nobody_looks_unless_half_of_the_threads_are_idle(yielding):
    yielding.httpd.config.threads = 1
    miner = mine_in_a_loop(yielding.start())
    assert sum(reply.seconds > YIELD for reply in miner.replies) < REQUESTS // 4
