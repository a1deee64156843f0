# SPDX-License-Identifier: Apache-2.0
"""The manual's queries that keep the database small: old rows go, new ones stay, statistics are not touched."""
from datetime import datetime, timedelta, timezone

import pytest

from harness import places
from harness.waiting import wait_until

QUERIES = [line.strip().rstrip(";") for line in (places.ROOT / "docs" / "ADMIN.md").read_text().splitlines() if line.strip().startswith("DELETE FROM")]


def _ago(days):
    return (datetime.now(timezone.utc) - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.both_databases
def test_old_rows_go_and_new_ones_stay(proxy, make_pool, database):
    database.add_rig(make_pool())
    proxy.start()
    proxy.miner().mine(1)
    proxy.wait_rows(1)
    wait_until(lambda: database.value("SELECT COUNT(*) FROM work_data") == 1, 5, "the work is in the database")
    wait_until(lambda: database.value("SELECT COALESCE(SUM(getworks), 0) FROM share_stats"), 5, "and counted")
    for days in (0.9, 1.1, 6.9, 7.1):
        database.run("INSERT INTO submitted_work (worker_id, pool_id, result, difficulty, time) VALUES (1, 1, 1, 1, ?)", _ago(days))
        database.run("INSERT INTO work_data (worker_id, data, pool_id, difficulty, time_requested) VALUES (1, ?, 1, 1, ?)",
                         bytes([int(days * 10)]) * 68, _ago(days))
    statistics = database.rows("SELECT * FROM share_stats")
    is_sqlite = database.url.startswith("sqlite:")
    chosen = [query for query in QUERIES if ("datetime(" in query) == is_sqlite]
    assert len(chosen) == 2
    for query in chosen:
        database.run(query)
    assert database.share_count() == 1 + 3
    assert database.value("SELECT COUNT(*) FROM work_data WHERE time_requested < ?", _ago(0.5)) == 1
    assert database.rows("SELECT * FROM share_stats") == statistics
