"""Spark SQL is the one language of transforms; here DuckDB learns it. The only door to `engine/sparksql/`.

    text --parse--> sqlglot tree --translate--> DuckDB text, which calls macros of MACROS (install them first)

Where Spark's SQL and DuckDB's differ, Spark's meaning is the contract: Spark 4, spark.sql.ansi.enabled=false,
session time zone UTC. So a bad cast and a division by zero are NULL, integers wrap around on overflow, an
index beyond an array is NULL. What cannot be made equal raises UnsupportedSql. Some of that only shows when
DuckDB binds the types of the columns: hand its BinderException to `explain_binder_error`.

Timestamps are naive UTC `TIMESTAMP`s in DuckDB. Left to others: running the text, making tables visible.
"""

from __future__ import annotations

import re
from typing import Protocol

import sqlglot
from sqlglot import expressions as exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError

from glulam.engine.sparksql.query import query
from glulam.engine.sparksql.scalar import Scalar
from glulam.engine.sparksql.script import STATEMENTS, needed
from glulam.engine.sparksql.value import unsupported
from glulam.infer.types import Struct
from glulam.model.errors import InvalidInput, UnsupportedSql


class _PlainParser(Spark.Parser):  # type: ignore[misc]
    """Keeps function calls as they are written (name and arguments): sqlglot's own reading of them loses what
    Spark's meaning hangs on, such as the date pattern of `to_date(x, 'yyyy-MM-dd')`."""

    FUNCTIONS: dict[str, object] = {}  # noqa: RUF012
    FUNCTION_PARSERS = {k: v for k, v in Spark.Parser.FUNCTION_PARSERS.items() if k in ("CAST", "TRY_CAST")}  # noqa: RUF012
    ARRAY_CONSTRUCTORS: dict[str, object] = {}  # noqa: RUF012
    NO_PAREN_FUNCTIONS: dict[object, object] = {}  # noqa: RUF012


class SparkAsWritten(Spark):  # type: ignore[misc]
    """The dialect to parse with where `parse` does not do: `sqlglot.parse_one(text,
    dialect=SparkAsWritten)`."""

    Parser = _PlainParser


class Connection(Protocol):
    """What `install` needs of a DuckDB connection."""

    def execute(self, query: str) -> object: ...


MACROS = "\n".join(STATEMENTS)
"""Temporary macros that translations call: one script, to run once on each connection (and each cursor)."""


def install(connection: Connection, *translations: str) -> None:
    """Create the macros on a DuckDB connection. With `translations`, only those that these need (faster)."""
    statements = needed(translations) if translations else STATEMENTS
    if statements:
        connection.execute("".join(["BEGIN;", *statements, "COMMIT;"]))


def parse(text: str) -> exp.Expression:
    """One Spark SQL expression as a tree, function calls as written. Raises InvalidInput if it is not one."""
    return _parse(text, "expression")


def _parse(text: str, what: str) -> exp.Expression:
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=SparkAsWritten) if tree is not None]
    except SqlglotError as error:
        detail = str(error).splitlines()[0]
        raise InvalidInput(f"not a Spark SQL {what}: {text!r}: {detail}") from None
    if len(trees) != 1:
        raise InvalidInput(f"not a Spark SQL {what}: {text!r}: expected one, found {len(trees)}")
    return trees[0]


def translate(expression: exp.Expression, columns: Struct | None = None) -> str:
    """DuckDB text of one scalar expression, a tree of `parse`. With the types of the columns, the text is
    plainer, deep expressions bind in linear time, decimals and arrays of structs (`readings.value`) work on
    columns too, and what is not supported shows here; without, some of it shows only when DuckDB binds it.
    Raises UnsupportedSql, also for functions in a tree of another parser, which no longer are what was
    written."""
    if isinstance(expression, exp.Alias):
        raise unsupported(f"the name {expression.alias!r} in an expression")
    return Scalar(columns=columns).emit(expression).text


def translate_query(sql: str) -> str:
    """DuckDB text of a SELECT or WITH query. Raises InvalidInput for another statement, UnsupportedSql."""
    tree = _parse(sql, "query")
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        raise InvalidInput(f"only queries (SELECT, WITH) can be run: {sql!r}")
    return query(tree)


def column_references(expression: exp.Expression) -> set[tuple[str, ...]]:
    """Paths of the columns that are used, as written: `device.location.lat` is ('device', 'location',
    'lat')."""
    found = set()
    for column in expression.find_all(exp.Column):
        path, node = [part.name for part in column.parts], column
        while isinstance(node.parent, exp.Dot) and node.parent.this is node:
            node = node.parent
            path.append(node.expression.name)
        if isinstance(column.this, exp.Identifier) and path not in (["current_date"], ["current_timestamp"]):
            found.add(tuple(path))
    return found


def casts(expression: exp.Expression) -> list[exp.Cast]:
    """The CASTs of something that could fail (not of a literal): one failed where its operand (`.this`) is
    not NULL and its result is. TryCast is a Cast, too."""
    return [node for node in expression.find_all(exp.Cast) if not isinstance(node.this, exp.Literal)]


def explain_binder_error(message: str) -> UnsupportedSql | None:
    """What DuckDB's binder says of a translation, as UnsupportedSql where a type is the cause, else None."""
    found = re.search(r"Macro glu_(\w+?)\(\) (?:has multiple overloads|does not support)", message)
    if found is None:
        return None
    operation = found.group(1).rstrip("_").replace("_", " ")
    return unsupported(f"{operation!r} on these types (decimals without a CAST, structs, arrays, binary)")
