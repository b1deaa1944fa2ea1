"""Which partitions come, go, or have other files than before. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glulam.crawl.definition import Delete
from glulam.crawl.found import FoundPartition, FoundTable
from glulam.crawl.plan import PartitionAction, PartitionChange


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPartition:
    """A partition as the catalog has it."""

    values: tuple[str, ...]
    location: str
    files: int
    records: int
    size_bytes: int
    deprecated: bool


def partition_changes(
    found: FoundTable, known: Sequence[KnownPartition], delete: Delete
) -> list[PartitionChange]:
    """In the order of the values. One that moved, or is there again after it was deprecated, is deleted and added."""
    there = {k.values: k for k in known}
    changes: list[PartitionChange] = []
    for p in found.partitions:
        changes += _of(p, there.pop(p.values, None))
    for k in there.values():
        if delete is Delete.DELETE:
            changes.append(
                PartitionChange(action=PartitionAction.DELETE, values=k.values, location=k.location)
            )
        elif delete is Delete.DEPRECATE and not k.deprecated:
            changes.append(
                PartitionChange(action=PartitionAction.DEPRECATE, values=k.values, location=k.location)
            )
    return sorted(changes, key=lambda c: (c.values, c.action is not PartitionAction.DELETE))


def _of(p: FoundPartition, known: KnownPartition | None) -> Iterator[PartitionChange]:
    if known is not None and not known.deprecated and known.location.rstrip("/") == p.location.rstrip("/"):
        difference = (p.files - known.files, p.records - known.records, p.size_bytes - known.size_bytes)
        if any(difference):
            yield PartitionChange(
                action=PartitionAction.RECOUNT, values=p.values, location=p.location, files=difference[0],
                records=difference[1], size_bytes=difference[2], drift=p.drift,
            )  # fmt: skip
        return
    if known is not None:
        yield PartitionChange(action=PartitionAction.DELETE, values=p.values, location=known.location)
    yield PartitionChange(
        action=PartitionAction.ADD, values=p.values, location=p.location, files=p.files, records=p.records,
        size_bytes=p.size_bytes, drift=p.drift,
    )  # fmt: skip
