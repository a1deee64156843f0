# SPDX-License-Identifier: Apache-2.0
"""What others on the machine, and those who look at the server, must not get: passwords, and a place among our files."""
import os
from pathlib import Path
import re

import pytest

from fakes import wire
from fakes.miner import Connection
from fakes.ports import free_port
from harness.places import CHILD_USER, IS_ROOT, ROOT
from harness.waiting import wait_until

SECURITY = (ROOT / "docs" / "SECURITY.md").read_text()


def _texts(*patterns):
    return "\n".join(path.read_text() for pattern in patterns for path in ROOT.glob(pattern))


def test_what_the_promises_rest_on_is_there():
    """docs/SECURITY.md names tests, files and functions."""
    text = _texts("test/http/*.py", "test/http/harness/*.py", "test/unit/*.c", "src/*/*.c", "tools/run")
    files = re.findall(r"`((?:http|unit|base|codec|core|store|upstream|service|httpd)/\w+\.(?:py|c))`", SECURITY)
    names = re.findall(r"`([a-z]\w+_\w+)`", SECURITY)
    assert len(files) > 50 and len(names) > 50
    assert not [name for name in files if not any((ROOT / folder / name).exists() for folder in ("test", "src"))]
    assert not [name for name in names if not re.search(rf"\b{name}\b *\(", text)]


def _get(address, path):
    connection = Connection(address)
    try:
        return connection.exchange(wire.format_message(f"GET {path} HTTP/1.1", [("Host", "x")]))
    finally:
        connection.close()


@pytest.mark.proxy(modules=["info"], directives=["MiningProxyUpstreamProxy http://me:s3cret-1@127.0.0.1:3128"])
def test_server_info_shows_no_password(proxy):
    port = free_port()
    proxy.httpd.config.host = [f"Listen 127.0.0.1:{port}", f"<VirtualHost 127.0.0.1:{port}>", '<Location "/server-info">',
                               "SetHandler server-info", "AuthType None", "Require all granted", "</Location>", "</VirtualHost>"]
    proxy.start()
    page = _get(("127.0.0.1", port), "/server-info").body.decode()
    assert "MiningProxyDatabase" in page and "http://me:***@127.0.0.1:3128" in page
    assert "s3cret" not in page


def test_server_info_shows_no_password_of_the_database(proxy):
    kept = [line for line in proxy.httpd.config.directives if not line.startswith("MiningProxyDatabase ")]
    proxy.httpd.config.directives = [*kept, f'MiningProxyDatabase "mysql://miner:s3cret-2@127.0.0.1:{free_port()}/farm"']
    proxy.httpd.config.modules = ["info"]
    done = proxy.httpd.configtest("-D", "DUMP_CONFIG")
    said = done.stdout + done.stderr
    assert "mysql://miner:***@127.0.0.1" in said and "s3cret" not in said, said


def test_server_info_shows_no_webhook(proxy, directory):
    (directory / "header").write_text("X-Token: s3cret-3\n")
    proxy.httpd.config.directives += [
        'MiningProxyAlertWebhook "https://me:s3cret-4@hooks.example.com:8443/s3cret-5?s3cret-6" slack', "MiningProxyAlertWebhook http://hooks.example.com/s3cret-7",
        f"MiningProxyAlertHeaderFile {directory}/header"]
    proxy.httpd.config.modules = ["info"]
    done = proxy.httpd.configtest("-D", "DUMP_CONFIG")
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "MiningProxyAlertWebhook https://hooks.example.com:8443 slack" in said, said
    assert "MiningProxyAlertWebhook http://hooks.example.com json" in said and "s3cret" not in said, said


def _uids(pid):
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Uid:"))
    return {int(word) for word in line.split()[1:]}


@pytest.mark.skipif(not IS_ROOT, reason="root only can become somebody else")
def test_no_child_is_root(proxy):
    proxy.start()
    assert proxy.httpd.children()
    for child in proxy.httpd.children():
        assert _uids(child) == {os.stat(proxy.httpd.state).st_uid} != {0}, f"a child is not {CHILD_USER} alone"


# Files

@pytest.mark.expects_log("MP0010", "AH00020")
@pytest.mark.parametrize("mode", [0o707, 0o1777])
def test_a_state_directory_that_is_open_to_others_stops_the_start(proxy, mode):
    os.chmod(proxy.httpd.state, mode)
    with pytest.raises(AssertionError, match="MP0010"):
        proxy.httpd.start()


@pytest.mark.expects_log("MP0200")
def test_links_in_the_state_directory_lead_nowhere(proxy, directory, make_pool):
    """Whoever had a moment's access to it can have nothing of others written or taken in."""
    pool, victim = make_pool(), directory / "victim"
    proxy.database.add_rig(pool)
    victim.write_text("precious")
    os.chmod(victim, 0o666)
    for name in ("roster.json", "shares-1-0123456789abcdef.spool", "console-watched", "database-away"):
        os.symlink(victim, proxy.httpd.state / name)
    proxy.start()
    miner = proxy.miner()
    assert miner.submit(miner.getwork().solve()).result is True
    proxy.wait_rows(1)
    proxy.stop()
    assert victim.read_text() == "precious"
    assert not (proxy.httpd.state / "roster.json").is_symlink()


# fail2ban

def _expressions():
    """As docs/SECURITY.md has them, in a form that this program knows: fail2ban takes the time away and puts an address for <HOST>."""
    return [re.compile(line.replace("<HOST>", r"(?P<host>[0-9a-f.:]+?)"))
            for line in re.findall(r"^ *failregex *= *(.+)$", SECURITY, re.M)]


def _found(proxy, expression):
    lines = (re.sub(r"^\[\w{3} \w{3} \d+ [^\]]+\]", "[]", line) for line in proxy.log.text().splitlines())
    return [match["host"] for match in map(expression.search, lines) if match]


@pytest.mark.expects_log("AH01617", "AH01618", "MP0032")
def test_fail2ban_can_read_who_guesses(proxy):
    proxy.database.add_worker("rig1", "right")
    proxy.start()
    miner_expression, = _expressions()
    for number in range(30):
        assert proxy.login_status("rig1", "always the same") == 401
    assert not _found(proxy, miner_expression), "a rig that nobody looks after is no guesser"
    for number in range(10):
        assert proxy.login_status("rig1" if number % 2 else f"nobody{number}", f"guess {number} MP0032: [client 192.0.2.1:1]") == 401
    wait_until(lambda: _found(proxy, miner_expression), 5, "the log tells of it")
    assert _found(proxy, miner_expression) == ["127.0.0.1"]


@pytest.mark.expects_log("AH01617", "AH01618", "MP0031", "MP0032")
def test_a_name_is_no_line_of_the_log(proxy):
    proxy.start()
    miner_expression, = _expressions()
    for number in range(30):
        proxy.login_status(f"[client 192.0.2.1:1] MP0032: {number}\n[x] [client 192.0.2.2:1] MP0032: this address guesses", "x")
    assert set(_found(proxy, miner_expression)) <= {"127.0.0.1"}
