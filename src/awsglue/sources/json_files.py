"""JSON files as DynamicFrames: every record is looked at, so that a field of several types is a choice.

    text --> learn: types, failed lines (one pass, Python workers) --> all of one type, nothing failed: Spark's reader
                                                                   --> else: the records by way of workers.py

The common case reads with Spark's own JSON reader, as a DataFrame would. JSON is strict (RFC 8259): a line that is
none is an error record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue.functions import expanded
from awsglue.merging import nothing
from awsglue.physical import struct_to_spark
from awsglue.records import Records, top
from awsglue.seen import Seen, has_huge, look_at_all, merge_seen, struct_of
from awsglue.sources.json_glance import glance
from awsglue.sources.scans import Scan
from awsglue.sources.tabular import reader, typed_keys, with_keys
from awsglue.workspace import Workspace, flag
from glulam.model.errors import InvalidInput

_TEXT = "__glue_text"


def read(work: Workspace, scan: Scan, options: dict[str, Any], *, stage: int, site: str) -> Records:
    steps = json_path(options.get("jsonPath", ""))
    whole = flag(options, "multiline")
    texts = _texts(work, scan, whole)
    seen, failed = _learnt(texts, steps)
    schema = struct_of(seen)
    _check_names(schema)
    if failed or steps or whole or not _plain(schema):
        return _by_workers(texts, steps, stage=stage, site=site, exact=_needs_exact(schema))
    if not schema.fields:
        keys = with_keys(texts.drop(_TEXT), scan)
        return Records(frame=keys, schema=Records.of(keys).schema)
    physical = struct_to_spark(schema)
    found = reader(work, scan).schema(physical)
    if scan.keys or _partitions(texts):
        keys = typed_keys(scan, texts.drop(_TEXT).schema)
        found = reader(work, scan).schema(
            type(physical)(
                [*physical.fields, *(k for k in keys.fields if k.name not in dict(scan.constants))]
            )
        )
    frame = with_keys(found.json(list(scan.paths)), scan)
    kinds = {f.name: f.dataType for f in schema.fields}
    fields = [gt.Field(f.name, kinds.get(f.name, f.dataType)) for f in Records.of(frame).schema.fields]
    return Records(frame=frame, schema=gt.StructType(fields))


def _partitions(texts: DataFrame) -> bool:
    return len(texts.columns) > 1


def _texts(work: Workspace, scan: Scan, whole: bool) -> DataFrame:
    """One row for each line, or each file; and the partition columns."""
    source = reader(work, scan)
    frame = source.text(list(scan.paths), wholetext=whole)
    if scan.keys:
        frame = source.schema(typed_keys(scan, frame.schema)).text(list(scan.paths), wholetext=whole)
    return with_keys(frame.withColumnRenamed("value", _TEXT), scan)


def _plain(kind: gt.DataType) -> bool:
    """Whether Spark's reader gives exactly this."""
    if isinstance(kind, gt.StructType):
        return bool(kind.fields) and all(_plain(field.dataType) for field in kind.fields)
    if isinstance(kind, gt.ArrayType):
        return _plain(kind.elementType)
    return not isinstance(kind, gt.ChoiceType | gt.DecimalType) and not nothing(kind)


def _needs_exact(kind: gt.DataType) -> bool:
    """Whether there are integers beyond 64 bits, which orjson would read as floats."""
    if isinstance(kind, gt.StructType):
        return any(_needs_exact(field.dataType) for field in kind.fields)
    if isinstance(kind, gt.ChoiceType):
        return any(_needs_exact(choice) for choice in kind.choices.values())
    if isinstance(kind, gt.ArrayType):
        return _needs_exact(kind.elementType)
    return isinstance(kind, gt.DecimalType)


def _check_names(schema: gt.StructType) -> None:
    names: dict[str, str] = {}
    for field in schema.fields:
        other = names.setdefault(field.name.lower(), field.name)
        if other != field.name:
            raise InvalidInput(
                f"fields {other!r} and {field.name!r} differ by case only, which Spark takes for one name"
            )


