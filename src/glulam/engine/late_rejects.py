"""Dead letters of records that the transform rejected: their raw text is fetched from the file once more.

Rows in the middle of a transform carry only their place in the file; few are rejected, so reading those again is
cheaper than carrying the text of all. Left to others: what is rejected (`select.py`), how it is stored (`staging.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from glulam.engine.base import SourceFile
from glulam.engine.sources import forget
from glulam.objects.base import ObjectStore
from glulam.records.slices import slices
from glulam.records.values import ReadLimits, Reject, RejectCode

_ROWS = 20_000
_BYTES = 32 * 1024 * 1024


def late_rejects(
    tables: Sequence[pa.Table],
    sources: Iterable[SourceFile],
    store: ObjectStore,
    limits: ReadLimits,
    spool: Path,
) -> Iterator[Reject]:
    """The rejects at the places that `staging.split` gave, by file and offset. Raises ObjectChanged when a file is
    another by now."""
    if not tables:
        return
    places = pa.concat_tables(tables).sort_by([("_file", "ascending"), ("_offset", "ascending")])
    by_index = {s.index: s for s in sources}
    files = np.asarray(places.column("_file"))
    bounds = [0, *(np.flatnonzero(np.diff(files)) + 1).tolist(), len(files)]
    for start, end in itertools.pairwise(bounds):
        if start == end:
            continue
        source = by_index[int(files[start])]
        path = store.fetch(source.uri, source.etag, spool)
        yield from _of_file(source, path, places.slice(start, end - start), limits)
        forget(store, path)


def _of_file(source: SourceFile, path: Path, places: pa.Table, limits: ReadLimits) -> Iterator[Reject]:
    rows = places.to_pylist()
    wanted = [(row["_offset"], row["_length"]) for row in rows]
    for row, raw in zip(rows, slices(path, str(source.uri), wanted, limits), strict=True):
        text = raw.rstrip(b"\r\n")  # the fast path counts the carriage return, the strict one does not
        yield Reject(
            file=source.index, record_no=row["_record_no"], line=row["_line"], offset=row["_offset"],
            length=len(text), raw=text, code=RejectCode(row["reject"]), detail=row["detail"],
        )  # fmt: skip


def in_batches(rejects: Iterable[Reject]) -> Iterator[list[Reject]]:
    """Lists of rejects of a bounded size in memory."""
    batch: list[Reject] = []
    size = 0
    for reject in rejects:
        batch.append(reject)
        size += len(reject.raw)
        if len(batch) >= _ROWS or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
