"""A plan as a value: what would be done to a server, for which state of it. Made by `decide.py`, carried out in `cli/`.

It holds no secret: definitions refer to them, and of the server's state it has fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from glulam.model.errors import InvalidInput
from glulam.project.comforts import Upload
from glulam.project.diff import FieldDiff, concealed
from glulam.project.kinds import Document, ResourceId
from glulam.project.record import Record, as_list, from_list, id_of

VERSION = 1


class Action(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REPLACE = "replace"
    """Remove and make again: what differs cannot be changed."""
    REMOVE = "remove"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A thing as the server has it; `document` is None when it is not there."""

    document: Document | None
    owner: str | None = None
    """What its tag says."""
    holds: tuple[ResourceId, ...] = ()
    """What would go with it: the tables of a database, the triggers of a workflow."""

    @property
    def fingerprint(self) -> str:
        """Of all but secrets."""
        said = json.dumps(
            [concealed(self.document), self.owner, sorted(map(str, self.holds))], sort_keys=True
        )
        return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Change:
    """What would be done to one thing."""

    id: ResourceId
    action: Action
    fields: tuple[FieldDiff, ...]
    document: Document
    """The definition that is wanted; of what is removed, empty."""
    gone: tuple[tuple[str, ...], ...]
    seen: str
    """Fingerprint of what the server had."""
    place: str
    """`file:line`, or where a thing that is removed was recorded."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    project: str
    environment: str | None
    endpoint: str | None
    """The server that it was made for; None: the project's own."""
    assets: str
    """Where the project's files and its record are: s3://bucket/prefix/project."""
    changes: tuple[Change, ...]
    """In the order in which they are done."""
    uploads: tuple[Upload, ...]
    record_tag: str | None
    """ETag of the record that it was made for; None: there was none."""
    record: Record
    """What the record is to be."""

    @property
    def destructive(self) -> bool:
        return any(c.action in (Action.REMOVE, Action.REPLACE) for c in self.changes)


def counts(plan: Plan) -> dict[Action, int]:
    return {action: sum(1 for c in plan.changes if c.action is action) for action in Action}


def as_document(plan: Plan) -> dict[str, Any]:
    """For JSON: `glulam plan --json` and `--out`."""
    return {
        "version": VERSION, "project": plan.project, "environment": plan.environment, "endpoint": plan.endpoint,
        "assets": plan.assets,
        "summary": {str(action): number for action, number in counts(plan).items()},
        "changes": [
            {
                "section": c.id.section, "names": list(c.id.names), "action": str(c.action), "place": c.place,
                "fields": [asdict(f) for f in c.fields], "document": c.document, "gone": [list(p) for p in c.gone],
                "seen": c.seen,
            }
            for c in plan.changes
        ],
        "uploads": [{"path": str(u.path), "digest": u.digest, "uri": u.uri} for u in plan.uploads],
        "record_tag": plan.record_tag,
        "record": as_list(plan.record),
    }  # fmt: skip


def from_document(found: Mapping[str, Any], where: str) -> Plan:
    """Raises InvalidInput for what is no plan."""
    try:
        if found["version"] != VERSION:
            raise InvalidInput(f"{where}: a plan of version {found['version']!r}, expected {VERSION}")
        return Plan(
            project=found["project"], environment=found["environment"], endpoint=found["endpoint"],
            assets=found["assets"],
            changes=tuple(_change(c) for c in found["changes"]),
            uploads=tuple(Upload(path=Path(u["path"]), digest=u["digest"], uri=u["uri"]) for u in found["uploads"]),
            record_tag=found["record_tag"], record=from_list(found["record"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{where}: not a plan of `glulam plan --out`: {error}") from error


def _change(c: Mapping[str, Any]) -> Change:
    return Change(
        id=id_of(c), action=Action(c["action"]), document=c["document"], seen=c["seen"], place=c["place"],
        gone=tuple(tuple(p) for p in c["gone"]),
        fields=tuple(FieldDiff(path=tuple(f["path"]), before=f["before"], after=f["after"]) for f in c["fields"]),
    )  # fmt: skip
