"""What a project was when it was last applied: kept beside its files on the server, as one JSON object.

It tells which members the project spoke for (`diff.py`) and what it made. Of things that can have tags the tag has to say
so, too: something else of the same name, made by hand since, is not the project's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from glulam.model.errors import InvalidInput
from glulam.project.kinds import KINDS, Document, ResourceId

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing."""

    made: bool
    """Whether the project made it, or found it."""
    document: Document
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Digests of the secrets that were sent, by name (`texts.py`); "": of a value that nobody knows."""


@dataclass(frozen=True, kw_only=True)
class Record:
    entries: Mapping[ResourceId, Entry]

    def document(self, id: ResourceId) -> Document:
        return self.entries[id].document if id in self.entries else {}

    def made(self, id: ResourceId) -> bool:
        return id in self.entries and self.entries[id].made


def to_json(record: Record) -> str:
    entries = [{**shown, "secrets": dict(record.entries[id_of(shown)].secrets)} for shown in as_list(record)]
    return json.dumps({"version": VERSION, "resources": entries}, ensure_ascii=False, indent=1)


def as_list(record: Record) -> list[dict[str, Any]]:
    """Without the digests: a plan is printed, and passed on."""
    return [
        {"section": id.section, "names": list(id.names), "made": entry.made, "document": entry.document}
        for id, entry in sorted(record.entries.items())
    ]


def from_list(found: Iterable[Mapping[str, Any]]) -> Record:
    """Raises KeyError, TypeError, InvalidInput."""
    return Record(entries={
        id_of(e): Entry(made=e["made"], document=e["document"], secrets=e.get("secrets", {})) for e in found
    })  # fmt: skip


def id_of(found: Mapping[str, Any]) -> ResourceId:
    """Raises InvalidInput for a section that is not known."""
    if found["section"] not in KINDS:
        raise InvalidInput(f"a section {found['section']!r}, which this version does not know")
    return ResourceId(section=found["section"], names=tuple(found["names"]))


def from_json(text: str | bytes, where: str) -> Record:
    """Raises InvalidInput for what is no record, or one of a later version."""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise InvalidInput(f"{where}: version {found['version']!r}, expected {VERSION}")
        return from_list(found["resources"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{where}: not the record of a project: {error}") from error
