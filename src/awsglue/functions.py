"""Transformations by a function of the script: map, filter, unbox. See workers.py for what runs where.

The function runs twice over every record of a map: once to learn the types that it makes, once to make them, as the
schema of a DataFrame has to be known before its rows. A filter runs it once.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue import workers
from awsglue.paths import Path
from awsglue.physical import struct_to_spark
from awsglue.records import Records, StageErrors, top
from awsglue.seen import Seen, keeping, merge_seen, struct_of
from awsglue.workers import ERROR, Work
from glulam.model.errors import InvalidInput

_SCHEMA_OF_LEARNT = "learnt string"


def mapped(
    records: Records, function: Callable[[dict[str, Any]], Any], *, stage: int, site: str, info: str
) -> Records:
    """What the function makes of each record."""
    return expanded(records, partial(_single, function), stage=stage, site=site, info=info)


def _single(function: Callable[[dict[str, Any]], Any], record: dict[str, Any]) -> list[Any]:
    return [function(record)]


def expanded(
    records: Records, function: workers.Function, *, stage: int, site: str, info: str,
    keep_types: bool = True,
) -> Records:  # fmt: skip
    """The records, none or many, that the function makes of each one."""
    work = Work(schema=records.schema, function=function, zone=zone_of(records.frame))
    seen, failed = learnt(records.frame, work)
    schema = struct_of(seen)
    if keep_types:
        schema = keeping(schema, records.schema)
    physical = struct_to_spark(schema).add(ERROR, "string")
    made = records.frame.mapInArrow(partial(workers.apply, work=work, schema=schema), physical)
    return _parted(made, schema, records.errors, failed > 0, stage=stage, site=site, info=info)


def learnt(frame: DataFrame, work: Work) -> tuple[Seen, int]:
    """The types that the function makes, over all records, and how many it failed for."""
    seen: Seen = {}
    failed = 0
    for row in frame.mapInArrow(partial(workers.learn, work=work), _SCHEMA_OF_LEARNT).collect():
        there, count = json.loads(row[0])
        merge_seen(seen, there)
        failed += count
    return seen, failed


def filtered(
    records: Records, function: Callable[[dict[str, Any]], Any], *, stage: int, site: str, info: str
) -> Records:
    work = Work(schema=records.schema, function=function, zone=zone_of(records.frame))
    physical = struct_to_spark(records.schema).add(ERROR, "string")
    made = records.frame.mapInArrow(partial(workers.keep, work=work), physical)
    return _parted(made, records.schema, records.errors, True, stage=stage, site=site, info=info)


def _parted(
    made: DataFrame, schema: gt.StructType, errors: tuple[StageErrors, ...], failing: bool, *, stage: int,
    site: str, info: str,
) -> Records:  # fmt: skip
    """Good records apart from failed ones."""
    columns = [top(field.name) for field in schema.fields]
    if not failing:
        return Records(frame=made.select(*columns), schema=schema, errors=errors)
    bad = made.filter(F.col(ERROR).isNotNull()).select(F.col(ERROR).alias("error"))
    own = StageErrors(stage=stage, site=site, info=info, found=bad)
    good = made.filter(F.col(ERROR).isNull()).select(*columns)
    return Records(frame=good, schema=schema, errors=(*errors, own))


def zone_of(frame: DataFrame) -> str:
    return str(frame.sparkSession.conf.get("spark.sql.session.timeZone"))


# -- unbox ---------------------------------------------------------------------------------------------------------------


def unboxed(
    records: Records, path: Path, form: str, options: Mapping[str, Any], *, stage: int, site: str, info: str
) -> Records:
    """The text at `path` read as JSON or CSV, in its place. A text that cannot be read is an error of its record."""
    readers: dict[str, Callable[[str], Any]] = {
        "json": orjson.loads,
        "csv": partial(_csv_fields, options=dict(options)),
    }
    if form.lower() not in readers:
        raise InvalidInput(f"unbox: format {form!r}: expected one of {', '.join(readers)}")
    found = expanded(
        records, partial(_unbox, path=path, read=readers[form.lower()]), stage=stage, site=site, info=info
    )
    order = [
        f.name for f in records.schema.fields
    ]  # a field that only failed records have is not in the result
    fields = sorted(found.schema.fields, key=lambda f: order.index(f.name))
    return replace(found.made((f.name, top(f.name), f.dataType) for f in fields), errors=found.errors)


def _unbox(record: dict[str, Any], *, path: Path, read: Callable[[str], Any]) -> Iterable[dict[str, Any]]:
    inside: Any = record
    for step in path[:-1]:
        inside = (inside or {}).get(step)
    if inside and inside.get(path[-1]) is not None:
        text = inside[path[-1]]
        if not isinstance(text, str):
            raise TypeError(f"{'.'.join(path)} is a {type(text).__name__}, not a text")
        inside[path[-1]] = read(text)
    return [record]


def _csv_fields(text: str, options: dict[str, Any]) -> dict[str, str]:
    row = next(
        csv.reader([text], delimiter=options.get("separator", ","), quotechar=options.get("quoteChar", '"'))
    )
    names = options.get("header") or [f"col{i}" for i in range(len(row))]
    return dict(zip(names, row, strict=False))
