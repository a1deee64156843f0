# SPDX-License-Identifier: Apache-2.0
"""Who may change something in the console: nobody without a login, and nobody whom another page makes do it."""
import base64
import http.client
import re
import ssl

import pytest

from fakes.ports import free_port
from harness.config import Console, TlsPort
from harness.console import Visitor
from harness.database import PASSWORD

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def farm(admin, make_pool):
    """A started console with one pool, which every test tries to disable."""
    admin.disable = f"/pools/{admin.proxy.database.add_pool(make_pool())}/disable"
    admin.proxy.start()
    return admin


def _is_enabled(farm):
    return farm.proxy.database.value("SELECT enabled FROM pool") == 1


def _refused(farm, answer, status=403):
    assert answer.status == status, answer.text
    assert answer.is_safe, answer.headers
    assert _is_enabled(farm)
    return answer


# Login

@pytest.mark.expects_log("AH01617", "AH01618")
def test_nobody_gets_in_without_a_login(farm):
    for visitor in (Visitor(farm.proxy, None), Visitor(farm.proxy, "admin", "wrong"), Visitor(farm.proxy, "readiness", PASSWORD)):
        for answer in (visitor.get("/"), visitor.get("/nonsense"), visitor.send(farm.disable, token=""), visitor.change(farm.disable)):
            _refused(farm, answer, 401)
            assert "Mining proxy" not in answer.text


@pytest.mark.expects_log("MP0063")
def test_a_console_without_a_login_says_what_it_lacks(admin, make_pool):
    admin.disable = f"/pools/{admin.proxy.database.add_pool(make_pool())}/disable"
    admin.proxy.httpd.config.console.login = ["Require all granted"]
    admin.proxy.start()
    stranger = Visitor(admin.proxy, None)
    for answer in (stranger.get("/pools"), stranger.send(admin.disable, token=""), stranger.change(admin.disable)):
        _refused(admin, answer)
        assert "alpha" not in answer.text
    line = next(line for line in admin.proxy.log.text().splitlines() if "MP0063" in line)
    assert "AuthUserFile" in line and "Require valid-user" in line


@pytest.mark.expects_log("MP0063")
def test_a_miner_is_no_administrator(admin, make_pool):
    """A section that inherits the miners' login would let all of them in."""
    admin.disable = f"/pools/{admin.proxy.database.add_pool(make_pool())}/disable"
    admin.proxy.httpd.config.console.login = ["Require valid-user"]
    admin.proxy.start()
    miner = Visitor(admin.proxy, "readiness", PASSWORD)
    for answer in (miner.get("/pools"), miner.change(admin.disable)):
        assert "alpha" not in _refused(admin, answer).text


def test_no_password_reaches_the_log(farm):
    farm.get("/")
    farm.send("/workers/new", {"name": "rig7", "password": "s3cret-of-rig7"})
    farm.send("/workers/new", {"name": "rig8", "password": "s3cret-of-rig8"}, token="forged")
    text = farm.proxy.log.text()
    assert not re.search("s3cret|console-pw|" + base64.b64encode(b"admin:console-pw").decode(), text)


# Tokens

def test_a_form_with_its_token_does_what_it_says(farm):
    assert farm.send(farm.disable).status == 303
    assert not _is_enabled(farm)


def test_a_form_without_its_token_does_nothing(farm):
    token = farm.token()
    hour, _, mac = token.partition(".")
    other = Visitor(farm.proxy, "second").token()
    forged = ["", "x", ".", hour, hour + ".", "." + mac, mac, f"{int(hour) + 1}.{mac}", f"{int(hour) - 13}.{mac}", token + "0", token[:-1],
              f"{hour}.{'0' * 64}", f"{hour}.{mac.upper()}", "9" * 30 + "." + mac, other]
    for text in forged:
        answer = _refused(farm, farm.send(farm.disable, token=text))
        assert "load the page again" in answer.words
    body = f"token={token}&token={token}".encode()
    _refused(farm, farm.ask("POST", farm.disable, body, FORM))
    _refused(farm, farm.ask("POST", f"{farm.disable}?token={token}", b"", FORM))
    _refused(farm, farm.ask("POST", farm.disable))


