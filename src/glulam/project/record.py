"""What a project was when it was last applied: kept beside its files on the server, as one JSON object.

It tells which members the project spoke for (`diff.py`) and what it made. Of things that can have tags the tag has to say
so, too: something else of the same name, made by hand since, is not the project's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from glulam.model.errors import InvalidInput
from glulam.project.kinds import KINDS, Document, ResourceId

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing."""

    made: bool
    """Whether the project made it, or found it."""
    document: Document


@dataclass(frozen=True, kw_only=True)
class Record:
    entries: Mapping[ResourceId, Entry]

    def document(self, id: ResourceId) -> Document:
        return self.entries[id].document if id in self.entries else {}

    def made(self, id: ResourceId) -> bool:
        return id in self.entries and self.entries[id].made


def to_json(record: Record) -> str:
    entries = [
        {"section": id.section, "names": list(id.names), "made": entry.made, "document": entry.document}
        for id, entry in sorted(record.entries.items())
    ]
    return json.dumps({"version": VERSION, "resources": entries}, ensure_ascii=False, indent=1)


def from_json(text: str | bytes, where: str) -> Record:
    """Raises InvalidInput for what is no record, or one of a later version."""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            raise InvalidInput(f"{where}: version {found['version']!r}, expected {VERSION}")
        entries = {
            ResourceId(section=e["section"], names=tuple(e["names"])): Entry(
                made=e["made"], document=e["document"]
            )
            for e in found["resources"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{where}: not the record of a project: {error}") from error
    if unknown := next((id.section for id in entries if id.section not in KINDS), None):
        raise InvalidInput(f"{where}: a section {unknown!r}, which this version does not know")
    return Record(entries=entries)
