# SPDX-License-Identifier: Apache-2.0
"""What an admin may do beside the one location: virtual hosts, log formats, forgetting the login."""
import pytest

from fakes.miner import Miner
from fakes.ports import free_port
from harness.config import LOCATION
from harness.waiting import wait_until

OPEN = '<Location "/">\nSetHandler miningproxy-getwork\nRequire all granted\n</Location>'
REQUEST = b'{"method":"getwork","params":[],"id":1}'


def _add_host(proxy, *lines):
    port = free_port()
    proxy.httpd.config.host += [f"Listen 127.0.0.1:{port}", f"<VirtualHost 127.0.0.1:{port}>", *lines, "</VirtualHost>"]
    return "127.0.0.1", port


def test_a_virtual_host_has_values_of_its_own_and_inherits_the_rest(proxy, make_pool):
    pool = make_pool()
    proxy.database.add_rig(pool)
    proxy.httpd.config.directives.append("MiningProxyMaxRequestBody 4k")
    small = Miner(_add_host(proxy, "MiningProxyMaxRequestBody 2k", LOCATION), "rig1", "secret")
    same = Miner(_add_host(proxy, "MiningProxySubmitRetries 1", LOCATION), "rig1", "secret")
    proxy.start()
    sizes = (2048, 2049, 4096, 4097)
    wide = [200, 200, 200, 413]
    for miner, statuses in ((small, [200, 413, 413, 413]), (same, wide), (proxy.miner(), wide)):
        assert [miner.post(REQUEST.ljust(size)).status for size in sizes] == statuses
        assert miner.mine(1)[0][1].result is True
    assert len(pool.accepted) == 3


@pytest.mark.expects_log("MP0041")
def test_a_location_that_forgot_the_login_serves_nobody_and_says_why(proxy, make_pool):
    pool = make_pool()
    proxy.database.add_rig(pool)
    miner = Miner(_add_host(proxy, OPEN), "rig1", "secret")
    proxy.start()
    reply = miner.ask()
    assert reply.status == 200 and reply.error["message"]
    assert not pool.requests
    wait_until(lambda: "Require valid-user" in proxy.log.text(), 5, "the error log says what is missing")


def test_notes_for_log_formats(proxy, make_pool):
    pool = make_pool()
    proxy.database.add_rig(pool)
    notes = " ".join(f"%{{miningproxy-{name}}}n" for name in ("worker", "pool", "verdict", "difficulty", "upstream-ms"))
    path = proxy.httpd.directory / "logs" / "notes.log"
    proxy.httpd.config.directives += [f'LogFormat "{notes}" notes', f'CustomLog "{path}" notes']
    proxy.start()
    miner = proxy.miner()
    work = miner.getwork()
    miner.submit(work.solve())
    miner.submit(work.unsolved())

    def lines():
        return [line for line in path.read_text().splitlines() if line.startswith("rig1 ")]
    wait_until(lambda: len(lines()) >= 3, 5, "a line of each request")
    worker_pool_verdict = [line.split()[:3] for line in lines()]
    assert [words[:2] for words in worker_pool_verdict] == [["rig1", "alpha"]] * 3
    assert [words[2] for words in worker_pool_verdict[1:]] == ["accepted", "rejected"]
    for line in lines():
        difficulty, milliseconds = line.split()[3:]
        assert float(difficulty) == pytest.approx(pool.difficulty, rel=1e-4)
        assert 0 <= float(milliseconds) < 1000


@pytest.mark.expects_log("MP0003", "AH00020")
def test_a_state_directory_that_cannot_be_made_stops_the_start_with_a_sentence(proxy):
    kept = [line for line in proxy.httpd.config.directives if not line.startswith("MiningProxyStateDirectory ")]
    proxy.httpd.config.directives = [*kept, 'MiningProxyStateDirectory "/nonexistent/a/b"']
    with pytest.raises(AssertionError, match="/nonexistent/a/b cannot be made: see MiningProxyStateDirectory"):
        proxy.httpd.start()
