# SPDX-License-Identifier: Apache-2.0
"""Every page of the console: as HTML, as JSON and by HEAD; what is no page; where the console may be mounted."""
import pytest

from fakes.ports import free_port
from harness.config import Console
from harness.console import Visitor

PAGES = [
    ("/", "dashboard", "dashboard"), ("/pools", "pools", "pools"), ("/pools/new", "pool", "pools"), ("/pools/{pool}", "pool", "pools"),
    ("/pools/{pool}/workers", "pool_workers", "pools"), ("/workers", "workers", "workers"), ("/workers/new", "worker", "workers"),
    ("/workers/{worker}", "worker", "workers"), ("/workers/{worker}/pools", "assignments", "workers"), ("/alerts", "alerts", "alerts"),
    ("/about", "about", "about")]
COMMON = {
    "page", "title", "base", "assets", "asset_version", "version", "user", "token", "now", "message", "notices", "is_dashboard", "is_pools",
    "is_workers", "is_alerts", "is_about"}
UNKNOWN = [
    "/nonsense", "/pools/0", "/pools/01", "/pools/x", "/pools/-1", "/pools/4294967296", "/pools/99999999999999999999", "/pools//workers",
    "/workers/1/pools/1/sideways", "/about/more", "/pool"]


@pytest.fixture
def farm(admin, make_pool):
    """A started console with one worker at one pool."""
    pool = make_pool()
    admin.ids = {"worker": admin.proxy.database.add_rig(pool), "pool": admin.proxy.database.pool_id(pool)}
    admin.proxy.start()
    return admin


def test_every_page_in_every_form(farm):
    for pattern, page, part in PAGES:
        path = pattern.format(**farm.ids)
        answer = farm.get(path)
        assert (answer.status, answer.get("Content-Type")) == (200, "text/html; charset=utf-8"), path
        assert answer.text.startswith("<!DOCTYPE html>") and answer.text.rstrip().endswith("</html>"), path
        assert answer.is_safe, (path, answer.headers)
        view = farm.view(path)
        assert view["page"] == page and COMMON <= view.keys(), path
        assert [view[f"is_{name}"] for name in ("dashboard", "pools", "workers", "alerts", "about")] == [
            name == part for name in ("dashboard", "pools", "workers", "alerts", "about")]
        assert (view["base"], view["assets"], view["user"]) == ("/admin", "/admin/static", "admin")
        head = farm.ask("HEAD", path, headers={"Accept": "text/html"})
        assert (head.status, head.body) == (200, b"") and int(head.get("Content-Length")) > 1000 and head.is_safe


def test_who_gets_json(farm):
    def type_for(path="/pools", **headers):
        answer = farm.ask("GET", path, headers=headers)
        assert answer.status == 200
        return answer.get("Content-Type").partition(";")[0]
    assert type_for() == "text/html"
    assert type_for(Accept="*/*") == "text/html"
    assert type_for(Accept="application/json") == "application/json"
    assert type_for(Accept="text/html,application/json;q=0.9") == "text/html"
    assert type_for("/pools?format=json", Accept="text/html") == "application/json"
    assert type_for("/pools?format=html", Accept="application/json") == "text/html"


def test_what_is_no_page(farm):
    for path in UNKNOWN:
        answer = farm.get(path)
        assert answer.status == 404 and answer.is_safe and answer.text.startswith("<!DOCTYPE html>"), path
        error = farm.ask("GET", path, headers={"Accept": "application/json"}).json
        assert error["status"] == 404 and error["title"] and error["error"], path


def test_what_does_not_exist_any_more(farm):
    for path in ("/pools/77", "/pools/77/workers", "/workers/77", "/workers/77/pools"):
        assert farm.get(path).status == 404, path


