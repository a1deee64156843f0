# SPDX-License-Identifier: Apache-2.0
"""Pools, workers and assignments are made, changed and removed through the console, as a browser and as a script do it."""
import html
import re

import pytest

from harness.console import Visitor
from harness.waiting import wait_until

pytestmark = pytest.mark.both_databases


@pytest.fixture
def console(admin):
    """A started console of an empty farm."""
    admin.proxy.start()
    return admin


def _made(answer, pattern):
    assert answer.status == 303, answer.words
    found = re.match(pattern, answer.get("Location"))
    assert found, answer.get("Location")
    return answer


def _id_of(console, kind, name):
    return next(row["id"] for row in console.view(f"/{kind}")[kind] if row["name"] == name)


def _value_of(page, field):
    tag = re.search(r'<input[^>]*\bname="%s"[^>]*>' % field, page.text)
    assert tag, page.text
    value = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(value[1]) if value else None


def test_a_farm_by_forms(console, make_pool):
    alpha = make_pool()
    _made(console.send("/pools/new", {"name": "alpha", "url": alpha.url}), r"/admin/pools")
    assert "alpha" in console.get("/pools").words
    _made(console.send("/workers/new", {"name": "rig1", "password": "secret"}), r"/admin/workers")
    pool, worker = _id_of(console, "pools", "alpha"), _id_of(console, "workers", "rig1")
    _made(console.send(f"/workers/{worker}/pools/{pool}", {"username": "me.rig1", "password": "pool-pw", "priority": "7"}),
          rf"/admin/workers/{worker}/pools")
    [assignment] = console.view(f"/workers/{worker}/pools")["assignments"]
    assert (assignment["username"], assignment["priority"], assignment["has_password"]) == ("me.rig1", 7, True)
    assert "pool-pw" not in console.get(f"/workers/{worker}/pools?edit={pool}").text
    miner = console.proxy.miner("rig1", "secret")
    wait_until(lambda: miner.ask().result, 5, "the worker gets work")
    assert {work.user for work in alpha.issued} == {"me.rig1"}
    stored = console.proxy.database.value("SELECT password FROM worker WHERE name = 'rig1'")
    assert stored.startswith("$2") and "secret" not in stored


def test_a_farm_by_json(console, make_pool):
    alpha = make_pool()
    answer = console.change("/pools/new", {"name": "alpha", "url": alpha.url})
    pool = answer.json["id"]
    assert answer.status == 201 and answer.json["message"] and answer.json["href"].startswith("/admin/pools")
    worker = console.change("/workers/new", {"name": "rig1", "password": "secret"}).json["id"]
    answer = console.change(f"/workers/{worker}/pools/{pool}", {"username": "me", "password": "x", "priority": 3})
    assert answer.status in (200, 201), answer.text
    tested = console.change(f"/pools/{pool}/test").json
    assert tested["is_good"] and "work" in tested["message"]
    alpha.close()
    tested = console.change(f"/pools/{pool}/test").json
    assert not tested["is_good"] and tested["message"]
    assert console.change(f"/pools/{pool}", {"name": "omega", "url": alpha.url}).status == 200
    assert console.view(f"/pools/{pool}")["pool"]["name"] == "omega"
    assert console.change(f"/workers/{worker}", {"name": "rig one"}).status == 200
    assert console.change(f"/workers/{worker}/password", {"password": "another"}).status == 200
    wait_until(lambda: console.proxy.login_status("rig one", "another") == 200, 5, "the worker gets in by its new name and password")


