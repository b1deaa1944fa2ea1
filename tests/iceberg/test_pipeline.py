"""A pipeline whose table is an Iceberg table, looked at by PyIceberg alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from glulam.catalog.purge import purge
from glulam.catalog.tables import delete_table
from glulam.catalog.versions import versions
from glulam.cli.letters import live_tables
from glulam.ingest import compact, replay
from glulam.ingest.live import LiveTables
from glulam.ingest.trace import trace
from glulam.model.clock import new_batch_id
from glulam.model.errors import InvalidConfig
from icebergreader import StaticTable, batches_of, data_files, open_table, rows_of
from ingest.conftest import Project

ICEBERG = """
curated: {format: iceberg}
transform:
  select:
    - CAST(id AS STRING) AS record_id
    - CAST(at AS TIMESTAMP) AS event_time
    - "*"
  event_time: event_time
  partition_by: ["year(event_time) AS year", "month(event_time) AS month", mode]
"""


def table_of(project: Project) -> StaticTable:
    found = open_table(project.app.database.url, project.lake)
    assert found is not None
    return found


def live(project: Project) -> LiveTables:
    return live_tables(project.app)


def sql(project: Project, query: str) -> list[tuple[Any, ...]]:
    tables = live(project)
    with tables.session(tables.named_in(query)) as (session, _):
        return list(session.spark(query, 0).rows)


def put_two(project: Project) -> None:
    project.put(
        "historical/a.json", {"id": 1, "at": "2024-01-05T10:00:00Z", "mode": "x", "v": 1.5}, '{"id":2,'
    )
    project.put("2024/week07/b.json", {"id": 3, "at": "2024-02-01", "mode": "y/z"}, {"id": 4, "mode": "x"})


def test_the_table_is_what_pyiceberg_sees(project: Project) -> None:
    put_two(project)
    report = project.run(ICEBERG)
    assert (report.read, report.written, report.rejected) == (4, 2, 2)
    table = table_of(project)
    rows = sorted(rows_of(table), key=lambda r: r["record_id"])
    assert [(r["record_id"], r["year"], r["month"], r["mode"]) for r in rows] == [
        ("1", 2024, 1, "x"), ("3", 2024, 2, "y/z"),
    ]  # fmt: skip
    assert [f.name for f in table.spec().fields] == ["year", "month", "mode"]
    types = {f.name: str(f.field_type) for f in table.schema().fields}
    assert (types["event_time"], types["v"], types["year"]) == ("timestamptz", "double", "int")
    assert batches_of(table) == [rows[0]["_batch_id"]]
    only = table.scan(row_filter="mode = 'x' and month = 1").plan_files()
    assert len(list(only)) == 1, "partitions are pruned"
    assert len(project.dead()) == 2


def test_the_catalog_row_is_as_glue_clients_expect(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    first = project.table().descriptor
    assert (first.parameters["table_type"], first.table_type) == ("ICEBERG", "EXTERNAL_TABLE")
    assert first.partition_keys == ()
    by_name = {c.name: c for c in first.columns}
    assert by_name["year"].type == "int"
    assert by_name["record_id"].parameters["iceberg.field.current"] == "true"
    project.put("historical/c.json", {"id": 5, "at": "2024-01-06", "mode": "x"})
    project.run(ICEBERG)
    second = project.table().descriptor
    assert second.parameters["previous_metadata_location"] == first.parameters["metadata_location"]
    assert second.location == "s3://curated/ml/events"


def test_new_columns_join_and_old_files_stay_readable(project: Project) -> None:
    project.put("historical/a.json", {"id": 1, "at": "2024-01-05", "mode": "x", "d": {"a": 1}})
    project.run(ICEBERG)
    project.put(
        "historical/b.json", {"id": 2, "at": "2024-01-06", "mode": "x", "n": 7, "d": {"a": 2, "b": ["q"]}}
    )
    project.run(ICEBERG)
    rows = sorted(rows_of(table_of(project)), key=lambda r: r["record_id"])
    assert [r["n"] for r in rows] == [None, 7]
    assert [r["d"] for r in rows] == [{"a": 1, "b": None}, {"a": 2, "b": ["q"]}]
    assert sorted(sql(project, "SELECT record_id, n, d.b, year FROM ml.events")) == [
        ("1", None, None, 2024), ("2", 7, ["q"], 2024),
    ]  # fmt: skip
    with project.app.database.transaction() as conn:
        added = [v.cause["added"] for v in versions(conn, project.table().id)]
    assert added[-1] == {"n": "s3://raw/ml/historical/b.json"}


def test_default_partition_and_no_partitions(project: Project) -> None:
    lax = ICEBERG + "  missing_event_time: hive_default\n"
    project.put("historical/a.json", {"id": 1, "mode": ""}, {"id": 2, "at": "2024-01-06", "mode": "x"})
    project.run(lax)
    rows = sorted(rows_of(table_of(project)), key=lambda r: r["record_id"])
    assert [(r["year"], r["mode"]) for r in rows] == [(None, None), (2024, "x")]
    assert sql(project, "SELECT count(*) FROM ml.events WHERE year IS NULL") == [(1,)]


def test_trace_and_counts(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    found = trace(live(project), "s3://raw/ml/historical/a.json", {})
    (holder,) = found.files[0].holders
    assert holder.uri in data_files(table_of(project))
    record = trace(live(project), "s3://raw/ml/2024/week07/b.json#1", {})
    assert record.records[0].record["mode"] == "y/z"
    counts = live(project).counts(project.table())
    assert (counts.partition_keys, counts.files, counts.records) == (("year", "month", "mode"), 2, 2)
    assert {p.values: (p.file_count, p.record_count) for p in counts.partitions} == {
        ("2024", "1", "x"): (1, 1),
        ("2024", "2", "y/z"): (1, 1),
    }


def test_a_batch_of_dead_letters_alone_makes_no_snapshot(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    project.put("historical/c.json", {"id": 9, "mode": "x", "late": 1})
    report = project.run(ICEBERG)
    assert (report.written, report.rejected) == (0, 1)
    table = table_of(project)
    assert len(batches_of(table)) == 1
    assert "late" not in {c.name for c in project.table().descriptor.columns}
    project.put("historical/d.json", {"id": 10, "at": "2024-03-01", "mode": "x", "late": 2})
    project.run(ICEBERG)
    assert sorted(r["late"] or 0 for r in rows_of(table_of(project))) == [0, 0, 2]


def test_replay(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    lax = project.pipeline(ICEBERG + "  missing_event_time: hive_default\n")
    (entry,) = [f for f in project.files() if f.uri.key.endswith("b.json")]
    processor = project.app.processor(lax)
    batch = replay.request(processor.work, processor.pipeline_id, [(entry.id, 2)], new_batch_id)
    processor.run()
    rows = rows_of(table_of(project))
    assert sorted(r["record_id"] for r in rows) == ["1", "3", "4"]
    assert batches_of(table_of(project))[-1] == batch


def test_compaction_is_a_snapshot_that_keeps_every_row(project: Project) -> None:
    for n in range(5):
        project.put(f"historical/{n}.json", {"id": n, "at": "2024-01-05", "mode": "x", f"c{n}": n})
        project.run(ICEBERG)
    before = rows_of(table_of(project))
    processor = project.app.processor(project.pipeline(ICEBERG))
    assert compact.request(processor.work, processor.pipeline_id, new_batch_id) == 1
    processor.run()
    table = table_of(project)
    assert len(data_files(table)) == 1
    key = lambda r: r["record_id"]  # noqa: E731
    assert sorted(rows_of(table), key=key) == sorted(before, key=key)
    snapshot = table.metadata.current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    assert snapshot.summary["deleted-data-files"] == "5"
    earlier = table.scan(snapshot_id=table.metadata.snapshots[-2].snapshot_id).to_arrow()
    assert earlier.num_rows == 5, "older snapshots keep their files"
    assert sql(project, "SELECT count(*), sum(c3) FROM ml.events") == [(5, 3)]


def test_processors_side_by_side_lose_no_snapshot(project: Project) -> None:
    many = ICEBERG + "batch: {max_files: 1}\n"
    for n in range(12):
        project.put(f"historical/{n}.json", {"id": n, "at": f"2024-01-{n + 1:02d}", "mode": "x"})
    project.list(many)
    pipeline = project.pipeline(many)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: project.app.processor(pipeline).run(), range(4)))
    assert [f for r in reports for f in r.failures] == []
    table = table_of(project)
    assert sorted(int(r["record_id"]) for r in rows_of(table)) == list(range(12))
    assert len(batches_of(table)) == len(set(batches_of(table))) == 12
    metadata = project.lake / "curated/ml/events/metadata"
    named = {e.metadata_file.rpartition("/")[2] for e in table.metadata.metadata_log}
    named.add(table.metadata_location.rpartition("/")[2])
    assert {p.name for p in metadata.glob("*.metadata.json")} == named, "lost races leave nothing"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("schema: {mode: add_columns_with_widening}\n", "pipeline.yaml:.*schema.mode"),
        ("curated: {format: avro}\n", "pipeline.yaml:.*curated.format"),
    ],
)
def test_what_cannot_be_is_said_by_line(project: Project, more: str, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        project.pipeline(("" if "curated" in more else "curated: {format: iceberg}\n") + more)


def test_a_table_does_not_change_its_kind_or_partitions(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    project.put("historical/c.json", {"id": 5, "at": "2024-01-06", "mode": "x"})
    with pytest.raises(InvalidConfig, match="is an Iceberg table"):
        project.run(ICEBERG.replace("iceberg", "parquet"))
    with pytest.raises(InvalidConfig, match="partitioned by"):
        project.run(ICEBERG.replace(", mode]", "]"))
    report = project.run(ICEBERG)
    assert report.written == 1, "no attempt was used up"


def test_nothing_is_left_beside_the_table(project: Project) -> None:
    put_two(project)
    project.run(ICEBERG)
    on_disk = {f"s3://{p.relative_to(project.lake)}" for p in (project.lake / "curated").rglob("*.parquet")}
    assert on_disk == set(data_files(table_of(project)))
    assert not [p for p in (project.lake / "curated/_staging").rglob("*") if p.is_file()]
    json.loads(project.table().descriptor.parameters["glulam.raw_schema"])


def test_a_deleted_table_goes_on_where_it_was(project: Project) -> None:
    project.put("historical/a.json", {"id": 1, "at": "2024-01-05", "mode": "x", "v": 1})
    project.run(ICEBERG)
    old = project.table()
    with project.app.database.transaction() as conn:
        delete_table(conn, old)
        purge(conn, 100)
    project.put("historical/b.json", {"id": 2, "at": "2024-01-06", "mode": "x", "v": "two"})
    project.run(ICEBERG)
    new = project.table().descriptor.parameters
    assert new["previous_metadata_location"] == old.descriptor.parameters["metadata_location"]
    assert sorted((r["record_id"], r["v"]) for r in rows_of(table_of(project))) == [("1", 1), ("2", None)]
    assert sorted(sql(project, "SELECT record_id, v FROM ml.events")) == [("1", 1), ("2", None)]
    assert len(batches_of(table_of(project))) == 2
