"""Counts by file of records that were parsed many files at a time.

A parsed table has a column `_file`. For each place of its schema one row of a matrix says how many values each file has
there; a file's column of that matrix is all that its finding depends on, so that files that look alike share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from glulam.infer import shape as kinds
from glulam.infer.shape import Shape
from glulam.infer.types import BIGINT, BOOLEAN, DOUBLE, Array, DataType, Struct
from glulam.records.verify import ANY_SCALAR, NULL_OF

Ints = npt.NDArray[np.int64]
_SCALARS = (kinds.STRING, kinds.BOOLEAN, kinds.DOUBLE, kinds.BIGINT)
"""The order of the cells of a place with scalars of all kinds, and of `masks`."""
LAST = 1 << 40
"""Record number of places that the strict parser has not seen: they order after those that it has."""

_KINDS: dict[DataType, str] = {BOOLEAN: kinds.BOOLEAN, BIGINT: kinds.BIGINT}


def counts_by_file(table: pa.Table, schema: Struct) -> tuple[Ints, Ints]:
    """The files of a parsed table (ascending) and the matrix: a row for each file, a cell for each place (for a double
    two: all, and those written with a fraction; for scalars of any kind five: all, and each kind). Cell 0 is the number of
    records; the last ones say for each field in how many records it is there and null."""
    files, owner = np.unique(np.asarray(table.column("_file")), return_inverse=True)
    cells: list[Ints] = [np.bincount(owner, minlength=len(files))]
    for f in schema.fields:
        array = table.column(f.name).combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
        _walk(array, f.type, owner, len(files), cells)
    for f in schema.fields:
        name = f"{NULL_OF}{f.name}"
        there = owner[np.asarray(table.column(name))] if name in table.column_names else owner[:0]
        cells.append(np.bincount(there, minlength=len(files)))
    return files, np.ascontiguousarray(np.stack(cells, axis=1))


def _walk(array: Any, kind: DataType, owner: Ints, files: int, cells: list[Ints]) -> None:
    valid = np.asarray(array.is_valid()) if array.null_count else None
    cells.append(np.bincount(owner if valid is None else owner[valid], minlength=files))
    if kind == DOUBLE:
        cells.append(np.bincount(owner[_with_fraction(array)], minlength=files))
    elif kind == ANY_SCALAR:
        for mask in masks(array).values():
            cells.append(np.bincount(owner[mask], minlength=files))
    elif isinstance(kind, Struct):
        for index, f in enumerate(kind.fields):
            _walk(array.field(index), f.type, owner, files, cells)
    elif isinstance(kind, Array):
        lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0)).astype(np.int64)
        _walk(array.flatten(), kind.element, np.repeat(owner, lengths), files, cells)


def masks(scalars: pa.StringArray) -> dict[str, npt.NDArray[np.bool_]]:
    """By kind, which of the JSON texts are of it."""
    text = np.asarray(pc.fill_null(pc.starts_with(scalars, '"'), False))
    truth = np.asarray(pc.fill_null(pc.is_in(scalars, pa.array(["true", "false"])), False))
    fraction = _with_fraction(scalars) & ~text & ~truth
    whole = np.asarray(scalars.is_valid()) & ~text & ~truth & ~fraction
    return {kinds.STRING: text, kinds.BOOLEAN: truth, kinds.DOUBLE: fraction, kinds.BIGINT: whole}


def _with_fraction(numbers: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Which numbers are written with a point or an exponent."""
    found = np.asarray(pc.fill_null(pc.match_substring(numbers, "."), False)).copy()
    rest = np.flatnonzero(~found)
    if len(rest):
        exponent = pc.match_substring_regex(numbers.take(pa.array(rest)), "[eE]")
        found[rest] = np.asarray(pc.fill_null(exponent, False))
    return found


def shape_of(kind: DataType, cells: Iterator[int], at: tuple[int, ...]) -> Shape:
    """The Shape of one file's place, from its cells in the order of `counts_by_file`."""
    seen = Shape()
    count = next(cells)
    if kind == DOUBLE:
        fractions = next(cells)
        for name, number in ((kinds.DOUBLE, fractions), (kinds.BIGINT, count - fractions)):
            if number:
                seen.add(name, at, number)
        return seen
    if kind == ANY_SCALAR:
        for name in _SCALARS:
            if number := next(cells):
                seen.add(name, at, number)
        return seen
    if count:
        seen.add(kind_of(kind), at, count)
    if isinstance(kind, Struct):
        for index, f in enumerate(kind.fields):
            member = shape_of(f.type, cells, (*at, index))
            if count:
                seen.members[f.key] = member
    elif isinstance(kind, Array):
        element = shape_of(kind.element, cells, at)
        seen.element = element if count else None
    return seen


def cells_of(kind: DataType) -> int:
    """How many cells a place takes."""
    if isinstance(kind, Struct):
        return 1 + sum(cells_of(f.type) for f in kind.fields)
    if isinstance(kind, Array):
        return 1 + cells_of(kind.element)
    return 2 if kind == DOUBLE else 1 + len(_SCALARS) if kind == ANY_SCALAR else 1


def kind_of(kind: DataType) -> str:
    """The kind of all values of a place that is not DOUBLE or ANY_SCALAR."""
    if isinstance(kind, Struct):
        return kinds.STRUCT
    if isinstance(kind, Array):
        return kinds.ARRAY
    return _KINDS.get(kind, kinds.STRING)
