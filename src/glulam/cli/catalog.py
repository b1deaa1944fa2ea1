"""`glulam tables`: the catalog for a person: the tables, one of them with its history, two versions compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg

from glulam.app import App
from glulam.catalog.iceberg import current_columns, is_iceberg
from glulam.catalog.partition_pages import Partition, list_partitions
from glulam.catalog.tables import Table, get_table, list_tables, update_table
from glulam.catalog.versions import diff, get_version, parse_version, versions
from glulam.cli.drawing import table
from glulam.cli.letters import live_tables
from glulam.cli.output import print_json, size
from glulam.ingest.live import PartitionCounts, TableCounts
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _TableRow:
    """A table in `glulam tables`; counts are of its live files."""

    database: str
    name: str
    version: int
    location: str
    columns: int
    """Without the partition keys."""
    partition_keys: tuple[str, ...]
    files: int
    records: int
    bytes: int


def tables(settings: Settings, name: str | None, *, as_json: bool) -> int:
    return _tables(settings, as_json) if name is None else _table(settings, name, as_json)


def _tables(settings: Settings, as_json: bool) -> int:
    with App(settings) as app:
        with app.database.connection() as conn:
            known = list_tables(conn, scope=app.scope)
        live = live_tables(app)
        found = [_counted(t, live.counts(t)) for t in known]
    if as_json:
        print_json({"tables": found})
    elif found:
        rows = [(f"{t.database}.{t.name}", t.version, t.columns, ", ".join(t.partition_keys), f"{t.files:,}",
                 f"{t.records:,}", size(t.bytes), t.location) for t in found]  # fmt: skip
        headings = ("table", "version", "columns", "partitioned by", "files", "records", "bytes", "location")
        table(headings, rows, ("version", "columns", "files", "records", "bytes"))
    else:
        print("no tables yet: `glulam run` makes them")
    return 0


def _counted(t: Table, counts: TableCounts) -> _TableRow:
    return _TableRow(
        database=t.database, name=t.name, version=t.version, location=t.descriptor.location,
        columns=len(current_columns(t.descriptor)), partition_keys=counts.partition_keys,
        files=counts.files, records=counts.records, bytes=counts.bytes,
    )  # fmt: skip


def _table(settings: Settings, name: str, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        t = _find(app, conn, name)
        history = versions(conn, t.id)
        names = tuple(k.name for k in t.descriptor.partition_keys)
        partitions: Sequence[Partition | PartitionCounts] = list_partitions(conn, t.id)
        if is_iceberg(t.descriptor):
            counts = live_tables(app).counts(t)
            names, partitions = counts.partition_keys, counts.partitions
    if as_json:
        shown = {"id": t.id, "database": t.database, "name": t.name, "version": t.version, "descriptor": t.descriptor,
                 "created_at": t.created_at, "updated_at": t.updated_at}  # fmt: skip
        past = [{"version": v.version, "descriptor": v.descriptor, "cause": v.cause, "created_at": v.created_at}
                for v in history]  # fmt: skip
        print_json({"table": shown, "partitions": partitions, "versions": past})
        return 0
    print(f"{t.database}.{t.name}  version {t.version}  {t.descriptor.location}\n")
    columns = (*current_columns(t.descriptor), *t.descriptor.partition_keys)
    table(
        ("column", "type", ""),
        [(c.name, c.type, "partition key" if c.name in names else "") for c in columns],
    )
    if partitions:
        print()
        rows = [
            (*p.values, f"{p.file_count:,}", f"{p.record_count:,}", size(p.size_bytes)) for p in partitions
        ]
        table((*names, "files", "records", "bytes"), rows, ("files", "records", "bytes"))
    print()
    table(("version", "at", "by", "new columns"),
          [(v.version, v.created_at, _by(v.cause), _added(v.cause.get("added"))) for v in history],
          ("version",))  # fmt: skip
    return 0


def _by(cause: Mapping[str, object]) -> object:
    """What made a version: a batch, a crawl, a restoration, or somebody through the API."""
    if "batch" in cause:
        return cause["batch"]
    if "crawl" in cause:
        return f"crawl {cause['crawl']}" + (f" of {cause['crawler']}" if cause.get("crawler") else "")
    return f"restored from version {cause['restored']}" if "restored" in cause else cause.get("by")


def _added(added: object) -> str:
    if not isinstance(added, dict) or not added:
        return ""
    by_file: dict[str, list[str]] = {}
    for column, file in added.items():
        by_file.setdefault(file, []).append(column)
    return "; ".join(f"{', '.join(columns)} by {file}" for file, columns in by_file.items())


def compare(settings: Settings, name: str, wanted: str, *, as_json: bool) -> int:
    """Show what changed between two versions of a table, `OLD:NEW`; `OLD` alone: since then."""
    old, colon, new = wanted.partition(":")
    if not old.isdigit() or (colon and not new.isdigit()):
        raise InvalidInput(f"--diff {wanted!r}: expected two versions, such as 0:3, or one")
    with App(settings) as app, app.database.connection() as conn:
        t = _find(app, conn, name)
        before = get_version(conn, t, parse_version(old))
        after = get_version(conn, t, parse_version(new) if colon else t.version)
    lines = diff(before, after)
    if as_json:
        print_json(
            {"table": f"{t.database}.{t.name}", "old": before.version, "new": after.version, "diff": lines}
        )
    else:
        print("\n".join(lines) or f"versions {before.version} and {after.version} are the same")
    return 0


def restore(settings: Settings, name: str, number: int, *, as_json: bool) -> int:
    """Make the next version of the table what an earlier one was. Its partitions stay as they are."""
    with App(settings) as app, app.database.transaction() as conn:
        found = _find(app, conn, name)
        now = get_table(conn, found.database, found.name, scope=app.scope, for_update=True)
        old = get_version(conn, now, number)
        if old.document.get("PartitionKeys", []) != now.document.get("PartitionKeys", []):
            raise InvalidInput(
                f"version {number} of {now.database}.{now.name} has other partition keys; its partitions would fit neither"
            )
        made = update_table(conn, now, old.document, expected_version=now.version, cause={"restored": number},
                            keep_versions=settings.keep_versions)  # fmt: skip
    if as_json:
        print_json({"table": f"{made.database}.{made.name}", "version": made.version, "restored": number})
    else:
        print(
            f"{made.database}.{made.name} is now version {made.version}, which is what version {number} was"
        )
    return 0


def _find(app: App, conn: psycopg.Connection, name: str) -> Table:
    """The table of that name; the database may be left out where only one has such a table."""
    database, dot, short = name.partition(".")
    if dot:
        return get_table(conn, database, short, scope=app.scope)
    known = list_tables(conn, scope=app.scope)
    found = [t for t in known if t.name == name.lower()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{t.database}.{t.name}" for t in known) or "none yet"
    raise EntityNotFound(f"table {name!r}: expected database.table; known tables: {names}")
