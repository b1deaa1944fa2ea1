"""Commands that look, at a project whose sample files were processed."""

from __future__ import annotations

import base64

import pytest

from cli.conftest import Cli

WEEK07 = "s3://raw/ml/2025/week07/events.json.gz"
HISTORICAL = "s3://raw/ml/historical/2024/events.ndjson"


def test_files(done: Cli) -> None:
    answer = done.look("files", "--json").json
    assert answer["counts"] == {"SUCCEEDED": 5}
    assert not answer["more"]
    by_uri = {f["uri"]: f for f in answer["files"]}
    week07 = by_uri[WEEK07]
    assert (week07["records_read"], week07["records_written"], week07["records_rejected"]) == (30, 29, 1)
    assert week07["archive_key"] == "ml/2025/week07/events.json.gz"
    one = done.look("files", "--key-contains", "week07", "--status", "succeeded", "--json").json["files"]
    assert [f["uri"] for f in one] == [WEEK07]
    assert len(done.look("files", "--limit", "2", "--json").json["files"]) == 2
    assert done.look("files", "--status", "QUARANTINED", "--json").json["files"] == []
    assert done.look("files", "--status", "LOST").code == 2


def test_files_for_a_person(done: Cli) -> None:
    out = done("files").out
    assert WEEK07 in out
    assert "in the ledger: 5 SUCCEEDED" in out


def test_files_of_another_state_cannot_be_moved(done: Cli) -> None:
    answer = done.look("files", "skip", WEEK07)
    assert answer.code == 2
    assert "is SUCCEEDED and cannot be skipped" in answer.err
    assert done.look("files", "retry", "ml/none.json").code == 3


def test_dead_letters(done: Cli) -> None:
    found = done.look("dlq", "list", "--json").json
    assert [(d["reason_code"], d["source_path"], d["record_no"]) for d in found["dead_letters"]] == [
        ("CAST_FAILED", WEEK07, 6), ("MALFORMED", HISTORICAL, 11), ("NOT_AN_OBJECT", HISTORICAL, 21),
    ]  # fmt: skip
    malformed = found["dead_letters"][1]
    assert malformed["line"] == 11
    assert malformed["raw_text"].startswith('{"id": 11, ')
    assert malformed["byte_length"] == len(malformed["raw_text"])
    only = done.look("dlq", "list", "--reason", "malformed", "--file", "historical", "--json").json[
        "dead_letters"
    ]
    assert only == [malformed]
    assert done.look("dlq", "list", "--limit", "1", "--json").json["more"]
    assert done.look("dlq", "list", "--pipeline", "other", "--json").json["dead_letters"] == []
    assert "no dead letters" in done.look("dlq", "list", "--file", "week08").out


@pytest.mark.parametrize("form", ["{id}", "{uri}#11", "{key}#11"])
def test_one_dead_letter_by_each_of_its_names(done: Cli, form: str) -> None:
    letter = done.look("dlq", "list", "--reason", "MALFORMED", "--json").json["dead_letters"][0]
    name = form.format(id=letter["id"], uri=HISTORICAL, key=HISTORICAL.removeprefix("s3://raw/"))
    assert done.look("dlq", "show", name, "--json").json["dead_letters"] == [letter]
    assert letter["raw_text"] in done("dlq", "show", name).out


def test_a_dead_letter_that_is_none(done: Cli) -> None:
    assert done.look("dlq", "show", f"{HISTORICAL}#1").code == 3
    assert done.look("dlq", "show", "ml/none.json#1").code == 3
    assert done.look("dlq", "show", HISTORICAL).code == 2


def test_trace_of_a_file(done: Cli) -> None:
    found = done("trace", WEEK07, "--json").json
    assert found["kind"] == "file"
    file = found["files"][0]
    assert file["archive"] == "s3://processed/ml/2025/week07/events.json.gz"
    assert file["batch"]["state"] == "DONE"
    assert sum(h["records"] for h in file["holders"]) == 29
    for holder in file["holders"]:
        assert (done.folder / "lake" / holder["uri"].removeprefix("s3://")).is_file()
    assert [d["record_no"] for d in file["dead_letters"]] == [6]
    assert done.look("trace", "ml/2025/week07/events.json.gz", "--json").json["files"] == found["files"]


