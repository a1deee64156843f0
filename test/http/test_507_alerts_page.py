# SPDX-License-Identifier: Apache-2.0
"""Alerts on the console: what is listed, what is said where nothing is, who may send a test notice."""
from datetime import datetime, timedelta, timezone

import pytest

from harness.waiting import wait_until


def _ago(minutes):
    return (datetime.now(timezone.utc) - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S")


def _add(database, kind, subject, began, ended=None, delivery=""):
    """An alert about a worker or pool (id and name); the times are minutes ago."""
    database.run("INSERT INTO alert (kind, subject_id, subject, host, text, time_began, time_ended, delivery) VALUES (?, ?, ?, 'web1', ?, ?, ?, ?)", kind, *subject,
                 f"about {subject[1]}", _ago(began), None if ended is None else _ago(ended), delivery)


@pytest.fixture
def farm(admin, make_pool):
    """A console of a farm with one worker at one pool, not started."""
    pool = make_pool("alpha")
    admin.ids = {"worker": (admin.proxy.database.add_rig(pool), "rig1"), "pool": (admin.proxy.database.pool_id(pool), "alpha")}
    return admin


@pytest.mark.both_databases
def test_what_is_so_and_what_was(farm):
    database = farm.proxy.database
    _add(database, "pool-down", farm.ids["pool"], began=90, ended=30, delivery="https://ntfy.example.com answered with status 500")
    _add(database, "worker-silent", farm.ids["worker"], began=20)
    _add(database, "block-found", (0, "rig-that-is-gone"), began=10, ended=10)
    _add(database, "of-a-later-version", (0, "x"), began=5)
    farm.proxy.start()
    view = farm.view("/alerts")
    assert view["is_known"] and view["are_on"] and (view["open_count"], view["more_open"]) == (1, None)
    [silent] = view["open"]
    worker = farm.ids["worker"][0]
    assert silent["subject"] == {"id": worker, "name": "rig1", "href": f"/admin/workers/{worker}"}
    assert (silent["kind"], silent["label"], silent["text"], silent["host"]) == ("worker-silent", "worker silent", "About rig1.", "web1")
    assert silent["is_open"] and silent["ended"] is None and silent["lasted"] == "20 min" and silent["began"]["text"] == "20 min ago" and silent["delivery"] is None
    block, same, down = view["latest"]
    assert same == silent and block["is_event"] and block["lasted"] is None and block["subject"]["href"] is None
    assert down["lasted"] == "60 min" and down["ended"]["text"] == "30 min ago" and not down["is_open"] and "status 500" in down["delivery"]
    assert down["subject"]["href"] == f"/admin/pools/{farm.ids['pool'][0]}"
    page = farm.get("/alerts")
    assert page.is_safe and f'<a href="/admin/workers/{worker}">rig1</a>' in page.text and "20 min so far" in page.words
    assert "Trouble with its notice: https://ntfy.example.com answered with status 500" in page.words and '<a href="/admin/alerts" aria-current="page">' in page.text


def test_nothing_yet_says_what_would_be_here(farm):
    farm.proxy.start()
    view, page = farm.view("/alerts"), farm.get("/alerts")
    assert view["open"] == view["latest"] == [] and view["channels"] == {"webhooks": [], "command": None, "has_any": False}
    assert "a worker is silent, a pool is down" in page.words and "No alerts yet." in page.words
    assert "MiningProxyAlertWebhook" in page.words and "MiningProxyAlertCommand" in page.words


def test_many_at_once(farm):
    """A crowd of silent workers does not hide the pool that is down."""
    database = farm.proxy.database
    for _ in range(103):
        _add(database, "worker-silent", farm.ids["worker"], began=20)
    _add(database, "pool-down", farm.ids["pool"], began=10)
    farm.proxy.start()
    view = farm.view("/alerts")
    assert len(view["open"]) == len(view["latest"]) == 100 and (view["open_count"], view["more_open"]) == (104, 4)
    assert view["open"][0]["kind"] == "pool-down" and "And 4 more." in farm.get("/alerts").words


def test_the_button_says_what_became_of_the_notice(farm):
    """Nobody is told where nothing is configured, which is no success."""
    farm.proxy.start()
    answer = farm.send("/alerts/test")
    assert (answer.status, answer.get("Location")) == (303, "/admin/alerts")
    page = farm.get("/alerts")
    assert '<p class="message is-bad"' in page.text and "Nobody is told" in page.words
    assert '<p class="message' not in farm.get("/alerts").text, "it is said once"
    answer = farm.change("/alerts/test")
    assert answer.status == 200 and "Nobody is told" in answer.json["message"]
    assert (answer.json["is_good"], answer.json["href"]) == (False, "/admin/alerts")


@pytest.mark.proxy(directives=["MiningProxyAlerts Off"])
def test_where_alerts_are_off(farm):
    farm.proxy.start()
    assert not farm.view("/alerts")["are_on"]
    page = farm.get("/alerts")
    assert "Nobody looks for alerts" in page.words and "<button" not in page.text
    answer = farm.change("/alerts/test")
    assert answer.status == 200 and "off" in answer.json["message"] and not answer.json["is_good"]


@pytest.mark.proxy(directives=["MiningProxyAlertWebhook https://me:s3cret@ntfy.example.com:8443/s3cret?s3cret ntfy", "MiningProxyAlertWebhook http://127.0.0.1/s3cret",
                               "MiningProxyAlertCommand /bin/true"])
def test_who_is_told_without_what_is_secret(farm):
    farm.proxy.start()
    channels = {"webhooks": [{"url": "https://ntfy.example.com:8443", "format": "ntfy"}, {"url": "http://127.0.0.1", "format": "json"}], "command": "/bin/true", "has_any": True}
    assert farm.view("/alerts")["channels"] == channels
    for path in ("/alerts", "/alerts?format=json", "/about"):
        assert "s3cret" not in farm.get(path).text, path


def test_who_may_press_it(farm):
    farm.proxy.start()
    for answer in (farm.send("/alerts/test", token=""), farm.send("/alerts/test", token="x" * 40), farm.send("/alerts/test", Origin="http://evil.example")):
        assert answer.status == 403 and answer.is_safe, answer.text
    refused = farm.get("/alerts/test")
    assert (refused.status, refused.get("Allow")) == (405, "POST")
    assert farm.send("/alerts").status == 405


@pytest.mark.expects_log("MP0230")
def test_the_database_is_away(farm):
    farm.proxy.start()
    farm.last_token = farm.token()
    moved = farm.proxy.database.path.rename(farm.proxy.database.path.with_name("away"))
    wait_until(lambda: farm.proxy.log.count("MP0230"), 30, "the proxy noticed")
    view, page = farm.view("/alerts"), farm.get("/alerts")
    assert not view["is_known"] and view["open"] == view["latest"] == [] and view["open_count"] is None
    assert 'class="notice is-bad"' in page.text and page.words.count("Unknown while the database is away.") == 2
    assert farm.send("/alerts/test", token=farm.last_token).status == 303, "whether notices get through can be found out all the same"
    moved.rename(farm.proxy.database.path)
    wait_until(lambda: farm.view("/alerts")["is_known"], 30, "it is back")
