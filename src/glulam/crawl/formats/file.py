"""What a look is given and how far it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glulam.crawl.findings import ColumnFinding, FileFinding, Unclassified
from glulam.model.uri import S3Uri
from glulam.records.values import ReadLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file version and where its bytes are; `path` is read until the file's finding is handed out."""

    uri: S3Uri
    etag: str
    size_bytes: int
    path: Path


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    sample_records: int | None = None
    """Read at most so many records of each file; None: all."""
    limits: ReadLimits = field(default_factory=ReadLimits)
    """Sizes beyond which a record or a document is not read (docs/json-contract.md, "Limits")."""
    check: Callable[[], None] = lambda: None
    """Asked now and then while a file is read, from any thread; raises to stop the look."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one classifier says about one file. Certainty 0: it is not of this format, and `evidence` says why."""

    classification: str
    classifier: str
    certainty: float
    parameters: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[ColumnFinding, ...] = ()
    records: int = 0
    complete: bool = True
    evidence: Sequence[str] = ()

    def finding(self, file: LocalFile, compression: str) -> FileFinding | Unclassified:
        if self.certainty <= 0:
            return unclassified(file, "; ".join(self.evidence))
        return FileFinding(
            uri=file.uri, etag=file.etag, size_bytes=file.size_bytes, classification=self.classification,
            classifier=self.classifier, certainty=round(self.certainty, 4), compression=compression,
            parameters=self.parameters, columns=self.columns, records=self.records, complete=self.complete,
            evidence=tuple(self.evidence),
        )  # fmt: skip


def unclassified(file: LocalFile, reason: str) -> Unclassified:
    return Unclassified(uri=file.uri, etag=file.etag, size_bytes=file.size_bytes, reason=reason)
