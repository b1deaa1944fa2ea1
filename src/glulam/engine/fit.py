"""Bring scanned rows to the schema that was decided after the scan: widen what was proven, conform the rest."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from glulam.infer.arrow import to_arrow
from glulam.infer.resolve import SchemaPolicy
from glulam.infer.types import Array, DataType, Struct
from glulam.records.conform import Conformer
from glulam.records.scan import LINEAGE, reject_of
from glulam.records.strict import decode
from glulam.records.values import BadRecord, ReadLimits, Reject

RESCUED = pa.field("_rescued_data", pa.string())


def fitted_schema(schema: Struct) -> pa.Schema:
    """The raw columns, then LINEAGE, then the rescued values."""
    columns = [pa.field(f.name, to_arrow(f.type)) for f in schema.fields]
    return pa.schema([*columns, *LINEAGE, RESCUED])


def widen(table: pa.Table, have: Struct, want: Struct) -> pa.Table:
    """Proven rows in the wanted schema. Raises pa.ArrowInvalid when a whole number does not fit a double exactly."""
    arrays = []
    for f in want.fields:
        old = have.get(f.name)
        kind = to_arrow(f.type)
        if old is None:
            arrays.append(pa.nulls(table.num_rows, kind))
        else:
            arrays.append(_widen(table.column(f.name).combine_chunks(), old.type, f.type))
    arrays += [table.column(f.name) for f in LINEAGE]
    arrays.append(pa.nulls(table.num_rows, RESCUED.type))
    return pa.Table.from_arrays(arrays, schema=fitted_schema(want))


def _widen(array: pa.Array, have: DataType, want: DataType) -> pa.Array:
    kind = to_arrow(want)
    if array.type == kind:
        return array
    if isinstance(have, Struct) and isinstance(want, Struct):
        members = []
        for f in want.fields:
            index = next((i for i, old in enumerate(have.fields) if old.name == f.name), None)
            if index is None:
                members.append(pa.nulls(len(array), to_arrow(f.type)))
            else:
                members.append(_widen(array.field(index), have.fields[index].type, f.type))
        return pa.StructArray.from_arrays(members, fields=list(kind), mask=array.is_null())
    if isinstance(have, Array) and isinstance(want, Array):
        items = _widen(array.values, have.element, want.element)
        return pa.ListArray.from_arrays(array.offsets, items, type=kind, mask=array.is_null())
    return pc.cast(array, kind)


def conform(
    raw: pa.Table, schema: Struct, policy: SchemaPolicy, limits: ReadLimits
) -> tuple[pa.Table, list[Reject]]:
    """RAW rows in the wanted schema, and the rows that a frozen schema rejects."""
    conformer = Conformer(schema, policy)
    rows, rejects = [], []
    for place in zip(*(raw.column(i).to_pylist() for i in range(raw.num_columns)), strict=True):
        try:
            row, rescued = conformer.conform(decode(place[-1], limits.max_depth))
        except BadRecord as bad:
            rejects.append(reject_of(bad.code, bad.detail, place))
            continue
        row.update(zip(LINEAGE.names, place[:-1], strict=True))
        row["_rescued_data"] = rescued
        rows.append(row)
    return pa.Table.from_pylist(rows, schema=fitted_schema(schema)), rejects
