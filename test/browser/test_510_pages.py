# SPDX-License-Identifier: Apache-2.0
"""Every page of the console on made-up farms, without httpd: valid, readable on a phone, usable without eyes, safe whatever things are called, live without getting in the way."""
from html.parser import HTMLParser
import re
from typing import Any

import pytest

from browser import PHONE, WIDE, Browser, invalid_html
from preview import Preview, render
import samples

SHOWN = {
    "dashboard": "/", "pools": "/pools", "pool": "/pools/1", "pool-new": "/pools/new", "pool-workers": "/pools/1/workers", "workers": "/workers", "worker": "/workers/1",
    "worker-new": "/workers/new", "assignments": "/workers/1/pools", "assignment": "/workers/1/pools?edit=1", "alerts": "/alerts", "about": "/about",
    "error": "/missing"}
LOOKS = {"light": (WIDE, False), "dark": (WIDE, True), "phone": (PHONE, False), "phone-dark": (PHONE, True)}


class Forms(HTMLParser):
    """The forms of a page, with the attributes of what is in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        self.is_open = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a form or notes a field."""
        if tag == "form":
            assert not self.is_open, "a form in a form"
            self.forms.append((dict(attrs), []))
            self.is_open = True
        elif tag in ("input", "button", "select", "textarea") and self.is_open:
            self.forms[-1][1].append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        """Closes it."""
        self.is_open = self.is_open and tag != "form"


@pytest.fixture(params=samples.SCENES)
def pages(request: pytest.FixtureRequest) -> dict[str, str]:
    """Path to HTML, of one scene."""
    return {path: render(view) for path, view in samples.scene(request.param).items()}


def test_every_page_is_valid_html(pages, directory):
    for number, text in enumerate(pages.values()):
        (directory / f"{number}.html").write_text(text)
    assert not invalid_html(directory)


def test_the_checker_bites(directory):
    (directory / "bad.html").write_text("<!DOCTYPE html><html lang=en><title>x</title><p><div id=a></div><div id=a></div>")
    assert invalid_html(directory)


def test_the_policy_needs_no_exception(pages):
    for path, text in pages.items():
        assert not re.search(r"<style|<[^>]*\sstyle=|<[^>\"]*\son[a-z]+=", re.sub(r'"[^"]*"', '""', text)), path
        assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/console.js?v=1" defer>'], path


def test_every_form_is_posted_with_the_token(pages):
    for path, text in pages.items():
        for form, fields in Forms(text).forms:
            assert form["method"] == "post" and form["action"].startswith("/"), (path, form)
            assert {"type": "hidden", "name": "token", "value": "sample-token"} in fields, (path, form)


@pytest.mark.parametrize("path", ["/pools/1", "/workers/1", "/workers/1/pools?edit=1"])
def test_what_is_edited_names_its_revision(path):
    text = render(samples.scene("normal")[path])
    assert sum(field.get("name") == "revision" and field["value"].endswith("f00") for _, fields in Forms(text).forms for field in fields) == 1


def test_errors_stand_beside_their_fields_and_what_was_typed_stays(preview, browser):
    for path, typed in {"/pools/new": {"name": "typed <name>", "url": "ftp://typed"}, "/workers/1": {"name": "typed <name>", "password": ""},
                        "/workers/1/pools?edit=1": {"username": "typed user", "password": "", "priority": "seven"}}.items():
        browser.open(f"{preview.url}/wrong{path}")
        for name, value in typed.items():
            field = browser.find(f"input[name={name}]")
            said = [browser.find("#" + word) for word in field.get_attribute("aria-describedby").split()]
            assert field.get_attribute("aria-invalid") == "true" and field.get_property("value") == value
            error = said[-1]
            assert error.is_displayed() and error.text.endswith(".") and 0 < error.location["y"] - field.location["y"] < 150


@pytest.mark.parametrize("scene", samples.SCENES)
def test_a_phone_shows_it_all(scene, preview: Preview, browser: Browser):
    browser.resize(PHONE)
    for path in preview.scenes[scene]:
        browser.open(f"{preview.url}/{scene}{path}")
        assert browser.overflow() <= 0, path
        cut = browser.run("""return [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".hidden-text, svg, thead"))
            .map((e) => e.outerHTML.slice(0, 120))""")
        assert not cut, path
    assert not browser.complaints()


