# SPDX-License-Identifier: Apache-2.0
"""The console of a real httpd, clicked as people click it: from an empty farm to the first share, and what operators do at night."""
import base64
import re
from pathlib import Path
from typing import Any, Callable

import pytest

from browser import PHONE, WIDE, Browser, invalid_html
from fakes.miner import work_of
from harness.config import CONSOLE_USERS
from harness.console import Visitor
from harness.waiting import wait_until

SCRIPT = "<script>alert(1)</script>"


class Operator:
    """A person before a browser, logged in."""

    def __init__(self, visitor: Visitor, browser: Browser):
        self.visitor, self.browser = visitor, browser
        login = base64.b64encode(f"admin:{CONSOLE_USERS['admin']}".encode()).decode()
        browser.command("Network.enable")
        browser.command("Network.setExtraHTTPHeaders", headers={"Authorization": "Basic " + login})

    def open(self, path: str = "/") -> None:
        """A page of the console."""
        host, port = self.visitor.proxy.httpd.address
        self.browser.open(f"http://{host}:{port}{self.visitor.mount}{path}")

    def fill(self, button: str, **fields: str) -> None:
        """Types into a form and sends it."""
        for name, text in fields.items():
            self.browser.type(name, text)
        self.press(button)

    def press(self, name: str, within: str = "main") -> None:
        """Presses what has this name; the next page is there afterwards."""
        self.browser.run("window.isOld = true")
        self.browser.press(name, within)
        self.browser.wait(lambda: self.browser.run("return !window.isOld && document.readyState === 'complete'"), f'a page after "{name}"')

    @property
    def said(self) -> str:
        """The message about the last change."""
        return self.browser.text(".message")


@pytest.fixture
def make_operator(admin: Visitor, make_browser: Callable[..., Browser]) -> Callable[..., Operator]:
    """Starts httpd and opens a window."""
    def make(has_script: bool = True) -> Operator:
        admin.proxy.start()
        browser = make_browser(has_script)
        if has_script:
            browser.hurry()
        return Operator(admin, browser)
    return make


@pytest.fixture
def operator(make_operator: Callable[..., Operator]) -> Operator:
    """Before a running console of the farm that the test made so far."""
    return make_operator()


def build_farm(operator: Operator, url: str, name: str = "rig1") -> None:
    """Pool, worker and assignment, along the links that the pages offer."""
    operator.open()
    operator.press("Add a pool", ".welcome")
    operator.fill("Add pool", name="alpha", url=url)
    assert "alpha" in operator.said
    operator.press("Workers", ".parts")
    operator.press("Add a worker")
    operator.fill("Add worker", name=name, password="rig-pw")
    assert name in operator.said
    operator.press("Workers", ".parts")
    operator.press(name)
    operator.press("Pools of this worker")
    operator.press("Assign alpha")
    operator.fill("Save", username="me.rig1", password="pool-pw", priority="5")
    assert "me.rig1" in operator.browser.text("main table")


@pytest.mark.both_databases
def test_from_nothing_to_the_first_share(operator, make_pool):
    alpha, browser = make_pool(), operator.browser
    build_farm(operator, alpha.url)
    operator.press("rig1", ".trail")
    assert "http://" in browser.text("#miner-url") and "rig1" in browser.text("#miner-command")
    operator.press("Dashboard", ".parts")
    assert "No shares yet" in browser.text("#submissions") and "Three steps" not in browser.text("main")
    miner = operator.visitor.proxy.miner("rig1", "rig-pw")
    wait_until(lambda: miner.ask().result, 5, "the worker gets work")
    [(_, reply)] = miner.mine()
    assert reply.result is True
    browser.wait(lambda: "accepted" in browser.text("#submissions"), "the share, without a reload", 30)
    assert "rig1" in browser.text("#submissions") and "alpha" in browser.text("#submissions")
    browser.wait(lambda: "1" in browser.text("#totals div:nth-child(4) dd"), "the total", 30)
    assert "active" in browser.text("#workers")
    browser.picture("console-first-share", is_whole=True)
    assert not browser.complaints()


