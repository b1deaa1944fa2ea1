"""A worker that is stopped past its lease, and goes on after another one has finished its batch."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from crash.invariants import check, check_visible
from crash.project import Project

pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"
POINTS = ("stage.after_verify", "commit.before", "publish.before")
MORE = ("claim.after_commit", "read.after_scan", "stage.during_write", "publish.during", "archive.before",
        "done.before")  # fmt: skip


ICEBERG = tuple(("iceberg", p) for p in ("stage.during_write", "iceberg.after_metadata", "publish.before"))


@pytest.mark.parametrize(
    ("curated", "point"), [*(("parquet", p) for p in POINTS + (MORE if SWEEP else ())), *ICEBERG]
)
def test_the_stalled_worker_does_no_harm(
    make_project: Callable[..., Project], curated: str, point: str
) -> None:
    project = make_project(curated=curated)
    project.write_many(2)
    stalled = project.start("list", "run", failpoint=f"{point}:pause").stopped()
    project.recover()
    check_visible(project)
    [_, said] = stalled.go_on().succeeds()
    assert said["outcomes"] == ["TAKEN_OVER"]
    check(project)
    assert project.query("SELECT count(*) FROM batch WHERE state = 'DONE'") == [(1,)]


@pytest.mark.parametrize("other_at", ["read.before", "commit.before"])
def test_the_earlier_epoch_cannot_commit_while_the_later_one_works(
    make_project: Callable[..., Project], other_at: str
) -> None:
    """Both hold the batch for theirs, and it is RUNNING: only the epoch tells them apart."""
    project = make_project()
    project.write_many(2)
    first = project.start("list", "due", failpoint="commit.before:pause").stopped()
    project.expire()
    second = project.start("due", failpoint=f"{other_at}:pause").stopped()
    [_, said] = first.go_on().succeeds()
    assert said["outcomes"] == ["TAKEN_OVER"]
    assert project.query("SELECT state, epoch FROM batch") == [("RUNNING", 2)]
    [said] = second.go_on().succeeds()
    assert said["outcomes"] == ["DONE"]
    check(project)


@pytest.mark.skipif(not SWEEP, reason="the sweep: GLULAM_CRASH_SWEEP=1; it waits 30 s for the database")
def test_a_worker_stopped_inside_its_commit(make_project: Callable[..., Project]) -> None:
    """It holds row locks. The database ends its session after a while; then the others go on, and it is fenced."""
    project = make_project()
    project.write_many(4)
    stalled = project.start("list", "run", failpoint="commit.before_commit:pause").stopped()
    [_, said] = project.run("list", "run")
    assert said["outcomes"] == ["DONE", "DONE"]
    [_, said] = stalled.go_on().succeeds()
    assert said["outcomes"] == ["TAKEN_OVER"]
    check(project)