def test_methods(farm):
    pool = farm.ids["pool"]
    for method, path, allowed in (("POST", "/pools", "GET, HEAD"), ("PUT", f"/pools/{pool}", "GET, HEAD, POST"),
                                  ("GET", f"/pools/{pool}/disable", "POST"), ("HEAD", f"/pools/{pool}/delete", "POST"),
                                  ("DELETE", f"/pools/{pool}", "GET, HEAD, POST"), ("OPTIONS", "/", "GET, HEAD")):
        answer = farm.ask(method, path)
        assert (answer.status, answer.get("Allow")) == (405, allowed), (method, path)
        assert answer.is_safe
    assert farm.proxy.database.value("SELECT enabled FROM pool") == 1


def test_paths_that_are_nearly_right(farm):
    assert [(answer.status, answer.get("Location")) for answer in map(farm.get, ("", "/pools/", "?window=6h"))] == [
        (302, "/admin/"), (302, "/admin/pools"), (302, "/admin/?window=6h")]


def test_a_query_that_cannot_be_read(farm):
    assert farm.get("/?window=%zz").status == 400


def test_the_static_files_may_be_kept(farm):
    view = farm.view("/about")
    for name, kind in (("console.css", "text/css"), ("console.js", "text/javascript"), ("favicon.svg", "image/svg+xml")):
        answer = farm.get(f"{view['assets'].removeprefix('/admin')}/{name}?v={view['asset_version']}")
        assert answer.status == 200 and answer.get("Content-Type").startswith(kind)
        assert "immutable" in answer.get("Cache-Control")


def test_static_files_without_an_alias_are_explained(admin):
    admin.proxy.httpd.config.console.static = False
    admin.proxy.start()
    answer = admin.get("/static/console.css")
    assert answer.status == 404 and "Alias" in answer.words


@pytest.mark.parametrize("mount", ["/farm/console", "/pools", "/a b"])
def test_mounted_elsewhere(admin, mount):
    admin.proxy.httpd.config.console = Console(mount, admin.proxy.httpd.config.console.templates)
    admin.proxy.start()
    visitor = Visitor(admin.proxy, mount=mount.replace(" ", "%20"))
    view = visitor.view("/pools")
    assert view["base"] == visitor.mount
    assert f'href="{visitor.mount}/workers"' in visitor.get("/").text
    answer = visitor.send("/pools/new", {"name": "alpha", "url": "http://pool.example.com:8332/"})
    assert answer.status == 303 and answer.get("Location").startswith(visitor.mount + "/pools"), answer.text
    assert f"Path={visitor.mount};" in answer.get("Set-Cookie")


def test_in_a_virtual_host_of_its_own(admin):
    """What miners are told to call is the other one."""
    httpd, worker = admin.proxy.httpd, admin.proxy.database.add_worker()
    httpd.config.console.port = free_port()
    # The main server's sections hold in virtual hosts as well.
    httpd.config.console.login = ['</Location>', '<Location "/">', "SetHandler None", "</Location>", '<Location "/admin">',
                                  "SetHandler miningproxy-admin", *httpd.config.console.login]
    admin.proxy.start()
    assert admin.get("/pools").status == 200
    assert admin.view(f"/workers/{worker}")["miner"]["url"] == f"http://127.0.0.1:{httpd.port}/"
    httpd.config.console.port = None
    assert admin.get("/pools").text.startswith("This is a mining proxy"), "miners' port has no console"


@pytest.mark.proxy(directives=["MiningProxyPublicURL https://mine.example.com/btc"])
def test_the_public_url_is_what_miners_are_told(admin):
    worker = admin.proxy.database.add_worker()
    admin.proxy.start()
    assert admin.view(f"/workers/{worker}")["miner"]["url"].rstrip("/") == "https://mine.example.com/btc"


@pytest.mark.expects_log("MP0066")
def test_mounted_by_a_pattern(admin):
    admin.proxy.httpd.config.console.more = [
        '<LocationMatch "^/odd">', "SetHandler miningproxy-admin", "Require all granted", "</LocationMatch>"]
    admin.proxy.start()
    answer = Visitor(admin.proxy, mount="/odd").get("/pools")
    assert answer.status == 500 and "<Location" in answer.text and answer.is_safe
