# SPDX-License-Identifier: Apache-2.0
"""What configtest must notice before a restart would: values that stop the server, and passwords in what it prints."""
import pytest


def _configtest(make_httpd, *lines, host=()):
    httpd = make_httpd()
    httpd.config.directives = list(lines)
    httpd.config.host = list(host)
    done = httpd.configtest()
    # Its random name may hold what must not be said.
    return done.returncode, (done.stdout + done.stderr).replace(str(httpd.directory), "")


@pytest.mark.parametrize("line", [
    'MiningProxyDatabase "postgres://miner:s3cret@host/farm"', 'MiningProxyDatabase "mysql:miner:s3cret@host/farm"',
    'MiningProxyDatabase "mysql://miner:s3cret@host:99999/farm"', 'MiningProxyUpstreamProxy "http://me:s3cret@proxy:3128/path"',
    'MiningProxyUpstreamProxy "ftp://me:s3cret@proxy:21"'])
def test_a_refused_url_is_shown_without_its_password(make_httpd, line):
    code, said = _configtest(make_httpd, line)
    assert code != 0
    assert line.split()[0] in said and "cannot be used" in said
    assert "s3cret" not in said, said


@pytest.mark.parametrize("arguments,word", [
    ("https:/hooks/s3cret", "https://"), ("ftp://hooks/s3cret", "https://"), ("hooks.example.com/s3cret", "https://"), ("https:///s3cret", "host"),
    ("https://me:s3/cret@hooks/x", "port"), ('"https://hooks/s3cret x"', "blank"), ("https://hooks/s3cret#x", "fragment"), ("https://hooks:0/s3cret", "port"),
    ("https://me:s3cret%0a@hooks/", "password"), ("https://hooks/s3cret xml", '"xml"')])
def test_nothing_of_a_refused_webhook_is_shown(make_httpd, arguments, word):
    code, said = _configtest(make_httpd, 'MiningProxyDatabase "sqlite:/tmp/x.db"', f"MiningProxyAlertWebhook {arguments}")
    assert code != 0
    assert "MiningProxyAlertWebhook: " in said and "cannot be used" in said and word in said, said
    assert "s3" not in said and "cret" not in said and "hooks" not in said, said


@pytest.mark.parametrize("text,word", [
    ("s3cret\n", "colon"), ("my key: s3cret\n", "colon"), ("X-Key:\ns3cret", "behind the colon"), ("Host: s3cret\n", "already"),
    ("\ns3cret: x", "empty"), ("X-Key: s3cret\x01\n", "ASCII"), ("", "empty")])
def test_nothing_of_a_refused_header_is_shown(make_httpd, directory, text, word):
    path = directory / "header"
    path.write_text(text)
    code, said = _configtest(make_httpd, 'MiningProxyDatabase "sqlite:/tmp/x.db"', f'MiningProxyAlertHeaderFile "{path}"')
    assert code != 0
    assert "MiningProxyAlertHeaderFile: " in said and str(path) in said and word in said, said
    assert "s3cret" not in said, said


def test_a_right_header_is_taken(make_httpd, directory):
    path = directory / "header"
    path.write_text("Authorization: Bearer s3cret\n")
    code, said = _configtest(make_httpd, 'MiningProxyDatabase "sqlite:/tmp/x.db"', f'MiningProxyAlertHeaderFile "{path}"')
    assert code == 0 and "s3cret" not in said, said


@pytest.mark.parametrize("size", ["65536", "512k", "", "1048576x", "-1048576", "99999999999999"])
def test_a_cache_size_that_would_stop_the_server_is_refused(make_httpd, size):
    code, said = _configtest(make_httpd, 'MiningProxyDatabase "sqlite:/tmp/x.db"', f'MiningProxyCache "shmcb:/tmp/mp-cache({size})"')
    assert code != 0, said
    assert "MiningProxyCache" in said and "131072" in said


def test_a_cache_size_that_is_not_closed_is_refused(make_httpd):
    code, said = _configtest(make_httpd, 'MiningProxyDatabase "sqlite:/tmp/x.db"', 'MiningProxyCache "shmcb:/tmp/mp-cache(1048576"')
    assert code != 0, said
    assert "MiningProxyCache" in said


@pytest.mark.parametrize("host", [(), ("<VirtualHost *:1>", "MiningProxyWorkTimeout 1s", "</VirtualHost>")])
def test_directives_without_a_database_are_noticed(make_httpd, host):
    code, said = _configtest(make_httpd, *([] if host else ["MiningProxyWorkTimeout 1s"]), host=host)
    assert code != 0, said
    assert "MiningProxyWorkTimeout" in said and "MiningProxyDatabase" in said
