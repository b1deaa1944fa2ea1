"""A plan as JSON and back: what the history keeps, what `glulam crawl --json` prints, what is applied later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glulam.crawl.findings import Example
from glulam.crawl.found import Odd
from glulam.crawl.plan import (
    Action,
    ColumnChange,
    Evidence,
    PartitionAction,
    PartitionChange,
    Plan,
    TableChange,
)
from glulam.model.uri import S3Uri


def to_json(plan: Plan) -> dict[str, Any]:
    return {
        "crawler": plan.crawler, "database": plan.database, "tables": [_table(t) for t in plan.tables],
        "odd": [_odd(o) for o in plan.odd], "notes": list(plan.notes),
    }  # fmt: skip


def from_json(data: Mapping[str, Any]) -> Plan:
    """The inverse of `to_json`."""
    return Plan(
        crawler=data["crawler"], database=data["database"], tables=tuple(_to_table(t) for t in data["tables"]),
        odd=tuple(Odd(**o) for o in data["odd"]), notes=tuple(data["notes"]),
    )  # fmt: skip


def _table(t: TableChange) -> dict[str, Any]:
    return {
        "action": t.action.value, "database": t.database, "name": t.name, "location": t.location,
        "classification": t.classification, "table_id": t.table_id, "version": t.version,
        "breaking": t.breaking, "files": t.files, "records": t.records, "size_bytes": t.size_bytes, "complete": t.complete,
        "columns": [_evidence(c) for c in t.columns],
        "partition_keys": [{"name": name, "type": kind} for name, kind in t.partition_keys],
        "changes": [{"name": c.name, "what": c.what, "compatible": c.compatible, "applied": c.applied} for c in t.changes],
        "reasons": list(t.reasons), "odd": [_odd(o) for o in t.odd], "used_by": list(t.used_by),
        "partitions": [_partition(p) for p in t.partitions],
        "drift": [{"values": list(values), "differences": list(said)} for values, said in t.drift],
        "index_keys": list(t.index_keys), "document": t.document,
    }  # fmt: skip


def _to_table(t: Mapping[str, Any]) -> TableChange:
    return TableChange(
        action=Action(t["action"]), database=t["database"], name=t["name"], location=t["location"],
        classification=t["classification"], table_id=t["table_id"], version=t["version"], document=t["document"],
        files=t["files"], records=t["records"], size_bytes=t["size_bytes"], complete=t["complete"],
        columns=tuple(_to_evidence(c) for c in t["columns"]),
        partition_keys=tuple((k["name"], k["type"]) for k in t["partition_keys"]),
        changes=tuple(ColumnChange(**c) for c in t["changes"]), reasons=tuple(t["reasons"]),
        odd=tuple(Odd(**o) for o in t["odd"]), used_by=tuple(t["used_by"]),
        partitions=tuple(_to_partition(p) for p in t["partitions"]),
        drift=tuple((tuple(d["values"]), tuple(d["differences"])) for d in t["drift"]),
        index_keys=tuple(t["index_keys"]),
    )  # fmt: skip


def _odd(o: Odd) -> dict[str, Any]:
    return {"path": o.path, "files": o.files, "reason": o.reason}


def _evidence(c: Evidence) -> dict[str, Any]:
    examples = [{"uri": str(e.uri), "line": e.line, "text": e.text} for e in c.examples]
    return {"name": c.name, "type": c.type, "counts": dict(c.counts), "examples": examples}


def _to_evidence(c: Mapping[str, Any]) -> Evidence:
    examples = tuple(
        Example(uri=S3Uri.parse(e["uri"]), line=e["line"], text=e["text"]) for e in c["examples"]
    )
    return Evidence(name=c["name"], type=c["type"], counts=c["counts"], examples=examples)


def _partition(p: PartitionChange) -> dict[str, Any]:
    return {
        "action": p.action.value, "values": list(p.values), "location": p.location, "files": p.files, "records": p.records,
        "size_bytes": p.size_bytes, "drift": list(p.drift),
    }  # fmt: skip


def _to_partition(p: Mapping[str, Any]) -> PartitionChange:
    return PartitionChange(
        action=PartitionAction(p["action"]), values=tuple(p["values"]), location=p["location"], files=p["files"],
        records=p["records"], size_bytes=p["size_bytes"], drift=tuple(p["drift"]),
    )  # fmt: skip
