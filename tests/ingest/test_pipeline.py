"""The pipeline end to end on a real lake and a real PostgreSQL: accounts, schema evolution, policies, zones."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from glulam.catalog.versions import versions
from glulam.ingest import compact, replay
from glulam.ledger import outputs
from glulam.model.clock import new_batch_id
from glulam.model.errors import InvalidConfig
from glulam.model.states import FileStatus

from .conftest import Project

EVENTS = """
transform:
  select:
    - CAST(id AS STRING) AS record_id
    - CAST(at AS TIMESTAMP) AS event_time
    - "*"
  event_time: event_time
  partition_by: ["year(event_time) AS year", "month(event_time) AS month", mode]
"""


def test_records_reach_their_partitions_and_rejects_their_dead_letters(project: Project) -> None:
    project.put(
        "historical/a.json", {"id": 1, "at": "2024-01-05T10:00:00Z", "mode": "x", "v": 1.5}, '{"id":2,'
    )
    project.put("2024/week07/b.json", {"id": 3, "at": "2024-02-01", "mode": "y/z"}, {"id": 4, "mode": "x"})
    report = project.run(EVENTS)
    assert (report.read, report.written, report.rejected, report.files) == (4, 2, 2, 2)
    assert report.reasons == {"MALFORMED": 1, "MISSING_EVENT_TIME": 1}
    rows = sorted(project.rows(), key=lambda r: r["record_id"])
    assert [(r["record_id"], r["year"], r["month"], r["mode"]) for r in rows] == [
        ("1", "2024", "1", "x"), ("3", "2024", "2", "y%2Fz"),
    ]  # fmt: skip
    assert (rows[0]["_source_path"], rows[0]["_record_no"], rows[0]["v"]) == (
        "s3://raw/ml/historical/a.json",
        1,
        1.5,
    )
    dead = {d["reason_code"]: d for d in project.dead()}
    assert dead["MALFORMED"]["raw_text"] == '{"id":2,'
    assert (dead["MALFORMED"]["line"], dead["MALFORMED"]["record_no"]) == (2, 2)
    assert json.loads(dead["MISSING_EVENT_TIME"]["raw_text"]) == {"id": 4, "mode": "x"}
    assert dead["MISSING_EVENT_TIME"]["byte_offset"] == len('{"id": 3, "at": "2024-02-01", "mode": "y/z"}\n')
    table = project.table()
    assert [(k.name, k.type) for k in table.descriptor.partition_keys] == [
        ("year", "int"), ("month", "int"), ("mode", "string"),
    ]  # fmt: skip
    for f in project.files():
        assert f.status is FileStatus.SUCCEEDED
        assert f.records_read == f.records_written + f.records_rejected == 2
        assert f.archive_key is not None
        assert (project.lake / "processed" / f.archive_key).exists()
    assert not list((project.lake / "raw").rglob("*.json"))
    assert not (project.lake / "curated" / "_staging").exists() or not list(
        (project.lake / "curated" / "_staging").rglob("*.*")
    )


def test_running_again_does_nothing_and_ends_well(project: Project) -> None:
    project.put("historical/a.json", {"a": 1})
    assert project.run("archive: keep").written == 1
    again = project.run("archive: keep")
    assert (again.batches, again.files) == (0, 0)
    assert project.list("archive: keep").new == 0
    assert len(project.rows()) == 1


def test_new_columns_are_added_and_the_history_says_who_brought_them(project: Project) -> None:
    project.put("historical/a.json", {"a": 1})
    project.run()
    project.put("historical/b.json", {"a": 2, "b": {"c": "x"}})
    project.run()
    project.put("historical/c.json", {"a": 3, "b": {"c": "y", "d": [1]}})
    project.run()
    assert project.columns() == {"a": "bigint", "b": "struct<c:string,d:array<bigint>>"}
    with project.app.database.transaction() as conn:
        history = versions(conn, project.table().id)
    assert [v.version for v in history] == [0, 1, 2]
    assert history[1].cause["added"] == {"b": "s3://raw/ml/historical/b.json"}
    assert sorted((r["a"], (r.get("b") or {}).get("c")) for r in project.rows()) == [
        (1, None),
        (2, "x"),
        (3, "y"),
    ]


def test_a_conflict_is_rescued_and_the_column_keeps_its_type(project: Project) -> None:
    project.put("historical/a.json", {"price": 1}, {"price": 2})
    project.run()
    project.put("historical/b.json", {"price": "free"}, {"price": 2.5}, {"price": 18446744073709551616})
    report = project.run()
    assert (report.written, report.rescued) == (3, 3)
    assert project.columns() == {"price": "bigint"}
    rescued = [json.loads(r["_rescued_data"]) for r in project.rows() if r["_rescued_data"]]
    assert rescued == [{"price": "free"}, {"price": 2.5}, {"price": 18446744073709551616}]


@pytest.mark.parametrize(
    ("policy", "columns", "second"),
    [
        ("on_conflict: new_column", {"v": "bigint", "v__string": "string"}, {"v": None, "v__string": "x"}),
        ("on_conflict: string", {"v": "string"}, {"v": "x"}),
        ("on_conflict: rescue", {"v": "bigint"}, {"v": None, "_rescued_data": '{"v":"x"}'}),
    ],
)
def test_conflict_policies_in_one_batch(
    project: Project, policy: str, columns: dict[str, str], second: dict[str, object]
) -> None:
    project.put("historical/a.json", {"v": 1}, {"v": "x"}, {"v": 3})
    assert project.run(f"schema: {{{policy}}}").written == 3
    assert project.columns() == columns
    row = next(r for r in project.rows() if r["_record_no"] == 2)
    assert {k: row[k] for k in second} == second


def test_widening_mode_widens_and_old_files_stay_readable(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    mode = "schema: {mode: add_columns_with_widening}"
    project.run(mode)
    project.put("historical/b.json", {"v": 1.5})
    project.run(mode)
    assert project.columns() == {"v": "double"}
    assert sorted(r["v"] for r in project.rows()) == [1, 1.5]


def test_whole_numbers_are_never_rounded_into_doubles(project: Project) -> None:
    project.put("historical/a.json", {"v": 9007199254740993}, {"v": 0.5}, {"v": 0.25})
    project.run()
    assert project.columns() == {"v": "double"}
    first = next(r for r in project.rows() if r["_record_no"] == 1)
    assert (first["v"], first["_rescued_data"]) == (None, '{"v":9007199254740993}')


def test_frozen_and_rescue_modes(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    project.run()
    project.put("historical/b.json", {"v": 2, "w": 1}, {"v": 3})
    assert project.run("schema: {mode: rescue}").rescued == 1
    project.put("historical/c.json", {"v": 4, "w": 1}, {"v": 5})
    report = project.run("schema: {mode: frozen}")
    assert (report.written, report.reasons) == (1, {"SCHEMA_FROZEN": 1})
    assert project.columns() == {"v": "bigint"}


def test_a_refused_column_quarantines_its_file_and_only_that(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    project.run()
    for n in range(5):
        project.put(f"historical/b{n}.json", {"v": n} if n != 3 else {"v": 3, "w": 1})
    report = project.run("schema: {mode: fail_on_new_columns}\nbatch: {backoff_s: 0}")
    assert report.written == 4
    bad = [f for f in project.files() if f.status is not FileStatus.SUCCEEDED]
    assert [(f.uri.key, f.status) for f in bad] == [("ml/historical/b3.json", FileStatus.QUARANTINED)]
    assert "new column 'w'" in (bad[0].error_message or "")


def test_casts_null_reject_default(project: Project) -> None:
    project.put(
        "historical/a.json",
        {"a": "1", "b": "1", "c": "1"},
        {"a": "x", "b": "2", "c": "x"},
        {"a": "3", "b": "x"},
    )
    report = project.run("""
