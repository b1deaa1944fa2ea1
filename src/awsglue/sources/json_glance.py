"""Types in lines of JSON at a glance: Arrow's parser reads a batch of them by columns, without a Python object for each value.

It says what `seen.look` would say, or that it cannot tell: then somebody looks at each record. It cannot tell when lines are
not one strict object each, when a field has values of several types, and where whole numbers and fractions may be mixed.
Runs in Spark's Python workers: knows nothing of Spark.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from awsglue.seen import Seen, merge_seen

_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1


class _CannotTell(Exception):
    pass


def glance(texts: pa.Array, seen: Seen) -> bool:
    """Enter the types of these lines, none of them blank. False: it cannot tell, and entered nothing."""
    # A line that begins with { and ends with } holds whole documents only: after } a nested value goes on with , } or ].
    # So as many rows as lines are one for each line.
    whole = pc.and_(pc.starts_with(texts, "{"), pc.ends_with(texts, "}"))
    if len(texts) == 0 or not pc.all(whole).as_py():
        return False
    data = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), "\n")[
        0
    ].as_buffer()
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=data.size + 1),
            parse_options=pj.ParseOptions(newlines_in_values=True),
        )
        if table.num_rows != len(texts):
            return False
        mine: Seen = {"struct": {}}
        text = data.to_pybytes()
        for name, column in zip(table.column_names, table.columns, strict=True):
            mine["struct"][name] = _types(name, column.combine_chunks(), text)
    except (pa.ArrowException, _CannotTell):
        return False
    merge_seen(seen, mine)
    return True


def _types(name: str | None, column: pa.Array, text: bytes) -> Seen:
    """name: the field's, None for what stands in an array."""
    kind = column.type
    if pa.types.is_null(kind):
        return {}
    if pa.types.is_boolean(kind):
        return {"boolean": True}
    if pa.types.is_string(kind) or pa.types.is_timestamp(kind):
        return {"string": True}
    if pa.types.is_struct(kind):
        inside = zip((field.name for field in kind), column.flatten(), strict=True)
        return {"struct": {member: _types(member, values, text) for member, values in inside}}
    if pa.types.is_list(kind):
        return {"array": _types(None, column.flatten(), text)}
    if pa.types.is_int64(kind):
        found = pc.min_max(column)
        low, high = found["min"].as_py(), found["max"].as_py()
        return {"int": True} if low >= _INT_MIN and high <= _INT_MAX else {"long": True}
    if pa.types.is_float64(kind):
        if not pc.all(pc.is_finite(column)).as_py():  # Arrow takes NaN, which is no JSON
            raise _CannotTell
        whole = pc.any(pc.equal(pc.floor(column), column)).as_py()
        if whole and not _all_with_fraction(name, column, text):
            raise _CannotTell
        return {"double": True}
    raise _CannotTell


def _all_with_fraction(name: str | None, column: pa.Array, text: bytes) -> bool:
    """Whether no field of that name holds a whole number anywhere, as it is written."""
    largest: Any = pc.max(pc.abs(column)).as_py()
    if name is None or largest >= 9.2e18 or b"\\u" in text:
        return False
    key = re.escape(json.dumps(name, ensure_ascii=False).encode())
    return re.search(key + rb"\s*:\s*-?[0-9]+\s*[,}\r\n]", text) is None
