"""A replay settles a dead letter by a record of the letter's own file version, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from glulam.ingest import replay
from glulam.ingest.manifest import Manifest
from glulam.ingest.publish import Publisher
from glulam.ingest.report import BatchReport
from glulam.ledger.batches import Claim
from glulam.model.clock import new_batch_id
from glulam.model.states import FileStatus

from .conftest import Project

A, B = "s3://raw/ml/historical/a.json", "s3://raw/ml/historical/b.json"


def replayed(project: Project, more: str, *keys: tuple[int, int]) -> list[BatchReport]:
    """The reports of a run that has this replay to do, and no file."""
    pipeline, seen = project.pipeline(more), []
    processor = project.app.processor(pipeline, on_batch=seen.append)
    replay.request(processor.work, processor.pipeline_id, keys, new_batch_id)
    processor.run()
    return seen


def values(project: Project) -> list[int]:
    return sorted(row["v"] for row in project.rows())


def accounts(project: Project) -> list[tuple[int, int]]:
    return [(f.records_written, f.records_rejected) for f in project.files()]


def test_a_kept_file_that_was_overwritten_is_not_read_for_the_old_version(project: Project) -> None:
    keep = "archive: keep"
    project.put("historical/a.json", {"v": 1}, "BAD")
    assert project.run(keep).rejected == 1
    (old,) = project.files()
    project.put("historical/a.json", {"v": 10}, {"v": 20})
    (report,) = replayed(project, keep, (old.id, 2))
    assert (report.outcome, report.written, report.gone) == ("DONE", 0, (A,))
    project.run(keep)
    assert values(project) == [1, 10, 20]
    assert sorted(accounts(project)) == [(1, 1), (2, 0)]


@dataclass(frozen=True, kw_only=True)
class Overtaken(Publisher):
    """The user writes another version between the batch's commit and its end."""

    write: Callable[[], object]

    def finish(self, claim: Claim, manifest: Manifest) -> None:
        self.write()
        super().finish(claim, manifest)


def test_a_file_that_was_overwritten_before_it_could_be_archived(project: Project) -> None:
    project.put("historical/a.json", {"v": 1}, "BAD")
    project.list()
    processor = project.app.processor(project.pipeline())
    usual = {f.name: getattr(processor.publisher, f.name) for f in fields(processor.publisher)}
    overtaken = Overtaken(**usual, write=lambda: project.put("historical/a.json", {"v": 10}, {"v": 20}))
    assert replace(processor, publisher=overtaken).run().rejected == 1
    (old,) = project.files()
    assert (old.status, old.archive_key) == (FileStatus.SUCCEEDED, None)
    (report,) = replayed(project, "", (old.id, 2))
    assert (report.written, report.gone) == (0, (A,))
    project.run()
    assert values(project) == [1, 10, 20]


def test_letters_of_other_files_are_settled_all_the_same(project: Project) -> None:
    bad = '{"v": 2, "v": 3}'
    text = "transform: {select: [{sql: CAST(v AS INT) AS v, on_cast_error: reject}]}\narchive: keep"
    project.put("historical/a.json", {"v": "1"}, {"v": "x"}, bad)
    project.put("historical/b.json", {"v": "5"}, {"v": "x"})
    project.run(text)
    a, b = sorted(project.files(), key=lambda f: str(f.uri))
    project.put("historical/a.json", {"v": "7"}, {"v": "8"}, {"v": "9"})
    (report,) = replayed(project, text.replace("reject", '"null"'), (a.id, 2), (a.id, 3), (b.id, 2))
    assert (report.outcome, report.written, report.gone) == ("DONE", 1, (A,))
    assert [(r["_source_path"], r["_record_no"]) for r in project.rows() if r["v"] is None] == [(B, 2)]


def test_an_archived_file_that_somebody_replaced_by_hand_is_another_version(project: Project) -> None:
    project.put("historical/a.json", {"v": 1}, "BAD")
    project.run()
    (old,) = project.files()
    assert old.archive_key
    (project.lake / "processed" / old.archive_key).write_text('{"v": 10}\n{"v": 20}\n{"v": 30}\n')
    (report,) = replayed(project, "", (old.id, 2))
    assert (report.written, report.gone) == (0, (A,))
    assert accounts(project) == [(1, 1)]
