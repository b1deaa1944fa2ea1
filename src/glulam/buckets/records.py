"""What a plain file cannot hold about an object, kept in PostgreSQL: one row for each version of a file.

A version is a file's modification time, size and inode: the same after a rename, another after any write. A file whose
version has no row was made or changed by somebody else: nothing that was known of an earlier content is served for it;
it gets an etag made of its version, in a form that no client takes for an MD5, and a content type by its name.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from glulam.buckets.together import Together
from glulam.store.database import Database

DEFAULT_TYPE = "binary/octet-stream"
_CACHED = 20_000
_HALF, _ALL = 1 << 63, 1 << 64

FIND = """
SELECT mtime_ns, size_bytes, inode, etag, about, tags FROM bucket_object
WHERE bucket = %s AND key = %s AND mtime_ns = %s AND size_bytes = %s AND inode = %s
"""
_BRIEF = "SELECT key, mtime_ns, size_bytes, inode, etag, about::text, tags::text FROM bucket_object WHERE bucket = %s"
BETWEEN = f"{_BRIEF} AND key BETWEEN %s AND %s ORDER BY key LIMIT %s"
MANY = f"{_BRIEF} AND key = ANY(%s)"
REPLACE = """
WITH given AS (
  SELECT g.*, decode(hex, 'hex') AS key FROM json_to_recordset(%s::json)
    AS g (bucket text, hex text, mtime_ns bigint, size_bytes bigint, inode bigint, etag text, about json, tags json,
          old_mtime_ns bigint, old_size bigint, old_inode bigint)
), gone AS (
  DELETE FROM bucket_object AS o USING given AS g
  WHERE o.bucket = g.bucket AND o.key = g.key AND g.old_size >= 0
    AND (o.mtime_ns, o.size_bytes, o.inode) <> (g.old_mtime_ns, g.old_size, g.old_inode)
    AND (o.mtime_ns, o.size_bytes, o.inode) <> (g.mtime_ns, g.size_bytes, g.inode)
)
INSERT INTO bucket_object (bucket, key, mtime_ns, size_bytes, inode, etag, about, tags)
SELECT bucket, key, mtime_ns, size_bytes, inode, etag, about, tags FROM given
ON CONFLICT (bucket, key, mtime_ns, size_bytes, inode)
DO UPDATE SET etag = excluded.etag, about = excluded.about, tags = excluded.tags
"""
KEYS = "SELECT DISTINCT key FROM bucket_object WHERE bucket = %s AND key > %s ORDER BY key LIMIT %s"
FORGET_OTHERS = """
DELETE FROM bucket_object WHERE bucket = %s AND key = %s AND (mtime_ns, size_bytes, inode) <> (%s, %s, %s)
"""
FORGET = "DELETE FROM bucket_object WHERE bucket = %s AND key = ANY(%s)"


class Version(NamedTuple):
    """Which content of a file. (A tuple: a list makes thousands.)"""

    mtime_ns: int
    size: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Version:
        inode = found.st_ino
        return cls(found.st_mtime_ns, found.st_size, inode if inode < _HALF else inode - _ALL)


Brief = tuple[str, str, str | None]
"""Etag, about and tags of a row as lists need them: the documents are JSON that is not parsed."""

NO_VERSION = Version(-1, -1, -1)


@dataclass(frozen=True, kw_only=True, slots=True)
class PartRecord:
    """A part of an object that was uploaded in parts."""

    size: int
    checksum: str
    """Base64; of the algorithm of the object's checksum."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What is known of one version of an object."""

    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """ContentType, CacheControl, ... by their member names."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    """Base64 by algorithm (`CRC32C`)."""
    checksum_type: str = "FULL_OBJECT"
    parts: tuple[PartRecord, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Replacement:
    """The row of a file that is about to get its name, and which other row of the key stays: that of the file that has
    the name now. (Where there is none, all stay.)"""

    bucket: str
    key: str
    version: Version
    record: Record
    current: Version


class Records:
    """The rows of all objects. Safe to share between threads; remembers rows, which never change but for their tags."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._replace = Together(self._replace_all)
        self._known: OrderedDict[tuple[str, str, Version], Record] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, bucket: str, key: str, version: Version) -> Record | None:
        at = (bucket, key, version)
        with self._lock:
            known = self._known.get(at)
        if known is not None:
            return known
        with self.database.connection() as conn:
            row = conn.execute(FIND, (bucket, key.encode(), *version)).fetchone()
        if row is None:
            return None
        record = _record(*row[3:])
        self._remember(at, record)
        return record

    def briefs(self, bucket: str, keys: Sequence[bytes]) -> dict[tuple[bytes, tuple[int, ...]], Brief]:
        """The rows of these keys (in order) by key and version, in one query where the keys follow each other closely."""
        if not keys:
            return {}
        most = len(keys) * 3  # an overwritten object may have the row of the version before
        with self.database.connection() as conn:
            cursor = conn.cursor(binary=True)
            rows = cursor.execute(BETWEEN, (bucket, keys[0], keys[-1], most)).fetchall()
            if len(rows) == most:
                rows = cursor.execute(MANY, (bucket, list(keys))).fetchall()
        return {(row[0], row[1:4]): row[4:] for row in rows}

    def replace(self, replacement: Replacement) -> None:
        """Committed when it returns, together with others that wait."""
        self._replace.do(replacement)
        self._remember((replacement.bucket, replacement.key, replacement.version), replacement.record)

    def forget(self, bucket: str, keys: Sequence[str]) -> None:
        """Remove the rows of these keys."""
        with self.database.connection() as conn:
            conn.execute(FORGET, (bucket, [key.encode() for key in keys]))

    def keys(self, bucket: str, after: str, limit: int) -> list[str]:
        """Keys that have rows, in order."""
        with self.database.connection() as conn:
            rows = conn.execute(KEYS, (bucket, after.encode(), limit)).fetchall()
        return [bytes(key).decode() for (key,) in rows]

    def forget_others(self, bucket: str, key: str, version: Version) -> int:
        """Remove the rows of all other versions; how many."""
        with self.database.connection() as conn:
            return conn.execute(FORGET_OTHERS, (bucket, key.encode(), *version)).rowcount

    def _replace_all(self, works: Sequence[Replacement]) -> None:
        with self.database.connection() as conn:
            conn.execute(REPLACE, (orjson.dumps([_row(work) for work in works]).decode(),))

    def _remember(self, at: tuple[str, str, Version], record: Record) -> None:
        with self._lock:
            self._known[at] = record
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)


