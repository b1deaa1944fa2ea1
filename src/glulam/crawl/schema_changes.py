"""How a table's columns differ from what was found, and which columns it will have. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.catalog.tables import Table
from glulam.crawl.definition import Update
from glulam.crawl.documents import columns as column_documents
from glulam.crawl.found import FoundTable
from glulam.crawl.merging import loses
from glulam.crawl.plan import ColumnChange
from glulam.crawl.shaping import by_position
from glulam.infer.lattice import finished, join
from glulam.infer.types import DataType, parse_type
from glulam.model.errors import InvalidInput

_READ_BY = ("classification", "delimiter", "rowTag", "grokPattern")
"""Parameters that say how files are read."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    changes: Sequence[ColumnChange]
    keys_changed: bool


def compare(found: FoundTable, table: Table, update: Update) -> Comparison:
    old = {
        c["Name"]: c.get("Type", "") for c in table.document.get("StorageDescriptor", {}).get("Columns", ())
    }
    changes = list(_columns(old, found, update))
    parameters = table.document.get("Parameters", {})
    wanted = {"classification": found.classification, **found.parameters}
    for name in _READ_BY:
        before, after = parameters.get(name), wanted.get(name)
        if before and after and before != after:
            applied = update is Update.UPDATE
            changes.append(
                ColumnChange(name=name, what=f"{before} -> {after}", compatible=False, applied=applied)
            )
    keys = [k["Name"] for k in table.document.get("PartitionKeys", ())]
    wanted_keys = [name for name, _ in found.partition_keys]
    if keys != wanted_keys:
        what = f"{', '.join(keys) or 'none'} -> {', '.join(wanted_keys) or 'none'}"
        applied = update is Update.UPDATE
        changes.append(ColumnChange(name="partition keys", what=what, compatible=False, applied=applied))
    return Comparison(changes=changes, keys_changed=keys != wanted_keys)


def _columns(old: Mapping[str, str], found: FoundTable, update: Update) -> Iterator[ColumnChange]:
    wanted = {c.name: c.type for c in found.columns}
    for name, kind in wanted.items():
        if name not in old:
            yield ColumnChange(
                name=name, what=f"new: {_text(kind)}", compatible=True, applied=update is not Update.LOG
            )
        elif str(kind) != "void" and old[name] != _text(kind):
            compatible = _widens(old[name], kind)
            yield ColumnChange(name=name, what=f"{old[name]} -> {_text(kind)}", compatible=compatible,
                               applied=update is Update.UPDATE)  # fmt: skip
    for name, text in old.items():
        if name not in wanted:
            yield ColumnChange(
                name=name, what=f"gone, was {text}", compatible=False, applied=update is Update.UPDATE
            )


def _widens(old: str, new: DataType) -> bool:
    """Whether every value that the old type holds is one of the new type, and compares as before."""
    try:
        before = parse_type(old)
    except InvalidInput:
        return False
    return join(before, new) == new and not loses(before, new)


def merged_columns(found: FoundTable, table: Table, update: Update) -> list[dict[str, Any]]:
    """The table's columns after the crawl: comments and parameters stay with columns of the same name.

    Formats that know columns by name keep the order that the table has; new ones come last."""
    old = {c["Name"]: c for c in table.document.get("StorageDescriptor", {}).get("Columns", ())}
    fresh = {c["Name"]: c for c in column_documents(found.columns)}
    empty = {c.name for c in found.columns if str(c.type) == "void"}
    if update is Update.MERGE:
        return [*old.values(), *(c for name, c in fresh.items() if name not in old)]
    if by_position(found.parameters):
        order = list(fresh)
    else:
        order = [name for name in old if name in fresh] + [name for name in fresh if name not in old]
    return [
        old[name] if name in empty and name in old else {**old.get(name, {}), **fresh[name]} for name in order
    ]


def _text(kind: DataType) -> str:
    return str(finished(kind))