@pytest.mark.both_databases
def test_without_script(make_operator, make_pool):
    operator, alpha = make_operator(has_script=False), make_pool()
    browser = operator.browser

    def press(name: str, within: str = "main") -> None:
        page = browser.find("html")
        browser.press(name, within)
        browser.wait(lambda: page.id != browser.find("html").id, f'a page after "{name}"')
    operator.press = press
    build_farm(operator, alpha.url)
    operator.press("Pools", ".parts")
    operator.press("Disable pool alpha")
    assert "alpha" in operator.said and "Enable pool alpha" in browser.driver.page_source
    operator.press("Enable pool alpha")
    miner = operator.visitor.proxy.miner("rig1", "rig-pw")
    wait_until(lambda: miner.ask().result, 5, "the worker gets work")
    miner.mine()

    def has_share() -> bool:
        operator.open()
        return "accepted" in browser.text("#submissions")
    browser.wait(has_share, "the share, after a reload", 30)


@pytest.fixture
def rig(admin: Visitor, make_pool: Any) -> Visitor:
    """Worker rig1 at alpha and beta; not started."""
    admin.alpha, admin.beta = make_pool("alpha"), make_pool("beta")
    admin.worker = admin.proxy.database.add_rig(admin.alpha, admin.beta)
    admin.pool = admin.proxy.database.pool_id(admin.alpha)
    return admin


def wait_from(rig: Visitor, miner: Any, name: str) -> None:
    """Until the worker's work is of that pool."""
    pool = getattr(rig, name)
    wait_until(lambda: work_of(miner.ask()).data in {work.data for work in pool.issued}, 2, f"work comes from {name}")


@pytest.mark.both_databases
def test_flags_and_order(rig, operator):
    browser, miner = operator.browser, rig.proxy.mining()
    wait_from(rig, miner, "alpha")
    operator.open("/pools")
    operator.press("Disable pool alpha")
    wait_from(rig, miner, "beta")
    operator.open(f"/workers/{rig.worker}/pools")
    assert "off for all" in browser.text("main table") and not [each for each in browser.find_all("main button") if each.accessible_name == "Enable pool alpha"]
    operator.open("/pools")
    operator.press("Enable pool alpha")
    wait_from(rig, miner, "alpha")
    operator.open(f"/workers/{rig.worker}/pools")
    operator.press("Disable rig1 at alpha")
    wait_from(rig, miner, "beta")
    operator.press("Enable rig1 at alpha")
    wait_from(rig, miner, "alpha")
    operator.press("Ask beta earlier")
    wait_from(rig, miner, "beta")
    assert [each.text for each in browser.find_all("main section:first-of-type tbody th")] == ["beta", "alpha"]
    operator.open(f"/pools/{rig.pool}/workers")
    operator.press("Disable rig1 at alpha")
    assert browser.driver.current_url.endswith(f"/pools/{rig.pool}/workers") and browser.find_all("main tr.is-off")
    assert not browser.complaints()


