# SPDX-License-Identifier: Apache-2.0
"""The farm of the PHP program, migrated while httpd waits for it: its miners get in as before and mine, and its users' queries work."""
from datetime import datetime, timedelta, timezone

import pytest

from harness.php_database import WORKERS, FormerDatabase, PhpDatabase, logins
from harness.waiting import wait_until

RECOVERY = 20
pytestmark = pytest.mark.expects_log("MP0230", "AH01617", "AH01618")


def _pointed_at(database, *pools):
    """Workers use the pools 1 and 2 of the old database; the better one is 2."""
    for row, pool in zip((2, 1), pools):
        database.run("UPDATE pool SET url = ? WHERE id = ?", pool.url, row)
    return database


def _says(proxy, *words):
    return any(all(word in line for word in words) for line in proxy.log.text().splitlines() if "MP0230" in line)


@pytest.mark.parametrize("version", [0, 3])
def test_miners_of_the_php_program_go_on(make_proxy, maria, directory, make_pool, version):
    database = _pointed_at(PhpDatabase(maria, directory, version), make_pool("alpha"), make_pool("beta"))
    proxy = make_proxy(database)
    proxy.httpd.start()
    wait_until(lambda: _says(proxy, f"schema version {version}", "needs version 7", "< database/migrate.sql"), 10, "httpd names the command")
    database.migrate()
    wait_until(lambda: proxy.login_status("rig1", "secret1") == 200, RECOVERY, "httpd serves by itself")
    for name, password in logins():
        assert proxy.login_status(name, password) == 200, name
    assert proxy.login_status("rig1", "secret2") == 401
    old = database.share_count()
    for name, password in [("rig1", "secret1"), *logins()[-5:]]:
        assert proxy.miner(name, password).mine(1)[0][1].result is True, name
    proxy.wait_rows(old + 6)
    wait_until(lambda: database.value("SELECT COUNT(*) FROM worker WHERE password LIKE '$2%'") == WORKERS, 30,
               "plain passwords are hashed at their first use")
    assert proxy.login_status("b\u00e4r", "p\u00e4ss 'w\u00f6rd\"") == 200


def test_queries_that_the_php_program_gave_its_users(make_proxy, maria, directory, make_pool):
    database = _pointed_at(PhpDatabase(maria, directory, 3), make_pool("alpha"), make_pool("beta"))
    database.migrate()
    works = "SELECT COALESCE(SUM(getworks), 0) FROM share_stats"
    proxy, before = make_proxy(database).start(), database.value(works)
    old = database.share_count()
    proxy.miner("rig1", "secret1").mine(1)
    proxy.wait_rows(old + 1)
    fresh = "SELECT COUNT(*) FROM work_data WHERE time_requested > UTC_TIMESTAMP() - INTERVAL 1 MINUTE"
    wait_until(lambda: database.value(fresh) == 1, 10, "the work is in the database")
    wait_until(lambda: database.value(works) > before, 10, "and counted")
    sums = database.rows("SELECT * FROM share_stats")
    database.run("DELETE FROM work_data WHERE DATEDIFF(UTC_TIMESTAMP(), time_requested) > 0")
    database.run("DELETE FROM submitted_work WHERE DATEDIFF(UTC_TIMESTAMP(), time) > 7")
    today = datetime.now(timezone.utc).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    assert database.value("SELECT MIN(time_requested) FROM work_data") >= today - timedelta(days=1)
    assert database.value("SELECT MIN(time) FROM submitted_work") >= today - timedelta(days=8)
    assert 0 < database.share_count() < old
    database.run("TRUNCATE submitted_work")
    assert database.rows("SELECT * FROM share_stats") == sums
    assert proxy.miner("rig2", "secret2").mine(1)[0][1].result is True
    proxy.wait_rows(1)


@pytest.mark.parametrize("version", [4, 5, 6])
def test_httpd_waits_for_the_newest_version_of_ours(make_proxy, maria, directory, make_pool, version):
    database = FormerDatabase(maria, directory, version)
    database.add_rig(make_pool())
    proxy = make_proxy(database)
    proxy.httpd.start()
    wait_until(lambda: _says(proxy, f"schema version {version}", "< database/migrate.sql"), 10, "httpd names the command")
    database.migrate()
    wait_until(lambda: proxy.login_status("rig1") == 200, RECOVERY, "httpd serves by itself")
    assert proxy.miner().mine(2)[1][1].result is True
    proxy.wait_rows(2)
