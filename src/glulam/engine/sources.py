"""The files of a batch, framed: what every engine does before a record is parsed, and what it counts after.

A file that was overwritten or deleted before its last byte was read is *gone*: it is named in `gone`, and whatever was
framed of it until then is for the caller to leave out. Left to others: parsing (`records/scan.py`), transforms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from glulam.engine.base import ReadJob, SourceFile
from glulam.infer.resolve import SchemaMode
from glulam.model.errors import ObjectChanged, ObjectNotFound
from glulam.model.failpoints import failpoint
from glulam.objects.base import ObjectStore
from glulam.records.chunks import Chunk
from glulam.records.framing import Framed
from glulam.records.reader import frame_file
from glulam.records.values import ReadLimits


def framed(
    store: ObjectStore, sources: Iterable[SourceFile], limits: ReadLimits, spool: Path, gone: set[int]
) -> Iterator[Framed]:
    """Lines, documents and rejects of the files, in their order. Raises UnreadableFile, StorageFailed."""
    for source in sources:
        try:
            path = store.fetch(source.uri, source.etag, spool)
            for piece in frame_file(source.index, path, str(source.uri), limits):
                yield piece
                failpoint("read.during")
            if not store.unchanged(source.uri, source.etag):
                raise ObjectChanged(f"{source.uri} was overwritten while it was read")
            forget(store, path)
        except (ObjectChanged, ObjectNotFound, FileNotFoundError):
            gone.add(source.index)


def forget(store: ObjectStore, path: Path) -> None:
    """Delete a fetched file, when it is a private copy."""
    if not store.in_place:
        path.unlink(missing_ok=True)


def learns(job: ReadJob) -> bool:
    """Whether a scan may try other schemas than the table's: not when new columns are refused anyway."""
    return job.existing is None or job.policy.mode in (
        SchemaMode.ADD_COLUMNS,
        SchemaMode.ADD_COLUMNS_WITH_WIDENING,
    )


def asked_only(sources: Iterable[SourceFile]) -> dict[int, frozenset[int]]:
    """For a replay: the asked record numbers by file. Empty: everything is asked for."""
    return {s.index: s.only for s in sources if s.only is not None}


def keep_only(chunk: Chunk, only: Mapping[int, frozenset[int]]) -> Chunk:
    """For a replay: only the asked records of a chunk."""
    if not only:
        return chunk
    wanted = np.array(
        [n in only.get(int(f), ()) for f, n in zip(chunk.file, chunk.record_no, strict=True)], bool
    )
    return replace(
        chunk, is_record=chunk.is_record & wanted,
        documents=tuple(d for d in chunk.documents if d.record_no in only.get(d.file, ())),
        rejects=tuple(r for r in chunk.rejects if r.record_no in only.get(r.file, ())),
    )  # fmt: skip


def written_keys(
    sources: Iterable[SourceFile], gone: Iterable[int], rejected: set[tuple[int, int]]
) -> dict[int, tuple[int, ...]]:
    """For a replay: the asked record numbers less the rejected ones (as (file, record number))."""
    left = set(gone)
    return {
        s.index: tuple(sorted(n for n in s.only if (s.index, n) not in rejected))
        for s in sources
        if s.only is not None and s.index not in left
    }


def count_rows(records: Counter[int], table: pa.Table) -> None:
    """Add a table's rows to the counts by file."""
    if table.num_rows:
        counts = np.bincount(np.asarray(table.column("_file")))
        for file in np.flatnonzero(counts):
            records[int(file)] += int(counts[file])
