"""Deleting a table leaves its data: the next run's table has the old files and the new ones, or says why it cannot."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from glulam.catalog.databases import delete_database
from glulam.catalog.purge import purge
from glulam.catalog.tables import Table, create_table, delete_table
from glulam.cli.letters import live_tables
from glulam.ingest import compact
from glulam.ingest.compact import CompactWork
from glulam.ingest.inspect import Filter, dead_letters
from glulam.ingest.manifest import Manifest
from glulam.ledger import lookup, outputs
from glulam.ledger.batches import Claim
from glulam.ledger.outputs import OutputFile
from glulam.model.clock import new_batch_id
from glulam.model.errors import InvalidConfig
from glulam.model.states import BatchState

from .conftest import Project

BY_MODE = "transform: {select: ['*'], partition_by: [mode]}"
SQL = "SELECT id, v, mode FROM ml.events ORDER BY id"


def delete(project: Project, name: str = "events") -> int:
    """As Glue's DeleteTable does it. Returns the table's id."""
    table = project.table(name)
    with project.app.database.transaction() as conn:
        delete_table(conn, table)
    return table.id


def purge_all(project: Project) -> list[int]:
    """Returns the ids of the tables whose rows are there after it."""
    while True:
        with project.app.database.transaction() as conn:
            if not purge(conn, 10):
                return [row[0] for row in conn.execute("SELECT id FROM catalog_table ORDER BY id").fetchall()]


def sql(project: Project, query: str = SQL) -> list[tuple[Any, ...]]:
    tables = live_tables(project.app)
    with tables.session(tables.named_in(query)) as (session, _):
        return list(session.spark(query, 0).rows)


def partitions(project: Project) -> dict[str, tuple[int, int]]:
    """Partition value -> (records, files), as the catalog counts them."""
    query = 'SELECT "values"[1], record_count, file_count FROM catalog_partition WHERE table_id = %s'
    with project.app.database.transaction() as conn:
        return {v: (r, n) for v, r, n in conn.execute(query, (project.table().id,)).fetchall()}


def first(project: Project) -> None:
    project.put("historical/a.json", {"id": 1, "v": 1, "mode": "x"}, {"id": 2, "v": 2, "mode": "y"}, "{")
    assert project.run(BY_MODE).written == 2


def second(project: Project, more: str = BY_MODE) -> None:
    project.put("historical/b.json", {"id": 3, "v": "three", "mode": "y"}, "{")
    assert project.run(more).written == 1


@pytest.mark.parametrize("purged", [False, True])
def test_the_new_table_has_the_old_files(project: Project, purged: bool) -> None:
    first(project)
    old = delete(project)
    if purged:
        purge_all(project)
    second(project)
    assert project.table().id != old
    assert sql(project) == [(1, 1, "x"), (2, 2, "y"), (3, None, "y")], "v keeps its type"
    assert partitions(project) == {"x": (1, 1), "y": (2, 2)}
    assert len(sql(project)) == len(project.rows())
    assert old not in purge_all(project), "nothing holds the old row any more"


def test_a_database_that_was_deleted_with_its_tables(project: Project) -> None:
    first(project)
    with project.app.database.transaction() as conn:
        delete_database(conn, "ml")
    purge_all(project)
    second(project)
    assert [row[0] for row in sql(project)] == [1, 2, 3]
    assert len(list(dead_letters(live_tables(project.app), Filter(pipeline="p")))) == 2


def test_again_and_again(project: Project) -> None:
    first(project)
    for _ in range(2):
        delete(project)
        project.put("historical/c.json", {"id": 9, "v": 9, "mode": "x"})
        project.run(BY_MODE)
        purge_all(project)
    assert [row[0] for row in sql(project)] == [1, 2, 9, 9]


def test_dead_letters_likewise(project: Project) -> None:
    first(project)
    delete(project, "events_dead_letters")
    purge_all(project)
    second(project)
    found = dead_letters(live_tables(project.app), Filter(pipeline="p"))
    assert sorted(letter.record_no for letter in found) == [2, 3]


def test_a_table_that_a_client_made_again(project: Project) -> None:
    first(project)
    document = project.table().document
    delete(project)
    with project.app.database.transaction() as conn:
        bare = {**document, "Parameters": {"classification": "parquet"}}
        create_table(conn, "ml", "events", bare, {})
    second(project)
    assert [row[0] for row in sql(project)] == [1, 2, 3]
    assert partitions(project) == {"x": (1, 1), "y": (2, 2)}


def test_files_that_were_deleted_too_are_not_missed(project: Project) -> None:
    first(project)
    old = delete(project)
    shutil.rmtree(project.lake / "curated" / "ml" / "events")
    second(project, "transform: {select: ['*'], partition_by: [id]}")
    assert sql(project) == [(3, "three", "y")], "a fresh start: other types and keys are free"
    with project.app.database.transaction() as conn:
        assert len(outputs.live(conn, old)) == 2, "the ledger keeps its accounts"


def test_one_of_the_files_was_deleted_too(project: Project) -> None:
    first(project)
    delete(project)
    shutil.rmtree(project.lake / "curated" / "ml" / "events" / "mode=x")
    second(project)
    assert [row[0] for row in sql(project)] == [2, 3]


def test_other_keys_than_the_old_files_have_are_refused(project: Project) -> None:
    first(project)
    delete(project)
    project.put("historical/b.json", {"id": 3, "v": 3, "mode": "y"})
    other = "transform: {select: ['*'], partition_by: [id]}"
    with pytest.raises(
        InvalidConfig, match=r"partitioned by mode; .* now says id; .* the 2 files .* ml\.events left"
    ):
        project.run(other)
    shutil.rmtree(project.lake / "curated" / "ml" / "events")
    assert project.run(other).written == 1


def test_a_compaction_of_the_deleted_table_takes_no_files_from_the_new_one(project: Project) -> None:
    for number in range(3):
        project.put(f"historical/{number}.json", {"id": number, "v": 1, "mode": "x"})
        project.run()
    processor = project.app.processor(project.pipeline())
    assert compact.request(processor.work, processor.pipeline_id, new_batch_id) == 1
    work = Overtaken(
        **{f.name: getattr(processor.compact, f.name) for f in fields(processor.compact)},
        before_commit=lambda: _deleted_and_made_again(project),
    )
    (batch,) = [b for b, _, _ in replace(processor, compact=work).run().failures]
    with project.app.database.connection() as conn:
        row = lookup.find_batch(conn, batch)
    assert row is not None
    assert row.state is BatchState.DONE, "tried again, on the new table"
    assert [r[0] for r in sql(project)] == [0, 1, 2, 3]
    assert len(project.rows()) == 4


def _deleted_and_made_again(project: Project) -> None:
    delete(project)
    project.put("historical/b.json", {"id": 3, "v": 3, "mode": "y"})
    project.list()
    done = project.app.processor(project.pipeline()).step()
    assert done is not None
    assert done.written == 1


@dataclass(frozen=True, kw_only=True)
class Overtaken(CompactWork):
    """Something happens between a compaction's STAGE and its COMMIT, the first time."""

    before_commit: Callable[[], None]
    over: list[bool] = field(default_factory=list)

    def _commit(self, claim: Claim, table: Table, manifest: Manifest, old: Sequence[OutputFile]) -> None:
        if not self.over:
            self.over.append(True)
            self.before_commit()
        super()._commit(claim, table, manifest, old)


def test_workers_side_by_side_take_the_files_over_once(project: Project) -> None:
    first(project)
    delete(project)
    for number in range(10, 20):
        project.put(f"historical/{number}.json", {"id": number, "v": 1, "mode": "x"})
    project.list(BY_MODE)
    single = BY_MODE + "\nbatch: {max_files: 1}"
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: project.run(single, listing=False), range(3)))
    assert sum(r.written for r in reports) == 10
    assert [r[0] for r in sql(project)] == [1, 2, *range(10, 20)]
    assert partitions(project) == {"x": (11, 11), "y": (1, 1)}
