# SPDX-License-Identifier: Apache-2.0
"""What the console says about httpd itself: facts with advice, and every directive in force without a secret."""
import re

import pytest

from harness import places
from harness.polls import EVERY_MPM

LISTED = re.findall(r"^\s*X\((MiningProxy\w+),", (places.ROOT / "include/httpd/directives.h").read_text(), re.M)


def _facts(admin):
    return {fact["name"]: fact for fact in admin.view("/about")["facts"]}


def _directives(admin):
    return {directive["name"]: directive["value"] for directive in admin.view("/about")["directives"]}


@EVERY_MPM
def test_httpd_and_its_mpm(admin, mpm):
    admin.proxy.start()
    facts = _facts(admin)
    assert facts["httpd"]["value"].startswith("Apache/2.4.")
    assert mpm in facts["MPM"]["value"].lower()
    way = {"event": "holds no thread", "worker": "holds a thread", "prefork": "holds a process"}[mpm]
    assert way in facts["MPM"]["value"] and facts["MPM"]["is_ok"] == (mpm == "event")
    assert ("event MPM" in (facts["MPM"]["advice"] or "")) == (mpm != "event")
    polls = facts["Long polls that a child can hold"]
    assert re.match(r"\d+ \(bound: ", polls["value"]) and polls["is_ok"]
    count = int(facts["Templates"]["value"].split()[0])
    assert count == len(list(admin.proxy.httpd.config.console.templates.glob("*.mustache"))) and facts["Templates"]["is_ok"]
    assert str(admin.proxy.httpd.config.console.templates) in facts["Templates"]["value"]
    assert facts["httpd's children run as"]["value"] == places.CHILD_USER
    assert facts["This connection"]["is_ok"] and "this machine" in facts["This connection"]["value"]
    assert "Basic" in facts["Login to the console"]["value"] and "admin" in facts["Login to the console"]["value"]


def test_a_limit_that_does_not_fit(admin):
    admin.proxy.httpd.config.directives += ["MiningProxyLongPollLimit 5"]
    admin.proxy.start()
    assert _facts(admin)["Long polls that a child can hold"]["value"] == "5 (bound: MiningProxyLongPollLimit)"


@pytest.mark.expects_log("MP0051")
def test_a_limit_that_is_too_much(admin):
    admin.proxy.httpd.config.directives += ["MiningProxyLongPollLimit 900000"]
    admin.proxy.start()
    fact = _facts(admin)["Long polls that a child can hold"]
    assert fact["is_problem"] and "900000" in fact["advice"]


def test_every_directive_with_its_value(admin):
    admin.proxy.httpd.config.directives += [
        "MiningProxyRejectAlert 2.5", "MiningProxyStatisticsInterval 7d", 'MiningProxyDateFormat "%H:%M"', "MiningProxySpoolLimit 3M",
        "MiningProxyLongPolling On", "MiningProxyUpstreamProxy http://me:s3cret@127.0.0.1:3128", "MiningProxyDatabaseConnections 2 5",
        "MiningProxySubmitTimeout 90s", "MiningProxyKeepShares 2W", "MiningProxyKeepStatistics forever", "MiningProxyKeepWork 36h", "MiningProxyLongPollTimeout 2min", "MiningProxyPublicURL http://mine.example.com/btc/",
        "MiningProxyAlertWebhook http://me:s3cret@127.0.0.1:9/s3cret ntfy", "MiningProxyAlertWebhook http://127.0.0.1:9/s3cret", "MiningProxyAlertDelay 0", "MiningProxyAlertCommand /bin/true"]
    admin.proxy.start()
    directives = _directives(admin)
    assert list(directives) == LISTED
    expected = {
        "MiningProxyRejectAlert": "2.5%", "MiningProxyStatisticsInterval": "7d", "MiningProxyDateFormat": "%H:%M", "MiningProxySpoolLimit": "3M",
        "MiningProxyLongPolling": "On", "MiningProxyUpstreamProxy": "http://me:***@127.0.0.1:3128", "MiningProxyDatabaseConnections": "2 5",
        "MiningProxyDatabase": admin.proxy.database.url, "MiningProxyWorkTimeout": "2s", "MiningProxySubmitTimeout": "90s",
        "MiningProxyLongPollTimeout": "2min", "MiningProxyMaxRequestBody": "64k", "MiningProxyCache": "shmcb",
        "MiningProxyKeepWork": "36h", "MiningProxyKeepShares": "14d", "MiningProxyKeepStatistics": "forever",
        "MiningProxyForeignLongPoll": "Off", "MiningProxyLongPollLimit": "not set", "MiningProxyLongPollPath": "/lp",
        "MiningProxyPublicURL": "http://mine.example.com/btc", "MiningProxyAlerts": "On", "MiningProxyAlertWebhook": "http://127.0.0.1:9 ntfy, http://127.0.0.1:9 json",
        "MiningProxyAlertHeaderFile": "not set", "MiningProxyAlertCommand": "/bin/true", "MiningProxyAlertSilence": "10min", "MiningProxyAlertDelay": "0"}
    assert {name: directives[name] for name in expected} == expected
    for answer in (admin.get("/about"), admin.get("/about?format=json")):
        assert answer.status == 200 and "s3cret" not in answer.text


@pytest.mark.both_databases
def test_a_password_file_is_named_and_not_shown(admin):
    admin.proxy.start()
    directives, database = _directives(admin), admin.proxy.database
    named = directives["MiningProxyDatabasePasswordFile"]
    assert named == (str(database.password_file) if database.password is not None else "not set")
    assert not database.password or database.password not in admin.get("/about").text
