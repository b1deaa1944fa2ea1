"""What tables a MySQL or MariaDB server has, from its information_schema: no right but SELECT is needed, and a view that is
broken hides no other table. No row is read.

Types are those with which Spark reads the columns by JDBC, but for those that would lose something (docs/crawlers.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from glulam.crawl.source_tables import SourceColumn, SourceTable
from glulam.infer.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    DataType,
    Decimal,
    Scalar,
)

_SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
_TABLES = """
    SELECT table_schema, table_name, table_type, table_comment FROM information_schema.tables
    WHERE table_schema NOT IN %s AND table_schema LIKE %s AND table_name LIKE %s AND table_type <> 'SEQUENCE'
    ORDER BY BINARY table_schema, BINARY table_name"""
_COLUMNS = """
    SELECT table_name, column_name, column_type, column_comment FROM information_schema.columns
    WHERE table_schema = %s AND table_name LIKE %s ORDER BY BINARY table_name, ordinal_position"""
_NOT_THERE = "a view of what is not there, or may not be read by who made it"
_MOST_DIGITS = 38
_TYPE = re.compile(r"(\w+)(?:\((\d+)(?:,(\d+))?\))?( unsigned)?")
_SMALLINT, _INT = Scalar("smallint"), Scalar("int")
_TYPES: Mapping[str, DataType] = {
    "tinyint": Scalar("tinyint"), "smallint": _SMALLINT, "mediumint": _INT, "int": _INT, "bigint": BIGINT,
    "float": Scalar("float"), "double": DOUBLE, "date": DATE, "year": DATE, "datetime": TIMESTAMP, "timestamp": TIMESTAMP,
} | dict.fromkeys(
    ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "geometry", "point", "linestring", "polygon",
     "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"), BINARY,
)  # fmt: skip
_UNSIGNED: Mapping[str, DataType] = {
    "tinyint": _SMALLINT, "smallint": _INT, "int": BIGINT, "bigint": Decimal(20, 0),
}  # fmt: skip


def mysql_tables(session: Any, database: str, name: str) -> Iterator[SourceTable]:
    """The tables that the patterns (`%` for any characters) match, and perhaps more. Raises what the driver raises."""
    with session.cursor() as cursor:
        cursor.execute(_TABLES, (_SYSTEM, _like(database), _like(name)))
        found = [tuple(map(str, row)) for row in cursor.fetchall()]
        for schema, tables in groupby(found, key=lambda row: row[0]):
            cursor.execute(_COLUMNS, (schema, _like(name)))
            columns: dict[str, list[SourceColumn]] = {}
            for table, column, raw, comment in cursor.fetchall():
                one = SourceColumn(
                    name=column, type=mysql_type(_text(raw)), raw=_text(raw), comment=_text(comment)
                )
                columns.setdefault(table, []).append(one)
            for _, table, kind, comment in tables:
                view = kind == "VIEW"
                there = tuple(columns.get(table, ()))
                yield SourceTable(
                    path=(schema, table), columns=there, comment="" if view else comment,
                    broken="" if there else _NOT_THERE if view else "it has no column that may be read",
                )  # fmt: skip


def mysql_type(raw: str) -> DataType:
    """The catalog's type of a column_type such as `int(10) unsigned`; what there is none for is a string."""
    found = _TYPE.match(raw.lower())
    if found is None:
        return STRING
    name, size, scale, unsigned = found[1], int(found[2] or 0), int(found[3] or 0), bool(found[4])
    if name == "decimal":
        return Decimal(size, scale) if size <= _MOST_DIGITS else STRING
    if name == "bit":
        return BOOLEAN if size <= 1 else BIGINT if size < 64 else Decimal(20, 0)
    if name == "tinyint" and size == 1 and not unsigned:
        return BOOLEAN
    return (_UNSIGNED.get(name) if unsigned else None) or _TYPES.get(name, STRING)


def _like(pattern: str) -> str:
    """`%` is the only wildcard of a target's path."""
    return pattern.replace("\\", "\\\\").replace("_", "\\_")


def _text(value: Any) -> str:
    """MySQL 8 has some of these columns as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
