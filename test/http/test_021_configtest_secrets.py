# SPDX-License-Identifier: Apache-2.0
"""What configtest must notice before a restart would: values that stop the server, and passwords in what it prints."""
import pytest


def _configtest(make_httpd, *lines, host=()):
    httpd = make_httpd()
    httpd.config.directives = list(lines)
    httpd.config.host = list(host)
    done = httpd.configtest()
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("line", [
    'MiningProxyDatabase "postgres://miner:s3cret@host/farm"', 'MiningProxyDatabase "mysql:miner:s3cret@host/farm"',
    'MiningProxyDatabase "mysql://miner:s3cret@host:99999/farm"', 'MiningProxyUpstreamProxy "http://me:s3cret@proxy:3128/path"',
    'MiningProxyUpstreamProxy "ftp://me:s3cret@proxy:21"'])
def test_a_refused_url_is_shown_without_its_password(make_httpd, line):
    code, said = _configtest(make_httpd, line)
    assert code != 0
    assert line.split()[0] in said and "cannot be used" in said
    assert "s3cret" not in said, said


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
