"""The object-store seam: a handful of verbs, each with the etag condition where it matters.

Two implementations: `lake.py` (a local folder) and `s3.py` (any S3 over HTTP). Both pass one conformance suite.
An etag is an opaque text that changes whenever the content of the object does.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from glulam.model.uri import S3Uri


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStat:
    """One object as the store lists it."""

    uri: S3Uri
    etag: str
    size_bytes: int
    last_modified: datetime


class ObjectStore(Protocol):
    """All verbs raise ObjectNotFound, ObjectChanged (etag condition failed) or StorageFailed (with the cause)."""

    in_place: bool
    """Whether `fetch` answers with the object itself, and not with a copy."""
    at_once: int
    """How many verbs at the same time pay off: many where each waits for a network, one on a local disk, where threads
    would only wait for each other's turn."""

    def list(self, prefix: S3Uri, *, page_size: int = 1000) -> Iterator[list[ObjectStat]]:
        """Pages of the objects below `prefix`, in bounded memory. A prefix that holds nothing gives no page."""

    def folders(self, prefix: S3Uri) -> builtins.list[str]:
        """Names of the immediate sub-folders of `prefix` (without slashes), sorted."""

    def head(self, uri: S3Uri) -> ObjectStat: ...

    def fetch(self, uri: S3Uri, etag: str, spool: Path) -> Path:
        """A local path with exactly the content of version `etag`: in place on a lake, else a download into
        `spool` (the caller deletes what lies under `spool`). Raises ObjectChanged when the etag is another."""

    def unchanged(self, uri: S3Uri, etag: str) -> bool:
        """Whether the object still has `etag`. For a reader in place: ask after the last byte was read.
        A store whose `fetch` made a private copy may answer True without a request."""

    def put(self, path: Path, uri: S3Uri, *, overwrite: bool = True) -> ObjectStat:
        """Store the file's bytes, atomically and durably. With overwrite=False, an object that is there already
        raises ObjectChanged."""

    def move(self, source: S3Uri, target: S3Uri, etag: str | None = None) -> None:
        """Move an object, idempotently: done already (source gone or changed, target there) is success.
        With `etag`, only that version of the source is ever moved or deleted; if the source holds another version
        it stays where it is and ObjectChanged is raised unless the target is there already.
        Never overwrites a target with other content: raises ObjectChanged. Neither there: ObjectNotFound."""

    def flush(self, targets: Iterable[S3Uri]) -> None:
        """Make moves to these targets survive a power cut, before they are recorded as done."""

    def copy(self, source: S3Uri, target: S3Uri, etag: str) -> None:
        """Copy version `etag`; the source stays. A target that is there already with that size is success."""

    def delete(self, uri: S3Uri, etag: str | None = None) -> None:
        """Delete; an object that is not there is success. With `etag`, another version stays (ObjectChanged)."""

    def delete_prefix(self, prefix: S3Uri) -> int:
        """Delete everything below the prefix; returns how many objects."""

    def local_path(self, uri: S3Uri) -> Path | None:
        """Where the object lies on this machine's disk, or None for a remote store."""
