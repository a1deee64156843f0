# SPDX-License-Identifier: Apache-2.0
"""The manual's configuration of several machines, word for word but for addresses: two hosts, a redis, and a balancer in front of them."""
import re
import textwrap

import pytest

from fakes.miner import Miner, work_of
from fakes.redis import Redis, own_address
from harness import places
from harness.database import PASSWORD
from harness.hosts import make_hosts
from harness.waiting import wait_until

SECTION = (places.ROOT / "docs" / "ADMIN.md").read_text().partition("## More than one machine\n")[2].partition("\n## ")[0]
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", SECTION, re.MULTILINE)]
MODULES = ["proxy", "proxy_http", "proxy_balancer", "lbmethod_bybusyness", "slotmem_shm"]


def _block(word: str) -> str:
    """The one that has this word in it."""
    found, = [block for block in BLOCKS if word in block]
    return found


@pytest.fixture
def redis(directory):
    """As the manual starts it, at an address that is not loopback: hosts come from elsewhere."""
    command = _block("redis-server").strip().replace("10.0.0.20", "{address}").replace("6379", "{port}")
    server = Redis(directory, command, own_address())
    yield server
    server.kill()


@pytest.fixture
def farm(make_proxy, make_pool, make_httpd, database, redis):
    """Both hosts and the balancer, started; front is what miners know."""
    cache = re.search(r"^MiningProxyCache .*$", _block("MiningProxyCache"), re.MULTILINE)[0]
    cache = cache.replace("10.0.0.20:6379", f"{redis.address}:{redis.port}")
    hosts = make_hosts(make_proxy, make_pool, database, directives=(cache,), modules=["socache_redis"])
    hosts.redis = redis
    hosts.pool.long_polling = "/lp"
    hosts.start()
    lines = _block("BalancerMember")
    for address, proxy in zip(("10.0.0.11:8332", "10.0.0.12:8332"), hosts.both):
        assert address in lines
        lines = lines.replace(address, f"127.0.0.1:{proxy.httpd.port}")
    hosts.front = make_httpd(with_module=False, modules=MODULES, directives=lines.splitlines(), threads=32)
    hosts.front.start()
    return hosts


def _miner(farm) -> Miner:
    return Miner(farm.front.address, "rig1", PASSWORD)


def _served(host) -> int:
    return len((host.httpd.directory / "logs" / "access.log").read_text().splitlines())


def test_miners_need_not_know_of_the_machines(farm):
    miners = [_miner(farm) for _ in range(4)]
    before = [_served(host) for host in farm.both]
    shares = [reply for miner in miners for _, reply in miner.mine(10)]
    assert [reply.result for reply in shares] == [True] * 40
    assert len(farm.pool.submissions) == 40
    assert len(farm.redis.keys()) >= 40, "redis answers the hosts"
    wait_until(lambda: all(_served(host) > count for host, count in zip(farm.both, before)), 5, "both hosts served some")
    farm.first.wait_rows(40)
    for miner in miners:
        miner.close()


def test_long_polls_wait_behind_it(farm):
    miner = _miner(farm)
    miner.getwork()
    poll = miner.poll()
    wait_until(lambda: farm.first.waiting() + farm.second.waiting() == 1, 10, "it waits at one of the hosts")
    wait_until(lambda: farm.pool.polls_open == 1, 10, "the pool is polled")
    farm.pool.new_block()
    reply = poll.wait(10)
    assert miner.submit(work_of(reply).solve()).result is True
    miner.close()


@pytest.mark.expects_log("AH00957", "AH01114", "AH01102", "AH00959", "AH01097")
def test_a_machine_that_dies_is_not_missed(farm):
    miner = _miner(farm)
    works = [miner.getwork() for _ in range(6)]
    farm.first.httpd.kill_all()
    replies = []
    for work in works:
        data = work.solve()
        reply = miner.submit(data)
        # A connection that broke under the balancer's hands is told to the miner, who repeats.
        replies.append(reply if reply.status == 200 else miner.submit(data))
    assert [reply.result for reply in replies] == [True] * 6
    assert [reply.result for _, reply in miner.mine(4)] == [True] * 4
    assert len(farm.pool.submissions) == 10
    miner.close()
