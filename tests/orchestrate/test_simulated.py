"""Random projects with a turned clock, jobs that fail and schedulers that die: each tick once, each condition met exactly when
its predicate holds, no run lost. GLULAM_SEEDS=2000 runs so many instead of the few of each day."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from conftest import TestServer
from glulam.settings import Settings
from glulam.store.database import Database

from .simulator import World, check

SEEDS = int(os.environ.get("GLULAM_SEEDS", "16"))
TABLES = """
TRUNCATE workflow, trigger, schedule, workflow_run, workflow_run_fire, workflow_run_node, trigger_event, job, job_run,
  resource_tag, outbox CASCADE
"""
_seen: Counter[str] = Counter()


@pytest.fixture(scope="module")
def shared(database_server: TestServer) -> Database:
    """One database for all seeds: making one takes longer than a seed."""
    return Database.open(Settings(database_url=database_server.create("migrated")))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_random_project(shared: Database, seed: int) -> None:
    with shared.connection() as conn:
        conn.execute(TABLES)
    chance = random.Random(seed)
    world = World(database=shared, chance=chance)
    world.build()
    world.live(moves=chance.randint(5, 25), crash_share=chance.choice([0.0, 0.1, 0.3]))
    _seen.update(check(world))


def test_the_projects_were_worth_it() -> None:
    """Of everything that can go right or wrong, some was there."""
    if SEEDS >= 16:
        for what in ("fired", "not fired", "crashes", "ticks", "runs", "nodes"):
            assert _seen[what] > SEEDS / 4, _seen
