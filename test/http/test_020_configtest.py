# SPDX-License-Identifier: Apache-2.0
"""A wrong value stops configtest with a sentence that names the directive, the value and what would be right."""
import pytest

DATABASE = "MiningProxyDatabase"
PROCESS_WIDE = [
    'MiningProxyDatabase "sqlite:/var/lib/x.db"', "MiningProxyDatabasePasswordFile /etc/hostname",
    "MiningProxyDatabaseConnections 1 8", "MiningProxyDatabaseTimeout 5s", "MiningProxyStateDirectory /tmp",
    "MiningProxySpoolLimit 256M", "MiningProxyCache shmcb", "MiningProxyUpstreamProxy http://127.0.0.1:3128",
    "MiningProxyUpstreamCAFile /etc/ssl/certs/ca-certificates.crt", "MiningProxyFailbackAfter 30s",
    "MiningProxyPoolPollInterval 15s", "MiningProxyForeignLongPoll Off", "MiningProxyLongPollLimit 10000",
    "MiningProxyLongPollLimitPerWorker 0", "MiningProxyLongPollLimitPerAddress 0", "MiningProxyTemplates /tmp", "MiningProxyStatisticsInterval 1h",
    "MiningProxyRejectAlert 3%", "MiningProxyDateFormat human", "MiningProxyMetricsWorkers 100", "MiningProxyKeepWork 1d", "MiningProxyKeepShares 14d", "MiningProxyKeepStatistics 1y",
    "MiningProxyAlerts On", "MiningProxyAlertWebhook https://ntfy.example.com/x ntfy", "MiningProxyAlertHeaderFile /etc/hostname",
    "MiningProxyAlertCommand /bin/true", "MiningProxyAlertSilence 10min", "MiningProxyAlertDelay 1min"]
PER_HOST = [
    "MiningProxyWorkTimeout 2s", "MiningProxySubmitTimeout 30s", "MiningProxySubmitRetries 10",
    "MiningProxyMaxRequestBody 64k", "MiningProxyLongPolling On", "MiningProxyLongPollPath /lp", "MiningProxyLongPollTimeout 55min",
    "MiningProxyPublicURL https://mine.example.com/btc"]

