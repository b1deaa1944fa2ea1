"""Which partitions a query can do without, before any of their files is fetched or opened.

Of a query that reads a table in one place, in a SELECT from it alone, the conditions of its WHERE that name nothing but
partition keys are asked of the partitions' values. Everything else is left to the query itself, and so is a condition that
cannot be asked."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa
import sqlglot
import sqlglot.expressions as exp

from glulam.engine.dialect import install, translate_query
from glulam.engine.query import NULL_VALUE, Columns, duckdb_type, quoted
from glulam.model.errors import GlulamError

_NEVER_THE_SAME = (exp.Rand, exp.Randn, exp.Uuid, exp.Subquery, exp.Select)


def wanted(
    sql: str, database: str, name: str, keys: Columns, values: Sequence[tuple[str, ...]]
) -> list[bool] | None:
    """For each partition's values whether the query may want its rows; None: it may want all."""
    condition = _condition(sql, database, name, {key.lower() for key, _ in keys}) if keys else None
    if condition is None:
        return None
    rows: dict[str, list[str | None]] = {
        f"v{at}": [None if v[at] == NULL_VALUE else v[at] for v in values] for at in range(len(keys))
    }
    typed = ", ".join(
        f"CAST(v{at} AS {duckdb_type(kind)}) AS {quoted(key)}" for at, (key, kind) in enumerate(keys)
    )
    asked = f"SELECT glulam_at FROM glulam_partitions WHERE {condition}"  # noqa: S608
    con = duckdb.connect(":memory:")
    try:
        translated = translate_query(asked)
        con.execute("SET TimeZone = 'UTC'")
        install(con, translated)
        con.register("located", pa.table({**rows, "glulam_at": range(len(values))}))
        con.execute(f"CREATE VIEW glulam_partitions AS SELECT {typed}, glulam_at FROM located")  # noqa: S608
        found = {row[0] for row in con.sql(translated).fetchall()}
    except (GlulamError, duckdb.Error):
        return None
    finally:
        con.close()
    return [at in found for at in range(len(values))]


def _condition(sql: str, database: str, name: str, keys: set[str]) -> str | None:
    """Spark SQL on the keys alone, that every row of the table which the query uses meets."""
    tree = sqlglot.parse_one(sql, dialect="spark")
    same = [t for t in tree.find_all(exp.Table) if t.name.lower() == name and t.db.lower() in ("", database)]
    select = same[0].find_ancestor(exp.Select) if len(same) == 1 else None
    if select is None or select.args["from_"].this is not same[0]:
        return None
    if any(select.args.get(more) for more in ("joins", "laterals")) or not select.args.get("where"):
        return None
    where = select.args["where"].this
    parts = list(where.flatten()) if isinstance(where, exp.And) else [where]
    own = [part for part in parts if _is_on(part, keys, same[0].alias_or_name.lower())]
    for column in (c for part in own for c in part.find_all(exp.Column)):
        column.set("table", None)
    return " AND ".join(f"({part.sql(dialect='spark')})" for part in own) or None


def _is_on(part: exp.Expression, keys: set[str], table: str) -> bool:
    columns = list(part.find_all(exp.Column))
    return (
        bool(columns)
        and part.find(*_NEVER_THE_SAME) is None
        and all(c.name.lower() in keys and c.table.lower() in ("", table) and not c.db for c in columns)
    )
