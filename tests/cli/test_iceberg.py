"""The commands on a project whose table is an Iceberg table."""

from __future__ import annotations

import pytest

from cli.conftest import Cli

ICEBERG = ("# curated:\n#   format: parquet  ", "curated:\n  format: iceberg  ")
COUNTS = ("records_read", "records_written", "records_rejected", "records_rescued", "rejected_by_reason")
ROWS = """
select record_id, event_time, lat, lon, device, tags, score, year, month, ml_mode, _rescued_data, _source_path, _record_no
from ml.events order by _source_path, _record_no
"""


@pytest.mark.parametrize(
    "engine", ["duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])]
)
def test_the_same_accounts_and_rows_as_plain_parquet(project: Cli, done: Cli, engine: str) -> None:
    project.edit(lambda text: text.replace(*ICEBERG))
    master = ("--master", "local[2]") if engine == "spark" else ()
    answer = project("run", "--engine", engine, *master, "--json")
    assert answer.code == 0, answer.err
    assert {n: answer.json[n] for n in COUNTS} == {
        "records_read": 81, "records_written": 78, "records_rejected": 3, "records_rescued": 1,
        "rejected_by_reason": {"MALFORMED": 1, "NOT_AN_OBJECT": 1, "CAST_FAILED": 1},
    }  # fmt: skip
    ours, theirs = (p.look("sql", ROWS, "--limit", "0", "--json").json for p in (project, done))
    assert ours == theirs
    assert len(ours["rows"]) == 78


def test_look_and_compact(project: Cli) -> None:
    project.edit(lambda text: text.replace(*ICEBERG) + "batch: {max_files: 2}\n")
    assert project("run").code == 0
    (table,) = [t for t in project.look("tables", "--json").json["tables"] if t["name"] == "events"]
    assert (table["records"], table["partition_keys"]) == (78, ["year", "month", "ml_mode"])
    shown = project.look("tables", "ml.events")
    assert "partition key" in shown.out
    assert "2025" in shown.out
    one = project.look("tables", "ml.events", "--json").json
    assert sum(p["record_count"] for p in one["partitions"]) == 78
    compacted = project("compact", "--json").json
    assert compacted["files_after"] < compacted["files_before"]
    assert project.look("sql", "select count(*) from ml.events", "--json").json["rows"] == [[78]]
    traced = project.look("trace", "s3://raw/ml/2025/week08/events.json", "--json").json
    assert sum(h["records"] for h in traced["files"][0]["holders"]) == 10
