# SPDX-License-Identifier: Apache-2.0
"""What conf/ has for Prometheus and Grafana: alerts that fire when they should, a dashboard whose expressions can be read, and no metric in either that
the proxy does not have."""
import json
import re
import shutil
import subprocess

import pytest
import yaml

from fakes import behaviours
from fakes.pool import TRIVIAL
from harness import places
from harness.metrics import LOCATION, Metrics, scrape
from harness.waiting import wait_until

RULES = places.ROOT / "conf" / "prometheus" / "miningproxy.rules.yml"
SCRAPE = places.ROOT / "conf" / "prometheus" / "miningproxy.scrape.yml"
RULE_TESTS = places.ROOT / "test" / "prometheus" / "rules_test.yml"
DASHBOARD = places.ROOT / "conf" / "grafana" / "miningproxy.json"
# What Grafana puts in their places.
VARIABLES = {"$__rate_interval": "5m", "$__interval": "5m", "$job": "miningproxy", "$instance": ".*", "$pool": ".*"}
SELECTOR = re.compile(r"(miningproxy_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|group_left)\s*\(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance", "le"}


def promtool(*arguments):
    """Runs it; fails with its words."""
    done = subprocess.run([places.ROOT / "tools" / "promtool", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def _panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def _dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    found = [target["expr"] for panel in _panels() for target in panel["targets"]]
    found += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    found += [re.sub(r"^label_values\((.*), \w+\)$", r"\1", variable["definition"]) for variable in dashboard["templating"]["list"]]
    for name, value in VARIABLES.items():
        found = [expression.replace(name, value) for expression in found]
    assert not [expression for expression in found if "$" in expression]
    return found


# Prometheus

def test_prometheus_takes_the_files(directory):
    """With the login uncommented as well."""
    for source in (RULES, SCRAPE):
        shutil.copy(source, directory)
    promtool("check", "rules", RULES)
    promtool("check", "config", directory / SCRAPE.name)
    with_login = re.sub(r"^(\s*)# (basic_auth:|  username: |  password_file: )", r"\1\2", SCRAPE.read_text(), flags=re.M)
    with_login = with_login.replace("/etc/prometheus/miningproxy.password", str(directory / "password"))
    assert "\n    basic_auth:\n      username: prometheus\n" in with_login
    (directory / "password").write_text("secret\n")
    (directory / SCRAPE.name).write_text(with_login)
    promtool("check", "config", directory / SCRAPE.name)


def test_alerts_fire_when_they_should():
    promtool("test", "rules", RULE_TESTS)


def test_every_alert_is_tried_both_ways():
    """It fires somewhere in the tests, and is silent somewhere."""
    looks = [look for case in yaml.safe_load(RULE_TESTS.read_text())["tests"] for look in case["promql_expr_test"]]
    for rule in _rules():
        of_this = [bool(look["exp_samples"]) for look in looks if f'"{rule["alert"]}"' in look["expr"]]
        assert set(of_this) == {True, False}, rule["alert"]


def test_every_alert_says_what_to_do():
    manual = (places.ROOT / "docs" / "ADMIN.md").read_text()
    for rule in _rules():
        assert rule["labels"]["severity"] in ("critical", "warning") and rule["for"]
        assert rule["annotations"]["summary"] and rule["annotations"]["description"]
        assert f"| `{rule['alert']}` |" in manual
    assert len(_rules()) == manual.count("\n| `Mining", manual.index("\n## Monitoring\n"), manual.index("\n## Backup\n"))


def test_a_rule_that_fires_for_nothing_is_seen(directory):
    """The tests of the rules bite."""
    (directory / "conf" / "prometheus").mkdir(parents=True)
    (directory / "test" / "prometheus").mkdir(parents=True)
    spoilt = RULES.read_text().replace("miningproxy_database_up == 0", "miningproxy_database_up == 1")
    (directory / RULES.relative_to(places.ROOT)).write_text(spoilt)
    shutil.copy(RULE_TESTS, directory / RULE_TESTS.relative_to(places.ROOT))
    with pytest.raises(AssertionError, match="MiningDatabaseAway"):
        promtool("test", "rules", directory / RULE_TESTS.relative_to(places.ROOT))


# Grafana

def test_the_dashboard_can_be_imported():
    """It asks for its data source, and no panel has another one or lies upon a panel."""
    dashboard = json.loads(DASHBOARD.read_text())
    assert dashboard["id"] is None and dashboard["uid"] == "miningproxy" and dashboard["schemaVersion"] >= 36
    assert [(one["name"], one["pluginId"]) for one in dashboard["__inputs"]] == [("DS_PROMETHEUS", "prometheus")]
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(numbers)) == len(numbers)
    source = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
    for one in [*_panels(), *(target for panel in _panels() for target in panel["targets"]), *dashboard["templating"]["list"],
                *dashboard["annotations"]["list"]]:
        assert one["datasource"] == source, one
    cells = [(x, y) for panel in dashboard["panels"] for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24
    required = {one["id"] for one in dashboard["__requires"] if one["type"] == "panel"}
    assert required == {panel["type"] for panel in _panels()}


def test_prometheus_understands_the_dashboard(directory):
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(_dashboard_expressions())]
    assert len(rules) > len(_panels())
    path = directory / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


# Both against a real proxy

def _unknown_names(expressions, metrics):
    """What the expressions want and the proxy does not have: metrics, labels, values of labels."""
    series = {}
    for name, labels in metrics.samples:
        series.setdefault(name, []).append(dict(labels))
    known = OF_PROMETHEUS | {label for those in series.values() for labels in those for label in labels}
    wrong = set()
    for expression in expressions:
        wrong |= {label for group in GROUPING.findall(expression) for label in re.findall(r"\w+", group)} - known
        for name, matchers in SELECTOR.findall(expression):
            wrong |= set() if name in series else {name}
            for label, _, value in MATCHER.findall(matchers):
                values = {labels.get(label) for labels in series.get(name, [])}
                if label not in OF_PROMETHEUS and value != ".*" and not set(value.split("|")) <= values:
                    wrong.add(f'{name}{{{label}="{value}"}}')
    return wrong


def test_the_proxy_has_what_the_rules_and_the_dashboard_want(proxy, make_pool):
    """After an accepted share and a rejected one."""
    pool = make_pool(difficulty=TRIVIAL)
    proxy.database.add_rig(pool)
    proxy.httpd.config.locations.append(LOCATION)
    proxy.start()
    proxy.miner().mine()
    pool.behave(behaviours.reject_all("stale"), on="share")
    proxy.miner().mine()
    wait_until(lambda: scrape(proxy.httpd).value("shares_total") == 2, 10, "both shares are counted")
    expressions = [rule["expr"] for rule in _rules()] + _dashboard_expressions()
    assert sum("miningproxy_" in expression for expression in expressions) > 40
    assert _unknown_names(expressions, scrape(proxy.httpd)) == set()


def test_a_typing_error_is_seen():
    metrics = Metrics('miningproxy_shares_total{verdict="accepted",reason=""} 1\n')
    assert _unknown_names(['sum by (verdict) (miningproxy_shares_total{verdict="accepted", job="any"})'], metrics) == set()
    wrong = ["miningproxy_share_total", 'miningproxy_shares_total{verdict=~"accepted|taken"}', 'miningproxy_shares_total{pool="alpha"}',
             "sum by (verdikt) (miningproxy_shares_total)"]
    assert _unknown_names(wrong, metrics) == {"miningproxy_share_total", 'miningproxy_shares_total{verdict="accepted|taken"}',
                                              'miningproxy_shares_total{pool="alpha"}', "verdikt"}
