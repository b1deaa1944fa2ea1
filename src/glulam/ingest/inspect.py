"""Dead letters as a person asks for them: where each came from, why, and whether a replay has settled it since.

A dead letter is known as `<file>#<record number>`, where file is the raw file's URI or key, or the ledger's number of
the file version. What is done about them is `replay.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from glulam.catalog.tables import Table, list_tables
from glulam.engine.query import quoted
from glulam.ingest.live import LiveTables, is_dead_letters
from glulam.ledger import files, lookup
from glulam.ledger.files import LedgerEntry
from glulam.model.errors import EntityNotFound, InvalidInput

_SETTLED = pa.schema(
    [
        ("batch_id", pa.string()),
        ("source_path", pa.string()),
        ("record_no", pa.int64()),
        ("settled_by", pa.string()),
    ]
)
_WHERE = """
WHERE ($settled IS NULL OR (s.settled_by IS NOT NULL) = $settled)
  AND ($file IS NULL OR contains(d.source_path, $file)) AND ($reason IS NULL OR d.reason_code = $reason)
  AND ($etag IS NULL OR d.source_etag = $etag) AND ($record IS NULL OR d.record_no = $record)
  AND ($text IS NULL OR contains(d.raw_text, $text))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One piece of input that is not a record."""

    id: str
    """`<file id>#<record number>`."""
    file_id: int
    pipeline: str
    source_path: str
    source_etag: str
    record_no: int
    line: int | None
    byte_offset: int | None
    byte_length: int | None
    """In the decompressed content."""
    reason_code: str
    reason: str
    raw_text: str
    raw_bytes: bytes | None
    """The content as it is, when it is not UTF-8."""
    batch_id: str
    rejected_at: datetime
    settled_by: str | None
    """The replay that made a record of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which dead letters; None: any."""

    pipeline: str | None = None
    file: str | None = None
    """A part of the raw file's URI."""
    etag: str | None = None
    record_no: int | None = None
    reason: str | None = None
    """A reason code, such as MALFORMED."""
    text: str | None = None
    """A part of the raw text."""
    settled: bool | None = False


def dead_letters(live: LiveTables, wanted: Filter, limit: int | None = None) -> list[DeadLetter]:
    """Those that match, by file and record number; limit None: all."""
    tables = _tables(live, wanted.pipeline)
    if not tables:
        return []
    with live.database.connection() as conn:
        settled = lookup.settlements(conn, wanted.pipeline)
    registered = {"settled": pa.Table.from_pylist([dict(zip(_SETTLED.names, r, strict=True)) for r in settled],
                                                  schema=_SETTLED)}  # fmt: skip
    given: dict[str, object] = {
        "settled": wanted.settled, "file": wanted.file, "etag": wanted.etag, "record": wanted.record_no,
        "reason": wanted.reason.upper() if wanted.reason else None, "text": wanted.text,
        "limit": 2**62 if limit is None else limit,
    }  # fmt: skip
    with live.session(tables, registered=registered) as (session, _):
        rows = session.rows(_query(tables), given)
    return _known(live, rows, wanted.pipeline)


def count_by_reason(found: Sequence[DeadLetter]) -> dict[str, int]:
    """How many of each reason code, most frequent first."""
    counts: dict[str, int] = {}
    for letter in found:
        counts[letter.reason_code] = counts.get(letter.reason_code, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def file_and_number(
    live: LiveTables, name: str, pipeline: str | None = None
) -> tuple[list[LedgerEntry], int]:
    """The versions (oldest first) and the record number that `FILE#RECORD_NO` names.

    Raises InvalidInput for another form, EntityNotFound when the ledger has no such file."""
    file, mark, number = name.rpartition("#")
    if not mark or not file or not number.isdigit():
        raise InvalidInput(f"{name!r}: expected FILE#RECORD_NO, such as s3://raw/ml/a.json#17 or 42#17")
    with live.database.connection() as conn:
        if file.isdigit():
            return [files.get_by_id(conn, int(file))], int(number)
        found = lookup.versions_anywhere(conn, file, pipeline)
    if not found:
        raise EntityNotFound(f"the ledger has no file {file!r}")
    return found, int(number)


def get(live: LiveTables, name: str, pipeline: str | None = None) -> list[DeadLetter]:
    """The dead letters of that name, one for each version of the file. Raises EntityNotFound."""
    versions, number = file_and_number(live, name, pipeline)
    found: list[DeadLetter] = []
    for v in versions:
        found += [
            d for d in dead_letters(live, Filter(pipeline=v.pipeline, file=str(v.uri), etag=v.etag, record_no=number,
                                                 settled=None))
            if d.file_id == v.id
        ]  # fmt: skip
    if not found:
        raise EntityNotFound(f"record {number} of {versions[-1].uri} is not a dead letter")
    return found


def _tables(live: LiveTables, pipeline: str | None) -> list[Table]:
    with live.database.connection() as conn:
        found = [t for t in list_tables(conn, scope=live.scope) if is_dead_letters(t)]
    return [t for t in found if pipeline in (None, t.descriptor.parameters.get("glulam.pipeline"))]


def _query(tables: Sequence[Table]) -> str:
    names = [f"{quoted(t.database)}.{quoted(t.name)}" for t in tables]
    union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in names)  # noqa: S608
    return (
        f"SELECT d.*, s.settled_by FROM ({union}) d LEFT JOIN settled s USING (batch_id, source_path, record_no)"  # noqa: S608
        f"{_WHERE} ORDER BY d.source_path, d.source_etag, d.record_no LIMIT $limit"
    )


def _known(live: LiveTables, rows: Sequence[dict[str, Any]], pipeline: str | None) -> list[DeadLetter]:
    """Rows with the ledger's numbers of their files."""
    wanted = sorted({(r["batch_id"], r["source_path"], r["source_etag"]) for r in rows})
    with live.database.connection() as conn:
        known = lookup.letter_files(conn, wanted)
    found = []
    for row in rows:
        file_id, name = known[row["batch_id"], row["source_path"], row["source_etag"]]
        if pipeline in (None, name):
            found.append(
                DeadLetter(id=f"{file_id}#{row['record_no']}", file_id=file_id, pipeline=name, **row)
            )
    return found
