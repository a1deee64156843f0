# SPDX-License-Identifier: Apache-2.0
"""A database that hangs, refuses, is read-only, full or locked: all of it is one situation. Miners go on, the log says which it is, and
everything is recorded by itself when it is over.
"""
from concurrent.futures import ThreadPoolExecutor
import contextlib
import os
import shutil

import pytest

from fakes import behaviours, header
from harness import places
from harness.database import SqliteDatabase
from harness.disks import fill_disk, free_disk
from harness.mariadb import USER, USER_PASSWORD
from harness.waiting import wait_until

pytestmark = [pytest.mark.load, pytest.mark.expects_log("MP0230")]
DRAIN = 30
TIMEOUT = 10  # s that the recorder waits for the database ...
BOUND = 8  # ... and a miner for an answer at most, on a busy machine
SHARE_SIZE = 148  # in the spool: an intent and a verdict without a reason
HOSTS = ("%", "localhost")


def _signal(code, words):
    """A server that answers each insertion of a share with this error."""
    return ([f"CREATE TRIGGER trouble BEFORE INSERT ON submitted_work FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code},"
             f" MESSAGE_TEXT = '{words}'"], ["DROP TRIGGER trouble"])


def _for_hosts(statement):
    return [statement.replace(" USER", f" '{USER}'@'{host}'") for host in HOSTS]


# What breaks the server, what mends it, what the log says of it. DATABASE stands for the name of the test's.
WAYS = {
    "read-only": (["SET GLOBAL read_only = 1"], ["SET GLOBAL read_only = 0"], "--read-only"),
    "full-table": (*_signal(1114, "The table submitted_work is full"), "has no room left"),
    "full-disk": (*_signal(1021, "Disk full; waiting for someone to free some space"), "has no room left"),
    "not-ready": (*_signal(1047, "WSREP has not yet prepared node for application use"), "WSREP has not yet prepared node"),
    "deadlocks": (*_signal(1213, "Deadlock found when trying to get lock"), "is busy"),
    "revoked": (_for_hosts("REVOKE INSERT ON DATABASE.* FROM USER"), _for_hosts("GRANT INSERT ON DATABASE.* TO USER"),
                "check the user, the password and the privileges"),
    "password": (_for_hosts("SET PASSWORD FOR USER = PASSWORD('another')"),
                 _for_hosts(f"SET PASSWORD FOR USER = PASSWORD(\"{USER_PASSWORD}\")"), "check the user, the password and the privileges"),
    "renamed": (["RENAME TABLE submitted_work TO gone"], ["RENAME TABLE gone TO submitted_work"], "lacks the tables"),
}


def _assert_mined(proxy, count):
    shares = proxy.miner().mine(count)
    assert [reply.result for _, reply in shares] == [True] * count
    assert max(reply.seconds for _, reply in shares) < BOUND
    return [data for data, _ in shares]


def _assert_recorded(proxy, worker, shares):
    proxy.wait_rows(len(shares), DRAIN)
    results = {bytes(row.share_id): row.result for row in proxy.database.shares()}
    assert results == {header.share_id(worker, data): 1 for data in shares}
    wait_until(lambda: proxy.log.count("MP0231"), DRAIN, "the log says that it is over")


def _cut_connections(server):
    connection = server.connect()
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM information_schema.processlist WHERE user = %s", (USER,))
        for (number,) in cursor.fetchall():
            with contextlib.suppress(Exception):  # it ended by itself
                cursor.execute(f"KILL {number}")


@pytest.fixture
def timeout():
    """Seconds that the recorder waits for the database."""
    return TIMEOUT


@pytest.fixture
def mining(make_proxy, private_maria, directory, make_pool, timeout):
    """A proxy on a server of its own, started, with a share recorded and nothing left to write."""
    database = private_maria.create_database(directory)
    proxy = make_proxy(database, [f"MiningProxyDatabaseTimeout {timeout}s", "MiningProxySubmitTimeout 20s"])
    proxy.server, proxy.worker = private_maria, database.add_rig(make_pool())
    proxy.start()
    proxy.shares = _assert_mined(proxy, 1)
    proxy.wait_rows(1)
    wait_until(lambda: database.value("SELECT COALESCE(SUM(getworks), 0) FROM share_stats"), DRAIN, "its work is counted, which comes last")
    return proxy


