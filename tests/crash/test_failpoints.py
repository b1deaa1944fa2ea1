"""kill -9 at every named point of the protocol, then recover, then ask the oracle.

`make test` runs a few points; `make crash` (GLULAM_CRASH_SWEEP=1) all of them, each with GLULAM_CRASH_SEEDS seeds
(default 3). A seed picks the number of files, the batch size, which occurrence of the point kills, and perhaps a second
point at which the recovery is killed, too.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from crash.invariants import check, check_visible
from crash.project import Project
from glulam.model.failpoints import FAILPOINTS

pytestmark = pytest.mark.crash
SWEEP = os.environ.get("GLULAM_CRASH_SWEEP") == "1"
SEEDS = int(os.environ.get("GLULAM_CRASH_SEEDS", "3")) if SWEEP else 1
MakeProject = Callable[..., Project]

_ICEBERG = tuple(p for p in FAILPOINTS if p.startswith("iceberg."))
_ELSEWHERE = ("alert", "crawl", "events", "job", "object", "orchestrate", "project")
"""Rooms whose points are swept beside their own tests."""
_INGEST = tuple(
    p for p in FAILPOINTS if p.partition(".")[0] not in ("split", "replay", "compact", "iceberg", *_ELSEWHERE)
)
_FROM_COMMIT = tuple(p for p in FAILPOINTS if p.partition(".")[0] in ("commit", "publish", "done"))
_SETTLE_FILES = ("commit.after_files", "commit.after_catalog")  # of a commit of raw files only
POINTS: dict[str, tuple[str, ...]] = {
    "ingest": _INGEST,
    "poison": ("split.before_commit", "split.after_commit"),
    "replay": ("replay.before_claim", "replay.after_claim", "stage.after_verify",
               *(p for p in _FROM_COMMIT if p not in _SETTLE_FILES)),
    "compact": ("compact.before_commit", "compact.after_commit",
                *(p for p in _FROM_COMMIT if p not in _SETTLE_FILES)),
}  # fmt: skip
"""Scenario -> the points that it must reach."""
POINTS_OF = {
    "parquet": POINTS,
    "iceberg": POINTS | {
        "ingest": (*_INGEST, *_ICEBERG),
        "replay": (*POINTS["replay"], *_ICEBERG),
        "compact": (*(p for p in POINTS["compact"] if p != "publish.during"), *_ICEBERG),  # no file of it moves
    },
}  # fmt: skip
"""The same for each format of the curated table."""
QUICK = {
    ("ingest", "list.after_register"), ("ingest", "claim.after_commit"), ("ingest", "read.after_scan"),
    ("ingest", "stage.after_verify"), ("ingest", "commit.before_commit"), ("ingest", "commit.after_commit"),
    ("ingest", "publish.during"), ("ingest", "archive.during_copy"), ("ingest", "done.after"),
    ("poison", "split.after_commit"), ("replay", "commit.after_commit"), ("compact", "publish.during"),
}  # fmt: skip
QUICK_ICEBERG = {
    ("ingest", "stage.after_verify"), ("ingest", "iceberg.after_manifests"), ("ingest", "iceberg.after_metadata"),
    ("ingest", "commit.before_commit"), ("ingest", "commit.after_commit"), ("ingest", "done.after"),
    ("poison", "split.after_commit"), ("replay", "commit.after_commit"), ("compact", "iceberg.after_metadata"),
    ("compact", "commit.after_commit"),
}  # fmt: skip
CASES = [
    (curated, scenario, point, seed)
    for curated, quick in (("parquet", QUICK), ("iceberg", QUICK_ICEBERG))
    for scenario, points in POINTS_OF[curated].items()
    for point in points
    for seed in range(SEEDS)
    if SWEEP or (scenario, point) in quick
]


def test_the_sweep_misses_no_failpoint() -> None:
    for curated, left_out in (("parquet", set(_ICEBERG)), ("iceberg", set())):
        reached = {point for points in POINTS_OF[curated].values() for point in points}
        elsewhere = {p for p in FAILPOINTS if p.partition(".")[0] in _ELSEWHERE}  # swept beside their rooms
        assert reached == set(FAILPOINTS) - left_out - elsewhere


@pytest.mark.parametrize(("curated", "scenario", "point", "seed"), CASES)
def test_killed_and_recovered(
    make_project: MakeProject, curated: str, scenario: str, point: str, seed: int
) -> None:
    draw = random.Random(f"{scenario} {point} {seed}")
    files, size = (4, 2) if seed == 0 else (draw.randint(3, 9), draw.randint(1, 4))
    if scenario == "poison":  # no batch of a single file, which would have nothing to split
        size = max(size, 2)
        files += -(files + 1) % size
    project = make_project(batch={"max_files": size}, curated=curated)
    project.write_many(files)
    if scenario == "poison":
        project.poison(draw.randrange(files, files + 3))
    steps = ["list", "run"]
    if scenario in ("replay", "compact"):
        project.run(*steps)
        steps = [scenario, "run"]
    if scenario == "replay":
        forgive_missing_event_times(project)
    project.crash(f"{point}:{nth(draw, scenario, point, seed, files, size)}", *steps)
    check_visible(project)
    if seed and scenario == "ingest":
        crash_again(project, draw)
    project.recover(*(steps if scenario in ("ingest", "poison") else ["run"]))
    if point == "replay.before_claim":
        project.run(*steps)
    check(project)
    assert done_of(project, scenario), f"{scenario} left no batch that is DONE"


def forgive_missing_event_times(project: Project) -> None:
    """The changed rule that makes a replay worth while."""
    transform = {
        "select": ["CAST(event_time AS TIMESTAMP) AS event_time", "*"], "event_time": "event_time",
        "missing_event_time": "hive_default", "partition_by": ["month(event_time) AS month", "ml_mode"],
    }  # fmt: skip
    project.configure(transform=transform)


def nth(draw: random.Random, scenario: str, point: str, seed: int, files: int, size: int) -> int:
    """Which occurrence kills: one that is sure to come."""
    if seed == 0 or scenario != "ingest" or point.startswith("list."):  # few files are one page
        return 1
    if point in ("archive.after_copy", "archive.during_copy"):
        return draw.randint(1, files)
    return draw.randint(1, -(-files // size))


def crash_again(project: Project, draw: random.Random) -> None:
    """Perhaps kill the recovery, too. A point that it does not reach is no error here."""
    if draw.random() < 0.7:
        project.expire()
        again = project.start("list", "run", failpoint=f"{draw.choice(_INGEST)}:{draw.randint(1, 2)}")
        assert again.wait() in (0, -9), project.log()
        check_visible(project)


def done_of(project: Project, scenario: str) -> int:
    kind = {"replay": "REPLAY", "compact": "COMPACT"}.get(scenario, "INGEST")
    return int(project.query("SELECT count(*) FROM batch WHERE kind = %s AND state = 'DONE'", kind)[0][0])


def test_the_oracle_sees_a_snapshot_that_is_lost(make_project: MakeProject) -> None:
    project = make_project(curated="iceberg")
    project.write_many(4)
    project.run("list", "run")
    check(project)
    project.query(
        "UPDATE catalog_table SET document = (SELECT v.document FROM catalog_table_version v"
        " WHERE v.table_id = id AND v.version = 0) WHERE name = 'events'"
    )
    with pytest.raises(AssertionError, match="are visible"):
        check_visible(project)
    with pytest.raises(AssertionError, match="snapshots"):
        check(project)


def test_the_oracle_sees_a_lost_and_a_doubled_file(make_project: MakeProject, tmp_path: Path) -> None:
    """An oracle that cannot fail proves nothing."""
    project = make_project()
    project.write_many(2)
    project.run("list", "run")
    check(project)
    file = next(project.zone("curated").rglob("*.parquet"))
    copy = file.with_name("again.parquet")
    copy.write_bytes(file.read_bytes())
    with pytest.raises(AssertionError, match="CONSERVE"):
        check(project)
    with pytest.raises(AssertionError, match="COMMIT-BEFORE-VISIBLE"):
        check_visible(project)
    copy.unlink()
    file.rename(tmp_path / "lost")
    with pytest.raises(AssertionError, match="CONSERVE"):
        check(project)
