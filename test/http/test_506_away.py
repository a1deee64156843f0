# SPDX-License-Identifier: Apache-2.0
"""The console is where an operator looks when the database is away: it answers, says so, and changes nothing."""
import re

import pytest

from harness.config import Console
from harness.console import Visitor
from harness.waiting import wait_until

PAGES = ("/", "/pools", "/workers", "/pools/new", "/workers/new", "/alerts", "/about")


@pytest.fixture
def outage(make_proxy, private_maria, directory, make_pool, templates):
    """A console on a database server of its own, not started."""
    database = private_maria.create_database(directory)
    proxy = make_proxy(database, ["MiningProxyDatabaseTimeout 1s"], console=Console(templates=templates))
    proxy.worker, proxy.server = database.add_rig(make_pool()), private_maria
    return Visitor(proxy)


def _changes(visitor, pool):
    return [visitor.send(f"/pools/{pool}/disable", token=visitor.last_token), visitor.change(f"/pools/{pool}/disable"),
            visitor.change("/workers/new", {"name": "rig9", "password": "x"})]


@pytest.mark.expects_log("MP0230")
@pytest.mark.parametrize("how", ["paused", "killed"])
def test_the_database_goes_and_comes(outage, how):
    proxy, pool = outage.proxy.start(), outage.proxy.database.value("SELECT id FROM pool")
    outage.last_token = outage.token()
    proxy.server.pause() if how == "paused" else proxy.server.kill()
    wait_until(lambda: proxy.log.count("MP0230"), 10, "the proxy noticed")
    for path in (*PAGES, f"/workers/{proxy.worker}/pools", f"/pools/{pool}", f"/workers/{proxy.worker}"):
        answer = outage.get(path)
        needs_rows = path in (f"/pools/{pool}", f"/workers/{proxy.worker}")  # of what is edited there
        assert answer.status == (503 if needs_rows else 200) and answer.is_safe, (path, answer.words)
        assert 'class="notice is-bad"' in answer.text and "database" in answer.words.lower(), path
    assert outage.view("/")["notices"]
    for answer in _changes(outage, pool):
        assert answer.status == 503 and answer.get("Retry-After") and answer.is_safe, answer.text
    proxy.server.resume() if how == "paused" else proxy.server.start()
    wait_until(lambda: not outage.view("/about")["notices"], 15, "all is well again")
    assert proxy.database.value("SELECT enabled FROM pool") == 1
    assert outage.send(f"/pools/{pool}/disable", token=outage.last_token).status == 303
    assert proxy.database.value("SELECT enabled FROM pool") == 0


def _notice(visitor):
    notices = visitor.view("/")["notices"]
    return notices[0]["text"] if notices else ""


def _said_by_both(visitor, words):
    """Whichever child serves the page: several in a row say so."""
    return all(words in _notice(visitor) for _ in range(6))


@pytest.mark.expects_log("MP0230")
def test_since_when_and_how_many_shares_wait(make_proxy, private_maria, directory, make_pool, templates):
    """The same whichever child serves the page, also one that is born in the outage, and behind a restart of httpd."""
    database = private_maria.create_database(directory)
    database.add_rig(make_pool())
    proxy = make_proxy(database, ["MiningProxyDatabaseTimeout 1s"], children=2, console=Console(templates=templates)).start()
    visitor, miners = Visitor(proxy), proxy.miners_apart()
    private_maria.kill()
    for miner, count in zip(miners, (4, 3)):
        assert [reply.result for _, reply in miner.mine(count)] == [True] * count
    wait_until(lambda: _said_by_both(visitor, "7 shares wait in the spools of 2 processes, the fullest of which is full to 0 percent"), 20,
               "pages say how many shares wait in both children")
    since = re.search(r"^The database is away since (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC) \(for \d+ s\)\. Miners go on; 7 .* The cause: the database mysql://",
                      _notice(visitor))
    assert since, _notice(visitor)
    proxy.httpd.kill_child(proxy.httpd.child_of(miners[0].connection))
    wait_until(lambda: _said_by_both(visitor, "; about 4 more were left by a process that is gone"), 30, "pages know what the lost child left")
    wait_until(lambda: _said_by_both(visitor, f"The database is away since {since[1]}"), 20, "a new child knows since when")
    facts = {fact["name"]: fact for fact in visitor.view("/about")["facts"]}
    assert f"since {since[1]}" in facts["Recording"]["value"] and facts["Recording"]["is_problem"]
    assert "about 4 shares waiting in 1 file" in facts["Spools of lost processes"]["value"]
    proxy.httpd.stop()
    proxy.httpd.start()
    wait_until(lambda: _said_by_both(visitor, f"The database is away since {since[1]}"), 20, "so does a new httpd")
    assert "about 7 more were left by 2 processes that are gone" in _notice(visitor)
    private_maria.start()
    proxy.wait_rows(7, 30)
    wait_until(lambda: not _notice(visitor), 30, "nobody says it any more")
    assert not (proxy.httpd.state / "database-away").exists()


@pytest.mark.expects_log("MP0230")
def test_no_database_from_the_start(outage):
    pool = outage.proxy.database.value("SELECT id FROM pool")
    outage.proxy.server.kill()
    outage.proxy.httpd.start()
    outage.last_token = ""
    for path in PAGES:
        answer = outage.get(path)
        assert answer.status in (200, 503) and answer.is_safe and "database" in answer.words.lower(), path
    assert any(fact["is_problem"] for fact in outage.view("/about")["facts"])
    for answer in _changes(outage, pool):
        assert answer.status == 503, answer.text
    outage.proxy.server.start()
    outage.proxy.wait_ready()
    wait_until(lambda: outage.send(f"/pools/{pool}/disable").status == 303, 10, "changes are taken")


@pytest.mark.expects_log("MP0006")
def test_a_child_that_cannot_serve_miners(admin):
    """Its console says why."""
    admin.proxy.httpd.config.directives = [
        line if "StateDirectory" not in line else 'MiningProxyStateDirectory "/proc/self"' for line in admin.proxy.httpd.config.directives]
    admin.proxy.httpd.start()
    answer = admin.get("/")
    assert answer.status == 503 and "does not run" in answer.words and answer.is_safe