def test_other_widths(preview, browser):
    for width in (320, 480, 640, 700, 900, 1023, 1024, 1100, 1900):
        browser.resize((width, 800))
        for path in ("/", "/workers/1/pools", "/pools/1/workers", "/pools", "/alerts", "/about"):
            for scene in ("hostile", "problems"):
                browser.open(f"{preview.url}/{scene}{path}")
                assert browser.overflow() <= 0, (width, scene, path)


def test_names_are_only_names(preview, browser):
    for path, view in preview.scenes["hostile"].items():
        text = render(view)
        assert "<script>alert" not in text and "<img" not in text, path
        browser.open(f"{preview.url}/hostile{path}")
        assert samples.SCRIPT in browser.text(), path  # an alert would raise here
    browser.open(f"{preview.url}/hostile/workers/1")
    assert browser.text("h1") == samples.SCRIPT and browser.find("#name").get_property("value") == samples.SCRIPT
    browser.open(f"{preview.url}/hostile/workers/2")
    assert browser.text("h1") == " ".join(samples.QUOTES.split()) and browser.find("#name").get_property("value") == samples.QUOTES
    assert not browser.complaints()


@pytest.mark.parametrize("look", LOOKS)
def test_pictures_and_accessibility(look, preview, browser):
    size, is_dark = LOOKS[look]
    browser.resize(size, is_dark)
    bad = {}
    for name, path in SHOWN.items():
        for scene in ("normal", "problems", "wrong", "empty", "away")[:5 if path in ("/", "/alerts") else 3]:
            if path in preview.scenes[scene]:
                browser.open(f"{preview.url}/{scene}{path}")
                browser.picture(f"sample-{name}-{scene}-{look}", is_whole=True)
                if found := browser.inaccessible():
                    bad[f"{scene} {name}"] = found
    assert not bad
    assert not browser.complaints()


def test_axe_bites(preview, browser):
    browser.open(f"{preview.url}/normal/pools/1")
    browser.run("document.querySelector('label').remove(); document.querySelector('html').lang = ''")
    assert len(browser.inaccessible()) >= 2


def show_another_hashrate(preview: Preview, text: str) -> None:
    """The next dashboard says so."""
    preview.scenes["many"]["/"]["totals"]["hashrate"]["text"] = text


@pytest.fixture
def dashboard(preview, browser) -> Browser:
    """A window with a long dashboard whose ten seconds are one."""
    browser.hurry()
    browser.open(f"{preview.url}/many/")
    return browser


def has_hashrate(browser: Browser, text: str) -> bool:
    """On the page, without moving anything."""
    return browser.run("return document.querySelector('#totals dd').textContent === arguments[0]", text)


def test_the_dashboard_renews_itself_where_the_reader_is(preview, dashboard):
    dashboard.run("window.mark = 1; document.querySelector('#worker-120 .name a').focus(); scrollTo(0, 3000)")
    dashboard.run("document.querySelector('#worker-120').mark = 1")
    seen = dashboard.run("return document.elementFromPoint(640, 400).closest('tr').id")
    top = f"return document.querySelector('#{seen}').getBoundingClientRect().top"
    before = dashboard.run(top)
    preview.scenes["many"]["/"]["workers"].pop(10)
    show_another_hashrate(preview, "99.00 Gh/s")
    dashboard.wait(lambda: has_hashrate(dashboard, "99.00 Gh/s"), "the new hashrate")
    assert dashboard.run("return [window.mark, document.querySelector('#worker-120').mark, document.activeElement.closest('tr').id]") == [1, 1, "worker-120"]
    assert not dashboard.find_all("#worker-11")
    assert abs(dashboard.run(top) - before) < 3
    assert not dashboard.complaints()


def test_it_waits_while_text_is_selected(preview, dashboard):
    dashboard.run("getSelection().selectAllChildren(document.querySelector('#worker-3 .name'))")
    show_another_hashrate(preview, "98.00 Gh/s")
    dashboard.wait(lambda: re.search(r"updated (1[5-9]|[2-9]\d) s ago", dashboard.text(".live")), "time to pass")
    assert not has_hashrate(dashboard, "98.00 Gh/s") and dashboard.run("return String(getSelection())") == "rig003"
    dashboard.run("getSelection().removeAllRanges()")
    dashboard.wait(lambda: has_hashrate(dashboard, "98.00 Gh/s"), "the new hashrate")


