# SPDX-License-Identifier: Apache-2.0
"""Two hosts with one redis: what one knows of a work or a share the other knows at once, without the database, and nobody who writes into it gains by that."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from fakes import behaviours
from fakes.clock import moved_clock
from fakes.miner import work_of
from harness.hosts import make_hosts
from harness.waiting import holds_for, wait_until

PROVIDER = ["AH03478", "AH03479", "AH03480", "AH03481"]  # what mod_socache_redis says itself of a server or an entry


@pytest.fixture
def make_redis_hosts(make_proxy, make_pool, redis):
    """Makes two hosts that share the test's redis; not started."""
    def make(database, **options):
        cache = (f"MiningProxyCache redis:127.0.0.1:{redis.port}",)
        hosts = make_hosts(make_proxy, make_pool, database, directives=cache, modules=["socache_redis"], **options)
        hosts.redis = redis
        return hosts
    return make


@pytest.fixture
def hosts(make_redis_hosts, database):
    """On one SQLite file, because these tests do not look at the database; started."""
    return make_redis_hosts(database).start()


@pytest.mark.expects_log("MP0230")
def test_a_thousand_shares_while_the_database_is_away(make_redis_hosts, private_maria, directory, record_property):
    """Whatever is routed is routed by redis: nobody else can be asked."""
    hosts = make_redis_hosts(private_maria.create_database(directory), workers=5).start()
    private_maria.kill()
    errands = sorted(errand.seconds for errand in hosts.cross(1000))
    record_property("median", errands[500])
    record_property("p99", errands[990])
    private_maria.start()
    hosts.assert_all_went_well(1000)
    wait_until(lambda: hosts.sums() == (1000, 1000), 20, "the statistics of both hosts add up")


def test_a_repeat_at_the_other_host_gets_the_verdict(hosts):
    here, there = hosts.first.miner(), hosts.second.miner()
    data = here.getwork().solve()
    assert here.submit(data).result is True
    assert there.submit(data).result is True
    stale = there.getwork().solve()
    hosts.pool.behave(behaviours.reject_all("stale"), on="share")
    assert there.submit(stale).reason == "stale"
    hosts.pool.recover()
    assert here.submit(stale).reason == "stale"
    assert [share.data for share in hosts.pool.submissions] == [data, stale]


def test_one_share_at_both_hosts_at_the_same_time(hosts):
    """Ten shares, each brought to both at once: the pool hears of each once, both miners hear what it said."""
    miners = [proxy.miner() for proxy in hosts.both]
    shares = [miners[number % 2].getwork().solve() for number in range(10)]
    with ThreadPoolExecutor(2) as threads:
        for data in shares:
            replies = list(threads.map(lambda miner, share=data: miner.submit(share), miners))
            assert [reply.result for reply in replies] == [True, True]
    assert [share.data for share in hosts.pool.submissions] == shares


def test_a_share_under_way_at_the_other_host_is_waited_for(hosts):
    here, there = hosts.first.miner(), hosts.second.miner()
    data = here.getwork().solve()
    hosts.pool.behave(behaviours.judged_slow(1.5), on="share")
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(here.submit, data)
        wait_until(lambda: hosts.pool.accepted, 5, "the pool has the share")
        assert there.submit(data).result is True
        assert first.result().result is True
    assert len(hosts.pool.submissions) == 1


def test_a_host_whose_clock_is_five_minutes_behind(make_redis_hosts, database, directory):
    """Its routes, claims and verdicts count as those of any other."""
    hosts = make_redis_hosts(database)
    hosts.second.httpd.more_environment = moved_clock(directory, -300)
    hosts.start()
    hosts.cross(20)
    hosts.assert_all_went_well(20)
    for giver, taker in (hosts.both, hosts.both[::-1]):
        here, there = giver.miner(), taker.miner()
        data = here.getwork().solve()
        hosts.pool.behave(behaviours.judged_slow(0.7), on="share", times=1)
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(here.submit, data)
            wait_until(lambda: any(share.data == data for share in hosts.pool.accepted), 5, "the pool has the share")
            assert there.submit(data).result is True and first.result().result is True
    assert len(hosts.pool.submissions) == 22


def test_work_of_a_pool_that_the_other_host_has_not_heard_of_yet(hosts, make_pool):
    """Each host looks once a second what was edited; a share may be quicker."""
    other, database = make_pool("beta"), hosts.first.database
    pool = database.add_pool(other)
    database.assign(hosts.workers["rig1"], pool, "rig1@beta", priority=9)
    database.raise_generation()
    wait_until(lambda: hosts.first.log.count("MP0202:") > 1 or hosts.second.log.count("MP0202:") > 1, 20, "one of them knows of it")
    giver, taker = hosts.both if hosts.first.log.count("MP0202:") > 1 else hosts.both[::-1]
    data = giver.miner().getwork().solve()
    assert taker.miner().submit(data).result is True
    assert [share.data for share in other.accepted] == [data]


# Long polls

@pytest.fixture
def polling(make_redis_hosts, database):
    """Hosts whose pool tells of its blocks; a second worker brings news; started."""
    hosts = make_redis_hosts(database, workers=2)
    hosts.pool.long_polling = "/lp"
    return hosts.start()


def test_a_poll_at_the_other_host_is_answered_if_its_block_is_old(polling):
    polling.first.miner().getwork()
    polling.pool.new_block()
    polling.second.miner("rig2").getwork()
    reply = polling.second.miner().poll(f"http://127.0.0.1:{polling.second.httpd.port}/lp").wait(10)
    assert work_of(reply).data[4:36] == polling.pool.ledger.prevhash