@pytest.mark.parametrize("way", WAYS)
def test_a_server_in_trouble(mining, way):
    broken, mended, words = WAYS[way]
    for statement in broken:
        mining.database.run(statement.replace("DATABASE", mining.database.name))
    _cut_connections(mining.server)
    mining.shares += _assert_mined(mining, 10)
    wait_until(lambda: any("MP0230" in line and words in line for line in mining.log.text().splitlines()), 20, f"the log says \"{words}\"")
    mining.shares += _assert_mined(mining, 2)
    assert mining.log.count("MP0230") <= 2, "one line a minute"
    for statement in mended:
        mining.database.run(statement.replace("DATABASE", mining.database.name))
    _assert_recorded(mining, mining.worker, mining.shares)


@pytest.mark.parametrize("timeout", [2])
@pytest.mark.parametrize("lock", ["LOCK TABLES submitted_work WRITE", "FLUSH TABLES WITH READ LOCK"])
def test_tables_are_locked_for_long(mining, lock):
    """By a backup, or an ALTER TABLE by hand. What waits for the lock does not pile up in the server."""
    connection = mining.server.connect(mining.database.name)
    with connection, connection.cursor() as cursor:
        cursor.execute(lock)
        mining.shares += _assert_mined(mining, 10)
        wait_until(lambda: mining.log.count("MP0230"), 20, "the log says it")
        mining.shares += _assert_mined(mining, 10)
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s", (USER,))
        assert cursor.fetchone()[0] <= 8
        cursor.execute("UNLOCK TABLES")
    _assert_recorded(mining, mining.worker, mining.shares)
    assert "Lock wait timeout exceeded" in mining.log.text()


# SQLite

def test_the_disk_of_an_sqlite_file_is_full(small_disk, make_proxy, make_pool):
    database = SqliteDatabase(small_disk)
    worker = database.add_rig(make_pool())
    proxy = make_proxy(database).start()
    shares = _assert_mined(proxy, 2)
    proxy.wait_rows(2)
    fill_disk(small_disk)
    while not proxy.log.count("no space is left for the database file"):  # what the files have reserved is used up first
        shares += _assert_mined(proxy, 10)
        assert len(shares) < 5000
    shares += _assert_mined(proxy, 10)
    free_disk(small_disk)
    _assert_recorded(proxy, worker, shares)


@pytest.mark.skipif(not places.IS_ROOT, reason="needs two users")
@pytest.mark.parametrize("what", ["file", "directory"])
def test_an_sqlite_file_or_its_directory_is_read_only(proxy, make_pool, what):
    """Since the last start: whoever has a file open may go on writing."""
    worker = proxy.database.add_rig(make_pool())
    proxy.start()
    shares = _assert_mined(proxy, 1)
    proxy.wait_rows(1)
    proxy.httpd.stop()
    path = proxy.database.path if what == "file" else proxy.database.path.parent
    mode = path.stat().st_mode
    for entry in (path, *proxy.database.path.parent.iterdir()):
        os.chown(entry, 0, 0)
    path.chmod(mode & 0o555)
    proxy.httpd.start()
    wait_until(lambda: proxy.log.count("MP0230"), 10, "the log says it")
    shares += _assert_mined(proxy, 5)
    path.chmod(mode)
    places.give_to_child(proxy.database.path.parent)
    _assert_recorded(proxy, worker, shares)


def test_an_sqlite_file_is_moved_away_under_a_running_httpd(proxy, make_pool):
    worker = proxy.database.add_rig(make_pool())
    proxy.start()
    shares = _assert_mined(proxy, 1)
    proxy.wait_rows(1)
    there, aside = proxy.database.path.parent, proxy.database.path.parent.with_name("aside")
    there.rename(aside)
    shares += _assert_mined(proxy, 10)
    wait_until(lambda: proxy.log.count("MP0230"), 20, "the log says it")
    assert not there.exists(), "no empty file takes its place"
    aside.rename(there)
    _assert_recorded(proxy, worker, shares)


# The state directory

