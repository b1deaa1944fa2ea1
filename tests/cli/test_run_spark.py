"""`glulam run --engine spark`: the same project ends with the same accounts, rows and dead letters."""

from __future__ import annotations

from typing import Any

import pytest

from cli.conftest import Cli

OWN = {"etag", "source_etag", "_source_etag", "batch_id", "_batch_id", "ingested_at", "_ingested_at", "rejected_at", "id",
       "last_modified", "created_at", "updated_at", "processed_at", "size_bytes", "bytes", "run_id", "record_id",
       "engine", "seconds", "bytes_out", "uri", "file", "location"}  # fmt: skip
"""What is another one in every run: times, versions, sizes of files that were written."""


def same(answer: Any) -> Any:
    """An answer without what is the run's own."""
    if isinstance(answer, dict) and "rows" in answer:
        names = [c if isinstance(c, str) else c["name"] for c in answer["columns"]]
        return [answer["columns"], [same(dict(zip(names, row, strict=True))) for row in answer["rows"]]]
    if isinstance(answer, dict):
        return {k: same(v) for k, v in answer.items() if k not in OWN}
    return [same(v) for v in answer] if isinstance(answer, list) else answer


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_both_engines_end_the_same(project: Cli, done: Cli) -> None:
    answer = project("run", "--engine", "spark", "--master", "local[2]", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["engine"] == "spark"
    assert [answer.json[f"records_{what}"] for what in ("read", "written", "rejected")] == [81, 78, 3]
    rows = "select * from ml.events order by _source_path, _record_no"
    for question in (("sql", rows), ("tables",), ("dlq", "list"), ("files",)):
        mine, theirs = (same(cli.look(*question, "--json").json) for cli in (project, done))
        assert mine == theirs, question
        assert mine