def test_what_is_wrong_stands_beside_its_field(rig, operator):
    browser = operator.browser

    def is_wrong(name: str, *typed: str) -> None:
        field = browser.find(f"main [name={name}]:not([type=hidden])")
        assert field.get_attribute("aria-invalid") == "true" and browser.text(f"#{name}-error").endswith(".")
        assert field.get_property("value") in typed
    operator.open("/pools/new")
    operator.fill("Add pool", name="gamma", url="ftp://pool.example.com")
    is_wrong("url", "ftp://pool.example.com")
    assert browser.find("#name").get_property("value") == "gamma" and not browser.find("#name").get_attribute("aria-invalid")
    operator.fill("Add pool", name="alpha", url="http://pool.example.com:8332/")
    is_wrong("name", "alpha")
    operator.open("/workers/new")
    operator.fill("Add worker", name="rig1", password="pw")
    is_wrong("name", "rig1")
    assert browser.find("#password").get_property("value") == ""
    operator.open(f"/workers/{rig.worker}")
    operator.fill("Set password", password="")
    is_wrong("password", "")
    assert browser.find("#name").get_property("value") == "rig1" and browser.find("[name=revision]").get_property("value")
    operator.open(f"/workers/{rig.worker}/pools?edit={rig.pool}")
    operator.fill("Save", username="me", priority="soon")
    is_wrong("priority", "soon")
    assert browser.find("#username").get_property("value") == "me" and not [each for each in browser.complaints() if "422" not in each]


def test_a_pool_that_rolls(rig, operator):
    browser, database = operator.browser, rig.proxy.database
    for wanted in (1, 0):
        operator.open(f"/pools/{rig.pool}")
        browser.find("main [name=roll_ntime][type=checkbox]").click()
        operator.press("Save")
        assert "was saved" in operator.said
        assert database.value("SELECT roll_ntime FROM pool WHERE id = ?", rig.pool) == wanted
    assert not browser.complaints()


def test_two_people_at_one_pool(rig, operator):
    operator.open(f"/pools/{rig.pool}")
    assert rig.change(f"/pools/{rig.pool}", {"name": "renamed"}).status == 200
    operator.fill("Save", name="mine")
    assert "mine" == operator.browser.find("#name").get_property("value") and operator.said
    assert rig.view(f"/pools/{rig.pool}")["pool"]["name"] == "renamed"


def test_several_workers_at_once(rig, operator):
    for name in ("rig2", "rig3", "rig4"):
        assert rig.change("/workers/new", {"name": name, "password": "pw"}).status == 201
    browser = operator.browser
    operator.open(f"/pools/{rig.pool}/workers")
    browser.find("[data-select-all=add] input").click()
    operator.fill("Assign them", username="farm.%w", password="x", priority="3")
    assert all(f"farm.rig{n}" in browser.text("main table") for n in (2, 3, 4))
    browser.find("[data-select-all=several] input").click()
    operator.press("Disable")
    assert len(browser.find_all("main tr.is-off")) == 5  # the harness has a worker of its own
    browser.find("[data-select-all=several] input").click()
    browser.press("Take away…")
    operator.press("Take the selected ones away")
    assert "No worker mines for this pool yet" in browser.text("main")
    operator.open(f"/pools/{rig.pool}")
    browser.press("Delete this pool…")
    operator.press("Delete pool alpha")
    assert "alpha" in operator.said and "alpha" not in browser.text("main table")


def test_ticks_stay_when_a_form_comes_back(rig, operator):
    for name in ("rig2", "rig3"):
        assert rig.change("/workers/new", {"name": name, "password": "pw"}).status == 201
    browser = operator.browser
    operator.open(f"/pools/{rig.pool}/workers")
    browser.find("#add .choices label:last-child input").click()
    operator.fill("Assign them", username="farm.%w", priority="much")
    assert browser.find("#priority").get_attribute("aria-invalid") == "true" and browser.find("#username").get_property("value") == "farm.%w"
    assert [each.is_selected() for each in browser.find_all("#add .choices input")] == [False, False, True]
    operator.fill("Assign them", priority="2")
    assert "farm.rig3" in browser.text("main table") and "farm.rig2" not in browser.text("main table")


def test_testing_a_pool(rig, operator):
    operator.open(f"/pools/{rig.pool}")
    operator.press("Test this pool now")
    assert "is-good" in operator.browser.find(".message").get_attribute("class")
    rig.alpha.close()
    operator.press("Test this pool now")
    assert "is-bad" in operator.browser.find(".message").get_attribute("class") and len(operator.said) > 20