transform:
  select:
    - CAST(a AS INT) AS a
    - {sql: CAST(b AS INT) AS b, on_cast_error: reject}
    - {sql: CAST(c AS INT) AS c, on_cast_error: default, default: -1}
""")
    assert report.cast_failures == {"a": 1, "b": 1, "c": 1}
    assert report.reasons == {"CAST_FAILED": 1}
    assert [(r["a"], r["b"], r["c"]) for r in sorted(project.rows(), key=lambda r: r["_record_no"])] == [
        (1, 1, 1),
        (None, 2, -1),
    ]


def test_missing_event_times_can_go_to_the_default_partition(project: Project) -> None:
    project.put("historical/a.json", {"id": 1, "at": "nonsense", "mode": None})
    text = EVENTS.replace(
        "event_time: event_time\n", "event_time: event_time\n  missing_event_time: hive_default\n"
    )
    assert project.run(text).written == 1
    assert (project.rows()[0]["year"], project.rows()[0]["mode"]) == ("__HIVE_DEFAULT_PARTITION__",) * 2


def test_columns_that_collide_are_renamed_and_kept(project: Project) -> None:
    project.put(
        "historical/a.json",
        '{"id":1,"ID":2,"year":7,"at":"2024-01-01","mode":"m","":9,"_batch_id":"mine","a,b":3}',
    )
    project.run(EVENTS.replace("CAST(id AS STRING) AS record_id", "id AS record_id"))
    row = project.rows()[0]
    assert {k: row[k] for k in ("record_id", "id__2", "year__2", "_", "_batch_id__2", "a_b", "year")} == {
        "record_id": 1, "id__2": 2, "year__2": 7, "_": 9, "_batch_id__2": "mine", "a_b": 3, "year": "2024",
    }  # fmt: skip


def test_an_overwritten_file_is_a_new_version_and_the_unread_one_superseded(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    project.list()
    project.put("historical/a.json", {"v": 2})
    assert project.list().superseded == 1
    project.run()
    assert [r["v"] for r in project.rows()] == [2]
    project.put("historical/a.json", {"v": 3})
    project.run()
    assert sorted(r["v"] for r in project.rows()) == [2, 3]
    assert sorted(f.status for f in project.files()) == ["SUCCEEDED", "SUCCEEDED", "SUPERSEDED"]
    kept = [p for p in (project.lake / "processed").rglob("*") if p.is_file()]
    assert sorted(json.loads(p.read_text())["v"] for p in kept) == [2, 3]


def test_a_version_that_is_gone_before_it_is_read_is_superseded(project: Project) -> None:
    path = project.put("historical/a.json", {"v": 1})
    project.put("historical/b.json", {"v": 2})
    project.list()
    os.unlink(path)
    assert project.run(listing=False).written == 1
    assert {f.uri.key[-6:]: f.status for f in project.files()} == {
        "a.json": "SUPERSEDED",
        "b.json": "SUCCEEDED",
    }


def test_an_unreadable_file_stands_alone_at_the_end(project: Project) -> None:
    for n in range(7):
        project.put(f"historical/{n}.json", {"v": n})
    project.put("historical/bad.json", raw=b"PK\x03\x04zip")
    report = project.run("batch: {backoff_s: 0}")
    assert report.written == 7
    bad = [f for f in project.files() if f.status is FileStatus.QUARANTINED]
    assert [f.uri.key for f in bad] == ["ml/historical/bad.json"]
    assert "zip archive" in (bad[0].error_message or "")
    assert (project.lake / "raw/ml/historical/bad.json").exists()


def test_too_many_bad_records_fail_their_file(project: Project) -> None:
    project.put("historical/a.json", {"v": 1}, "{", "{")
    project.put("historical/b.json", {"v": 2}, {"v": 3}, "{")
    report = project.run("source: {max_bad_share: 0.5}\nbatch: {backoff_s: 0}")
    assert (report.written, report.rejected) == (2, 1)
    assert {f.uri.key[-6:]: f.status for f in project.files()} == {
        "a.json": "QUARANTINED",
        "b.json": "SUCCEEDED",
    }


def test_dead_letters_are_replayed_and_their_accounts_settled(project: Project) -> None:
    project.put(
        "historical/a.json",
        {"id": 1, "at": "2024-01-01", "mode": "x"},
        {"id": 2, "at": "??", "mode": "x"},
        "{",
    )
    assert project.run(EVENTS).rejected == 2
    relaxed = EVENTS.replace(
        "event_time: event_time\n", "event_time: event_time\n  missing_event_time: hive_default\n"
    )
    pipeline = project.pipeline(relaxed)
    entry = project.files()[0]
    work, pipeline_id = project.app.work(pipeline), project.app.pipeline_id(pipeline)
    replay.request(work, pipeline_id, [(entry.id, 2), (entry.id, 3)], new_batch_id)
    report = project.app.processor(pipeline).run()
    assert (report.written, report.rejected) == (1, 0)
    after = project.files()[0]
    assert (after.records_read, after.records_written, after.records_rejected) == (3, 2, 1)
    assert sorted((r["record_id"], r["_source_path"]) for r in project.rows()) == [
        ("1", "s3://raw/ml/historical/a.json"), ("2", "s3://raw/ml/historical/a.json"),
    ]  # fmt: skip


def test_compaction_joins_small_files_and_keeps_every_row(project: Project) -> None:
    for n in range(4):
        project.put(f"historical/{n}.json", {"v": n} if n else {"v": n, "w": "only here"})
        project.run()
    assert len(list((project.lake / "curated").rglob("*.parquet"))) == 4
    pipeline = project.pipeline()
    assert compact.request(project.app.work(pipeline), project.app.pipeline_id(pipeline), new_batch_id) == 1
    project.app.processor(pipeline).run()
    paths = list((project.lake / "curated").rglob("*.parquet"))
    assert len(paths) == 1
    assert sorted((r["v"], r["w"]) for r in project.rows()) == [
        (0, "only here"),
        (1, None),
        (2, None),
        (3, None),
    ]
    with project.app.database.transaction() as conn:
        live = outputs.live(conn, project.table().id)
    assert [(f.record_count, f.uri.key.rsplit("/", 1)[1]) for f in live] == [(4, paths[0].name)]


def test_compressed_files_and_documents(project: Project) -> None:
    project.put("historical/a.json", raw=gzip.compress(b'{"v":1}\n{"v":2}\n'))
    project.put("historical/b.json", raw=b'{\n  "v": 3\n}\n')
    project.put("historical/c.json", raw=b'[{"v":4},{"v":5}]')
    project.put("historical/empty.json", raw=b"")
    project.put("historical/_SUCCESS", raw=b"x")
    assert project.run().written == 5
    assert sorted(r["v"] for r in project.rows()) == [1, 2, 3, 4, 5]
    assert len(project.files()) == 4


def test_a_changed_type_in_the_pipeline_is_refused_with_its_reason(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    project.run("transform: {select: [CAST(v AS STRING) AS v]}")
    project.put("historical/b.json", {"v": 2})
    with pytest.raises(
        InvalidConfig, match=r"column 'v' of ml\.events is string and the pipeline now makes it bigint"
    ):
        project.run("transform: {select: [CAST(v AS BIGINT) AS v]}")
    assert project.run("transform: {select: [CAST(v AS STRING) AS v]}").written == 1


def test_a_column_that_no_record_has_yet_is_left_out_until_one_has(project: Project) -> None:
    text = 'transform: {select: [device.model AS model, "CAST(score AS DOUBLE) AS score", "*"]}'
    project.put("historical/a.json", {"v": 1})
    project.run(text)
    assert project.columns() == {"score": "double", "v": "bigint"}
    project.put("historical/b.json", {"v": 2, "device": {"model": "m"}})
    project.run(text)
    assert project.columns()["model"] == "string"
