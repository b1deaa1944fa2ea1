"""Transformations that take nesting away: unnest, relationalize, and DynamoDB's JSON.

order {id, items: [{sku, n}]}   relationalize("root")   root:        id, items (a number)
                                                        root_items:  id (that number), index, items.val.sku, ...
"""

from __future__ import annotations

import secrets

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from awsglue import gluetypes as gt
from awsglue.merging import merge_all
from awsglue.paths import Path
from awsglue.physical import lift
from awsglue.records import Member, Records, rewrite, top

_ROW = "__glue_row"


def unnest(records: Records) -> Records:
    """Members of structs as columns `struct.member`; arrays, maps and choices stay."""
    return records.made(_flat(records.members(), choices=False))


def _flat(members: list[Member], *, choices: bool) -> list[Member]:
    found: list[Member] = []
    for name, column, kind in members:
        inner: list[tuple[str, gt.DataType]] = []
        if isinstance(kind, gt.StructType):
            inner = [(f.name, f.dataType) for f in kind.fields]
        elif isinstance(kind, gt.ChoiceType) and choices:
            inner = list(kind.choices.items())
        if inner:
            found += _flat([(f"{name}.{m}", column.getField(m), k) for m, k in inner], choices=choices)
        else:
            found.append((name, column, kind))
    return found


def relationalize(records: Records, root: str, staging_path: str | None) -> dict[str, Records]:
    """The root table, and one for each array. `id` of a row is the number that stands in its parent in the array's
    place. Numbers are given once and kept: below the staging path as Parquet, else in Spark's cache."""
    tables: dict[str, Records] = {}
    flat = records.made(_flat(records.members(), choices=True))
    _pivot(flat, root, root, staging_path, tables)
    return tables


def _pivot(flat: Records, table: str, root: str, staging: str | None, tables: dict[str, Records]) -> None:
    arrays = [f for f in flat.schema.fields if isinstance(f.dataType, gt.ArrayType)]
    if not arrays:
        tables[table] = flat
        return
    rows = _kept(flat.frame.select("*", (F.monotonically_increasing_id() + 1).alias(_ROW)), staging)
    members = [
        (name, F.when(column.isNotNull(), F.col(_ROW)), gt.LongType()) if isinstance(kind, gt.ArrayType) else
        (name, column, kind) for name, column, kind in flat.members()
    ]  # fmt: skip
    tables[table] = Records(frame=rows, schema=flat.schema, errors=flat.errors).made(members)
    for field in arrays:
        assert isinstance(field.dataType, gt.ArrayType)
        exploded = rows.select(
            F.col(_ROW).alias("id"), F.posexplode(top(field.name)).alias("index", f"{field.name}.val")
        )
        schema = gt.StructType([
            gt.Field("id", gt.LongType()), gt.Field("index", gt.IntegerType()),
            gt.Field(f"{field.name}.val", field.dataType.elementType),
        ])  # fmt: skip
        child = Records(frame=exploded, schema=schema)
        _pivot(
            child.made(_flat(child.members(), choices=True)), f"{root}_{field.name}", root, staging, tables
        )


def _kept(frame: DataFrame, staging: str | None) -> DataFrame:
    if staging is None:
        return frame.persist()
    place = f"{staging.rstrip('/')}/relationalize-{secrets.token_hex(8)}"
    frame.write.parquet(place)
    return frame.sparkSession.read.schema(frame.schema).parquet(place)


# -- DynamoDB's JSON -----------------------------------------------------------------------------------------------------

_DYNAMO = frozenset(("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))


def simplify_dynamo(records: Records) -> Records:
    """`{"S": "x"}` as x, in structs and arrays at every depth. Numbers stay the texts that DynamoDB exports."""
    return records.rewritten(_simplified)


def unnest_dynamo(records: Records) -> Records:
    """The simplified members of `Item` as columns, nested ones as `struct.member`."""
    simple = simplify_dynamo(records)
    fields = simple.schema.fields
    if len(fields) == 1 and isinstance(fields[0].dataType, gt.StructType):
        item = fields[0].dataType
        inside = top(fields[0].name)
        simple = simple.made((f.name, inside.getField(f.name), f.dataType) for f in item.fields)
    return unnest(simple)


def _simplified(path: Path, column: Column, kind: gt.DataType) -> list[Member] | None:
    if not isinstance(kind, gt.StructType) or not kind.fields:
        return None
    if not {f.name for f in kind.fields} <= _DYNAMO:
        return None
    values = [_dynamo_value(path, column, field) for field in kind.fields if field.name != "NULL"]
    if not values:
        return [(path[-1], F.lit(None), gt.NullType())]
    whole = merge_all(kind for _, kind in values)
    return [(path[-1], F.coalesce(*(lift(value, kind, whole) for value, kind in values)), whole)]


def _dynamo_value(path: Path, column: Column, field: gt.Field) -> tuple[Column, gt.DataType]:
    value = column.getField(field.name)
    if field.name == "M" and isinstance(field.dataType, gt.StructType):
        inner = [(f.name, value.getField(f.name), f.dataType) for f in field.dataType.fields]
        made = rewrite(path, inner, _simplified)
        struct = F.struct(*(c.alias(n) for n, c, _ in made))
        return F.when(value.isNotNull(), struct), gt.StructType([gt.Field(n, k) for n, _, k in made])
    if field.name == "L" and isinstance(field.dataType, gt.ArrayType):
        element = field.dataType.elementType
        kinds: list[gt.DataType] = []

        def simple(value: Column) -> Column:
            made = rewrite(path, [("[]", value, element)], _simplified)[0]
            kinds.append(made[2])
            return made[1]

        return F.transform(value, simple), gt.ArrayType(kinds[-1])
    return value, field.dataType
