"""Each version of a raw file has a place in the archive; a batch that cannot end says why."""

from __future__ import annotations

from pathlib import Path

from glulam.ingest.publish import own_key
from glulam.ledger import lookup
from glulam.model.states import BatchState

from .conftest import Project

SOON = "batch: {lease_s: 0.5, backoff_s: 0, max_attempts: 2}"


def archived(project: Project) -> dict[str, str]:
    """Name in the archive -> content."""
    folder = project.lake / "processed" / "ml" / "historical"
    return {p.name: p.read_text() for p in folder.iterdir() if p.is_file()}


def test_later_versions_of_a_name_with_a_tilde(project: Project) -> None:
    for number in range(3):
        project.put("historical/a~b.json", {"v": number})
        report = project.run(SOON)
        assert (report.written, report.failures) == (1, [])
    found = archived(project)
    assert found.pop("a~b.json") == '{"v": 0}\n'
    assert sorted(found.values()) == ['{"v": 1}\n', '{"v": 2}\n']
    assert all(name.startswith("a~b.json~") for name in found)


def test_a_name_that_looks_like_a_later_version_is_a_name() -> None:
    own = own_key("in/a.json", "e1")
    assert own_key(own, "e1") == own
    assert own_key(own, "e2").startswith(f"{own}~")


def _block(project: Project) -> list[Path]:
    """Take both names that the one file could have in the archive."""
    project.list(SOON)
    (file,) = project.files()
    names = [file.uri.key, own_key(file.uri.key, file.etag)]
    taken = [project.lake / "processed" / name for name in names]
    for path in taken:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of somebody else")
    return taken


def test_a_batch_that_cannot_be_archived_ends_the_run_and_goes_on_later(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    taken = _block(project)
    report = project.run(SOON)
    assert (report.batches, report.written) == (1, 1)
    assert [outcome for _, outcome, _ in report.failures] == ["COMMITTED"] * 2
    assert "cannot be archived: s3://processed/ml/historical/a.json~" in report.failures[-1][2]
    with project.app.database.connection() as conn:
        row = lookup.find_batch(conn, report.failures[0][0])
    assert row is not None
    assert (row.state, row.error_message) == (BatchState.COMMITTED, report.failures[-1][2])
    taken[1].unlink()
    again = project.run(SOON)
    assert (again.batches, again.failures) == (1, [])
    with project.app.database.connection() as conn:
        row = lookup.find_batch(conn, report.failures[0][0])
    assert row is not None
    assert (row.state, row.error_message) == (BatchState.DONE, None)
    assert len(project.rows()) == 1
    assert taken[0].read_text() == "of somebody else"


def test_other_files_are_not_held_up_by_it(project: Project) -> None:
    project.put("historical/a.json", {"v": 1})
    _block(project)
    project.run(SOON)
    project.put("historical/b.json", {"v": 2})
    project.run(SOON)
    assert "b.json" in archived(project)
    assert sorted(row["v"] for row in project.rows()) == [1, 2]
