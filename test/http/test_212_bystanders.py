# SPDX-License-Identifier: Apache-2.0
"""Many are woken on few threads, and nobody else notices: idle connections stay, getworks are served."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.proxy import PATIENT
from harness.waiting import wait_until

pytestmark = pytest.mark.proxy(directives=[PATIENT])


@pytest.fixture
def crowded(polling):
    """Three hundred wait on sixteen threads."""
    polling.alpha.without = {"midstate", "hash1"}
    polling.start()
    polling.all = polling.crowd()
    polling.all.gather(300, [polling.mining()])
    wait_until(lambda: polling.alpha.polls_open == 1, 5, "the pool is polled")
    return polling


def test_idle_connections_survive(crowded):
    miners = [crowded.mining() for _ in range(50)]
    for miner in miners:
        miner.connection.retries = False  # as poclbm and Phoenix, which lose a share by that
    crowded.find_block(crowded.alpha)
    crowded.all.wait_ended(10)
    assert (len(crowded.all.replies), crowded.all.errors) == (300, [])
    assert all(miner.getwork() for miner in miners)


def test_getworks_are_served_meanwhile(crowded):
    miners = [crowded.mining() for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        mined = [threads.submit(miner.mine, 10) for miner in miners]
        crowded.find_block(crowded.alpha)
        assert all(reply.result is True for shares in mined for _, reply in shares.result())
    crowded.all.wait_ended(10)
    assert len(crowded.all.replies) == 300
    assert max(reply.seconds for miner in miners for reply in miner.replies) < 2
