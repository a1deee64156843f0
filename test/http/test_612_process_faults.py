# SPDX-License-Identifier: Apache-2.0
"""Processes end, are replaced, are fewer than before, or lack memory, descriptors, room or the right time, while a farm mines. Miners repeat what
was not answered; afterwards the books agree: what was acknowledged is recorded, once.

MP_FAULTS=long ("make check-faults") kills a hundred children and restarts for two minutes under 200 shares a second.
"""
import contextlib
import json
import os
from pathlib import Path
import re
import secrets
import socket
import struct
import subprocess
import time
from typing import Any, Callable, Iterator

import pytest

from fakes import behaviours, header
from fakes.clock import Clock
from fakes.miner import Miner, share_text
from fakes.pool import TRIVIAL
from harness import places
from harness.database import SqliteDatabase
from harness.disks import fill_disk, free_disk
from harness.drill import Drill
from harness.polls import descriptor_count
from harness.waiting import wait_until

IS_LONG = os.environ.get("MP_FAULTS") == "long"
SEED = int(os.environ.get("MP_DRILL_SEED") or secrets.randbits(32))
KILLS, RESTARTS, ROUNDS = (100, 24, 50) if IS_LONG else (5, 3, 5)
KILLS_MOST = 10 * KILLS  # until one of them meets a request
RESTART_EVERY = 5.0 if IS_LONG else 1.0  # s
RIGS = [f"rig{number}" for number in range(1, 13)]
PACE = 0.03  # s that each rests after a share: more than 200 shares a second in all
RATE = 200
PATIENT = ["MiningProxyWorkTimeout 10s", "MiningProxySubmitTimeout 10s"]
HOUR = 3600
pytestmark = [pytest.mark.load, pytest.mark.proxy(children=2, threads=32, directives=PATIENT)]


def _add_farm(proxy: Any, make_pool: Any) -> Any:
    proxy.pools = [make_pool(name, difficulty=TRIVIAL) for name in ("alpha", "beta")]
    for pool in proxy.pools:
        pool.without = {"midstate", "hash1"}
    for number, name in enumerate(RIGS):
        proxy.database.add_rig(*(proxy.pools if number % 2 else proxy.pools[::-1]), name=name)
    return proxy


@pytest.fixture
def farm(proxy, make_pool):
    """Twelve rigs at two pools, started."""
    return _add_farm(proxy, make_pool).start()


@contextlib.contextmanager
def _at_full_rate(drill: Drill) -> Iterator[None]:
    """So many shares a second are answered while this goes on."""
    began, before = time.monotonic(), drill.count
    yield
    rate = (drill.count - before) / (time.monotonic() - began)
    print(f"{rate:.0f} shares a second")
    assert rate >= RATE or not IS_LONG


@pytest.mark.both_databases
def test_children_are_killed_at_random_moments(farm):
    with Drill(farm, RIGS, SEED, PACE) as drill, _at_full_rate(drill):
        kills = 0
        while kills < KILLS or (kills < KILLS_MOST and drill.hangups == 0):
            drill.mine(drill.dice.randint(1, 300))
            farm.httpd.kill_child(drill.dice.choice(farm.httpd.children()))
            kills += 1
        drill.mine(100)
    drill.close_books()
    drill.audit_order()
    assert drill.repeats == 0 and drill.hangups > 0


@pytest.mark.both_databases
def test_graceful_restarts_one_after_the_other(farm):
    with Drill(farm, RIGS, SEED, PACE) as drill, _at_full_rate(drill):
        for _ in range(RESTARTS):
            due = time.monotonic() + RESTART_EVERY
            farm.httpd.graceful()
            wait_until(lambda due=due: time.monotonic() >= due, 60, "it is time for the next restart")
        drill.mine(100)
    drill.close_books()
    assert drill.repeats == 0
    assert farm.log.count("resuming normal operations") == RESTARTS + 1


