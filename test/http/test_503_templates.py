# SPDX-License-Identifier: Apache-2.0
"""The console's templates: changed while httpd runs, broken, missing."""
import concurrent.futures
import os
import shutil

import pytest

from harness.config import Console
from harness.console import Visitor
from harness.waiting import holds_for, wait_until

HEAD = "<!DOCTYPE html><title>{{title}}</title>{{#message}}{{text}}{{/message}}"


@pytest.fixture
def own(admin, directory):
    """A console with templates of our own."""
    path = directory / "own"
    path.mkdir(mode=0o755)
    for name, text in (("head", HEAD), ("foot", "</html>"), ("about", "{{> head}}about of {{user}}{{> foot}}"),
                       ("pools", "{{> head}}pools, first version{{> foot}}"), ("error", "{{> head}}{{status}}: {{text}}{{> foot}}")):
        (path / f"{name}.mustache").write_text(text)
    admin.proxy.httpd.config.console = Console(templates=path)
    admin.path = path
    return admin


def _write(own, name, text):
    """As an editor does: another file takes the name."""
    path = own.path / f"{name}.mustache"
    path.with_suffix(".new").write_text(text)
    os.rename(path.with_suffix(".new"), path)


def _wait_page(own, words, status=200, path="/pools"):
    def is_there():
        answer = own.get(path)
        return answer.status == status and words in answer.text and answer
    return wait_until(is_there, 5, f"{path} answers {status} with {words!r}")


def test_an_edit_takes_effect(own):
    own.proxy.start()
    assert own.get("/pools").text == "<!DOCTYPE html><title>Pools</title>pools, first version</html>"
    _write(own, "pools", "{{> head}}second version & <b>{{> foot}}")
    _wait_page(own, "second version & <b></html>")
    _write(own, "foot", "<hr></html>")
    _wait_page(own, "second version & <b><hr></html>")
    (own.path / "extra.mustache").write_text("of {{page}}")
    _write(own, "pools", "{{> extra}}")
    _wait_page(own, "of pools")


@pytest.mark.expects_log("MP0060", "MP0062")
def test_a_page_that_is_broken_from_the_start_names_file_and_line(own):
    _write(own, "pools", "one\ntwo\n{{#never closed}}\n")
    own.proxy.start()
    answer = own.get("/pools")
    assert answer.status == 500 and answer.get("Content-Type").startswith("text/plain") and answer.is_safe
    assert "pools.mustache:3" in answer.text
    assert any("MP0060" in line and "pools.mustache:3" in line for line in own.proxy.log.text().splitlines())
    assert own.get("/about").status == 200, "other pages are not concerned"
    assert own.view("/pools")["page"] == "pools", "neither are scripts"
    _write(own, "pools", "mended")
    _wait_page(own, "mended")


@pytest.mark.expects_log("MP0060")
def test_the_last_good_version_goes_on(own):
    own.proxy.start()
    assert own.get("/pools").status == 200
    _write(own, "pools", "{{/pools}}")
    wait_until(lambda: (own.get("/pools"), own.proxy.log.count("MP0060"))[1], 5, "the broken file was noticed")
    holds_for(lambda: "first version" in own.get("/pools").text, 1.5, "the last good version is used")
    assert own.proxy.log.count("MP0060") == 1, "told once"
    line = next(line for line in own.proxy.log.text().splitlines() if "MP0060" in line)
    assert "pools.mustache:1" in line and "last good version" in line
    _write(own, "about", "another file changes")
    _wait_page(own, "another file changes", path="/about")
    assert "first version" in own.get("/pools").text and own.proxy.log.count("MP0060") == 1
    fact = next(fact for fact in own.view("/about")["facts"] if fact["name"] == "Templates")
    assert fact["is_problem"] and "pools.mustache:1" in fact["advice"]
    _write(own, "pools", "mended")
    _wait_page(own, "mended")


