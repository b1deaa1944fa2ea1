"""Where did this file or record go? Answers from the ledger and from the rows themselves, by their lineage columns.

a key or URI        each version: its state and batch, the published files that hold its records, its dead letters
URI#record_no       the published file and row, or the dead letter, that holds the record
any other text      the rows whose `record_id` (or `id`) it is, and the dead letters whose raw text contains it
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.catalog.tables import Table, list_tables
from glulam.engine.query import FILE_COLUMN, ROW_COLUMN, quoted
from glulam.ingest import inspect
from glulam.ingest.inspect import DeadLetter, Filter
from glulam.ingest.live import LiveTables, is_dead_letters, is_pipelines
from glulam.ledger import lookup
from glulam.ledger.files import LedgerEntry
from glulam.ledger.lookup import BatchRow
from glulam.model.errors import EntityNotFound
from glulam.model.states import FileStatus
from glulam.model.uri import S3Uri

ID_COLUMNS = ("record_id", "id")
MOST = 100
"""Rows and dead letters that an answer shows at most."""

_OF_FILE = "_source_path = $path AND _source_etag = $etag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A published file that holds records of a raw file."""

    table: str
    uri: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTrace:
    """One version of a raw file."""

    entry: LedgerEntry
    batch: BatchRow | None
    holders: tuple[Holder, ...]
    dead_letters: tuple[DeadLetter, ...]
    """At most MOST; `entry.records_rejected` is the count of those that are still dead."""
    archive: str | None
    """Where the raw file is, once its batch is DONE; None: where it was. Without a bucket when that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTrace:
    """One record in a published file."""

    table: str
    uri: str
    row: int
    """From 1, in the file."""
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    asked: str
    kind: str
    """`file`, `record` or `value`."""
    files: tuple[FileTrace, ...] = ()
    records: tuple[RecordTrace, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()


def trace(live: LiveTables, asked: str, archives: Mapping[str, S3Uri]) -> Trace:
    """Find what `asked` names. `archives`: the processed zone by pipeline, as far as known. Raises EntityNotFound."""
    with live.database.connection() as conn:
        versions = lookup.versions_anywhere(conn, asked)
        tables = [
            t for t in list_tables(conn, scope=live.scope) if is_pipelines(t) and not is_dead_letters(t)
        ]
    if versions:
        found = tuple(_file(live, v, tables, archives) for v in versions)
        return Trace(asked=asked, kind="file", files=found)
    head, mark, number = asked.rpartition("#")
    if mark and number.isdigit() and (head.startswith("s3://") or head.isdigit() or _known(live, head)):
        return _record(live, asked, tables)
    if asked.startswith("s3://"):
        raise EntityNotFound(f"the ledger has no file {asked!r}")
    return _value(live, asked, tables)


def _known(live: LiveTables, key: str) -> bool:
    with live.database.connection() as conn:
        return bool(lookup.versions_anywhere(conn, key))


def _file(
    live: LiveTables, entry: LedgerEntry, tables: Sequence[Table], archives: Mapping[str, S3Uri]
) -> FileTrace:
    batch = None
    holders: tuple[Holder, ...] = ()
    letters: tuple[DeadLetter, ...] = ()
    if entry.batch_id is not None:
        with live.database.connection() as conn:
            batch = lookup.find_batch(conn, entry.batch_id)
    if entry.status is FileStatus.SUCCEEDED:
        holders = _holders(live, entry, tables)
        letters = tuple(inspect.dead_letters(live, _letters_of(entry), MOST))
    archive = None
    if entry.archive_key is not None:
        zone = archives.get(entry.pipeline)
        archive = str(S3Uri(zone.bucket, entry.archive_key)) if zone else entry.archive_key
    return FileTrace(entry=entry, batch=batch, holders=holders, dead_letters=letters, archive=archive)


def _letters_of(entry: LedgerEntry, record_no: int | None = None) -> Filter:
    return Filter(
        pipeline=entry.pipeline, file=str(entry.uri), etag=entry.etag, record_no=record_no, settled=None
    )


def _mine(entry: LedgerEntry, tables: Sequence[Table]) -> list[Table]:
    return [t for t in tables if t.descriptor.parameters.get("glulam.pipeline") == entry.pipeline]


def _holders(live: LiveTables, entry: LedgerEntry, tables: Sequence[Table]) -> tuple[Holder, ...]:
    found: list[Holder] = []
    for table in _mine(entry, tables):
        query = (
            f"SELECT {FILE_COLUMN}, count(*) AS n FROM {_view(table)} WHERE {_OF_FILE} GROUP BY 1 ORDER BY 1"  # noqa: S608
        )
        with live.session([table], places=True) as (session, uris):
            for row in session.rows(query, {"path": str(entry.uri), "etag": entry.etag}):
                found.append(Holder(table=_name(table), uri=str(uris[row[FILE_COLUMN]]), records=row["n"]))
    return tuple(found)


def _record(live: LiveTables, asked: str, tables: Sequence[Table]) -> Trace:
    versions, number = inspect.file_and_number(live, asked)
    files: list[FileTrace] = []
    records: list[RecordTrace] = []
    letters: list[DeadLetter] = []
    for entry in versions:
        files.append(FileTrace(entry=entry, batch=None, holders=(), dead_letters=(), archive=None))
        for table in _mine(entry, tables):
            given = {"path": str(entry.uri), "etag": entry.etag, "record": number}
            records += _rows(live, table, f"{_OF_FILE} AND _record_no = $record", given)
        letters += inspect.dead_letters(live, _letters_of(entry, number), MOST)
    read = [v for v in versions if v.status is FileStatus.SUCCEEDED]
    if read and not records and not letters:
        raise EntityNotFound(
            f"{read[-1].uri} has {read[-1].records_read} records; there is no record {number}"
        )
    return Trace(
        asked=asked, kind="record", files=tuple(files), records=tuple(records), dead_letters=tuple(letters)
    )


def _value(live: LiveTables, asked: str, tables: Sequence[Table]) -> Trace:
    records: list[RecordTrace] = []
    for table in tables:
        names = {c.name for c in (*table.descriptor.columns, *table.descriptor.partition_keys)}
        column = next((c for c in ID_COLUMNS if c in names), None)
        if column is not None:
            records += _rows(live, table, f"CAST({quoted(column)} AS VARCHAR) = $value", {"value": asked})
    letters = inspect.dead_letters(live, Filter(text=asked, settled=None), MOST)
    if not records and not letters:
        raise EntityNotFound(
            f"{asked!r}: no file of that key, no record with that {' or '.join(ID_COLUMNS)}, and no dead letter "
            "whose text contains it"
        )
    return Trace(asked=asked, kind="value", records=tuple(records), dead_letters=tuple(letters))


def _rows(live: LiveTables, table: Table, where: str, given: Mapping[str, object]) -> list[RecordTrace]:
    query = f"SELECT * FROM {_view(table)} WHERE {where} LIMIT {MOST}"  # noqa: S608
    with live.session([table], places=True) as (session, uris):
        rows = session.rows(query, given)
    return [
        RecordTrace(
            table=_name(table), uri=str(uris[row[FILE_COLUMN]]), row=row[ROW_COLUMN],
            record={k: v for k, v in row.items() if k not in (FILE_COLUMN, ROW_COLUMN)},
        )
        for row in rows
    ]  # fmt: skip


def _view(table: Table) -> str:
    return f"{quoted(table.database)}.{quoted(table.name)}"


def _name(table: Table) -> str:
    return f"{table.database}.{table.name}"
