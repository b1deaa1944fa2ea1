"""Which partition values a table can hold: asked of every row before it is written, on every engine.

A value becomes the name of a folder and a text in PostgreSQL, and neither takes all that a JSON string can be. A record
with such a value is rejected alone; found out later, at the commit, it would take its whole file with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from glulam.engine.base import HIVE_DEFAULT
from glulam.engine.partition_writer import partition_folder
from glulam.records.values import RejectCode

FOLDER_BYTES = 255
"""Longest name of a folder on a disk."""
PATH_BYTES = 768
"""Longest name of all folders with their slashes: a key of S3 has 1024 bytes, and zone and file name need some."""
_NUL = "\0"
_MOST_ESCAPED = 3
"""Bytes in a folder's name for a byte of the value, at most: %XX."""


def refuse_unfit(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows of `engine/select.py` with `reject` and `detail` set where a partition value `p<i>` does not fit, unless
    they are set already."""
    columns = [table.column(f"p{i}").cast(pa.string()) for i in range(len(keys))]
    if _surely_fit(columns, keys):
        return table
    details = np.full(table.num_rows, None, object)
    total = np.zeros(table.num_rows, np.int64)
    for key, column in zip(keys, columns, strict=True):
        values = column.combine_chunks().dictionary_encode(null_encoding="encode")
        texts, indices = values.dictionary.to_pylist(), np.asarray(values.indices)
        sizes = np.array([len(partition_folder(key, t or HIVE_DEFAULT).encode()) for t in texts], np.int64)
        unfit = np.array([_unfit(key, t or "", size) for t, size in zip(texts, sizes, strict=True)], object)
        details = np.where(details == None, unfit[indices], details)  # noqa: E711 (by element)
        total += sizes[indices] + 1
    long = (details == None) & (total > PATH_BYTES)  # noqa: E711
    for row in np.flatnonzero(long):
        details[row] = (
            f"partition columns: their folder names need {total[row]} bytes, at most {PATH_BYTES} fit"
        )
    return _refused(table, pa.array(details, pa.string()))


def _surely_fit(columns: Sequence[pa.ChunkedArray], keys: Sequence[str]) -> bool:
    """By the longest value of each, without a look at the others: what is true of nearly every table."""
    total = 0
    for key, column in zip(keys, columns, strict=True):
        longest = pc.max(pc.binary_length(column)).as_py() or 0
        size = len(key.encode()) + 1 + max(_MOST_ESCAPED * longest, len(HIVE_DEFAULT))
        total += size + 1
        if size > FOLDER_BYTES or pc.any(pc.match_substring(column, _NUL)).as_py():
            return False
    return total <= PATH_BYTES


def _unfit(key: str, value: str, size: int) -> str | None:
    if _NUL in value:
        return f"partition column {key}: its value has the character U+0000"
    if size > FOLDER_BYTES:
        return f"partition column {key}: its folder name needs {size} bytes, at most {FOLDER_BYTES} fit"
    return None


def _refused(table: pa.Table, details: pa.Array) -> pa.Table:
    free = pc.and_(pc.is_null(table.column("reject")), pc.is_valid(details))
    for name, value in (("reject", str(RejectCode.BAD_PARTITION_VALUE)), ("detail", details)):
        column = table.column(name).cast(pa.string())
        table = table.set_column(table.column_names.index(name), name, pc.if_else(free, value, column))
    return table