def test_a_token_lasts_as_long_as_the_database(farm):
    token = farm.token()
    farm.proxy.httpd.graceful()
    farm.proxy.wait_ready()
    assert farm.send(farm.disable, token=token).status == 303


def test_nothing_but_post_changes_anything(farm):
    token = farm.token()
    for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
        _refused(farm, farm.ask(method, f"{farm.disable}?token={token}"), 405)


# Where it comes from

@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense", ""])
def test_another_site_is_refused(farm, site):
    _refused(farm, farm.send(farm.disable, **{"Sec-Fetch-Site": site}))
    _refused(farm, farm.change(farm.disable, **{"Sec-Fetch-Site": site}))


@pytest.mark.parametrize("name", ["Origin", "Referer"])
def test_another_origin_is_refused(farm, name):
    host = "127.0.0.1:%d" % farm.proxy.httpd.port
    for value in ("http://evil.example", f"http://{host}.evil.example", f"http://evil.example/{host}", "null", "", host, f"//{host}",
                  f"ftp://{host}", "http://127.0.0.1", f"http://user@{host}", f"http://{host}@evil.example/", "https://", f"data:{host}"):
        _refused(farm, farm.send(farm.disable, **{name: value}))
        _refused(farm, farm.change(farm.disable, **{name: value}))


@pytest.mark.parametrize("headers", [
    {"Origin": "http://{host}", "Sec-Fetch-Site": "same-origin"}, {"Origin": "https://{host}"}, {"Sec-Fetch-Site": "none"},
    {"Referer": "http://{host}/admin/pools?x=//evil"}, {"Origin": "http://{host}", "Referer": "http://evil.example/"},
    {"Origin": "https://mine.example.com", "Host": "mine.example.com"}, {"Origin": "http://MINE.example.com", "Host": "mine.example.com:80"}])
def test_our_own_pages_are_not(farm, headers):
    given = {name: value.format(host="127.0.0.1:%d" % farm.proxy.httpd.port) for name, value in headers.items()}
    assert farm.send(farm.disable, **given).status == 303


# JSON

def test_json_needs_no_token_but_its_type(farm):
    for kind in ("text/plain", "application/jsonx", "multipart/form-data; boundary=x", "text/plain; application/json", "application/x-json"):
        _refused(farm, farm.ask("POST", farm.disable, b"{}", {"Content-Type": kind}), 415)
    _refused(farm, farm.ask("POST", farm.disable, b"{}", FORM | {"Accept": "application/json"}))
    answer = farm.ask("POST", farm.disable, b"{}", {"Content-Type": "Application/JSON; charset=utf-8"})
    assert answer.status == 200 and answer.is_safe and answer.json["message"]
    assert not _is_enabled(farm)


def test_errors_of_scripts_are_json(farm):
    for answer, status in ((farm.ask("POST", farm.disable, b"{", {"Content-Type": "application/json"}), 400),
                           (farm.ask("POST", farm.disable, b"[]", {"Content-Type": "application/json"}), 400),
                           (farm.change(farm.disable, Origin="http://evil.example"), 403), (farm.change("/pools"), 405), (farm.change("/x"), 404),
                           (farm.ask("POST", farm.disable, b'"' + b"x" * 300000 + b'"', {"Content-Type": "application/json"}), 413)):
        assert answer.json["status"] == status and answer.json["error"]
        _refused(farm, answer, status)


def test_forms_that_are_none(farm):
    token = farm.token()
    for body, status in ((f"token={token}&name=%zz", 400), (f"token={token}&name=%00", 400), (f"token={token}&name=%ff", 400),
                         (f"token={token}" + "&a=b" * 30000, 400), (f"token={token}&name=" + "x" * 300000, 413)):
        _refused(farm, farm.ask("POST", farm.disable, body.encode(), FORM), status)


