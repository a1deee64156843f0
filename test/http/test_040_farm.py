# SPDX-License-Identifier: Apache-2.0
"""The command that adds pools, workers and assignments: a miner can use what it writes; what it refuses it explains."""
import pytest

from harness.waiting import wait_until

pytestmark = [pytest.mark.both_databases]


def _set_up(database, pool):
    database.farm("add-pool", "alpha", pool.url)
    database.farm("add-worker", "rig1", "secret")
    database.farm("assign", "rig1", "alpha", "me.rig1", "x", "10")


def test_a_miner_mines_with_what_it_wrote(proxy, make_pool):
    pool = make_pool()
    _set_up(proxy.database, pool)
    proxy.start()
    assert [reply.result for _, reply in proxy.miner("rig1", "secret").mine(3)] == [True] * 3
    assert [(share.user, share.password) for share in pool.accepted] == [("me.rig1", "x")] * 3
    proxy.wait_rows(3)


@pytest.mark.expects_log("AH01617", "AH01618")
def test_changes_are_noticed_within_a_second_or_two(proxy, make_pool):
    pool = make_pool()
    proxy.start()
    assert proxy.login_status("rig1", "secret") == 401
    _set_up(proxy.database, pool)
    wait_until(lambda: proxy.login_status("rig1", "secret") == 200, 3, "the new worker gets in")
    miner = proxy.miner("rig1", "secret")
    wait_until(lambda: miner.ask().result, 3, "work comes")
    proxy.database.farm("disable-pool", "alpha")
    wait_until(lambda: miner.ask().error, 3, "the disabled pool serves nobody")
    proxy.database.farm("enable-pool", "alpha")
    wait_until(lambda: miner.ask().result, 3, "the enabled pool serves again")


def test_passwords_are_stored_as_bcrypt(database):
    database.farm("add-worker", "rig1", "secret")
    stored = database.value("SELECT password FROM worker WHERE name = 'rig1'")
    assert stored.startswith("$2") and len(stored) == 60 and "secret" not in stored


@pytest.mark.parametrize("arguments,words", [
    (["add-pool", "alpha"], ["add-pool"]), (["add-pool", "alpha", "pool.example.com"], ["alpha", "http://"]),
    (["add-pool", "alpha", "ftp://x/"], ["alpha", "http://"]),
    (["add-pool", "", "http://x/"], ["name"]), (["add-worker", "", "x"], ["name"]),
    (["assign", "nobody", "nowhere", "u", "p"], ["nobody"]),
    (["assign", "readiness", "nowhere", "u", "p"], ["nowhere"]),
    (["assign", "readiness", "here", "u", "p", "many"], ["many"]),
    (["disable-pool", "nowhere"], ["nowhere"]), (["frobnicate"], ["frobnicate"])])
def test_what_it_refuses_it_explains(database, arguments, words):
    database.add_pool("here", "http://127.0.0.1:1/")
    done = database.farm(*arguments, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert all(word in said for word in words), said
    assert database.value("SELECT COUNT(*) FROM worker_pool") == 0


def test_a_name_that_is_taken_is_refused(database):
    database.farm("add-worker", "rig1", "secret")
    done = database.farm("add-worker", "RIG1 ", "other", check=False)
    assert done.returncode != 0 and "RIG1" in done.stdout + done.stderr
    database.farm("add-pool", "alpha", "http://127.0.0.1:1/")
    assert database.farm("add-pool", "Alpha", "http://127.0.0.1:2/", check=False).returncode != 0


def test_assigning_again_replaces(database):
    database.farm("add-worker", "rig1", "secret")
    database.farm("add-pool", "alpha", "http://127.0.0.1:1/")
    for user, priority in (("old", "1"), ("new", "7")):
        database.farm("assign", "rig1", "alpha", user, "x", priority)
    assert database.rows("SELECT pool_username, priority, enabled FROM worker_pool") == [("new", 7, 1)]


def test_list_shows_everything_but_passwords(database):
    database.farm("add-worker", "rig1", "topsecret")
    database.farm("add-pool", "alpha", "http://127.0.0.1:1/")
    database.farm("assign", "rig1", "alpha", "me.rig1", "hushhush", "7")
    said = database.farm("list").stdout
    assert all(word in said for word in ("rig1", "alpha", "http://127.0.0.1:1/", "me.rig1", "7"))
    assert "topsecret" not in said and "hushhush" not in said and "$2" not in said
