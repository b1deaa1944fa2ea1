"""The connection to the database is cut during COMMIT: the outcome is unknown, which is not failed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from chaos.pgproxy import Cut, PgProxy
from crash.invariants import check, check_visible
from crash.project import Project

pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"
# A constraint trigger that waits for COMMIT, and ends its own backend there, once (a sequence is never rolled back).
TERMINATE = """
CREATE SEQUENCE killed;
CREATE FUNCTION end_me() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.state = 'COMMITTED' AND nextval('killed') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER end_me AFTER UPDATE ON batch DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION end_me();
"""


@pytest.mark.parametrize("curated", ["parquet", "iceberg"])
@pytest.mark.parametrize("cut", list(Cut))
def test_cut_at_the_decision(make_project: Callable[..., Project], cut: Cut, curated: str) -> None:
    project = make_project(batch={"max_files": 3}, curated=curated)
    project.write_many(3)
    project.run("list")
    with PgProxy(project.database_url, cut) as proxy:
        [said] = project.run("due", env={"GLULAM_DATABASE_URL": proxy.url})
        assert proxy.cuts == 1
    # LATE: the repeated commit waited for the first one, which won; the batch goes on when the lease is over
    assert said["outcomes"] == (["TAKEN_OVER"] if cut is Cut.LATE else ["DONE"])
    check_visible(project)
    project.recover("run")
    check(project)
    assert project.query("SELECT state, attempts FROM batch") == [("DONE", 1)], "one attempt, one commit"


def test_backend_terminated_inside_commit(make_project: Callable[..., Project]) -> None:
    project = make_project(batch={"max_files": 3})
    project.write_many(3)
    project.run("list")
    project.query(TERMINATE)
    [said] = project.run("due")
    assert said["outcomes"] == ["DONE"]
    assert project.query("SELECT last_value > 1 FROM killed") == [(True,)], "the trigger did not strike"
    project.recover("run")
    check(project)
    assert project.query("SELECT state, attempts FROM batch") == [("DONE", 1)]


@pytest.mark.skipif(not SWEEP, reason="the sweep: GLULAM_CRASH_SWEEP=1")
@pytest.mark.parametrize("cut", list(Cut))
@pytest.mark.parametrize("nth", range(1, 13))
def test_cut_at_any_commit(make_project: Callable[..., Project], cut: Cut, nth: int) -> None:
    """Listing, claim, heartbeat, decision, finish: the process may end with an error, the promises stay."""
    project = make_project(batch={"max_files": 2})
    project.write_many(4)
    project.run("list")
    with PgProxy(project.database_url, cut, nth) as proxy:
        project.start("list", "due", env={"GLULAM_DATABASE_URL": proxy.url}).wait()
    check_visible(project)
    project.recover()
    check(project)
