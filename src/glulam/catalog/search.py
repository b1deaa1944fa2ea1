"""SearchTables: tables of a catalog by filters and text, evaluated in PostgreSQL.

What can be filtered and sorted by is a list of expressions over a table's row; requests only ever choose from it, their
words are parameters. Text filters with one key are alternatives to each other, everything else must hold together:

    DatabaseName=a, DatabaseName=b, UpdateTime>t   ->   (database a or b) and updated after t

A text matches as a whole or as one of its words (runs of letters, digits and underscores), in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import psycopg
from psycopg import sql

from glulam.catalog.scope import Scope
from glulam.catalog.tables import COLUMNS, LIVE, Table, to_table
from glulam.model.errors import InvalidInput

_TEXTS = {
    "name": "t.name",
    "databasename": "d.name",
    "description": "t.document->>'Description'",
    "owner": "t.document->>'Owner'",
    "tabletype": "t.document->>'TableType'",
    "createdby": "t.created_by",
    "location": "t.document->'StorageDescriptor'->>'Location'",
    "classification": "t.document->'Parameters'->>'classification'",
    "inputformat": "t.document->'StorageDescriptor'->>'InputFormat'",
}
_TIMES = {
    "createtime": "extract(epoch FROM t.created_at)",
    "updatetime": "extract(epoch FROM t.updated_at)",
    "lastaccesstime": "(t.document->>'LastAccessTime')::numeric",
    "lastanalyzedtime": "(t.document->>'LastAnalyzedTime')::numeric",
}
KEYS = ("Name", "DatabaseName", "Description", "Owner", "TableType", "CreatedBy", "Location", "Classification", "InputFormat",
        "CreateTime", "UpdateTime", "LastAccessTime", "LastAnalyzedTime")  # fmt: skip
"""What requests may filter and sort by, in any case."""

_COMPARE = {
    "EQUALS": "=",
    "GREATER_THAN": ">",
    "LESS_THAN": "<",
    "GREATER_THAN_EQUALS": ">=",
    "LESS_THAN_EQUALS": "<=",
}
_MATCH = """EXISTS (SELECT FROM unnest({values}::text[]) AS wanted
  WHERE lower({field}) = lower(wanted) OR lower(wanted) = ANY (regexp_split_to_array(lower({field}), '[^[:alnum:]_]+')))"""
_WORDS = """
  SELECT x FROM (VALUES (t.name), (d.name), (t.document->>'Description'), (t.document->>'Owner'),
    (t.document->'StorageDescriptor'->>'Location')) AS own (x) WHERE x IS NOT NULL
  UNION ALL SELECT word FROM jsonb_array_elements(
      coalesce(t.document->'StorageDescriptor'->'Columns', '[]') || coalesce(t.document->'PartitionKeys', '[]')) AS c,
    LATERAL (VALUES (c->>'Name'), (c->>'Comment')) AS of_column (word) WHERE word IS NOT NULL
  UNION ALL SELECT word FROM jsonb_each_text(t.document->'Parameters') AS p (key, value),
    LATERAL (VALUES (p.key), (p.value)) AS of_parameter (word)"""
_EXACT = "EXISTS (SELECT FROM ({words}) AS w (x) WHERE x = {text})"
_EVERY = """NOT EXISTS (SELECT FROM unnest({texts}::text[]) AS wanted
  WHERE NOT EXISTS (SELECT FROM ({words}) AS w (x) WHERE strpos(lower(x), lower(wanted)) > 0))"""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One condition."""

    key: str
    value: str
    comparator: str = "EQUALS"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is looked for."""

    filters: Sequence[Filter] = ()
    text: str = ""
    """Words that all have to occur somewhere in the table's metadata; in quotes: what one of its texts is, exactly."""
    sort_by: str = "DatabaseName"
    descending: bool = False
    federated: bool = False
    """Only tables of federated databases."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    table: Table
    rank: str
    """Where it stands in the order: with database and name the position of the next page."""


def search_tables(
    conn: psycopg.Connection, scope: Scope, search: Search, *, after: Sequence[str] = (), limit: int
) -> list[Hit]:
    """In the order asked for, then by database and name; `after`: rank, database and name of the last hit before.

    Raises InvalidInput for an unknown key, a comparator that has no meaning for it, and a time that is none."""
    rank, rank_type = _rank(search.sort_by)
    given: dict[str, Any] = {"catalog": scope.catalog_id, "region": scope.region, "limit": limit}
    conditions = [*_filters(search.filters, given), *_text(search.text, given)]
    if search.federated:
        conditions.append(sql.SQL("d.document ? 'FederatedDatabase'"))
    if after:
        given |= {"rank": after[0], "database": after[1], "name": after[2]}
        conditions.append(
            sql.SQL("({0} {1} {2} OR ({0} = {2} AND (d.name, t.name) > (%(database)s, %(name)s)))").format(
                rank, sql.SQL("<" if search.descending else ">"), sql.SQL("%(rank)s::{}").format(rank_type)
            )
        )
    query = sql.SQL("SELECT {}, ({})::text {} {} ORDER BY {} {}, d.name, t.name LIMIT %(limit)s").format(
        sql.SQL(COLUMNS), rank, sql.SQL(LIVE), sql.SQL("").join(sql.SQL(" AND {}").format(c) for c in conditions),
        rank, sql.SQL("DESC" if search.descending else "ASC"),
    )  # fmt: skip
    return [Hit(table=to_table(row[:-1]), rank=row[-1]) for row in conn.execute(query, given).fetchall()]


def _rank(key: str) -> tuple[sql.Composable, sql.SQL]:
    """What to sort by, and its type."""
    name = _known(key, "SortCriteria.FieldName")
    if name in _TIMES:
        return sql.SQL("coalesce({}, 0)").format(sql.SQL(_TIMES[name])), sql.SQL("numeric")
    return sql.SQL("""coalesce({}, '') COLLATE "C\"""").format(sql.SQL(_TEXTS[name])), sql.SQL("text")


