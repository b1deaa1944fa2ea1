"""`glulam profile`: statistics of a table's columns and tags for what looks like personal data, from its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glulam.app import App
from glulam.catalog.statistics import ColumnStatistics, update_statistics
from glulam.catalog.tables import Table, get_table, update_table
from glulam.cli.drawing import table
from glulam.cli.letters import live_tables
from glulam.cli.output import print_json
from glulam.crawl.plan import Action, Plan
from glulam.crawl.profile import ColumnProfile, profile
from glulam.model.clock import utc_now
from glulam.model.errors import ConcurrentModification, InvalidInput
from glulam.settings import Settings

TAG = "glulam.personal"
"""Column parameter: `email 0.98, ...`."""


def run(settings: Settings, name: str, *, apply: bool, as_json: bool) -> int:
    database, dot, short = name.partition(".")
    if not dot:
        raise InvalidInput(f"table {name!r}: expected database.table")
    with App(settings) as app:
        seen = _profiled(app, database, short, apply=apply)
    if as_json:
        print_json({"table": name, "columns": _plain_columns(seen), "written": apply})
        return 0
    rows = [(c, str(p.type), f"{p.rows:,}", f"{p.nulls:,}", f"{p.distinct.count():,}", p.least, p.greatest, _tags(c, p))
            for c, p in seen.items()]  # fmt: skip
    table(("column", "type", "rows", "nulls", "distinct", "least", "greatest", "looks like"), rows,
          ("rows", "nulls", "distinct"))  # fmt: skip
    print("written to the catalog" if apply else "nothing was written (--apply writes it to the catalog)")
    return 0


def after_crawl(app: App, plan: Plan) -> dict[str, Any]:
    """Profile the tables that a crawl made, changed or gave new partitions, and write that to the catalog.

    By table: its columns' profiles, or `error`: why it could not be read here."""
    found: dict[str, Any] = {}
    for change in plan.tables:
        if change.action in (Action.CREATE, Action.UPDATE) or (
            change.action is Action.KEEP and change.partitions
        ):
            name = f"{change.database}.{change.name}"
            try:
                found[name] = {
                    "columns": _plain_columns(_profiled(app, change.database, change.name, apply=True))
                }
            except (InvalidInput, ConcurrentModification) as error:
                found[name] = {"error": str(error)}
    return found


def _profiled(app: App, database: str, name: str, *, apply: bool) -> dict[str, ColumnProfile]:
    with app.database.connection() as conn:
        found = get_table(conn, database, name, scope=app.scope)
    types = {c.name: c.data_type for c in found.descriptor.columns}
    with live_tables(app).session([found]) as (session, _):
        seen = profile(types, session.batches(found.database, found.name))
    if apply:
        _write(app, found, seen)
    return seen


def _write(app: App, found: Table, seen: Mapping[str, ColumnProfile]) -> None:
    """Statistics, and the tags as parameters of the columns: together, on the version that was read."""
    now = utc_now()
    statistics = [
        ColumnStatistics(column_name=c, column_type=str(p.type), analyzed_time=now, data=data)
        for c, p in seen.items() if (data := p.statistics()) is not None
    ]  # fmt: skip
    storage = found.document.get("StorageDescriptor", {})
    columns = [_tagged(c, _tags(c["Name"], seen[c["Name"]])) for c in storage.get("Columns", ())]
    with app.database.transaction() as conn:
        if columns != storage.get("Columns"):
            document = {**found.document, "StorageDescriptor": {**storage, "Columns": columns}}
            update_table(conn, found, document, expected_version=found.version, cause={"by": "glulam profile"},
                         keep_versions=app.settings.keep_versions)  # fmt: skip
        for problem in update_statistics(conn, found.id, None, list(seen), statistics):
            raise problem.error


def _tagged(column: Mapping[str, Any], tags: str) -> dict[str, Any]:
    parameters = {k: v for k, v in column.get("Parameters", {}).items() if k != TAG}
    if tags:
        parameters[TAG] = tags
    kept = {k: v for k, v in column.items() if k != "Parameters"}
    return {**kept, "Parameters": parameters} if parameters else kept


def _tags(name: str, seen: ColumnProfile) -> str:
    return ", ".join(f"{tag.kind} {tag.confidence:.2f}" for tag in seen.personal(name))


def _plain_columns(seen: Mapping[str, ColumnProfile]) -> dict[str, Any]:
    return {c: _plain(c, p) for c, p in seen.items()}


def _plain(name: str, seen: ColumnProfile) -> dict[str, Any]:
    return {
        "type": str(seen.type), "rows": seen.rows, "statistics": seen.statistics(),
        "personal": [{"kind": tag.kind, "confidence": tag.confidence} for tag in seen.personal(name)],
    }  # fmt: skip