WRONG = [
    ("MiningProxyDatabase", "postgres://farm", ["sqlite:", "mysql:"]),
    ("MiningProxyDatabase", "farm.db", ["sqlite:", "mysql:"]),
    ("MiningProxyDatabase", "sqlite:farm.db", ["/"]),
    ("MiningProxyDatabase", "sqlite:", ["/"]),
    ("MiningProxyDatabase", "mysql://", ["mysql://"]),
    ("MiningProxyDatabase", "mysql://miner@host", ["mysql://"]),
    ("MiningProxyDatabase", "mysql://miner@host:99999/farm", ["port"]),
    ("MiningProxyDatabase", "mysql://miner@host/farm?colour=red", ["colour"]),
    ("MiningProxyDatabasePasswordFile", "/nonexistent/password", ["/nonexistent/password"]),
    ("MiningProxyDatabaseConnections", "8 1", []),
    ("MiningProxyDatabaseConnections", "1 0", []),
    ("MiningProxyDatabaseConnections", "one 8", []),
    ("MiningProxyDatabaseConnections", "1 8x", []),
    ("MiningProxyDatabaseConnections", "-1 8", []),
    ("MiningProxyDatabaseTimeout", "soon", ["2s"]),
    ("MiningProxyDatabaseTimeout", "0", []),
    ("MiningProxyDatabaseTimeout", "-1s", []),
    ("MiningProxyDatabaseTimeout", "5parsecs", []),
    ("MiningProxyStateDirectory", "/etc/hostname", ["directory"]),
    ("MiningProxySpoolLimit", "much", []),
    ("MiningProxySpoolLimit", "-5M", []),
    ("MiningProxySpoolLimit", "0", []),
    ("MiningProxySpoolLimit", "5Q", []),
    ("MiningProxyCache", "nosuchprovider", ["shmcb"]),
    ("MiningProxyUpstreamProxy", "ftp://127.0.0.1:21", ["http"]),
    ("MiningProxyUpstreamProxy", "nonsense", ["http"]),
    ("MiningProxyUpstreamProxy", "http://", []),
    ("MiningProxyUpstreamCAFile", "/nonexistent/ca.pem", ["/nonexistent/ca.pem"]),
    ("MiningProxyUpstreamCAFile", "/etc/hostname", []),
    ("MiningProxyFailbackAfter", "later", []),
    ("MiningProxyFailbackAfter", "-1s", []),
    ("MiningProxyWorkTimeout", "0", []),
    ("MiningProxyWorkTimeout", "2 s", []),
    ("MiningProxyWorkTimeout", "s", []),
    ("MiningProxyWorkTimeout", "99999999999999999999s", []),
    ("MiningProxySubmitTimeout", "0ms", []),
    ("MiningProxySubmitTimeout", "1e3", []),
    ("MiningProxySubmitRetries", "-1", []),
    ("MiningProxySubmitRetries", "ten", []),
    ("MiningProxySubmitRetries", "3.5", []),
    ("MiningProxySubmitRetries", "1000000", []),
    ("MiningProxyMaxRequestBody", "0", []),
    ("MiningProxyMaxRequestBody", "-1k", []),
    ("MiningProxyMaxRequestBody", "64kk", []),
    ("MiningProxyMaxRequestBody", "99999999999999999999G", []),
    ("MiningProxyPoolPollInterval", "0", ["2s"]),
    ("MiningProxyForeignLongPoll", "perhaps", ["On or Off"]),
    ("MiningProxyLongPollLimit", "0", ["from 1 to 1000000"]),
    ("MiningProxyLongPollLimit", "many", ["from 1 to 1000000"]),
    ("MiningProxyLongPollLimit", "1000001", ["from 1 to 1000000"]),
    ("MiningProxyLongPollLimitPerWorker", "-1", ["from 0 to 1000000"]),
    ("MiningProxyLongPollLimitPerAddress", "1k", ["from 0 to 1000000"]),
    ("MiningProxyMetricsWorkers", "-1", ["from 0 to 10000"]),
    ("MiningProxyMetricsWorkers", "10001", ["from 0 to 10000"]),
    ("MiningProxyTemplates", "/etc/hostname", ["directory"]),
    ("MiningProxyStatisticsInterval", "2h", ["1h, 6h, 24h, 7d or 30d"]),
    ("MiningProxyStatisticsInterval", "1H", ["1h, 6h, 24h, 7d or 30d"]),
    ("MiningProxyStatisticsInterval", "1", ["30d"]),
    ("MiningProxyRejectAlert", "101%", ["from 0% to 100%"]),
    ("MiningProxyRejectAlert", "-1", ["from 0% to 100%"]),
    ("MiningProxyRejectAlert", "3%%", ["3%"]),
    ("MiningProxyRejectAlert", "some", ["3%"]),
    ("MiningProxyRejectAlert", "%", ["3%"]),
    ("MiningProxyRejectAlert", "1.", ["3%"]),
    ("MiningProxyRejectAlert", "1.2.3", ["3%"]),
    ("MiningProxyRejectAlert", "1e1", ["3%"]),
    ("MiningProxyDateFormat", "iso", ["human", "strftime"]),
    ("MiningProxyDateFormat", "%", ["strftime"]),
    ("MiningProxyDateFormat", "%Q", ["strftime"]),
    ("MiningProxyDateFormat", "%H:%M %", ["strftime"]),
    ("MiningProxyDateFormat", "%n", ["strftime"]),
    ("MiningProxyDateFormat", " %H", ["strftime"]),
    ("MiningProxyDateFormat", "%c" * 30, ["99 characters"]),
    ("MiningProxyKeepWork", "soon", ["1h", "forever"]),
    ("MiningProxyKeepWork", "59min", ["from 1h"]),
    ("MiningProxyKeepWork", "0", ["from 1h"]),
    ("MiningProxyKeepWork", "-1d", ["from 1h"]),
    ("MiningProxyKeepShares", "14", ["with its unit"]),
    ("MiningProxyKeepShares", "14 d", ["14d"]),
    ("MiningProxyKeepShares", "1.5d", ["14d"]),
    ("MiningProxyKeepShares", "14dd", ["14d"]),
    ("MiningProxyKeepShares", "101y", ["100y"]),
    ("MiningProxyKeepShares", "99999999999999999999y", ["100y"]),
    ("MiningProxyKeepShares", "3074457345618258604w", ["100y"]),
    ("MiningProxyKeepShares", "never", ["forever"]),
    ("MiningProxyKeepStatistics", "30d", ["31d", "30 days"]),
    ("MiningProxyKeepStatistics", "743h", ["31d"]),
    ("MiningProxyAlerts", "maybe", ["On or Off"]),
    ("MiningProxyAlertHeaderFile", "/nonexistent/header", ["/nonexistent/header"]),
    ("MiningProxyAlertHeaderFile", "/etc/hostname", ["a header's name and a colon"]),
    ("MiningProxyAlertCommand", "true", ["absolute path"]),
    ("MiningProxyAlertCommand", "/nonexistent/alarm", ["no such file"]),
    ("MiningProxyAlertCommand", "/bin/true --now", ["without arguments"]),
    ("MiningProxyAlertCommand", "/bin", ["no such file"]),
    ("MiningProxyAlertCommand", "/etc/passwd", ["executable"]),
    ("MiningProxyAlertSilence", "0", ["above zero"]),
    ("MiningProxyAlertSilence", "long", ["5min"]),
    ("MiningProxyAlertDelay", "-1s", ["or 0"]),
    ("MiningProxyAlertDelay", "none", ["or 0"]),
    ("MiningProxyLongPolling", "yes", ["On or Off"]),
    ("MiningProxyLongPolling", "1", ["On or Off"]),
    ("MiningProxyLongPollPath", "lp", ["like /lp"]),
    ("MiningProxyLongPollPath", "/", ["like /lp"]),
    ("MiningProxyLongPollPath", "/lp/", ["like /lp"]),
    ("MiningProxyLongPollPath", "//lp", ["like /lp"]),
    ("MiningProxyLongPollPath", "/long poll", ["like /lp"]),
    ("MiningProxyLongPollPath", "/lp?x=1", ["like /lp"]),
    ("MiningProxyLongPollPath", "/%6cp", ["like /lp"]),
    ("MiningProxyLongPollPath", "/a/../lp", ["like /lp"]),
    ("MiningProxyLongPollPath", "/" + "x" * 64, ["64 characters"]),
    ("MiningProxyLongPollTimeout", "55 minutes", ["5min"]),
    ("MiningProxyLongPollTimeout", "0", ["5min"]),
    ("MiningProxyPublicURL", "mine.example.com", ["http://host"]),
    ("MiningProxyPublicURL", "ftp://mine.example.com/", ["http://host"]),
    ("MiningProxyPublicURL", "HTTP://mine.example.com/", ["http://host"]),
    ("MiningProxyPublicURL", "http://", ["http://host"]),
    ("MiningProxyPublicURL", "http:///mine", ["http://host"]),
    ("MiningProxyPublicURL", "http://rig1@mine.example.com", ["without a user"]),
    ("MiningProxyPublicURL", "http://mine.example.com/?a=b", ["a query"]),
    ("MiningProxyPublicURL", "http://mine.example.com/#top", ["a fragment"]),
    ("MiningProxyPublicURL", "http://mine.example.com/a b", ["blanks"]),
    ("MiningProxyPublicURL", "http://mine.example.com:0/", ["host[:port]"]),
    ("MiningProxyPublicURL", "http://mine.example.com:65536/", ["host[:port]"]),
    ("MiningProxyPublicURL", "http://mine.example.com:http/", ["host[:port]"]),
    ("MiningProxyPublicURL", "http://mine.example.com/" + "x" * 200, ["136 characters"]),
]
RIGHT = [
    "MiningProxyWorkTimeout 500ms", "MiningProxyWorkTimeout 2s", "MiningProxyWorkTimeout 1min",
    "MiningProxySubmitTimeout 1min", "MiningProxySubmitRetries 0", "MiningProxyMaxRequestBody 4k",
    "MiningProxyMaxRequestBody 1M", "MiningProxySpoolLimit 1G", "MiningProxyFailbackAfter 5min",
    "MiningProxyDatabaseConnections 0 2", "MiningProxyDatabaseTimeout 250ms", "MiningProxyCache shmcb",
    'MiningProxyCache "shmcb:/tmp/mp-cache(1048576)"', "MiningProxyUpstreamProxy socks5h://127.0.0.1:1080",
    'MiningProxyDatabase "mysql://miner@[::1]:3306/farm"',
    'MiningProxyDatabase "mysql://miner@localhost/farm?socket=/run/mysqld/mysqld.sock"',
    'MiningProxyDatabase "sqlite:/tmp/a farm.db"', "MiningProxyPoolPollInterval 250ms", "MiningProxyForeignLongPoll on",
    "MiningProxyLongPollLimit 1", "MiningProxyMetricsWorkers 0", "MiningProxyMetricsWorkers 10000", "MiningProxyLongPollLimitPerWorker 1000000", "MiningProxyLongPolling OFF",
    "MiningProxyLongPollPath /LP/long-poll_2~.x", "MiningProxyLongPollPath /" + "x" * 63, "MiningProxyLongPollTimeout 1h",
    'MiningProxyTemplates "/nonexistent/templates"', "MiningProxyStatisticsInterval 30d", "MiningProxyRejectAlert 0", "MiningProxyRejectAlert 2.5%",
    "MiningProxyRejectAlert 100%", "MiningProxyDateFormat HUMAN", 'MiningProxyDateFormat "%Y-%m-%d %H:%M"', 'MiningProxyDateFormat "%-d. %B, 100 %%"',
    "MiningProxyKeepWork 1h", "MiningProxyKeepWork 90min", "MiningProxyKeepShares 2W", "MiningProxyKeepShares 100y", "MiningProxyKeepShares Forever",
    "MiningProxyKeepStatistics 31d", "MiningProxyKeepStatistics 744h", "MiningProxyKeepStatistics forever",
    "MiningProxyAlerts off", "MiningProxyAlertWebhook https://me:pa%20ss@[::1]:8443/a?b=c", "MiningProxyAlertWebhook HTTP://127.0.0.1/x SLACK",
    "MiningProxyAlertCommand /bin/true", "MiningProxyAlertSilence 30s", "MiningProxyAlertDelay 0", "MiningProxyAlertDelay 500ms",
    "MiningProxyPublicURL http://mine.example.com", "MiningProxyPublicURL https://mine.example.com:8443/a/b/",
    "MiningProxyPublicURL http://[2001:db8::1]:8332/mine", "MiningProxyPublicURL http://192.0.2.1:8332/%7efarm"]