def _filters(filters: Sequence[Filter], given: dict[str, Any]) -> list[sql.Composable]:
    """Conditions that must hold together; their parameters are added to `given`."""
    found: list[sql.Composable] = []
    alternatives: dict[str, list[str]] = {}
    for number, wanted in enumerate(filters):
        name = _known(wanted.key, "Filters.Key")
        if name in _TIMES:
            given[f"time{number}"] = _seconds(wanted)
            found.append(
                sql.SQL("{} {} {}").format(
                    sql.SQL(_TIMES[name]),
                    sql.SQL(_COMPARE[wanted.comparator]),
                    sql.Placeholder(f"time{number}"),
                )
            )
        elif wanted.comparator != "EQUALS":
            raise InvalidInput(
                f"Filters.Comparator {wanted.comparator} with Key {wanted.key!r}: it is for times only"
            )
        else:
            alternatives.setdefault(name, []).append(wanted.value)
    for name, values in alternatives.items():
        given[name] = values
        found.append(sql.SQL(_MATCH).format(values=sql.Placeholder(name), field=sql.SQL(_TEXTS[name])))
    return found


def _text(text: str, given: dict[str, Any]) -> list[sql.Composable]:
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        given["text"] = text[1:-1]
        return [sql.SQL(_EXACT).format(words=sql.SQL(_WORDS), text=sql.Placeholder("text"))]
    given["texts"] = text.split()
    return (
        [sql.SQL(_EVERY).format(words=sql.SQL(_WORDS), texts=sql.Placeholder("texts"))]
        if text.split()
        else []
    )


def _known(key: str, where: str) -> str:
    name = key.lower()
    if name not in _TEXTS and name not in _TIMES:
        raise InvalidInput(f"{where} {key!r}: expected one of {', '.join(KEYS)}")
    return name


def _seconds(wanted: Filter) -> Decimal:
    """Seconds since 1970, from such a number or ISO 8601 text."""
    try:
        found = Decimal(wanted.value)
        if found.is_finite():
            return found
    except InvalidOperation:
        pass
    try:
        moment = datetime.fromisoformat(wanted.value)
    except ValueError:
        raise InvalidInput(
            f"Filters.Value {wanted.value!r} with Key {wanted.key!r}: expected seconds since 1970, or "
            "2026-01-31T12:00:00Z"
        ) from None
    return Decimal(str((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))
