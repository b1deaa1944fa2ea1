"""The list of published files."""

from __future__ import annotations

import pytest

from glulam.catalog.databases import ensure_database
from glulam.catalog.descriptor import TableDescriptor, to_document
from glulam.catalog.tables import create_table
from glulam.ledger import BatchKind, OutputFile
from glulam.ledger.batches import create
from glulam.ledger.outputs import add, hand_over, live, retire
from glulam.model.clock import new_batch_id
from glulam.model.errors import AlreadyExists, ConcurrentModification
from glulam.model.uri import S3Uri

from .conftest import Ledger


def output(name: str, *values: str) -> OutputFile:
    return OutputFile(
        uri=S3Uri("curated", name), values=values, record_count=5, size_bytes=100, checksum="crc32:1"
    )


def batch(ledger: Ledger) -> str:
    made: str = ledger.run(
        lambda c: create(c, ledger.pipeline, BatchKind.COMPACT, spec={}, new_id=new_batch_id)
    )
    return made


@pytest.fixture
def table(ledger: Ledger) -> int:
    with ledger.database.transaction() as c:
        ensure_database(c, "ml")
        return create_table(
            c, "ml", "t", to_document(TableDescriptor(columns=(), location="s3://curated/t/")), {}
        ).id


def test_files_are_live_until_a_compaction_retires_them(ledger: Ledger, table: int) -> None:
    first, second, third = batch(ledger), batch(ledger), batch(ledger)
    a, b, other = output("a", "2024", 'q"{,}'), output("b", "2024", 'q"{,}'), output("c", "2023", "")
    ledger.run(lambda c: add(c, first, table, [a, b, other]))
    assert [f.uri.key for f in ledger.run(lambda c: live(c, table))] == ["c", "a", "b"]
    found = ledger.run(lambda c: live(c, table, ("2024", 'q"{,}')))
    assert [(f.uri, f.values, f.record_count, f.size_bytes, f.checksum, f.batch_id) for f in found] == [
        (f.uri, f.values, 5, 100, "crc32:1", first) for f in (a, b)
    ]
    ledger.run(lambda c: retire(c, second, [a.uri, b.uri]))
    assert [f.uri.key for f in ledger.run(lambda c: live(c, table))] == ["c"]
    with pytest.raises(ConcurrentModification, match="replaces 2 files, 1 of them are live"):
        ledger.run(lambda c: retire(c, third, [a.uri, other.uri]))
    assert [f.uri.key for f in ledger.run(lambda c: live(c, table))] == ["c"], "nothing of it happened"


def test_a_name_is_given_once(ledger: Ledger, table: int) -> None:
    made = batch(ledger)
    ledger.run(lambda c: add(c, made, table, [output("a")]))
    with pytest.raises(AlreadyExists, match="1 of its 2"):
        ledger.run(lambda c: add(c, made, table, [output("a"), output("b")]))
    assert len(ledger.run(lambda c: live(c, table))) == 1


def test_only_live_files_are_handed_over(ledger: Ledger, table: int) -> None:
    first, second = batch(ledger), batch(ledger)
    a, b, c = output("a"), output("b"), output("c")
    ledger.run(lambda x: add(x, first, table, [a, b, c]))
    ledger.run(lambda x: retire(x, second, [a.uri]))
    wanted = [a.uri, b.uri]
    assert ledger.run(lambda x: hand_over(x, table, table + 1, wanted)) == 1
    assert ledger.run(lambda x: hand_over(x, table, table + 1, wanted)) == 0
    assert [f.uri.key for f in ledger.run(lambda x: live(x, table))] == ["c"]
    assert [f.uri.key for f in ledger.run(lambda x: live(x, table + 1))] == ["b"]
