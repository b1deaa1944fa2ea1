"""What an attempt that came to nothing leaves, and that exactly this is removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from glulam.ingest.config import Pipeline, parse
from glulam.ingest.places import (
    abandon_attempt,
    begin_attempt,
    drop_attempt,
    drop_batch,
    drop_unlisted,
    staging_prefix,
    staging_root,
)
from glulam.ledger.batches import BatchKind, Claim
from glulam.model.states import BatchState
from glulam.model.uri import S3Uri
from glulam.objects.lake import Lake

from .conftest import BASE


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    (tmp_path / "lake").mkdir()
    return Lake(tmp_path / "lake")


PIPELINE: Pipeline = parse(BASE + "curated: {format: iceberg}\n", "pipeline.yaml")


def claim(epoch: int) -> Claim:
    return Claim(
        batch_id="b1", pipeline_id=1, kind=BatchKind.INGEST, state=BatchState.RUNNING, epoch=epoch, attempts=epoch
    )  # fmt: skip


def attempt(lake: Lake, epoch: int) -> S3Uri:
    """An attempt that has written two files."""
    data = begin_attempt(lake, PIPELINE, claim(epoch))
    put(lake, data.join("year=2024", "part-00000.parquet"))
    put(lake, data.join("part-00001.parquet"))
    return data


def put(lake: Lake, uri: S3Uri) -> None:
    path = Path(lake.root) / "source"
    path.write_bytes(b"x")
    lake.put(path, uri)
    path.unlink()


def files(lake: Lake) -> list[str]:
    return sorted(str(p.relative_to(lake.root)) for p in Path(lake.root).rglob("*") if p.is_file())


def test_a_dead_attempt_goes_and_the_committed_one_stays(lake: Lake) -> None:
    attempt(lake, 1)
    kept = attempt(lake, 2)
    drop_batch(lake, staging_root(PIPELINE).join("b1/"), str(staging_prefix(PIPELINE, claim(2))))
    assert files(lake) == [
        f"curated/{kept.key}/part-00001.parquet",
        f"curated/{kept.key}/year=2024/part-00000.parquet",
    ]


def test_beginning_again_begins_empty(lake: Lake) -> None:
    attempt(lake, 1)
    begin_attempt(lake, PIPELINE, claim(1))
    assert [f for f in files(lake) if f.endswith(".parquet")] == []


def test_a_worker_that_wrote_on_after_the_sweep(lake: Lake) -> None:
    data = attempt(lake, 1)
    drop_attempt(lake, staging_prefix(PIPELINE, claim(1)), None)
    put(lake, data.join("late.parquet"))
    abandon_attempt(lake, PIPELINE, claim(1), str(staging_prefix(PIPELINE, claim(1))))
    assert files(lake) == [f"curated/{data.key}/late.parquet"], "its own commit may have arrived"
    abandon_attempt(lake, PIPELINE, claim(1), str(staging_prefix(PIPELINE, claim(2))))
    assert files(lake) == []


def test_only_what_is_listed_stays(lake: Lake) -> None:
    data = attempt(lake, 1)
    drop_unlisted(lake, data, [data.join("part-00001.parquet")])
    assert [f for f in files(lake) if f.endswith(".parquet")] == [f"curated/{data.key}/part-00001.parquet"]


def test_a_note_that_names_another_place_removes_nothing(lake: Lake) -> None:
    staging = staging_prefix(PIPELINE, claim(1))
    put(lake, S3Uri("raw", "ml/a.json"))
    put(lake, staging.join("in_place", "raw", "ml", "note"))
    drop_attempt(lake, staging, None)
    assert files(lake) == ["raw/ml/a.json"]
