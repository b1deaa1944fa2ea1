"""After the commit: PUBLISH, ARCHIVE, DONE. Every step can be done again from any point, by any worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from glulam.ingest.config import Pipeline
from glulam.ingest.manifest import Entry, Manifest
from glulam.ingest.places import drop_batch
from glulam.ledger import archives, batches
from glulam.ledger.batches import Claim
from glulam.ledger.files import FileVersion
from glulam.model.errors import ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.store.database import Database

T = TypeVar("T")
R = TypeVar("R")
_GROUP = 64


@dataclass(frozen=True, kw_only=True)
class Publisher:
    database: Database
    store: ObjectStore
    pipeline: Pipeline
    pool: ThreadPoolExecutor

    def finish(self, claim: Claim, manifest: Manifest) -> None:
        """Bring a COMMITTED batch to DONE. Raises StorageFailed (try again later) or Fenced (another worker has it)."""
        failpoint("publish.before")
        entries = [e for e in (*manifest.data, *manifest.dead_letters) if e.staged != e.final]
        self._each(self._publish, entries)
        self.store.flush(entry.final for entry in entries)
        failpoint("publish.after")
        for uri in manifest.replaced:
            self.store.delete(uri)
        failpoint("archive.before")
        self._archive(claim)
        failpoint("archive.after")
        failpoint("done.before")
        with self.database.transaction() as conn:
            batches.finish(conn, claim)
        failpoint("done.after")
        drop_batch(self.store, _of_batch(manifest.staging), str(manifest.staging))
        failpoint("done.during_cleanup")

    def _each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Results in order. Handed over in groups: a file on a local disk moves faster than a task changes threads."""
        size = max(1, min(_GROUP, len(items) // (4 * self.store.at_once)))
        groups = [items[at : at + size] for at in range(0, len(items), size)]
        return [one for done in self.pool.map(lambda group: [work(i) for i in group], groups) for one in done]

    def _publish(self, entry: Entry) -> None:
        try:
            self.store.move(entry.staged, entry.final)
        except ObjectNotFound as error:
            raise StorageFailed(
                f"{entry.final}: neither published nor staged as {entry.staged}: {error}"
            ) from error
        failpoint("publish.during")

    def _archive(self, claim: Claim) -> None:
        if not claim.files:
            return
        with self.database.transaction() as conn:
            keys = archives.archive_keys(conn, [f.id for f in claim.files])
        work = [(f, keys[f.id]) for f in claim.files if f.id in keys]
        keep = self.pipeline.archive == "keep"
        if not keep:
            moved = self._each(self._archive_one, work)
            self.store.flush(target for target in moved if target is not None)
            with self.database.transaction() as conn:
                archives.forget_taken_names(conn, [f.id for f, _ in work])

    def _archive_one(self, work: tuple[FileVersion, str]) -> S3Uri | None:
        """Where the version is now; None: it was overwritten or deleted in the raw zone since it was read."""
        file, key = work
        target = S3Uri(self.pipeline.zones.processed.bucket, key)
        found: S3Uri | None = target
        try:
            self.store.move(file.uri, target, file.etag)
        except ObjectNotFound:  # deleted by hand: there is nothing to archive
            self._correct(file, None)
            found = None
        except ObjectChanged:
            found = self._archive_conflict(file, key)
        failpoint("archive.after_copy")
        return found

    def _archive_conflict(self, file: FileVersion, key: str) -> S3Uri | None:
        """Either the source is a newer version now (it stays, for the lister), or another object has our name."""
        try:
            ours = self.store.head(file.uri).etag == file.etag
        except ObjectNotFound:
            ours = False
        if not ours:
            self._correct(file, None)
            return None
        own = own_key(key, file.etag)
        if own == key:
            raise self._taken(file, key)
        target = S3Uri(self.pipeline.zones.processed.bucket, own)
        try:
            self.store.move(file.uri, target, file.etag)
        except ObjectChanged as error:
            raise self._taken(file, own) from error
        self._correct(file, own)
        return target

    def _taken(self, file: FileVersion, key: str) -> StorageFailed:
        place = S3Uri(self.pipeline.zones.processed.bucket, key)
        return StorageFailed(f"{file.uri}: cannot be archived: {place} is another object; move that one away")

    def _correct(self, file: FileVersion, key: str | None) -> None:
        with self.database.transaction() as conn:
            archives.set_archive_key(conn, file.id, key)


def _of_batch(staging: S3Uri) -> S3Uri:
    """`_staging/<batch>/` of `_staging/<batch>/<epoch>/`: what earlier attempts left goes, too."""
    return S3Uri(staging.bucket, f"{staging.key.rstrip('/').rpartition('/')[0]}/")


def archive_key(pipeline: Pipeline, file: FileVersion, archived_before: bool) -> str:
    """`<processed>/<key below the raw zone>`; a later version of a key gets its etag's hash appended."""
    raw = pipeline.zones.raw.key.rstrip("/")
    relative = file.uri.key.removeprefix(f"{raw}/") if raw else file.uri.key
    key = pipeline.zones.processed.join(relative).key
    return own_key(key, file.etag) if archived_before else key


def own_key(key: str, etag: str) -> str:
    """The name that only this version has; a key may have a `~` of its own."""
    suffix = f"~{hashlib.sha256(etag.encode()).hexdigest()[:12]}"
    return key if key.endswith(suffix) else key + suffix
