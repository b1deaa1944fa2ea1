"""A raw file that is overwritten at each step, by rename and in place."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from crash.invariants import check
from crash.project import Project

pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"
POINTS = ("read.before", "read.after_scan", "commit.before", "archive.before")
MORE = ("list.before_register", "list.after_register", "claim.after_commit", "stage.before", "stage.after_verify",
        "commit.after_commit", "publish.before", "publish.after", "archive.after", "done.after")  # fmt: skip


@pytest.mark.parametrize("point", POINTS + (MORE if SWEEP else ()))
def test_each_version_is_accounted_once(make_project: Callable[..., Project], point: str) -> None:
    project = make_project(batch={"max_files": 4})
    project.write_many(4)
    worker = project.start("list", "run", failpoint=f"{point}:pause").stopped()
    project.write(0)
    project.write(1, in_place=True)
    project.write(2, good=0, missing=0)  # all of the new version is bad
    worker.go_on().succeeds()
    project.recover()
    check(project)


def test_rewritten_in_place_while_it_is_read(make_project: Callable[..., Project]) -> None:
    """Stopped after the first megabytes: what is read of it from now on belongs to the other version."""
    project = make_project()
    project.write(0, good=6000, missing=0, pad=2000)
    worker = project.start("list", "run", failpoint="read.during:pause").stopped()
    project.write(0, good=6000, missing=0, pad=2000, in_place=True)
    worker.go_on().succeeds()
    project.recover()
    check(project)
    statuses = project.query("SELECT status FROM file_version ORDER BY id")
    assert statuses == [("SUPERSEDED",), ("SUCCEEDED",)]


def test_overwritten_between_link_and_unlink_of_its_archiving(make_project: Callable[..., Project]) -> None:
    project = make_project(batch={"max_files": 3})
    project.write_many(3)
    project.crash("archive.before", "list", "run")
    project.expire()
    worker = project.start("run", failpoint="archive.during_copy:pause").stopped()
    project.write(0)
    project.write(1, in_place=True)
    project.write(2)
    worker.go_on().succeeds()
    project.recover()
    check(project)


def test_a_late_listing_does_not_write_off_the_current_version(make_project: Callable[..., Project]) -> None:
    """It saw version 1, was stopped, and registers it after another listing has registered version 2."""
    project = make_project()
    project.write(0)
    late = project.start("list", failpoint="list.before_register:pause").stopped()
    project.write(0)
    project.run("list")
    late.go_on().succeeds()
    project.run("run")
    check(project)


def test_a_version_that_commits_after_its_successor_is_not_found_in_the_archive(
    make_project: Callable[..., Project],
) -> None:
    """Its bytes are gone; what lies under the usual name is the successor's."""
    project = make_project()
    project.write(5)
    project.run("list", "run")  # from now on the table has all columns, and no commit must plan again
    project.write(0)
    slow = project.start("list", "run", failpoint="commit.before:pause").stopped()
    project.write(0)
    project.run("list", "due")
    slow.go_on().succeeds()
    check(project)
    versions = "SELECT status, archive_key FROM file_version WHERE key = %s ORDER BY id"
    assert project.query(versions, "in/historical/a/f0.json") == [
        ("SUCCEEDED", None), ("SUCCEEDED", "in/historical/a/f0.json"),
    ]  # fmt: skip
