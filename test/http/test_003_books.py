# SPDX-License-Identifier: Apache-2.0
"""The audit behind every drill finds what it is there to find."""
import shutil

import pytest

from fakes import wire
from fakes.pool import TRIVIAL
from fakes.reply import Reply
from harness.drill import Drill

FORGERIES = {
    "a share is lost": "DELETE FROM submitted_work WHERE id = (SELECT MIN(id) FROM submitted_work WHERE result = 1)",
    "a share is denied": "UPDATE submitted_work SET result = 0, reason = 'stale' WHERE id = (SELECT MIN(id) FROM submitted_work WHERE result = 1)",
    "a share is flattered": "UPDATE submitted_work SET result = 1, reason = NULL WHERE id = (SELECT MIN(id) FROM submitted_work WHERE result = 0)",
    "a reason is another": "UPDATE submitted_work SET reason = 'stale' WHERE result = 0",
    "a share is invented": "INSERT INTO submitted_work (share_id, worker_id, pool_id, result, time) SELECT randomblob(32), worker_id, pool_id, 0, time"
                           " FROM submitted_work LIMIT 1",
    "a sum is wrong": "UPDATE share_stats SET accepted = accepted + 1 WHERE period_length = 3600",
    "a time is wrong": "UPDATE submitted_work SET time = datetime(time, '-1 minute') WHERE id = (SELECT MIN(id) FROM submitted_work)"}


@pytest.fixture
def drill(proxy, make_pool):
    """A rig has mined, its books are closed, and httpd has ended."""
    proxy.pools = [make_pool("alpha", difficulty=TRIVIAL)]
    proxy.database.add_rig(*proxy.pools)
    proxy.start()
    with Drill(proxy, ["rig1"], 1) as drill:
        drill.mine(30)
    drill.close_books()
    proxy.httpd.stop()
    return drill


def test_the_audit_finds_what_is_wrong(drill):
    path = drill.database.path
    saved = shutil.copy(path, path.with_name("saved.db"))
    for name, forgery in FORGERIES.items():
        drill.database.run(forgery)
        try:
            drill.audit_books()
        except AssertionError:
            shutil.copy(saved, path)
            continue
        pytest.fail(f"nobody noticed that {name}")
    drill.audit_books()
    drill.rigs[0].miner.replies.append(Reply(wire.Message(("HTTP/1.1", "503", "No")), 0))
    with pytest.raises(AssertionError, match="503"):
        drill.audit_books()
