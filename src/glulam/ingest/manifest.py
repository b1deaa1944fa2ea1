"""The manifest: what a committed batch publishes, as a value and as the JSON that its row keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.engine.base import StagedFile
from glulam.engine.partition_writer import partition_folder
from glulam.ledger.outputs import OutputFile
from glulam.model.uri import S3Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One staged file and the name it is published under; the same name, when it stays in place."""

    staged: S3Uri
    final: S3Uri
    values: tuple[str, ...]
    records: int
    size_bytes: int
    checksum: str

    def to_json(self) -> dict[str, Any]:
        return {
            "staged": str(self.staged), "final": str(self.final), "values": list(self.values),
            "records": self.records, "size_bytes": self.size_bytes, "checksum": self.checksum,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        return cls(
            staged=S3Uri.parse(data["staged"]), final=S3Uri.parse(data["final"]), values=tuple(data["values"]),
            records=data["records"], size_bytes=data["size_bytes"], checksum=data["checksum"],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`staging` is deleted when everything is published; `replaced` are curated files to delete then (compaction)."""

    staging: S3Uri
    data: tuple[Entry, ...] = ()
    dead_letters: tuple[Entry, ...] = ()
    replaced: tuple[S3Uri, ...] = ()
    summary: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "staging": str(self.staging), "data": [e.to_json() for e in self.data],
            "dead_letters": [e.to_json() for e in self.dead_letters], "replaced": [str(u) for u in self.replaced],
            "summary": dict(self.summary or {}),
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        return cls(
            staging=S3Uri.parse(data["staging"]), data=tuple(Entry.from_json(e) for e in data["data"]),
            dead_letters=tuple(Entry.from_json(e) for e in data["dead_letters"]),
            replaced=tuple(S3Uri.parse(u) for u in data["replaced"]), summary=data["summary"],
        )  # fmt: skip


def entries(
    zone: S3Uri, keys: Sequence[str], batch_id: str, staged: Sequence[StagedFile]
) -> tuple[Entry, ...]:
    """With final, deterministic names: `<zone>/<key=value>/.../<batch>-<part>.parquet`."""
    found: list[Entry] = []
    for number, file in enumerate(sorted(staged, key=lambda f: f.uri.key)):
        folders = [partition_folder(k, v) for k, v in zip(keys, file.values, strict=True)]
        final = zone.join(*folders, f"{batch_id}-{number:05d}.parquet")
        found.append(Entry(staged=file.uri, final=final, values=file.values, records=file.records,
                           size_bytes=file.size_bytes, checksum=file.checksum))  # fmt: skip
    return tuple(found)


def entries_in_place(staged: Sequence[StagedFile]) -> tuple[Entry, ...]:
    """Files that stay where they were written."""
    return tuple(
        Entry(staged=f.uri, final=f.uri, values=f.values, records=f.records, size_bytes=f.size_bytes,
              checksum=f.checksum)
        for f in sorted(staged, key=lambda f: f.uri.key)
    )  # fmt: skip


def entries_of(files: Sequence[OutputFile]) -> tuple[Entry, ...]:
    """Files that are published already."""
    return tuple(
        Entry(staged=f.uri, final=f.uri, values=f.values, records=f.record_count, size_bytes=f.size_bytes,
              checksum=f.checksum)
        for f in files
    )  # fmt: skip