def unknown_etag(version: Version) -> str:
    """Of a file that we did not write. The `-0` keeps clients from taking it for an MD5."""
    text = f"{version.mtime_ns}-{version.size}-{version.inode}"
    return f"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}-0"


def unknown(key: str, version: Version) -> Record:
    """What is said of a file that we did not write."""
    kind, encoding = mimetypes.guess_type(key)
    return Record(
        etag=unknown_etag(version), headers={"ContentType": kind if kind and not encoding else DEFAULT_TYPE}
    )


def _row(work: Replacement) -> dict[str, Any]:
    return {
        "bucket": work.bucket, "hex": work.key.encode().hex(), "mtime_ns": work.version.mtime_ns,
        "size_bytes": work.version.size, "inode": work.version.inode, "etag": work.record.etag,
        "about": _about(work.record), "tags": dict(work.record.tags) or None, "old_mtime_ns": work.current.mtime_ns,
        "old_size": work.current.size, "old_inode": work.current.inode,
    }  # fmt: skip


def _about(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if record.headers:
        found["headers"] = dict(record.headers)
    if record.metadata:
        found["metadata"] = dict(record.metadata)
    if record.checksums:
        found["checksums"] = dict(record.checksums)
    if record.checksum_type != "FULL_OBJECT":
        found["checksum_type"] = record.checksum_type
    if record.parts:
        found["parts"] = [[part.size, part.checksum] for part in record.parts]
    return found


def _record(etag: str, about: Mapping[str, Any], tags: Mapping[str, str] | None) -> Record:
    return Record(
        etag=etag, headers=about.get("headers", {}), metadata=about.get("metadata", {}), tags=tags or {},
        checksums=about.get("checksums", {}), checksum_type=about.get("checksum_type", "FULL_OBJECT"),
        parts=tuple(PartRecord(size=size, checksum=checksum) for size, checksum in about.get("parts", ())),
    )  # fmt: skip
