"""Running a function over every record, in Spark's Python workers, by Arrow batches.

    learn:  records --> function --> what types come out, how many records failed       (one pass, for the schema)
    apply:  records --> function --> Arrow by that schema, failed records with their error
    keep:   records --> function --> the same rows where it says true

A record that a function fails for is kept with its error, never dropped and never half done.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from awsglue import gluetypes as gt
from awsglue.seen import Seen, look, merge_seen
from awsglue.values import arrow_type, decoder, encoder

ERROR = "__glue_error"
Function = Callable[[dict[str, Any]], Iterable[dict[str, Any]]]
"""From one record to the records that become of it."""


@dataclass(frozen=True, kw_only=True)
class Work:
    schema: gt.StructType
    """Of the records that go in."""
    function: Callable[[dict[str, Any]], Any]
    zone: str
    """The session's time zone, in which scripts see timestamps."""


def records(batch: pa.RecordBatch, work: Work) -> list[dict[str, Any]]:
    """The rows of a batch as scripts see them."""
    rows: list[dict[str, Any]] = batch.to_pylist()
    if convert := decoder(work.schema, work.zone):
        for row in rows:
            convert(row)
    return rows


def failure(error: BaseException, record: Any) -> str:
    """What is kept of a record that failed: its content, the message, where the function failed."""
    frames = traceback.format_exception(error)
    return json.dumps({"msg": f"{type(error).__name__}: {error}", "stackTrace": "".join(frames),
                       "dynamicRecord": json.dumps(record, default=str)})  # fmt: skip


def _copy(value: Any) -> Any:
    """A record's own copy, for a function that changes it before it fails."""
    if isinstance(value, dict):
        return {name: _copy(member) for name, member in value.items()}
    return [_copy(element) for element in value] if isinstance(value, list) else value


def _checked(made: Any) -> list[dict[str, Any]]:
    for record in made:
        if not isinstance(record, dict):
            raise TypeError(f"the function returned a {type(record).__name__}; expected the record, a dict")
    return list(made)


def learn(batches: Iterator[pa.RecordBatch], work: Work) -> Iterator[pa.RecordBatch]:
    """One row: JSON of [what was seen, records that failed]."""
    seen: Seen = {"struct": {}}
    failed = 0
    for batch in batches:
        for row in records(batch, work):
            try:
                mine: Seen = {}
                for record in _checked(work.function(row)):
                    look(record, mine)
            except Exception:
                failed += 1
            else:
                merge_seen(seen, mine)
    yield pa.RecordBatch.from_pydict({"learnt": [json.dumps([seen, failed])]})


def apply(batches: Iterator[pa.RecordBatch], work: Work, schema: gt.StructType) -> Iterator[pa.RecordBatch]:
    """Rows of `schema` and ERROR, one of which is null."""
    encode, whole = encoder(schema, work.zone), whole_type(schema)
    nothing: dict[str, Any] = dict.fromkeys(f.name for f in schema.fields)
    for batch in batches:
        found: list[dict[str, Any]] = []
        for row in records(batch, work):
            before = _copy(row)
            try:
                made = [{**encode(r), ERROR: None} for r in _checked(work.function(row))]
            except Exception as error:
                made = [{**nothing, ERROR: failure(error, before)}]
            found += made
        yield pa.RecordBatch.from_struct_array(pa.array(found, type=whole))


def whole_type(schema: gt.StructType) -> pa.DataType:
    return arrow_type(gt.StructType([*schema.fields, gt.Field(ERROR, gt.StringType())]))


def keep(batches: Iterator[pa.RecordBatch], work: Work) -> Iterator[pa.RecordBatch]:
    """The rows as they are where the function says true, and those that it failed for, with ERROR."""
    for batch in batches:
        mask: list[bool] = []
        errors: list[str | None] = []
        for row in records(batch, work):
            before = _copy(row)
            try:
                mask.append(bool(work.function(row)))
                errors.append(None)
            except Exception as error:
                mask.append(True)
                errors.append(failure(error, before))
        with_errors = batch.append_column(ERROR, pa.array(errors, type=pa.string()))
        yield with_errors.filter(pa.array(mask, type=pa.bool_()))