@pytest.mark.proxy(children=4, most_children=4)
def test_a_reload_with_fewer_children_and_with_more(farm):
    with Drill(farm, RIGS, SEED, PACE) as drill:
        for count in (1, 4, 2):
            drill.mine(200)
            farm.httpd.config.children = count
            farm.httpd.write_config()
            farm.httpd.graceful()
            wait_until(lambda count=count: len(farm.httpd.children()) == count, 20, f"{count} children")
        drill.mine(200)
    drill.close_books()
    assert drill.repeats == 0


# What a child lacks

def _status_of(pid: int, name: str) -> int:
    """Bytes, as /proc tells of them."""
    return 1024 * int(re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def _limit(pid: int, *limits: str) -> None:
    """Soft limits, which a process of the same user may set."""
    who = {"user": places.CHILD_USER, "group": places.CHILD_USER} if places.IS_ROOT else {}
    subprocess.run(["prlimit", f"--pid={pid}", *limits], check=True, timeout=20, **who)


def _limit_memory(pid: int) -> None:
    """Nothing more than it has now."""
    _limit(pid, f"--as={_status_of(pid, 'VmSize')}:", f"--data={_status_of(pid, 'VmData')}:")


# At which place memory ends is chance: in httpd's code, in ours, or where we can go on without. A child ends because it found that out, never by what it did without memory.
@pytest.mark.expects_log("[crit] Memory allocation failed, aborting process.", "MP0701", "MP0210", "MP0230", "MP0040")
def test_memory_is_used_up(farm):
    """A child that gets no more ends; what it acknowledged is recorded by the others."""
    with Drill(farm, RIGS, SEED, PACE) as drill:
        drill.mine(200)
        starved = set(farm.httpd.children())
        farm.httpd.killed |= starved
        for child in starved:
            _limit_memory(child)
        drill.mine(100)
        for _ in range(300):
            with contextlib.suppress(ConnectionError):
                farm.miner(RIGS[0]).poll(f"http://127.0.0.1:{farm.httpd.port}/lp")
        wait_until(lambda: starved - set(farm.httpd.children()), 30, "a child has ended")
        drill.mine(400)
    drill.close_books()
    assert drill.repeats <= farm.log.count("out of memory"), "a child without memory may have none to ask any pool, but says so"
    assert farm.log.count("exit signal Abort") and not farm.log.count("exit signal Segmentation fault")


@pytest.mark.expects_log("AH02179", "MP0230")
@pytest.mark.proxy(directives=['<Directory "/">\nAllowOverride None\n</Directory>'])
def test_descriptors_are_used_up(farm):
    """httpd lets a child that can accept no more end, and starts another. No pool is called down for it."""
    with Drill(farm, RIGS, SEED, PACE) as drill:
        drill.mine(200)
        starved = set(farm.httpd.children())
        for child in starved:
            _limit(child, f"--nofile={descriptor_count(child)}:")
        crowd = [socket.create_connection(farm.httpd.address) for _ in range(40)]
        drill.mine(200)
        for sock in crowd:
            sock.close()
        assert not farm.log.count("connect-failed"), "our own want is taken for a pool's"
        wait_until(lambda: not starved & set(farm.httpd.children()), 60, "other children serve")
        drill.mine(200)
    drill.close_books()


# httpd measures by that clock how long a request's head takes.
@pytest.mark.expects_log("MP0239")
@pytest.mark.proxy(request_read_timeout="header=0 body=0")
def test_the_clock_jumps(proxy, make_pool, directory):
    clock = Clock(directory)
    proxy.httpd.more_environment = clock.environment
    farm = _add_farm(proxy, make_pool).start()
    with Drill(farm, RIGS, SEED, PACE) as drill:
        drill.clock_slack = HOUR
        for offset in (HOUR, 0, -HOUR, 0) * (5 if IS_LONG else 1):
            drill.mine(200)
            clock.jump(offset)
        drill.mine(200)
    drill.close_books()
    assert drill.repeats == 0


# Miners that vanish

def _vanish(sock: socket.socket) -> None:
    """With a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _send_and_vanish(count: Callable[[bytes], int]) -> Callable[[Any, socket.socket, bytes], None]:
    """So many bytes of the request are sent."""
    def phase(_: Any, sock: socket.socket, request: bytes) -> None:
        sock.sendall(request[:count(request)])
    return phase


def _wait_for_pool(farm: Any, sock: socket.socket, request: bytes) -> None:
    """The share has reached its pool."""
    sock.sendall(request)
    data = bytes.fromhex(json.loads(request.partition(b"\r\n\r\n")[2])["params"][0])[:header.HEADER_SIZE]
    wait_until(lambda: any(share.data == data for pool in farm.pools for share in pool.submissions), 10, "the share reaches its pool")


def _read_a_byte(_: Any, sock: socket.socket, request: bytes) -> None:
    sock.sendall(request)
    sock.recv(1)


PHASES = {
    "connected": _send_and_vanish(lambda _: 0), "in the head": _send_and_vanish(lambda request: 40),
    "behind the head": _send_and_vanish(lambda request: request.index(b"\r\n\r\n") + 4),
    "in the body": _send_and_vanish(lambda request: len(request) - 100), "all sent": _send_and_vanish(len),
    "under way": _wait_for_pool, "in the answer": _read_a_byte}


def _make_request(miner: Miner, data: bytes) -> bytes:
    body = b'{"method": "getwork", "params": ["%s"], "id": 1}' % share_text(data, "keep").encode()
    head = [*miner.head(), ("Content-Length", str(len(body)))]
    return b"POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in head).encode() + b"\r\n" + body


def test_miners_vanish_in_every_phase(farm):
    for pool in farm.pools:
        pool.behave(behaviours.judged_slow(0.02), on="share")
    with Drill(farm, RIGS, SEED, PACE) as drill:
        for _ in range(ROUNDS):
            for phase in PHASES.values():
                name = drill.dice.choice(RIGS)
                miner = farm.miner(name)
                data = miner.getwork().solve()
                drill.vanish(name, data)
                sock = socket.create_connection(farm.httpd.address, 10)
                phase(farm, sock, _make_request(miner, data))
                _vanish(sock)
                miner.close()
        drill.mine(200)
    drill.close_books()
    assert drill.repeats == 0 and drill.hangups == 0
    assert len(drill.rows_of(1) & drill.strays) >= 2 * ROUNDS, "what was sent whole is recorded"


# Disks

@pytest.mark.expects_log("MP0230", "MP0040", "MP0313", "MP0314", "MP0315", "MP0201")
def test_the_disk_of_the_spool_is_full(small_disk, make_proxy, private_maria, directory, make_pool):
    """Nothing is sent that cannot be recorded; miners repeat it."""
    database = private_maria.create_database(directory)
    proxy = make_proxy(database, [f'MiningProxyStateDirectory "{small_disk}"', "MiningProxyDatabaseTimeout 1s", *PATIENT], children=2)
    farm = _add_farm(proxy, make_pool)
    small_disk.chmod(0o700)
    farm.start()
    with Drill(farm, RIGS, SEED, PACE) as drill:
        drill.mine(100)
        private_maria.pause()
        drill.mine(100)
        fill_disk(small_disk)
        wait_until(lambda: drill.repeats > 20, 60, "miners are told to repeat their shares")
        free_disk(small_disk)
        drill.mine(100)
        private_maria.resume()
        drill.mine(100)
    drill.close_books()


@pytest.mark.expects_log("MP0230")
def test_the_disk_of_an_sqlite_file_is_full(small_disk, make_proxy, make_pool):
    proxy = make_proxy(SqliteDatabase(small_disk), PATIENT, children=2)
    farm = _add_farm(proxy, make_pool).start()
    with Drill(farm, RIGS, SEED, PACE) as drill:
        drill.mine(100)
        fill_disk(small_disk)
        wait_until(lambda: farm.log.count("no space is left for the database file"), 60, "the database file is full")
        drill.mine(200)
        free_disk(small_disk)
        drill.mine(100)
    drill.close_books()
    assert drill.repeats == 0 and drill.hangups == 0
