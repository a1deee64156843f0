# SPDX-License-Identifier: Apache-2.0
"""Five hundred long polls on one child: the benchmark of test/bench, small enough to be a test.

Pool and miners are programs in C: ones in Python would be what is measured.
"""
import pytest

from bench import scene, tools
from harness import places

pytestmark = [pytest.mark.load, pytest.mark.proxy(**scene.CONFIG, directives=scene.DIRECTIVES)]
PLAN = scene.Plan(polls=500, workers=50, bystanders=20, blocks=4, rest=2, last=1.0, growth=0.05, looks_at_memory=not places.ASAN)


@pytest.fixture
def pool():
    with tools.Pool() as one:
        yield one


def test_five_hundred_polls(proxy, pool):
    tools.allow_files(PLAN.polls + 2000)
    scene.add_farm(proxy.database, pool, PLAN)
    proxy.start()
    outcome = scene.play(PLAN, pool, proxy.httpd.port, proxy.httpd.children()[0])
    missed = [one for one in scene.judge(PLAN, outcome) if not one.holds]
    assert not missed, "\n".join(f"{one.name}: {one.measured}, required {one.required}" for one in missed)
