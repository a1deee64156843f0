# SPDX-License-Identifier: Apache-2.0
"""Who gets in: bcrypt and plain passwords, names as MySQL always compared them, and nobody by how long it takes."""
import base64
import statistics
import time

import pytest

from fakes import wire
from fakes.miner import Miner
from harness.waiting import wait_until

OK, DENIED = 200, 401
pytestmark = pytest.mark.expects_log("AH01614", "AH01617", "AH01618", "MP0032")  # what is said of wrong logins


def _seconds(proxy, user, password, source):
    """Each from an address of its own: who guesses is not judged at once."""
    miner = Miner(proxy.httpd.address, user, password)
    miner.connection.source = f"127.0.0.{source}"
    reply = miner.call("getblocktemplate", [{}])
    miner.close()
    assert reply.status == DENIED
    return reply.seconds


@pytest.mark.both_databases
@pytest.mark.parametrize("plain", [False, True], ids=["bcrypt", "plain"])
def test_right_and_wrong_passwords(proxy, plain):
    proxy.database.add_worker("rig1", "Secret", plain=plain)
    proxy.start()
    for password, status in [("Secret", OK), ("secret", DENIED), ("", DENIED), ("Secret ", DENIED), ("Secre", DENIED),
                             ("Secret", OK)]:
        assert proxy.login_status("rig1", password) == status, password


@pytest.mark.both_databases
@pytest.mark.parametrize("typed", ["rig1", "RIG1", "Rig1", "rig1 ", "rig1   "])
def test_names_compare_without_case_and_trailing_blanks(proxy, typed):
    proxy.database.add_worker("rig1")
    proxy.start()
    assert proxy.login_status(typed) == OK


@pytest.mark.parametrize("typed", ["rig", "rig11", " rig1", "rig1\t", "", "rig1%", "rig_", "' OR 1=1 -- "])
def test_other_names_do_not(proxy, typed):
    proxy.database.add_worker("rig1")
    proxy.start()
    assert proxy.login_status(typed) == DENIED


@pytest.mark.both_databases
@pytest.mark.parametrize("name,password", [
    ("a.b_c@d+e f", "x"), ("größe", "straße"), ("rig", "with:colons::"), ("rig", "x" * 72), ("quote'\"\\", "'\"\\"),
    ("r" * 200, "p"), ("rig", "日本語")])
def test_odd_names_and_passwords(proxy, name, password):
    proxy.database.add_worker(name, password)
    proxy.start()
    assert proxy.login_status(name, password) == OK
    assert proxy.login_status(name, password[:-1]) == DENIED


def test_an_empty_password_is_a_password(proxy):
    proxy.database.add_worker("open", "")
    proxy.start()
    assert proxy.login_status("open", "") == OK
    assert proxy.login_status("open", "x") == DENIED


@pytest.mark.both_databases
def test_a_plain_password_is_hashed_at_its_first_success(proxy):
    worker = proxy.database.add_worker("rig1", "old plain one", plain=True)
    generation = proxy.database.value("SELECT value FROM settings WHERE `key` = 'generation'")
    proxy.start()

    def stored():
        return proxy.database.value("SELECT password FROM worker WHERE id = ?", worker)
    assert proxy.login_status("rig1", "wrong") == DENIED
    assert stored() == "old plain one"
    assert proxy.login_status("rig1", "old plain one") == OK
    wait_until(lambda: stored().startswith("$2"), 10, "the password was hashed")
    assert proxy.login_status("rig1", "old plain one") == OK
    assert proxy.login_status("rig1", stored()) == DENIED
    assert proxy.database.value("SELECT value FROM settings WHERE `key` = 'generation'") == generation


@pytest.mark.both_databases
def test_a_changed_password_counts_within_two_seconds(proxy):
    database, took = proxy.database, []
    worker = database.add_worker("rig1", "old")
    hashes = {password: database.value("SELECT password FROM worker WHERE id = ?", database.add_worker(f"has {password}", password)) for password in ("old", "new")}
    proxy.start()
    for old, new in (("old", "new"), ("new", "old"), ("old", "new")):
        assert proxy.login_status("rig1", old) == OK
        database.change("UPDATE worker SET password = ? WHERE id = ?", hashes[new], worker)
        began = time.monotonic()
        wait_until(lambda old=old: proxy.login_status("rig1", old) == DENIED, 5, "the old password is refused")
        took.append(time.monotonic() - began)
        assert proxy.login_status("rig1", new) == OK
    assert statistics.median(took) < 2, took


def test_an_edit_by_hand_counts_within_ten_seconds(proxy):
    proxy.start()
    assert proxy.login_status("late") == DENIED
    proxy.database.add_worker("late")
    wait_until(lambda: proxy.login_status("late") == OK, 13, "the new worker gets in")


def test_a_deleted_worker_is_out(proxy):
    worker = proxy.database.add_worker("rig1")
    proxy.start()
    assert proxy.login_status("rig1") == OK
    proxy.database.change("DELETE FROM worker WHERE id = ?", worker)
    wait_until(lambda: proxy.login_status("rig1") == DENIED, 3, "the deleted worker is refused")


def test_an_unknown_name_takes_as_long_as_a_wrong_password(proxy):
    proxy.database.farm("add-worker", "rig1", "right")
    proxy.start()
    pairs = [(_seconds(proxy, "rig1", f"wrong {n}", 10 + n), _seconds(proxy, f"nobody{n}", "wrong", 40 + n)) for n in range(15)]
    wrong, unknown = (min(seconds) for seconds in zip(*pairs))
    assert 0.5 < unknown / wrong < 2


def test_a_known_login_is_remembered(proxy):
    proxy.database.farm("add-worker", "rig1", "right")
    proxy.start()
    miner = proxy.miner("rig1", "right")
    seconds = [miner.call("getblocktemplate", [{}]).seconds for _ in range(20)]
    assert statistics.median(seconds[1:]) < max(seconds[0] / 3, 0.01)


@pytest.mark.parametrize("value",
                         ["Basic", "Basic ", "Basic !!!!", "Basic " + base64.b64encode(b"rig1").decode(), "Bearer abc",
                          "Digest x"])
def test_a_broken_authorization_is_no_login(proxy, value):
    proxy.database.add_worker("rig1")
    proxy.start()
    miner = proxy.miner()
    body = b'{"method":"getblocktemplate","params":[],"id":1}'
    head = [("Host", "x"), ("Authorization", value), ("Content-Length", str(len(body)))]
    reply = miner.send(wire.format_message("POST / HTTP/1.1", head, body))
    assert reply.status == DENIED


def test_no_password_is_in_the_log(proxy, make_pool):
    pool = make_pool()
    pool.accounts = {}
    proxy.database.add_rig(pool, password="s3cr3t-of-rig")
    proxy.start()
    miner = proxy.miner(password="s3cr3t-of-rig")
    assert miner.ask().status == 200
    proxy.login_status("rig1", "s3cr3t-but-wrong")
    proxy.stop()
    assert "s3cr3t" not in proxy.log.text() and "alpha-pw" not in proxy.log.text()
    assert base64.b64encode(b"rig1:s3cr3t").decode()[:12] not in proxy.log.text()