@pytest.mark.expects_log("MP0060", "MP0062")
def test_a_partial_that_is_broken_or_missing(own):
    _write(own, "head", "{{")
    _write(own, "about", "{{> nobody}}")
    own.proxy.start()
    assert "head.mustache:1" in _wait_page(own, "", 500).text
    assert "nobody.mustache" in _wait_page(own, "", 500, "/about").text
    error = own.get("/nonsense")
    assert error.status == 404 and error.get("Content-Type").startswith("text/plain"), "errors have their status even so"


@pytest.mark.expects_log("MP0062")
def test_a_partial_cannot_leave_the_directory(own, directory):
    (directory / "secret.mustache").write_text("s3cret")
    (own.path / "deeper").mkdir()
    (own.path / "deeper" / "secret.mustache").write_text("s3cret")
    own.proxy.start()
    for name in ("../secret", "deeper/secret", str(directory / "secret"), "/etc/passwd", "secret.mustache"):
        _write(own, "pools", "changed for %s: {{> %s}}" % (name.replace("/", "_"), name))
        _wait_page(own, name, 500)
        assert "s3cret" not in own.get("/pools").text


@pytest.mark.expects_log("MP0061", "MP0062")
def test_a_directory_that_goes_and_comes(own):
    own.proxy.start()
    assert own.get("/pools").status == 200
    aside = own.path.rename(own.path.with_name("aside"))
    answer = _wait_page(own, str(own.path), 500)
    assert "MiningProxyTemplates" in answer.text and answer.is_safe
    aside.rename(own.path)
    _wait_page(own, "first version")


@pytest.mark.expects_log("MP0061", "MP0062", "MP0064")
def test_a_directory_that_was_never_there(own):
    shutil.rmtree(own.path)
    own.proxy.start()
    assert "MP0064" in own.proxy.log.text()
    answer = own.get("/")
    assert answer.status == 500 and str(own.path) in answer.text


def test_a_static_file_changes_its_address(own):
    (own.path / "static").mkdir(mode=0o755)
    (own.path / "static" / "console.css").write_text("a {}")
    own.proxy.start()
    before = own.view("/about")["asset_version"]
    assert before.startswith("0.")
    (own.path / "static" / "console.css").write_text("a { }")
    wait_until(lambda: own.view("/about")["asset_version"] != before, 5, "the version of the static files is another one")


def test_many_look_while_files_change(own):
    _write(own, "pools", "{{> head}}" + "version 0 " * 2000 + "{{> foot}}")
    own.proxy.start()

    def look(_):
        words = own.get("/pools").text.split(">")[3].split("<")[0].split()
        return len(words) == 4000 and len(set(words)) == 2
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        looks = [crowd.submit(look, None) for _ in range(400)]
        for number in range(1, 20):
            _write(own, "pools", "{{> head}}" + f"version {number} " * 2000 + "{{> foot}}")
            concurrent.futures.wait(looks[:20 * number])
        assert all(done.result() for done in looks)


def test_no_name_of_the_database_becomes_markup(admin):
    evil = "<script>alert('\"&')</script>"
    pool = admin.proxy.database.add_pool(evil, "http://127.0.0.1:1/")
    worker = admin.proxy.database.add_worker(evil)
    admin.proxy.database.assign(worker, pool, evil)
    admin.proxy.database.run("INSERT INTO alert (kind, subject, host, text, time_began, delivery) VALUES ('test', ?, ?, ?, '2026-11-30 00:00:00', ?)", *[evil] * 4)
    admin.proxy.start()
    visitor = Visitor(admin.proxy)
    for path in ("/", "/pools", f"/pools/{pool}", f"/pools/{pool}/workers", "/workers", f"/workers/{worker}", f"/workers/{worker}/pools",
                 f"/workers/{worker}/pools?edit={pool}", f"/workers/new?clone={worker}", "/alerts", "/about"):
        page = visitor.get(path)
        assert page.status == 200 and "<script>alert" not in page.text, path
