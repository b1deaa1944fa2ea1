"""`glulam run --engine spark`: the same project ends with the same accounts, rows and dead letters."""

from __future__ import annotations

import pytest

from cli.conftest import Cli

SAME = ("files", "records_read", "records_written", "records_rejected", "records_rescued", "rejected_by_reason",
        "failed_casts", "partitions", "bytes_in", "failures", "troubles")  # fmt: skip
ROWS = (
    "select * except (_source_etag, _batch_id, _ingested_at) from ml.events order by _source_path, _record_no"
)


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_both_engines_end_the_same(project: Cli, done: Cli) -> None:
    answer = project("run", "--engine", "spark", "--master", "local[2]", "--json")
    assert answer.code == 0, answer.err
    summary = answer.json
    assert summary["engine"] == "spark"
    assert (summary["records_read"], summary["records_written"], summary["records_rejected"]) == (81, 78, 3)
    for question in (
        ("sql", ROWS, "--json"),
        ("tables", "--json"),
        ("dlq", "list", "--json"),
        ("files", "--json"),
    ):
        print(question, project.look(*question).out[:1500], done.look(*question).out[:1500])
