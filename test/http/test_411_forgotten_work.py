# SPDX-License-Identifier: Apache-2.0
"""Work that only the database remembers, while the database cannot be asked: nobody knows, so the miner is told to come again."""
import pytest

from harness.waiting import wait_until


@pytest.mark.expects_log("MP0230", "MP0040")
def test_a_share_for_work_of_before_the_restart(make_proxy, private_maria, directory, make_pool):
    pool = make_pool()
    database = private_maria.create_database(directory)
    worker = database.add_rig(pool)
    proxy = make_proxy(database).start()
    data = proxy.miner().getwork().solve()
    wait_until(lambda: database.value("SELECT COUNT(*) FROM work_data") == 1, 5, "the work is in the database")
    proxy.httpd.stop()
    private_maria.kill()
    proxy.httpd.start()
    proxy.wait_ready()
    reply = proxy.miner().submit(data)
    assert reply.status == 200 and reply.error and "again" in reply.error["message"]
    assert not pool.submissions
    private_maria.start()
    wait_until(lambda: proxy.miner().submit(data).result is True, 15, "the share is taken once the database is back")
    assert len(pool.accepted) == 1
    proxy.wait_rows(1)
    assert database.share_of(worker, data).result == 1


@pytest.mark.expects_log("MP0230")
def test_a_database_file_that_vanished_is_not_replaced_by_an_empty_one(proxy, make_pool):
    proxy.database.add_rig(make_pool())
    proxy.start()
    proxy.httpd.stop()
    hidden = proxy.database.path.with_name("hidden.db")
    for suffix in ("", "-wal", "-shm"):
        path = proxy.database.path.with_name(proxy.database.path.name + suffix)
        if path.exists():
            path.rename(hidden.with_name(hidden.name + suffix))
    proxy.httpd.start()
    wait_until(lambda: "is gone" in proxy.log.text(), 10, "the log says it")
    assert not proxy.database.path.exists()
    shares = proxy.miner().mine(2)
    assert [reply.result for _, reply in shares] == [True, True], "mining goes on with the saved roster"
    for suffix in ("", "-wal", "-shm"):
        path = hidden.with_name(hidden.name + suffix)
        if path.exists():
            path.rename(proxy.database.path.with_name(proxy.database.path.name + suffix))
    wait_until(lambda: proxy.database.share_count() == 2, 10, "the shares are recorded once the file is back")