def test_it_says_when_the_proxy_is_away(preview, dashboard):
    preview.broken = 503
    dashboard.wait(lambda: "Cannot reach the proxy since" in dashboard.text("main") and "503" in dashboard.text("main"), "the sentence")
    assert "not live" in dashboard.text(".live")
    dashboard.picture("sample-dashboard-unreachable")
    preview.broken = 0
    dashboard.wait(lambda: "Cannot reach" not in dashboard.text("main") and "updated" in dashboard.text(".live"), "the sentence to go")
    assert all("503" in complaint for complaint in dashboard.complaints())


def test_it_can_be_paused(preview, dashboard):
    dashboard.press("Pause")
    show_another_hashrate(preview, "97.00 Gh/s")
    dashboard.wait(lambda: re.search(r"paused, updated (1[5-9]|[2-9]\d) s ago", dashboard.text(".live")), "time to pass")
    assert not has_hashrate(dashboard, "97.00 Gh/s")
    dashboard.press("Resume")
    dashboard.wait(lambda: has_hashrate(dashboard, "97.00 Gh/s"), "the new hashrate")


def test_a_flag_says_what_it_will_do(preview, browser):
    browser.open(f"{preview.url}/normal/pools")
    on, off = browser.find("tr:first-child .switch"), browser.find("tr:last-child .switch")
    assert on.accessible_name == "Disable pool alpha" and "On" in on.text
    assert off.accessible_name == "Enable pool gamma" and "Off" in off.text
    browser.press("Disable pool alpha")
    browser.wait(lambda: preview.posted, "the form")
    assert preview.posted == [("/normal/pools/1/disable", [("token", "sample-token"), ("back", "/normal/pools")])]


def test_several_workers_at_once(preview, browser):
    browser.open(f"{preview.url}/many/pools/1/workers")
    browser.find("[data-select-all=several] input").click()
    browser.press("Disable")
    browser.wait(lambda: preview.posted, "the form")
    path, fields = preview.posted[0]
    assert path == "/many/pools/1/workers" and fields == [("worker", str(n)) for n in range(1, 6)] + [("token", "sample-token"), ("action", "disable")]
    browser.open(f"{preview.url}/many/pools/1/workers")
    browser.find("[data-select-all=add] input").click()
    browser.find("#add [value='7']").click()
    assert browser.run("return document.querySelector('[data-select-all=add] input').indeterminate")
    browser.type("username", "me.%w")
    browser.press("Assign them")
    browser.wait(lambda: len(preview.posted) == 2, "the form")
    fields = preview.posted[1][1]
    assert ("action", "add") in fields and ("username", "me.%w") in fields and [value for name, value in fields if name == "worker"] == [
        str(n) for n in range(6, 201) if n != 7]


def test_copying(preview, browser):
    browser.open(f"{preview.url}/normal/workers/1")
    browser.press("Copy URL")
    browser.wait(lambda: "Copied" in browser.text(".miner"), "the word")
    browser.wait(lambda: "Copied" not in browser.text(".miner"), "the old word")


def test_without_script(preview, make_browser):
    browser = make_browser(has_script=False)
    for path in SHOWN.values():
        browser.open(f"{preview.url}/normal{path}")
        visible = [each.text for each in browser.find_all("[data-pause], [data-live], [data-copy], [data-select-all]") if each.is_displayed()]
        assert not visible, path
    browser.open(f"{preview.url}/normal/")
    assert "2026-11-29 10:15:00 UTC" in browser.text(".live") and "Reload" in browser.text(".live")
    browser.press("7d")
    assert browser.driver.current_url.endswith("/normal/?window=7d")
    browser.open(f"{preview.url}/normal/workers/6")
    browser.press("Delete this worker…")
    browser.press("Delete worker loan-from-bob")
    browser.wait(lambda: preview.posted == [("/normal/workers/6/delete", [("token", "sample-token")])], "the form")


def test_keys_alone(preview, browser):
    browser.open(f"{preview.url}/normal/pools")
    seen = []
    for _ in range(12):
        browser.command("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        browser.command("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        seen.append(browser.run("const e = document.activeElement, s = getComputedStyle(e); return [e.textContent.trim(), s.outlineStyle, parseFloat(s.outlineWidth)]"))
    assert seen[0][0] == "Skip to the content" and any("Disable pool alpha" in text for text, _, _ in seen)
    assert all(style == "solid" and width >= 2 for _, style, width in seen), seen
