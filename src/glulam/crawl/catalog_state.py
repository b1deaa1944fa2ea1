"""Reads of the catalog what planning compares with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import psycopg

from glulam.catalog.partition_pages import Partition, list_partitions
from glulam.catalog.scope import Scope
from glulam.catalog.tables import Table, get_table, list_tables
from glulam.crawl.definition import Definition
from glulam.crawl.documents import DEPRECATED_BY
from glulam.crawl.partition_changes import KnownPartition
from glulam.crawl.planning import PIPELINE, Known, Seen, gone, match
from glulam.crawl.targets import CatalogTarget
from glulam.model.errors import EntityNotFound

_VIEW = "VIRTUAL_VIEW"


def known(conn: psycopg.Connection, scope: Scope, definition: Definition, seen: Seen) -> Known:
    """The tables that the crawl could touch, with their partitions and who names them."""
    tables = tables_of(conn, scope, definition)
    touched = {t.id: t for t in match(seen.tables, tables, definition.name).values()}
    touched |= {t.id: t for t in gone(seen, tables, definition.name)}
    return Known(
        tables=tables, used_by=users(conn, scope, touched.values()),
        partitions={id_: [_known(p) for p in list_partitions(conn, id_)] for id_ in touched},
    )  # fmt: skip


def tables_of(conn: psycopg.Connection, scope: Scope, definition: Definition) -> list[Table]:
    """All of the crawler's database, or those that catalog targets name. Raises EntityNotFound for one of these."""
    named = [t for t in definition.targets if isinstance(t, CatalogTarget)]
    if named:
        return [get_table(conn, t.database, name, scope=scope) for t in named for name in t.tables]
    try:
        return list_tables(conn, definition.database, scope=scope)
    except EntityNotFound:  # no such database yet: it is made with its first table
        return []


def users(conn: psycopg.Connection, scope: Scope, tables: Iterable[Table]) -> dict[int, tuple[str, ...]]:
    """What names each table, as far as the catalog knows: the pipeline that writes it, and views whose text has it."""
    wanted = list(tables)
    if not wanted:
        return {}
    views = [t for t in list_tables(conn, scope=scope) if t.document.get("TableType") == _VIEW]
    return {
        t.id: (*_pipeline(t), *(f"view {v.database}.{v.name}" for v in views if _names(v, t))) for t in wanted
    }


def versions_now(conn: psycopg.Connection, tables: Sequence[Sequence[int]]) -> bool:
    """Whether each table ([id, version]) is there and at that version."""
    if not tables:
        return True
    ids, versions = [t[0] for t in tables], [t[1] for t in tables]
    row = conn.execute(STILL, (ids, versions)).fetchone()
    return row is not None and row[0] == len(tables)


STILL = """
SELECT count(*) FROM unnest(%s::bigint[], %s::bigint[]) g (id, version)
JOIN catalog_table t ON t.id = g.id AND t.version = g.version JOIN catalog_database d ON d.id = t.database_id
WHERE t.deleted_at IS NULL AND d.deleted_at IS NULL
"""


def _pipeline(table: Table) -> list[str]:
    name = table.document.get("Parameters", {}).get(PIPELINE)
    return [f"pipeline {name}"] if name else []


def _names(view: Table, table: Table) -> bool:
    text = f"{view.document.get('ViewOriginalText', '')} {view.document.get('ViewExpandedText', '')}"
    short = rf"(?<![\w.]){re.escape(table.name)}(?!\w)" if view.database == table.database else r"(?!)"
    full = rf"(?<!\w)[`\"]?{re.escape(table.database)}[`\"]?\.[`\"]?{re.escape(table.name)}(?!\w)"
    return re.search(f"{full}|{short}", text, re.IGNORECASE) is not None


def _known(p: Partition) -> KnownPartition:
    return KnownPartition(
        values=p.values, location=p.location or "", files=p.file_count, records=p.record_count, size_bytes=p.size_bytes,
        deprecated=DEPRECATED_BY in (p.parameters or {}),
    )  # fmt: skip
