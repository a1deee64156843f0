# SPDX-License-Identifier: Apache-2.0
"""The soak of test/soak, small enough to be a test: blocks, failover, restarts and an operator under load. "make soak" takes half an hour."""
from dataclasses import replace

import pytest

from harness import places
from soak import farm, plan, story, verdict

pytestmark = pytest.mark.load
PLAN = replace(plan.SHORT, looks_at_memory=not places.ASAN)


@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_nothing_grows_and_nothing_is_lost(database, directory):
    farm.allow_files(PLAN)
    with farm.Farm(PLAN, database, directory) as one:
        found = verdict.judge(PLAN, story.Story(one, print).play())
    missed = [one for one in found if not one.holds]
    assert not missed, "\n".join(f"{one.name}: {one.measured}, required {one.required}" for one in missed)