def test_removing(console, make_pool):
    database = console.proxy.database
    worker, pool = database.add_rig(make_pool()), database.value("SELECT id FROM pool")
    database.raise_generation()
    wait_until(lambda: console.get(f"/workers/{worker}").status == 200, 5, "the worker is known")
    for path in (f"/pools/{pool}/delete", f"/workers/{worker}/delete"):
        assert console.change(path).status == 409, "what is in use stays"
        refused = console.send(path)
        assert refused.status == 409 and "assigned" in refused.words
    assert console.change(f"/workers/{worker}/pools/{pool}/delete").status == 200
    _made(console.send(f"/pools/{pool}/delete"), "/admin/pools$")
    _made(console.send(f"/workers/{worker}/delete"), "/admin/workers$")
    assert database.value("SELECT COUNT(*) FROM pool") == 0
    assert database.value("SELECT COUNT(*) FROM worker WHERE name = 'rig1'") == 0
    for path in (f"/pools/{pool}/delete", f"/pools/{pool}/enable", f"/workers/{worker}/delete", f"/workers/{worker}/pools/{pool}/up"):
        assert (console.send(path).status, console.change(path).status) == (404, 404), path


@pytest.mark.parametrize("url", [
    "", "pool.example.com", "ftp://pool.example.com/", "http://", "http://me:secret@pool.example.com/", "http://pool.example.com:99999/"])
def test_a_url_that_cannot_be_used(console, url):
    page = console.send("/pools/new", {"name": 'al"pha', "url": url})
    assert page.status == 422 and page.is_safe
    assert (_value_of(page, "name"), _value_of(page, "url")) == ('al"pha', url)
    answer = console.change("/pools/new", {"name": "alpha", "url": url})
    assert answer.status == 422 and answer.json["form"]["errors"]["url"] and "name" not in answer.json["form"]["errors"]
    assert console.proxy.database.value("SELECT COUNT(*) FROM pool") == 0


def test_names_and_passwords_that_cannot_be_used(console):
    assert console.change("/workers/new", {"name": "rig1", "password": "secret"}).status == 201
    for fields, wrong in (({"name": "", "password": "x"}, "name"), ({"name": "   ", "password": "x"}, "name"),
                          ({"name": "RIG1 ", "password": "x"}, "name"), ({"name": "y" * 256, "password": "x"}, "name"),
                          ({"name": "rig2", "password": ""}, "password")):
        answer = console.change("/workers/new", fields)
        assert answer.status == 422 and answer.json["form"]["errors"][wrong], fields
        assert "password" not in answer.json["form"]["values"]
    page = console.send("/workers/new", {"name": "<rig>", "password": ""})
    assert page.status == 422 and _value_of(page, "name") == "<rig>" and "<rig>" not in page.text
    assert console.proxy.database.value("SELECT COUNT(*) FROM worker") == 2


def test_two_people_edit_one_row(console, make_pool):
    pool = console.change("/pools/new", {"name": "alpha", "url": make_pool().url}).json["id"]
    first, second = console, Visitor(console.proxy, "second")
    seen = [visitor.view(f"/pools/{pool}")["form"]["revision"] for visitor in (first, second)]
    url = first.view(f"/pools/{pool}")["pool"]["url"]
    _made(first.send(f"/pools/{pool}", {"name": "first", "url": url, "revision": seen[0]}), "/admin/pools")
    page = second.send(f"/pools/{pool}", {"name": "second", "url": url, "revision": seen[1]})
    assert page.status == 409 and _value_of(page, "name") == "second", page.words
    answer = second.change(f"/pools/{pool}", {"name": "second", "url": url, "revision": seen[1]})
    assert answer.status == 409 and answer.json["form"]["values"]["name"] == "second"
    assert console.proxy.database.value("SELECT name FROM pool") == "first"


