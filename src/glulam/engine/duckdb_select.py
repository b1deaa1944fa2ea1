"""A batch's SELECT on DuckDB: compiled once, run on each piece.

Columns that only pass through never enter DuckDB: they are put beside its result, row for row. Casts are evaluated
once, in inner SELECTs, however often the outputs, the tests for failure, the partitions and the rejection use them.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import sqlglot.expressions as exp

from glulam.engine.base import TransformPlan
from glulam.engine.dialect import install, translate
from glulam.engine.fit import fitted_schema
from glulam.engine.select import PASS_THROUGH, Named, hoisted, selected
from glulam.infer.arrow import from_arrow
from glulam.infer.types import DataType, Field, Struct, parse_type


class DuckDbSelect:
    """Not thread-safe as to its connection: give each thread its own (`connect`)."""

    def __init__(self, plan: TransformPlan, schema: Struct) -> None:
        self._raw = fitted_schema(schema)
        items = selected(plan)
        self._direct = {name: e.name for name, e in items if _passes(e) and e.name in self._raw.names}
        self._query = _query([(name, e) for name, e in items if name not in self._direct], schema)
        self._order = [name for name, _ in items]
        self._partitions = [translate(c.expression, schema) for c in plan.partition_by]

    def connect(self, home: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
        """A cursor of the DuckDB with what the query needs."""
        connection = home.cursor()
        install(connection, self._query, *self._partitions)
        return connection

    def run(self, connection: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
        """The result columns of engine/select.py and the pass-through columns, in the order of `table`'s rows."""
        connection.register("raw", table)
        try:
            found = connection.sql(self._query).to_arrow_table()
        finally:
            connection.unregister("raw")
        columns = [
            table.column(self._direct[n]) if n in self._direct else found.column(n) for n in self._order
        ]
        columns += [table.column(name) for name in PASS_THROUGH]
        return pa.Table.from_arrays(columns, names=[*self._order, *PASS_THROUGH])

    def partition_types(self, home: duckdb.DuckDBPyConnection) -> tuple[DataType, ...]:
        """The Glue types of the partition columns."""
        if not self._partitions:
            return ()
        connection = self.connect(home)
        connection.register("raw", self._raw.empty_table())
        found = connection.sql(f"SELECT {', '.join(self._partitions)} FROM raw").to_arrow_table()  # noqa: S608
        connection.close()
        return tuple(from_arrow(f.type) for f in found.schema)


def _query(items: Named, columns: Struct) -> str:
    levels, outer = hoisted(items)
    source = "raw"
    for level in levels:
        source = f"(SELECT *, {_listed(level, columns)} FROM {source})"  # noqa: S608
        columns = Struct((*columns.fields, *(Field(name, _cast_type(e)) for name, e in level)))
    return f"SELECT {_listed(outer, columns)} FROM {source}"  # noqa: S608


def _listed(items: Named, columns: Struct) -> str:
    return ", ".join(f'{translate(e, columns)} AS "{name}"' for name, e in items)


def _cast_type(cast: exp.Expression) -> DataType:
    return parse_type(cast.args["to"].sql(dialect="spark"))


def _passes(expression: exp.Expression) -> bool:
    return isinstance(expression, exp.Column) and not expression.args.get("table")