# Messages and redirects

def test_a_message_is_shown_once(farm):
    answer = farm.send(farm.disable)
    cookie = answer.get("Set-Cookie")
    assert re.fullmatch(r"mp_message=[0-9a-f.]+; Path=/admin; Max-Age=30; HttpOnly; SameSite=Strict", cookie)
    assert farm.view("/pools")["message"] is None, "a script's look is none"
    page = farm.get("/pools")
    assert "alpha" in page.words and 'role="status"' in page.text and "Max-Age=0" in page.get("Set-Cookie")
    assert 'role="status"' not in farm.get("/pools").text and not farm.cookies


def test_a_forged_message_is_not_shown(farm):
    farm.send(farm.disable)
    hexed, _, mac = farm.cookies["mp_message"].partition(".")
    evil = "<script>alert(1)</script>".encode().hex()
    for value in (f"{evil}.{mac}", f"{evil}.{'0' * 64}", evil, f"{hexed}.{mac[:-1]}", f"{hexed}.", ".", "", "%", f"{hexed[1:]}.{mac}", "0" * 4000):
        page = Visitor(farm.proxy, cookies={"mp_message": value}).get("/pools")
        assert page.status == 200 and 'role="status"' not in page.text and "alert(1)" not in page.text
    other = Visitor(farm.proxy, "second", cookies={"mp_message": f"{hexed}.{mac}"}).get("/pools")
    assert 'role="status"' not in other.text


def test_the_way_back_stays_in_the_console(farm):
    for back in ("/admin/workers", "/admin/?window=7d", "/admin/pools#alpha"):
        assert farm.send(farm.disable, {"back": back}).get("Location") == back
    for back in ("//evil.example", "https://evil.example/admin/", "/admin/../evil", "/admin/%2e%2e/evil", "/adminx/pools", "/evil", "/admin//evil.example",
                 "/admin/pools\r\nX-Evil: 1", "/admin/\\evil", "javascript:alert(1)", "admin/pools", "", "/admin/pools/1/delete", "/admin/static/x",
                 "/admin/pools?\x7f", "/admin/pools?ü"):
        answer = farm.send(farm.disable, {"back": back})
        assert answer.status == 303 and answer.get("Location").startswith("/admin/pools") and answer.get("X-Evil") is None, back
        assert "evil" not in answer.get("Location") and "ü" not in answer.get("Location")


def test_over_tls(admin, make_pool, authority):
    pool = admin.proxy.database.add_pool(make_pool())
    admin.proxy.httpd.config.tls = TlsPort(free_port(), *authority.issue("proxy"))
    admin.proxy.start()
    port, token = admin.proxy.httpd.config.tls.port, admin.token()
    trusting = ssl.create_default_context(cafile=str(authority.ca))
    for origin, status in (("http", 403), ("https", 303)):
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=10)
        login = base64.b64encode(b"admin:console-pw").decode()
        connection.request("POST", f"/admin/pools/{pool}/disable", f"token={token}", FORM | {
            "Authorization": f"Basic {login}", "Origin": f"{origin}://127.0.0.1:{port}"})
        reply = connection.getresponse()
        assert reply.status == status, reply.read()
        assert status == 403 or reply.getheader("Set-Cookie").endswith("; Secure")
        connection.close()


def test_under_prefork(admin, make_pool):
    admin.proxy.httpd.config = type(admin.proxy.httpd.config)(
        mpm="prefork", directives=admin.proxy.httpd.config.directives, console=Console(templates=admin.proxy.httpd.config.console.templates))
    pool = admin.proxy.database.add_pool(make_pool())
    admin.proxy.start()
    assert admin.send(f"/pools/{pool}/disable").status == 303