def _configtest(make_httpd, line, host=()):
    httpd = make_httpd()
    lines = [f'MiningProxyStateDirectory "{httpd.state}"', f'MiningProxyDatabase "sqlite:{httpd.state}/farm.db"']
    httpd.config.directives = [kept for kept in lines if kept.split()[0] != line.partition(" ")[0]]
    httpd.config.directives += [line] if line else []
    httpd.config.host = list(host)
    done = httpd.configtest()
    return done.returncode, done.stdout + done.stderr


def test_the_test_configuration_is_right(make_httpd):
    assert _configtest(make_httpd, "MiningProxyWorkTimeout 2s") == (0, "Syntax OK\n")


@pytest.mark.parametrize("directive,value,words", WRONG, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_value_is_named(make_httpd, directive, value, words):
    quoted = value if directive.endswith("Connections") else f'"{value}"'
    code, said = _configtest(make_httpd, f"{directive} {quoted}")
    assert code != 0, said
    assert directive in said
    assert all(part in said for part in value.split()), said
    assert all(word in said for word in words), said
    assert "Syntax OK" not in said


def test_a_password_in_a_public_url_is_not_shown(make_httpd):
    code, said = _configtest(make_httpd, "MiningProxyPublicURL http://me:s3cret@mine.example.com")
    assert code != 0
    assert "MiningProxyPublicURL" in said and "s3cret" not in said, said


@pytest.mark.parametrize("line", RIGHT)
def test_a_right_value_passes(make_httpd, line):
    code, said = _configtest(make_httpd, line)
    assert (code, said) == (0, "Syntax OK\n")


@pytest.mark.parametrize("line", PROCESS_WIDE)
def test_a_process_wide_directive_is_refused_in_a_virtual_host(make_httpd, line):
    code, said = _configtest(make_httpd, "", ["<VirtualHost *:1>", line, "</VirtualHost>"])
    assert code != 0
    assert line.split()[0] in said and "VirtualHost" in said


@pytest.mark.parametrize("line", PER_HOST)
def test_the_others_are_taken_in_a_virtual_host(make_httpd, line):
    assert _configtest(make_httpd, "", ["<VirtualHost *:1>", line, "</VirtualHost>"]) == (0, "Syntax OK\n")


@pytest.mark.parametrize("line", PROCESS_WIDE + PER_HOST)
def test_no_directive_is_taken_in_a_location(make_httpd, line):
    code, said = _configtest(make_httpd, "", ['<Location "/x">', line, "</Location>"])
    assert code != 0
    assert line.split()[0] in said and "not allowed" in said


@pytest.mark.parametrize("line", PROCESS_WIDE + PER_HOST)
def test_a_directive_without_a_value_is_refused(make_httpd, line):
    directive = line.split()[0]
    code, said = _configtest(make_httpd, directive)
    assert code != 0
    assert directive in said


def test_a_handler_without_a_database_is_explained(make_httpd):
    """Either configtest refuses, or it says so in words: silence is not an option."""
    httpd = make_httpd()
    httpd.config.directives = [f'MiningProxyStateDirectory "{httpd.state}"']
    done = httpd.configtest()
    assert done.returncode != 0
    assert DATABASE in done.stdout + done.stderr
