"""A mistake in the configuration costs nothing, and data never stops a pipeline for good."""

from __future__ import annotations

import pytest

from glulam.ledger import files
from glulam.model.errors import InvalidConfig
from ingest.conftest import Project

MISTAKE = "transform: {select: ['*', 'concat(a, nope) AS n'], event_time: n}"


def test_a_wrong_configuration_uses_up_no_attempt(project: Project) -> None:
    project.put("historical/a.json", {"a": "x"})
    for _ in range(4):
        with pytest.raises(InvalidConfig):
            project.run(MISTAKE + "\nbatch: {max_attempts: 2, backoff_s: 60}")
    with project.app.database.connection() as conn:
        assert {str(s) for s in files.count_by_status(conn)} == {"FAILED"}
    assert project.run("batch: {max_attempts: 2, backoff_s: 60}").written == 1


def test_on_conflict_string_keeps_the_type_that_a_table_has(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    project.run("schema: {on_conflict: string}")
    project.put("historical/b.json", {"v": "x"}, {"v": 2}, {"w": 1}, {"w": "y"})
    report = project.run("schema: {on_conflict: string}")
    assert (report.written, report.rescued, report.failures) == (4, 1, [])
    assert project.columns() == {"v": "bigint", "w": "string"}
    by_number = {r["_record_no"]: r for r in project.rows() if r["_source_path"].endswith("b.json")}
    assert (by_number[1]["v"], by_number[1]["_rescued_data"]) == (None, '{"v":"x"}')
    assert (by_number[3]["w"], by_number[4]["w"]) == ("1", "y")