@pytest.mark.both_databases
def test_a_worker_whose_name_wants_to_run(admin, operator, make_pool):
    alpha, browser = make_pool(), operator.browser
    pool = admin.change("/pools/new", {"name": SCRIPT, "url": alpha.url}).json["id"]
    operator.open("/workers/new")
    operator.fill("Add worker", name=SCRIPT, password="pw")
    assert SCRIPT in operator.said
    worker = admin.view("/workers")["workers"][0]["id"]
    operator.open(f"/workers/{worker}/pools?new={pool}")
    operator.fill("Save", username=SCRIPT, password="x")
    miner = admin.proxy.miner(SCRIPT, "pw")
    wait_until(lambda: miner.ask().result, 5, "the worker gets work")
    miner.mine()
    for path in ("/", "/pools", f"/pools/{pool}", f"/pools/{pool}/workers", "/workers", f"/workers/{worker}", f"/workers/{worker}/pools", f"/workers/new?clone={worker}",
                 f"/workers/{worker}/pools?edit={pool}"):
        operator.open(path)
        assert SCRIPT in browser.text("main") and "<script>alert" not in admin.get(path).text, path  # an alert would raise here
    operator.open()
    browser.wait(lambda: SCRIPT in browser.text("#submissions"), "the share", 30)
    assert not browser.complaints()


def test_renewal_leaves_the_reader_alone(rig, operator):
    browser, proxy = operator.browser, rig.proxy
    browser.resize(PHONE)
    operator.open()
    browser.run("window.isSame = true; scrollTo(0, 900)")
    seen = browser.run("return scrollY")
    miner = proxy.mining()
    miner.mine()
    browser.wait(lambda: "accepted" in browser.text("#submissions"), "the share", 30)
    assert browser.run("return window.isSame") and abs(browser.run("return scrollY") - seen) < 400 and seen > 300
    name = browser.run("const first = document.querySelector('#workers .name'); getSelection().selectAllChildren(first); return first.textContent")
    miner.mine(2)
    proxy.wait_rows(3)
    browser.wait(lambda: re.search(r"updated ([2-9]\d) s ago", browser.text(".live")), "time to pass")
    assert browser.run("return String(getSelection())") == name and len(browser.find_all("#submissions li")) == 1
    browser.run("getSelection().removeAllRanges()")
    browser.wait(lambda: len(browser.find_all("#submissions li")) == 3, "the other shares", 30)
    assert not browser.complaints()


@pytest.mark.both_databases
def test_every_page_in_every_look(rig, operator, directory: Path):
    browser, miner = operator.browser, rig.proxy.mining()
    miner.mine(3)
    rig.proxy.wait_rows(3)
    pool, worker = rig.pool, rig.worker
    pages = {"dashboard": "/", "pools": "/pools", "pool": f"/pools/{pool}", "pool-new": "/pools/new", "pool-workers": f"/pools/{pool}/workers", "workers": "/workers",
             "worker": f"/workers/{worker}", "worker-new": "/workers/new", "clone": f"/workers/new?clone={worker}", "assignments": f"/workers/{worker}/pools",
             "assignment": f"/workers/{worker}/pools?edit={pool}", "alerts": "/alerts",
             "about": "/about", "missing": "/pools/77"}
    bad = {}
    for look, size, is_dark in (("light", WIDE, False), ("dark", WIDE, True), ("phone", PHONE, False), ("phone-dark", PHONE, True)):
        browser.resize(size, is_dark)
        for name, path in pages.items():
            operator.open(path)
            browser.picture(f"console-{name}-{look}", is_whole=True)
            if found := browser.inaccessible() + ["wider than the window"] * (browser.overflow() > 0):
                bad[look, name] = found
            (directory / f"{name}.html").write_text(browser.run("return arguments[0]", rig.get(path).text))
    assert not bad and not invalid_html(directory)
    assert not [each for each in browser.complaints() if "/pools/77" not in each]
