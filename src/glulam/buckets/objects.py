"""Objects as files: read one with what is known of it, put one in the place of another, delete.

How a put survives kill -9 and other writers:

    body -> hidden file, forced to disk    not visible to anybody yet
    lock of the key                        the other writers of this key wait; each leaves a whole object
    row of the new version, committed      nothing changes for readers: the file they find is still the old version,
                                           and its row is still there. A row is found by the version of the file only
    rename hidden file -> name             atomic. From here every reader finds the new file, and with it its row
    folder forced to disk                  before the caller hears of success

A process that dies before the rename leaves the old object with its row, and a row that no file has; one that dies after
it leaves the new object with its row, and the old one's row. Rows without a file are removed by the next put or delete of
the key, which hold its lock and so know that nobody else's rename is still to come.

A deletion removes the file, then the row: a crash in between leaves a row without a file.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from glulam.buckets.conditions import Conditions, modified_at
from glulam.buckets.locks import KeyLocks
from glulam.buckets.records import NO_VERSION, Record, Records, Replacement, Version, unknown
from glulam.buckets.spooling import Spool, Spooled, disk_failed
from glulam.buckets.together import Together
from glulam.buckets.tree import Tree
from glulam.model.errors import GlulamError
from glulam.model.failpoints import failpoint
from glulam.model.s3_errors import InvalidArgument, KeyTooLong, NoSuchKey, OperationAborted

KEY_BYTES = 1024
_TRIES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """One version of an object."""

    key: str
    version: Version
    record: Record

    @property
    def size(self) -> int:
        return self.version.size

    @property
    def modified(self) -> datetime:
        return modified_at(self.version.mtime_ns)


class LakeObjects:
    """The objects of all buckets. Safe to share between threads, and between processes on one machine."""

    def __init__(self, tree: Tree, records: Records, spool: Spool, locks: KeyLocks) -> None:
        self.tree = tree
        self.records = records
        self.spool = spool
        self._locks = locks
        self._sync = Together(_sync_all)

    def find(self, bucket: str, key: str) -> Stored | None:
        require_key(key)
        for _ in range(_TRIES):
            found = self.tree.stat_object(bucket, key)
            if found is None:
                return None
            version = Version.of(found)
            record = self._record(bucket, key, version)
            if record is not None:
                return Stored(key=key, version=version, record=record)
        raise OperationAborted(Key=key)

    def stat(self, bucket: str, key: str) -> Stored:
        """Raises NoSuchBucket or NoSuchKey."""
        found = self.find(bucket, key)
        if found is None:
            raise NoSuchKey(Key=key)
        return found

    def open(self, bucket: str, key: str) -> tuple[Stored, BinaryIO]:
        """The object and its open file, which stays that version whatever happens to the name."""
        require_key(key)
        for _ in range(_TRIES):
            found = self.tree.open_object(bucket, key)
            if found is None:
                raise NoSuchKey(Key=key)
            file = open(found.descriptor, "rb", buffering=0)  # noqa: SIM115 - the caller's to close
            try:
                version = Version.of(found.stat)
                record = self._record(bucket, key, version)
            except BaseException:
                file.close()
                raise
            if record is not None:
                return Stored(key=key, version=version, record=record), file
            file.close()
        raise OperationAborted(Key=key)

    def put(self, spooled: Spooled, key: str, record: Record, conditions: Conditions) -> Stored:
        """Give a spooled file its name. Raises PreconditionFailed, NoSuchKey (If-Match of nothing)."""
        bucket = spooled.bucket
        require_key(key)
        try:
            for _ in range(_TRIES):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    with self.tree.writable(bucket, key) as (folder, place):
                        self._replace(spooled, key, record, conditions, folder, place)
                        self._sync.do(folder)
                        failpoint("object.after_sync")
                    return Stored(key=key, version=spooled.version, record=record)
        except OSError as error:
            raise disk_failed(bucket, error) from error
        raise OperationAborted(Key=key)

    def _replace(
        self, spooled: Spooled, key: str, record: Record, conditions: Conditions, folder: int, place: Sequence[str]
    ) -> None:  # fmt: skip
        bucket = spooled.bucket
        with self._locks.hold(bucket, key):
            current = self._check_write(bucket, key, conditions, folder, place)
            failpoint("object.before_row")
            self.records.replace(Replacement(
                bucket=bucket, key=key, version=spooled.version, record=record, current=current
            ))  # fmt: skip
            failpoint("object.after_row")
            self.tree.rename_into(spooled.name, spooled.hidden, folder, place)
            failpoint("object.after_rename")

    def _check_write(
        self, bucket: str, key: str, conditions: Conditions, folder: int, place: Sequence[str]
    ) -> Version:
        """The version that has the name now; whether it may be replaced."""
        if conditions.nothing:
            found = self.tree.stat_in(folder, place[-1], (bucket, *place))
            return NO_VERSION if found is None else Version.of(found)
        stored = self.find(bucket, key)
        conditions.check_write(key, stored.record.etag if stored else None)
        return stored.version if stored else NO_VERSION

    def delete(self, bucket: str, key: str, conditions: Conditions) -> None:
        """Not there is as good as deleted, without a condition. Raises PreconditionFailed or NoSuchKey."""
        (error,) = self.delete_many(bucket, [(key, conditions)])
        if error is not None:
            raise error

    def delete_many(self, bucket: str, wanted: Sequence[tuple[str, Conditions]]) -> list[GlulamError | None]:
        """What came of each. They are forced to disk, and their rows go, together."""
        outcomes: list[GlulamError | None] = []
        places: list[tuple[str, ...]] = []
        with self._locks.hold(bucket, *(key for key, _ in wanted)):
            for key, conditions in wanted:
                try:
                    places += self._unlink(bucket, key, conditions)
                except GlulamError as error:
                    outcomes.append(error)
                    continue
                outcomes.append(None)
            failpoint("object.after_unlink")
            folders = {place[:-1] for place in places}
            self._sync_folders(bucket, folders)
            settled = [key for (key, _), error in zip(wanted, outcomes, strict=True) if error is None]
            self.records.forget(bucket, settled)
        for folder in folders:
            self.tree.remove_empty(bucket, folder)
        return outcomes

    def _unlink(self, bucket: str, key: str, conditions: Conditions) -> list[tuple[str, ...]]:
        require_key(key)
        if not conditions.nothing:
            stored = self.find(bucket, key)
            if stored is not None:
                conditions.check_delete(stored.record.etag, stored.modified, stored.size)
            elif conditions.if_match is not None:
                raise NoSuchKey(Key=key)
        try:
            return self.tree.unlink_object(bucket, key)
        except OSError as error:
            raise disk_failed(bucket, error) from error

    def _sync_folders(self, bucket: str, folders: Iterable[tuple[str, ...]]) -> None:
        for names in folders:
            with (
                contextlib.suppress(FileNotFoundError, NotADirectoryError),
                self.tree.folder(bucket, names) as folder,
            ):
                self._sync.do(folder)

    @contextlib.contextmanager
    def second_name(self, bucket: str, key: str, version: Version) -> Iterator[Spooled]:
        """The file of an object, to be put under another key too. Raises OperationAborted when it is another version."""
        place = self.tree.place_of(bucket, key)
        if place is None:
            raise NoSuchKey(Key=key)
        with (
            self.tree.folder(bucket, place[:-1]) as folder,
            self.spool.linked(bucket, folder, place[-1]) as spooled,
        ):
            if spooled.version != version:
                raise OperationAborted(Key=key)
            yield spooled

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Raises NoSuchKey. A file that we did not write gets a row."""
        with self._locks.hold(bucket, key):
            stored = self.stat(bucket, key)
            self.records.replace(Replacement(
                bucket=bucket, key=key, version=stored.version, record=replace(stored.record, tags=tags),
                current=stored.version,
            ))  # fmt: skip

    def forget_gone(self, bucket: str, after: str, limit: int) -> str | None:
        """Remove rows that no file has (somebody moved or removed it by hand); the last key looked at, None at the end."""
        found = self.records.keys(bucket, after, limit)
        for key in found:
            with self._locks.hold(bucket, key):
                there = self.tree.stat_object(bucket, key)
                self.records.forget_others(bucket, key, NO_VERSION if there is None else Version.of(there))
        return found[-1] if len(found) == limit else None

    def _record(self, bucket: str, key: str, version: Version) -> Record | None:
        """Of this version; made up when nobody knows it; None when it is not the object any more: look again. (Two puts
        between the look at the file and the one at its row take the row away.)"""
        record = self.records.find(bucket, key, version)
        if record is not None:
            return record
        again = self.tree.stat_object(bucket, key)
        return unknown(key, version) if again is not None and Version.of(again) == version else None


def require_key(key: str) -> None:
    """Raises KeyTooLong or InvalidArgument."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise InvalidArgument(
            "The key is not UTF-8 text", ArgumentName="key", ArgumentValue=ascii(key)
        ) from error
    if size > KEY_BYTES:
        raise KeyTooLong(Size=size, MaxSizeAllowed=KEY_BYTES)
    if not key:
        raise InvalidArgument("A key has at least one character", ArgumentName="key", ArgumentValue="")


def _sync_all(folders: Sequence[int]) -> None:
    """Each folder once, by whichever descriptor."""
    for folder in {_identity(descriptor): descriptor for descriptor in folders}.values():
        os.fsync(folder)


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