@pytest.mark.expects_log("MP0040", "MP0313", "MP0314", "MP0315", "MP0201")
def test_the_disk_of_the_state_directory_is_full(small_disk, make_proxy, private_maria, directory, make_pool):
    """Long before the spool has reached its limit: that is said in time, nothing is sent that cannot be recorded, and it passes by itself."""
    database, pool = private_maria.create_database(directory), make_pool()
    worker = database.add_rig(pool)
    proxy = make_proxy(database, [f'MiningProxyStateDirectory "{small_disk}"', "MiningProxyDatabaseTimeout 1s"])
    small_disk.chmod(0o700)
    proxy.start()
    private_maria.pause()
    taken = _assert_mined(proxy, 5)
    wait_until(lambda: proxy.log.count("MP0315"), 20, "the log warns")
    assert proxy.log.count("MP0008"), "the start says that this directory is in memory"
    fill_disk(small_disk)
    miner, refused = proxy.miner(), None
    while refused is None:
        data = miner.getwork().solve()
        reply = miner.submit(data)
        taken, refused = (taken, data) if reply.error else ([*taken, data], None)
        assert len(taken) < 5000
    assert len(pool.submissions) == len(taken), "a share that cannot be recorded must not be sent"
    free_disk(small_disk)
    wait_until(lambda: miner.submit(refused).result is True, 10, "the refused share is taken when it is sent again")
    assert proxy.log.count("MP0315") == 1
    private_maria.resume()
    _assert_recorded(proxy, worker, [*taken, refused])


