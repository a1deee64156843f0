# SPDX-License-Identifier: Apache-2.0
"""What mod_status shows of the proxy."""
import re

import pytest

from harness.metrics import STATUS, ask
from harness.waiting import wait_until


@pytest.fixture
def shown(proxy, make_pool):
    """A proxy with mod_status and one rig, started."""
    proxy.httpd.config.modules.append("status")
    proxy.httpd.config.locations.append(STATUS)
    pool = make_pool("al<p>ha")
    proxy.database.add_rig(pool)
    proxy.pool = pool
    return proxy.start()


def _facts(proxy):
    status, _, text = ask(proxy.httpd, "/server-status?auto")
    assert status == 200
    lines = [line for line in text.splitlines() if line.startswith("MiningProxy")]
    assert all(re.match(r"MiningProxy\w+: \S", line) for line in lines)
    facts = dict(line.split(": ", 1) for line in lines)
    assert len(facts) == len(lines)
    return facts


def test_for_programs(shown):
    miner = shown.miner()
    miner.mine(2)
    assert not miner.submit(miner.getwork().unsolved()).result
    shown.wait_rows(3)
    wait_until(lambda: (now := _facts(shown))["MiningProxySharesAccepted"] == "2" and now["MiningProxySpoolShares"] == "0", 5, "the shares are counted")
    facts = _facts(shown)
    assert facts["MiningProxySharesRejected"] == "1" and facts["MiningProxySharesUnknown"] == "0"
    assert facts["MiningProxyGetworks"] == str(len(shown.pool.issued)) and int(facts["MiningProxyGetworkRequests"]) >= len(shown.pool.issued)
    assert facts["MiningProxyShareRequests"] == "3" and facts["MiningProxyParkedPolls"] == "0"
    assert facts["MiningProxyDatabase"] == "up" and facts["MiningProxySpoolShares"] == "0"
    assert facts[f"MiningProxyPool{shown.database.pool_id(shown.pool)}Circuit"] == "closed"


def test_for_people(shown):
    status, headers, text = ask(shown.httpd, "/server-status")
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert "<h2>Mining proxy</h2>" in text and "Circuit of al&lt;p&gt;ha" in text and "al<p>ha" not in text