def test_flags_and_order(console, make_pool):
    database = console.proxy.database
    pools = [make_pool(name) for name in ("alpha", "beta")]
    worker = database.add_rig(*pools)
    database.raise_generation()
    ids = [database.pool_id(pool) for pool in pools]

    def order():
        return [row["pool"]["id"] for row in console.view(f"/workers/{worker}/pools")["assignments"]]
    wait_until(lambda: order() == ids, 5, "alpha is tried first")
    _made(console.send(f"/workers/{worker}/pools/{ids[1]}/up"), f"/admin/workers/{worker}/pools")
    assert order() == ids[::-1]
    assert console.change(f"/workers/{worker}/pools/{ids[1]}/down").status == 200
    assert order() == ids
    for word, flag in (("disable", 0), ("disable", 0), ("enable", 1), ("enable", 1)):
        _made(console.send(f"/workers/{worker}/pools/{ids[0]}/{word}"), f"/admin/workers/{worker}/pools")
        assert database.value("SELECT enabled FROM worker_pool WHERE pool_id = ?", ids[0]) == flag
        _made(console.send(f"/pools/{ids[0]}/{word}", {"back": "/admin/"}), "/admin/$")
        assert database.value("SELECT enabled FROM pool WHERE id = ?", ids[0]) == flag


def test_an_empty_password_is_the_old_one(console, make_pool):
    database = console.proxy.database
    worker, pool = database.add_rig(make_pool()), database.value("SELECT id FROM pool")
    database.raise_generation()
    wait_until(lambda: console.get(f"/workers/{worker}").status == 200, 5, "the worker is known")
    fields = {"username": "another", "password": "", "priority": "1", "revision": console.view(f"/workers/{worker}/pools?edit={pool}")["form"]["revision"]}
    _made(console.send(f"/workers/{worker}/pools/{pool}", fields), "/admin/workers")
    assert database.rows("SELECT pool_username, pool_password FROM worker_pool") == [("another", "alpha-pw")]


def test_several_workers_at_once(console, make_pool):
    database = console.proxy.database
    pool = console.change("/pools/new", {"name": "alpha", "url": make_pool().url}).json["id"]
    workers = [console.change("/workers/new", {"name": f"rig{number}", "password": "x"}).json["id"] for number in range(1, 6)]
    answer = console.send(f"/pools/{pool}/workers", {"action": "add", "worker": workers[:4], "username": "me.%w", "password": "x", "priority": "5"})
    _made(answer, f"/admin/pools/{pool}/workers")
    assert database.rows("SELECT pool_username, priority, enabled FROM worker_pool ORDER BY worker_id") == [
        (f"me.rig{number}", 5, 1) for number in range(1, 5)]
    assert console.change(f"/pools/{pool}/workers", {"action": "disable", "worker": workers[:2]}).status == 200
    assert [row[0] for row in database.rows("SELECT enabled FROM worker_pool ORDER BY worker_id")] == [0, 0, 1, 1]
    _made(console.send(f"/pools/{pool}/workers", {"action": "delete", "worker": workers[:3]}), f"/admin/pools/{pool}/workers")
    assert [row[0] for row in database.rows("SELECT worker_id FROM worker_pool")] == [workers[3]]
    assert console.change(f"/pools/{pool}/workers", {"action": "explode", "worker": workers}).status == 422
    assert [row[0] for row in database.rows("SELECT worker_id FROM worker_pool")] == [workers[3]]


def test_a_clone(console, make_pool):
    database = console.proxy.database
    worker = database.add_rig(make_pool("alpha"), make_pool("beta"))
    database.raise_generation()
    wait_until(lambda: console.get(f"/workers/{worker}").status == 200, 5, "the worker is known")
    page = console.view(f"/workers/new?clone={worker}")
    assert page["clone_from"]["id"] == worker
    clone = console.change("/workers/new", {"name": "rig2", "password": "x", "clone": str(worker)}).json["id"]
    assert database.value("SELECT COUNT(*) FROM worker_pool WHERE worker_id = ?", clone) == 2


def test_a_miner_sees_it_in_every_child(admin, make_pool):
    """Whoever was told that it is done is not told otherwise by the next page, whichever child it comes from."""
    admin.proxy.httpd.config.children = 3
    admin.proxy.start()
    for number in range(12):
        name = f"pool{number}"
        pool = admin.change("/pools/new", {"name": name, "url": "http://127.0.0.1:1/"}).json["id"]
        for _ in range(4):
            assert name in admin.get("/pools").words and admin.get(f"/pools/{pool}").status == 200