def test_trace_of_a_record_in_the_table_and_of_one_that_is_a_dead_letter(done: Cli) -> None:
    found = done.look("trace", f"{WEEK07}#7", "--json").json
    assert found["kind"] == "record"
    (record,) = found["records"]
    assert record["record"]["record_id"] == "107"
    assert record["record"]["_record_no"] == 7
    assert found["dead_letters"] == []
    dead = done.look("trace", f"{WEEK07}#6", "--json").json
    assert dead["records"] == []
    assert [d["reason_code"] for d in dead["dead_letters"]] == ["CAST_FAILED"]
    assert done.look("trace", f"{WEEK07}#31").code == 3


def test_trace_of_an_id(done: Cli) -> None:
    found = done.look("trace", "107", "--json").json
    assert found["kind"] == "value"
    assert [r["record"]["_source_path"] for r in found["records"]] == [WEEK07]
    assert [d["record_no"] for d in done.look("trace", '"yesterday"', "--json").json["dead_letters"]] == [6]
    assert done.look("trace", "no such thing").code == 3
    assert done.look("trace", "s3://raw/ml/none.json").code == 3


def test_tables(done: Cli) -> None:
    tables = {t["name"]: t for t in done.look("tables", "--json").json["tables"]}
    assert tables["events"]["records"] == 78
    assert tables["events"]["partition_keys"] == ["year", "month", "ml_mode"]
    assert tables["events_dead_letters"]["records"] == 3
    one = done.look("tables", "ml.events", "--json").json
    columns = {c["name"]: c["type"] for c in one["table"]["descriptor"]["columns"]}
    assert columns["event_time"] == "timestamp"
    assert columns["device"] == "struct<id:string,location:struct<lat:double,lon:double>>"
    assert sum(p["record_count"] for p in one["partitions"]) == 78
    assert one["versions"][0]["cause"]["added"]["battery"] == WEEK07
    assert f"battery, ml_mode, event_time by {WEEK07}" in done("tables", "events").out
    missing = done.look("tables", "ml.nope")
    assert missing.code == 3


def test_sql(done: Cli) -> None:
    answer = done.look(
        "sql", "select year, ml_mode, count(*) as n from ml.events group by 1, 2 order by 1, 2", "--json"
    ).json
    assert answer["columns"] == [
        {"name": "year", "type": "int"}, {"name": "ml_mode", "type": "string"}, {"name": "n", "type": "bigint"},
    ]  # fmt: skip
    assert sum(n for _, _, n in answer["rows"]) == 78
    row = done.look(
        "sql", "select event_time, device.location.lat, tags from ml.events where record_id = '101'", "--json"
    )
    assert row.json["rows"] == [["2025-02-13T08:41:00Z", 59.4286, ["edge", "lab"]]]
    assert done.look("sql", "select * from ml.events", "--limit", "5", "--json").json["more"]
    assert len(done.look("sql", "select * from ml.events", "--limit", "0", "--json").json["rows"]) == 78
    joined = "select d.reason_code from ml.events_dead_letters d join ml.events e on d.record_no = e._record_no + 100"
    assert done.look("sql", joined, "--json").json["rows"] == []
    assert "7 rows" in done.look("sql", "select distinct year, month, ml_mode from ml.events").out


def test_sql_that_cannot_be(done: Cli) -> None:
    missing = done("sql", "select * from ml.nope")
    assert missing.code == 3
    assert "known tables: ml.events, ml.events_dead_letters" in missing.err
    assert done.look("sql", "select * from events").code == 3
    for query in (
        "drop table ml.events",
        "select nope from ml.events",
        "select from where",
        "copy ml.events to 'x'",
    ):
        assert done.look("sql", query).code == 2, query


def test_trace_accounts_for_every_record(done: Cli) -> None:
    """Each record of each file is in the table or among the dead letters, exactly once."""
    held = done.look("sql", "select _source_path, _record_no from ml.events", "--limit", "0", "--json").json[
        "rows"
    ]
    dead = [
        [d["source_path"], d["record_no"]] for d in done.look("dlq", "list", "--json").json["dead_letters"]
    ]
    files = done.look("files", "--json").json["files"]
    expected = sorted([f["uri"], n] for f in files for n in range(1, f["records_read"] + 1))
    assert sorted(held + dead) == expected


def test_bytes_in_json_are_base64(done: Cli) -> None:
    row = done.look("sql", "select cast('abc' as binary) as b from ml.events limit 1", "--json").json["rows"][
        0
    ]
    assert base64.b64decode(row[0]) == b"abc"
