"""Files of one folder that look exactly alike, added up: a hundred thousand findings in bounded memory.

What differs between two such files (counts, examples, names) is summed here; what they share (format, settings, columns)
is what `grouping.py` compares, once for all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from glulam.crawl.findings import ColumnFinding, Example, FileFinding, Unclassified
from glulam.infer.codec import from_plain, to_plain
from glulam.infer.types import NULL

MOST_EXAMPLES = 5
_MOST_EVIDENCE = 8


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a file is, without what differs between files that are alike."""

    classification: str
    classifier: str
    compression: str
    parameters: Mapping[str, str]
    columns: tuple[ColumnFinding, ...]
    """Without counts and examples."""

    def to_json(self) -> dict[str, Any]:
        return {
            "c": self.classification, "by": self.classifier, "z": self.compression, "p": dict(self.parameters),
            "f": [[c.name, c.source_name, to_plain(c.type)] for c in self.columns],
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Look:
        columns = tuple(ColumnFinding(name=n, source_name=s, type=from_plain(t)) for n, s, t in data["f"])
        return cls(
            classification=data["c"],
            classifier=data["by"],
            compression=data["z"],
            parameters=data["p"],
            columns=columns,
        )

    def id(self) -> bytes:
        """The same for the same look, in any process."""
        return hashlib.blake2b(
            orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS), digest_size=16
        ).digest()


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The files of a folder that have one look."""

    look: Look
    names: Sequence[str]
    size_bytes: int
    records: int
    complete: bool
    columns: tuple[ColumnFinding, ...]
    """The look's, with counts and examples as far as this crawl saw them."""
    evidence: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class FolderFindings:
    """What was found in a folder's own files."""

    path: str
    variants: tuple[Variant, ...]
    """Most files first."""
    unclassified: tuple[Unclassified, ...] = ()
    unseen: int = 0
    """Files that a sample left out, and their size."""
    unseen_bytes: int = 0


_Key = tuple[str, str, str, tuple[tuple[str, str], ...], tuple[object, ...]]


@dataclass
class _Sum:
    look: Look
    names: list[str] = field(default_factory=list)
    size_bytes: int = 0
    records: int = 0
    complete: bool = True
    counts: list[dict[str, int]] = field(default_factory=list)
    examples: list[list[Example]] = field(default_factory=list)
    evidence: dict[str, None] = field(default_factory=dict)

    def variant(self) -> Variant:
        columns = self.look.columns
        if self.counts:
            columns = tuple(
                replace(c, counts=counts, examples=tuple(examples))
                for c, counts, examples in zip(columns, self.counts, self.examples, strict=True)
            )
        return Variant(
            look=self.look, names=self.names, size_bytes=self.size_bytes, records=self.records, complete=self.complete,
            columns=columns, evidence=tuple(self.evidence),
        )  # fmt: skip


class Summing:
    """Adds findings up, folder by folder."""

    def __init__(self) -> None:
        self._looks: dict[_Key, Look] = {}
        self._folders: dict[str, dict[int, _Sum]] = {}
        self._unclassified: dict[str, list[Unclassified]] = {}
        self._unseen: dict[str, tuple[int, int]] = {}

    def add(self, folder: str, name: str, found: FileFinding) -> Look:
        """A file that was looked into; answers with its look, which is the same object for the same look."""
        key = (found.classification, found.classifier, found.compression, tuple(sorted(found.parameters.items())),
               tuple([(c.name, c.source_name, c.type) for c in found.columns]))  # fmt: skip
        look = self._looks.get(key)
        if look is None:
            bare = tuple(
                ColumnFinding(name=c.name, source_name=c.source_name, type=c.type) for c in found.columns
            )
            look = self._looks[key] = Look(
                classification=found.classification, classifier=found.classifier, compression=found.compression,
                parameters=dict(found.parameters), columns=bare,
            )  # fmt: skip
        total = self._sum(folder, look)
        total.names.append(name)
        total.size_bytes += found.size_bytes
        total.records += found.records
        total.complete &= found.complete
        _count(total, found.columns)
        for line in found.evidence[: _MOST_EVIDENCE - len(total.evidence)]:
            total.evidence[line] = None
        return look

    def remembered(self, folder: str, name: str, size_bytes: int, records: int, look: Look) -> None:
        """A file that is as an earlier crawl found it."""
        total = self._sum(folder, look)
        total.names.append(name)
        total.size_bytes += size_bytes
        total.records += records

    def refuse(self, folder: str, found: Unclassified) -> None:
        self._unclassified.setdefault(folder, []).append(found)

    def unseen(self, folder: str, files: int, size_bytes: int) -> None:
        self._unseen[folder] = (files, size_bytes)

    def findings(self) -> list[FolderFindings]:
        """By path."""
        found = []
        for path in sorted(self._folders.keys() | self._unclassified.keys()):
            variants = [total.variant() for total in self._folders.get(path, {}).values()]
            unseen, unseen_bytes = self._unseen.get(path, (0, 0))
            found.append(FolderFindings(
                path=path, unclassified=tuple(self._unclassified.get(path, ())), unseen=unseen, unseen_bytes=unseen_bytes,
                variants=tuple(sorted(variants, key=lambda v: (-v.files, _unknown(v), v.names[0]))),
            ))  # fmt: skip
        return found

    def _sum(self, folder: str, look: Look) -> _Sum:
        sums = self._folders.setdefault(folder, {})
        found = sums.get(id(look))
        if found is None:
            found = sums[id(look)] = _Sum(look)
        return found


def _unknown(variant: Variant) -> int:
    """Columns in which nothing was seen: who knows more comes first, and orders the columns."""
    return sum(c.type == NULL for c in variant.columns)


def _count(total: _Sum, columns: Sequence[ColumnFinding]) -> None:
    if not total.counts:
        total.counts = [dict(c.counts) for c in columns]
        total.examples = [list(c.examples[:MOST_EXAMPLES]) for c in columns]
        return
    for counts, examples, column in zip(total.counts, total.examples, columns, strict=True):
        for kind, count in column.counts.items():
            counts[kind] = counts.get(kind, 0) + count
        if len(examples) < MOST_EXAMPLES:
            examples += column.examples[: MOST_EXAMPLES - len(examples)]
