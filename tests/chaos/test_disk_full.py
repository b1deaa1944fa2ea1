"""No space for the output: a passing reason. The batch waits, loses nothing, and succeeds when there is space again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from crash.invariants import check, check_visible
from crash.project import Project

pytestmark = pytest.mark.crash


@contextmanager
def _file_size_limit(project: Project) -> Iterator[Mapping[str, str]]:
    yield {"DRIVER_FILE_SIZE_LIMIT": "4096"}


@contextmanager
def _tiny_disk(project: Project) -> Iterator[Mapping[str, str]]:
    """The curated bucket, which staging is in, on a file system of 24 KiB; its content is lost with it."""
    bucket = project.lake / "curated"
    bucket.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", str(bucket)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        yield {}
    finally:
        subprocess.run(["umount", str(bucket)], check=True)


@pytest.mark.parametrize("full", [_file_size_limit, _tiny_disk])
def test_a_full_disk(
    make_project: Callable[..., Project], full: Callable[..., Iterator[Mapping[str, str]]]
) -> None:
    project = make_project(batch={"max_files": 4, "backoff_s": 60})
    project.write_many(4, good=400)
    with full(project) as env:  # type: ignore[attr-defined]
        [_, said] = project.run("list", "due", env=env)
        assert said["outcomes"] == ["READY"]
        assert "StorageFailed" in said["failures"][0][2]
        check_visible(project)
    assert project.query("SELECT state, attempts, not_before > now() FROM batch") == [("READY", 1, True)]
    assert project.query("SELECT DISTINCT status FROM file_version") == [("FAILED",)]
    project.recover()
    check(project)
    assert project.query("SELECT state, attempts FROM batch") == [("DONE", 2)]
