"""The table belongs to others, too: they append, delete rows, rename columns and repartition, and the pipeline goes on."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pyiceberg.manifest import DataFileContent
from pyiceberg.transforms import DayTransform

from glulam.ingest import compact
from glulam.ingest.iceberg import Change
from glulam.model.clock import new_batch_id
from glulam.model.errors import AlreadyExists, ConcurrentModification, InvalidConfig, UnsupportedSql
from icebergreader import batches_of, data_files, rows_of
from ingest.conftest import Project

from .outsider import as_outsider, delete_row, outside
from .test_pipeline import ICEBERG, sql, table_of

DAY = {"at": "2024-01-05", "mode": "x"}


def ids(project: Project) -> list[str]:
    return sorted(r["record_id"] for r in rows_of(table_of(project)))


def by_sql(project: Project) -> list[str]:
    return sorted(row[0] for row in sql(project, "SELECT record_id FROM ml.events"))


def append(project: Project, record_id: str) -> None:
    table = as_outsider(project)
    names = ("record_id", "year", "month", "mode")
    row = {"record_id": record_id, "year": 2024, "month": 1, "mode": "x"}
    schema = pa.schema([f for f in table.schema().as_arrow() if f.name in names])
    table.append(pa.Table.from_pylist([row], schema=schema))


def request_compaction(project: Project) -> int:
    processor = project.app.processor(project.pipeline(ICEBERG))
    return compact.request(processor.work, processor.pipeline_id, new_batch_id)


def put_days(project: Project, *numbers: int) -> None:
    for n in numbers:
        project.put(f"historical/{n}.json", {"id": n, **DAY}, {"id": n + 100, **DAY})
        project.run(ICEBERG)


def test_what_others_append_is_seen_and_kept(project: Project) -> None:
    put_days(project, 1)
    append(project, "theirs")
    put_days(project, 2)
    assert ids(project) == by_sql(project) == ["1", "101", "102", "2", "theirs"]


def test_a_new_column_of_theirs_and_of_ours(project: Project) -> None:
    put_days(project, 1)
    with outside(project) as transaction, transaction.update_schema() as update:
        update.add_column("note", as_outsider(project).schema().find_field("mode").field_type)
    project.put("historical/2.json", {"id": 2, **DAY, "n": 5})
    project.run(ICEBERG)
    assert {"note", "n"} <= {f.name for f in table_of(project).schema().fields}
    assert sorted(sql(project, "SELECT record_id, n, note FROM ml.events"))[-1] == ("2", 5, None)


def test_deleted_rows_stay_deleted_in_queries_and_compaction(project: Project) -> None:
    put_days(project, 1, 2, 3)
    first = min(data_files(table_of(project)))
    delete_row(project, first, 1)
    left = ids(project)
    assert len(left) == 5
    assert by_sql(project) == left
    assert sql(project, "SELECT count(*), count(distinct mode) FROM ml.events") == [(5, 1)]
    assert request_compaction(project) == 1
    project.run(ICEBERG)
    assert (ids(project), by_sql(project)) == (left, left)
    assert first in data_files(table_of(project)), "the file with a deleted row was left alone"


def test_equality_deletes_are_refused_and_not_overlooked(project: Project) -> None:
    put_days(project, 1)
    delete_row(project, min(data_files(table_of(project))), 0, DataFileContent.EQUALITY_DELETES)
    with pytest.raises(UnsupportedSql, match="equality deletes"):
        by_sql(project)
    put_days(project, 2)
    assert len(batches_of(table_of(project))) == 3, "the pipeline goes on: it adds files only"


def test_rows_deleted_while_a_compaction_waits_do_not_come_back(project: Project) -> None:
    put_days(project, 1, 2)
    assert request_compaction(project) == 1
    delete_row(project, min(data_files(table_of(project))), 0)
    left = ids(project)
    report = project.run(ICEBERG + "batch: {max_attempts: 1}\n")
    assert [outcome for _, outcome, _ in report.failures] == ["FAILED"]
    assert ConcurrentModification.__name__ in report.failures[0][2]
    assert (ids(project), by_sql(project)) == (left, left)
    assert len(list((project.lake / "curated").rglob("*.parquet"))) == 3, "nothing of the compaction is left"


def test_a_renamed_column_is_read_under_its_new_name_and_its_old_one_not_reused(project: Project) -> None:
    project.put("historical/1.json", {"id": 1, **DAY, "v": 7})
    project.run(ICEBERG)
    with outside(project) as transaction, transaction.update_schema() as update:
        update.rename_column("v", "speed")
    assert rows_of(table_of(project), "speed") == [{"speed": 7}]
    assert sql(project, "SELECT speed FROM ml.events") == [(7,)]
    project.put("historical/2.json", {"id": 2, **DAY, "v": 8})
    with pytest.raises(InvalidConfig, match=r"'v' .* was renamed"):
        project.run(ICEBERG)
    project.run(ICEBERG.replace('- "*"', '- v AS speed\n    - "*"'))
    assert sorted(sql(project, "SELECT speed FROM ml.events")) == [(7,), (8,)]


def test_another_partitioning_is_refused_before_the_commit(project: Project) -> None:
    put_days(project, 1)
    with outside(project) as transaction, transaction.update_spec() as update:
        update.add_field("event_time", DayTransform(), "day")
    project.put("historical/2.json", {"id": 2, **DAY})
    with pytest.raises(InvalidConfig, match="partitioned by"):
        project.run(ICEBERG)
    assert ids(project) == ["1", "101"]


def test_a_batch_that_the_table_has_is_not_added_again(project: Project) -> None:
    """As after the database was restored from a backup, and the table's newest metadata was registered again."""
    put_days(project, 1)
    (batch,) = batches_of(table_of(project))
    table = project.table()
    again = Change(
        database="ml", name="events", location=project.pipeline(ICEBERG).zones.curated, partition_keys=None,
        batch_id=batch, added=tuple(f.uri for f in project.app.iceberg.snapshot(table).files), records=2,
    )  # fmt: skip
    with pytest.raises(AlreadyExists, match=batch):
        project.app.iceberg.propose(table, again)