def test_a_poll_at_the_other_host_waits_if_its_block_is_new(polling):
    miner = polling.second.mining()
    polling.pool.new_block()
    polling.first.miner().getwork()
    polling.second.miner("rig2").getwork()
    poll = miner.poll()
    wait_until(lambda: polling.second.waiting() == 1 or not poll.is_pending, 10, "it waits")
    holds_for(lambda: poll.is_pending, 0.5, "the other host gave it the newest work")
    polling.second.find_block(polling.pool)
    assert work_of(poll.wait(10)).data[4:36] == polling.pool.ledger.prevhash


# A redis that is not well

@pytest.mark.expects_log("MP0227", *PROVIDER)
def test_mining_goes_on_while_redis_is_away_and_after(hosts):
    hosts.first.miner().mine(1)
    hosts.redis.kill()
    miners = [proxy.miner() for proxy in hosts.both]
    replies = [reply for miner in miners for _, reply in miner.mine(5)]
    assert [reply.result for reply in replies] == [True] * 10
    for proxy in hosts.both:
        assert proxy.log.count("MP0227") == 1, "once, not for each work"
    hosts.redis.start()

    def is_used_again() -> bool:
        for miner in miners:
            miner.getwork()
        return all(proxy.log.count("MP0228") for proxy in hosts.both)
    wait_until(is_used_again, 20, "both hosts use it again")
    data = miners[0].getwork().solve()
    assert hosts.redis.keys() and miners[1].submit(data).result is True


@pytest.mark.expects_log("MP0227", *PROVIDER)
def test_a_redis_that_hangs_delays_nobody_for_long(hosts):
    miners = [hosts.first.miner() for _ in range(8)]
    for miner in miners:
        miner.mine(1)
    hosts.redis.pause()
    try:
        with ThreadPoolExecutor(8) as threads:
            shares = list(threads.map(lambda miner: miner.mine(3), miners))
    finally:
        hosts.redis.resume()
    assert all(reply.result is True for mined in shares for _, reply in mined)
    slow = [reply.seconds for miner in miners for reply in miner.replies if reply.seconds > 1.5]
    assert 1 <= len(slow) <= 12, "each may wait for it once, then one at a time"
    assert max(slow) < 8


# What is in it

def test_nothing_secret_is_in_it_and_nothing_stays(hosts):
    hosts.first.miner().mine(3)
    entries = hosts.redis.dump()
    secret = hosts.first.database.value("SELECT value FROM settings WHERE `key` = 'secret'").encode()
    words = [b"rig1", b"alpha", b"secret", b"127.0.0.1", secret, bytes.fromhex(secret.decode())]
    text = b"".join(key + value for key, value in entries.items())
    assert not [word for word in words if word in text]
    assert len(entries) >= 3 * 2 and max(len(value) for value in entries.values()) <= 160
    left = [hosts.redis.seconds_left(key) for key in entries]
    assert all(0 < seconds <= 3600 for seconds in left)


def _route_keys(hosts) -> list[bytes]:
    """The entries that one getwork makes (a route, perhaps the last work)."""
    before = set(hosts.redis.keys())
    hosts.work = hosts.first.miner().getwork()
    return sorted(set(hosts.redis.keys()) - before)


def _submit_to_the_other(hosts) -> None:
    data = hosts.work.solve()
    assert hosts.second.miner().submit(data).result is True, "the database knows better"
    assert hosts.pool.accepted[-1].data == data


FORGERIES = [
    lambda value: bytes([value[0]]) + bytes(byte ^ 1 for byte in value[1:]), lambda value: value[:-1], lambda value: value[:3], lambda value: b"",
    lambda value: value + b"x", lambda value: value * 2, lambda value: b"\xff" * 300, lambda value: bytes(len(value))]


@pytest.mark.expects_log("MP0223", "AH03480")
def test_forged_entries_count_for_nothing(hosts):
    for forge in FORGERIES:
        for key in _route_keys(hosts):
            hosts.redis.put(key, forge(hosts.redis.ask("GET", key)))
        _submit_to_the_other(hosts)
    assert hosts.second.log.count("MP0223:") == 1, "it is told, once for all of them"
    assert not hosts.second.log.count("MP0227:"), "and no sign that redis is unwell"


@pytest.mark.expects_log("MP0223")
def test_an_entry_that_was_put_under_another_key(hosts):
    theirs = _route_keys(hosts)[0]
    value = hosts.redis.ask("GET", theirs)
    for key in _route_keys(hosts):
        hosts.redis.put(key, value)
    _submit_to_the_other(hosts)
    assert hosts.second.log.count("MP0223:") == 1


@pytest.mark.expects_log("MP0223")
def test_a_farm_with_another_database_in_the_same_redis(hosts):
    keys = _route_keys(hosts)
    hosts.first.database.change("UPDATE settings SET value = ? WHERE `key` = 'secret'", "5" * 64)
    wait_until(lambda: hosts.second.log.count("MP0202") > 1, 20, "the other secret is in force")
    assert keys
    _submit_to_the_other(hosts)
    assert hosts.second.log.count("MP0223:") == 1


@pytest.mark.parametrize("seconds, tag", [(900, "MP0225"), (-4300, "MP0224")])
def test_an_entry_of_another_time(make_redis_hosts, database, directory, request, seconds, tag):
    """A host whose clock is that wrong cannot be told from somebody who keeps entries to put them back."""
    request.node.add_marker(pytest.mark.expects_log(tag))
    hosts = make_redis_hosts(database)
    hosts.first.httpd.more_environment = moved_clock(directory, seconds)
    hosts.start()
    keys = _route_keys(hosts)
    values = {key: hosts.redis.ask("GET", key) for key in keys}
    _submit_to_the_other(hosts)
    assert values and hosts.second.log.count(tag + ":") == 1