@pytest.mark.expects_log("MP0313", "MP0314", "MP0040")
def test_the_log_warns_long_before_the_spool_is_full(make_proxy, private_maria, directory, make_pool):
    database = private_maria.create_database(directory)
    worker = database.add_rig(make_pool())
    proxy = make_proxy(database, ["MiningProxySpoolLimit 64k", "MiningProxyDatabaseTimeout 1s"]).start()
    private_maria.kill()
    shares = []
    for percent in (25, 50, 75, 90):
        shares += _assert_mined(proxy, 65536 * (percent + 1) // 100 // SHARE_SIZE - len(shares))
        wait_until(lambda told=percent: any(f"full to {told + more} percent" in proxy.log.text() for more in (0, 1, 2)), 20,
                   f"the log tells of {percent} percent")
    assert "at the rate of this outage it is full in" in proxy.log.text()
    assert proxy.log.count("MP0313") == 4 and not proxy.log.count("MP0314")
    miner, refused = proxy.miner(), None
    while refused is None:
        data = miner.getwork().solve()
        reply = miner.submit(data)
        shares, refused = (shares, data) if reply.error else ([*shares, data], None)
        assert len(shares) < 2000
    wait_until(lambda: proxy.log.count("MP0314"), 20, "the log tells that it is full")
    private_maria.start()
    wait_until(lambda: miner.submit(refused).result is True, DRAIN, "the refused share is taken when it is sent again")
    _assert_recorded(proxy, worker, [*shares, refused])
    assert proxy.log.count("MP0316") == 1


def _leave_behind(proxy, server, count):
    """Shares in the spool file of a child that is gone, from an outage that lasts; the file."""
    server.kill()
    shares = _assert_mined(proxy, count)
    proxy.httpd.stop()
    return shares, next(proxy.httpd.state.glob("shares-*.spool"))


@pytest.mark.expects_log("MP0302")
@pytest.mark.skipif(not places.IS_ROOT, reason="needs two users")
def test_what_children_of_an_earlier_boot_left_behind(mining):
    """Many files, the same shares in all of them, one that belongs to somebody else: each share is recorded once."""
    shares, orphan = _leave_behind(mining, mining.server, 20)
    for number in range(50):
        shutil.copy(orphan, orphan.with_name(f"shares-{number + 1}-00112233445566{number:02x}.spool"))
    places.give_to_child(mining.httpd.state)
    foreign = orphan.with_name("shares-1-ffffffffffffffff.spool")
    orphan.rename(foreign)
    os.chown(foreign, 0, 0)
    mining.httpd.start()
    mining.server.start()
    mining.shares += shares
    _assert_recorded(mining, mining.worker, mining.shares)
    wait_until(lambda: len(list(mining.httpd.state.glob("shares-*.spool"))) == 2, 60, "only the foreign file and the child's own are left")
    assert foreign.exists() and mining.log.count("MP0302") == 1
    mining.wait_rows(len(mining.shares))
    sums = mining.database.rows("SELECT SUM(accepted) FROM share_stats GROUP BY period_length")
    assert {int(row[0]) for row in sums} == {len(mining.shares)}


@pytest.mark.expects_log("MP0300")
def test_a_damaged_record_costs_no_other_share(mining):
    """Its intent says that there was a share: that one is recorded as unknown."""
    shares, orphan = _leave_behind(mining, mining.server, 9)
    content = bytearray(orphan.read_bytes())
    verdicts = [at for at in range(len(content)) if content[at:at + 6] == b"\xd5MP\x1c\x01\x02"]
    assert len(verdicts) == 9
    content[verdicts[4] + 20] ^= 1
    orphan.write_bytes(content)
    mining.httpd.start()
    mining.server.start()
    mining.wait_rows(len(mining.shares) + 9, DRAIN)
    results = [mining.database.share_of(mining.worker, data).result for data in shares]
    assert results == [1] * 4 + [None] + [1] * 4


def _submit_once(miner, data):
    """A miner that does not come back."""
    miner.connection.retries = False
    with contextlib.suppress(ConnectionError):
        miner.submit(data)


def _wait_known(proxy, name):
    """By the one child that there is: what is saved is in force a moment later, and an attempt before would be a loud line."""
    proxy.database.raise_generation()
    wait_until(lambda: f'"{name}"' in (proxy.httpd.state / "roster.json").read_text(), 10, "the roster is saved")
    wait_until(lambda: proxy.log.count("MP0202: roster of generation 2"), 10, "the roster is in force")


def _is_drained(proxy):
    """The one spool file's mark has reached its end."""
    content = next(proxy.httpd.state.glob("shares-*.spool")).read_bytes()
    return int.from_bytes(content[8:16], "little") == len(content)


def test_rows_that_were_deleted_do_not_come_back(mining, make_pool):
    """TRUNCATE while a child's file still holds what it recorded, because a share is under way all the time; then the child is killed."""
    slow = make_pool("slow")
    worker = mining.database.add_rig(slow, name="rig2")
    _wait_known(mining, "rig2")
    slow.behave(behaviours.hang, on="share")
    under_way = mining.miner("rig2")
    data = under_way.getwork().solve()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(_submit_once, under_way, data)
        wait_until(lambda: slow.count("share"), 10, "a share is under way")
        mining.shares += _assert_mined(mining, 20)
        mining.wait_rows(len(mining.shares))
        wait_until(lambda: _is_drained(mining), 10, "the child knows that it has recorded them")
        mining.database.run("TRUNCATE submitted_work")
        mining.httpd.kill_child(mining.httpd.children()[0])
    wait_until(lambda: mining.database.share_of(worker, data), DRAIN, "the share under way is recorded")
    assert mining.database.share_count() == 1
    sums = mining.database.rows("SELECT SUM(accepted) FROM share_stats GROUP BY period_length")
    assert {int(row[0]) for row in sums} == {len(mining.shares)}


def test_known_credentials_are_enough(mining):
    """A worker who never logged in before, with a hash and with a plain password of the PHP program."""
    mining.database.add_worker("hashed", "right one")
    mining.database.add_worker("plain", "plain one", plain=True)
    _wait_known(mining, "plain")
    mining.server.kill()
    wait_until(lambda: mining.log.count("MP0230"), 20, "the proxy noticed")
    assert [mining.login_status("hashed", "right one"), mining.login_status("plain", "plain one")] == [200, 200]
    assert mining.log.count("MP0234") == 0
    mining.server.start()
    wait_until(lambda: mining.database.value("SELECT password FROM worker WHERE name = 'plain'").startswith("$2y$"), DRAIN,
               "the plain password is a hash once the database is back")


@pytest.mark.expects_log("MP0009")
def test_two_httpds_with_one_state_directory(mining, make_proxy):
    assert not mining.log.count("MP0009")
    second = make_proxy(mining.database, [f'MiningProxyStateDirectory "{mining.httpd.state}"'])
    second.start()
    assert second.log.count("MP0009: another httpd uses the state directory") == 1
    mining.shares += _assert_mined(second, 3) + _assert_mined(mining, 3)
    mining.wait_rows(len(mining.shares))
    second.httpd.stop()
    mining.httpd.graceful()
    mining.httpd.stop()
    mining.httpd.start()
    assert not mining.log.count("MP0009"), "a restart is no second httpd"