# -- in Spark's Python workers -------------------------------------------------------------------------------------------


def _load(text: str, exact: bool) -> Any:
    if exact:
        return json.loads(text, parse_constant=_no_constant)
    return orjson.loads(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def records_of(text: str, steps: list[str], exact: bool = False) -> list[dict[str, Any]]:
    """The records of a JSON text: an object, or each object of an array. Raises ValueError for anything else."""
    loaded = _load(text, exact)
    if type(loaded) is dict and not steps:
        return [loaded]
    found: list[Any] = [loaded]
    for step in steps:
        found = list(_step(found, step))
    records: list[dict[str, Any]] = []
    for value in found:
        inner = value if isinstance(value, list) else [value]
        for record in inner:
            if not isinstance(record, dict):
                raise ValueError(f"a record is a JSON object; found {type(record).__name__}")
            records.append(record)
    return records


def _step(values: list[Any], step: str) -> Iterator[Any]:
    for value in values:
        if step == "*":
            yield from value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
        elif step.isdigit() and isinstance(value, list):
            if int(step) < len(value):
                yield value[int(step)]
        elif isinstance(value, dict) and step in value:
            yield value[step]


def json_path(text: str) -> list[str]:
    """`$.a.b[*]` -> a, b, *. Raises InvalidInput for filters, slices and searches, which are not here."""
    if not text:
        return []
    rest = text.removeprefix("$")
    steps = re.findall(r"\.([^.\[\]'\"]+)|\[(?:'([^']*)'|\"([^\"]*)\"|(\d+|\*))\]", rest)
    shape = re.sub(r"\.([^.\[\]'\"]+)|\[(?:'([^']*)'|\"([^\"]*)\"|(\d+|\*))\]", "", rest)
    if not text.startswith("$") or shape or ".." in rest:
        raise InvalidInput(f"jsonPath {text!r}: expected names, [n] and [*] after $, such as $.items[*]")
    return [next(part for part in step if part) for step in steps]


def _learn(
    batches: Iterator[pa.RecordBatch], steps: list[str], exact: bool = False
) -> Iterator[pa.RecordBatch]:
    seen: Seen = {"struct": {}}
    failed = 0
    for batch in batches:
        if not steps and glance(batch.column(0), seen):
            continue
        records: list[dict[str, Any]] = []
        for text in batch.column(0).to_pylist():
            if not text or text.isspace():
                continue
            try:
                records += records_of(text, steps, exact)
            except ValueError:
                failed += 1
        look_at_all(records, seen)
    yield pa.RecordBatch.from_pydict({"learnt": [json.dumps([seen, failed])]})


def _learnt(texts: DataFrame, steps: list[str], exact: bool = False) -> tuple[Seen, int]:
    """What is in the lines, and how many are not JSON. Integers beyond 64 bits make it look a second time, exactly."""
    seen: Seen = {}
    failed = 0
    found = texts.select(_TEXT).mapInArrow(partial(_learn, steps=steps, exact=exact), "learnt string")
    for row in found.collect():
        there, count = json.loads(row[0])
        merge_seen(seen, there)
        failed += count
    return _learnt(texts, steps, exact=True) if has_huge(seen) and not exact else (seen, failed)


def _by_workers(texts: DataFrame, steps: list[str], *, stage: int, site: str, exact: bool) -> Records:
    lines = Records.of(texts.filter(F.trim(top(_TEXT)) != ""))
    function = partial(_expand, steps=steps, exact=exact)
    found = expanded(lines, function, stage=stage, site=site, info="JSON")
    keys = [f.name for f in lines.schema.fields if f.name != _TEXT]
    last = [m for m in found.members() if m[0] in keys]
    return found.made([*(m for m in found.members() if m[0] not in keys), *last])


def _expand(row: dict[str, Any], *, steps: list[str], exact: bool) -> list[dict[str, Any]]:
    text = row.pop(_TEXT)
    return [{**record, **row} for record in records_of(text, steps, exact)]
