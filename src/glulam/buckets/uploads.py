"""Uploads in parts: each part a file in the bucket's hidden folder, put together when the client says so.

A part is not forced to disk: completing reads it anyway, and compares its checksum (after a power cut the client may have to
send a part again). Completing builds the whole object beside the parts and then puts it like any other; the upload's rows go
last. A process that dies in between leaves either
the old object and the upload, to be completed again, or the new object and an upload that only takes space until it is
aborted or swept.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from glulam.buckets.records import Record
from glulam.buckets.spooling import Piece, Spool, Spooled
from glulam.model.s3_errors import NoSuchUpload
from glulam.store.database import Database

MOST_PARTS = 10_000
STALE_S = 24 * 3600.0
"""Files in a hidden folder that no row names are left alone for so long: they may be on their way to a row."""

START = """
INSERT INTO bucket_upload (id, bucket, key, about, tags, algorithm, checksum_type) VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_UPLOAD = "id, bucket, key, started_at, about, tags, algorithm, checksum_type"
FIND = f"SELECT {_UPLOAD} FROM bucket_upload WHERE id = %s AND bucket = %s AND key = %s"  # noqa: S608
PAGE = f"""
SELECT {_UPLOAD} FROM bucket_upload
WHERE bucket = %s AND (key, id) > (%s, %s) AND substring(key FOR octet_length(%s::bytea)) = %s::bytea
ORDER BY key, id LIMIT %s
"""  # noqa: S608
STALE = f"""
SELECT {_UPLOAD} FROM bucket_upload
WHERE bucket = %s AND started_at < %s AND substring(key FOR octet_length(%s::bytea)) = %s::bytea LIMIT %s
"""  # noqa: S608
ADD_PART = """
WITH old AS (SELECT file FROM bucket_upload_part WHERE upload_id = %(id)s AND number = %(number)s),
new AS (
  INSERT INTO bucket_upload_part (upload_id, number, file, size_bytes, etag, checksum)
  SELECT id, %(number)s, %(file)s, %(size)s, %(etag)s, %(checksum)s FROM bucket_upload WHERE id = %(id)s FOR SHARE
  ON CONFLICT (upload_id, number) DO UPDATE SET file = excluded.file, size_bytes = excluded.size_bytes,
    etag = excluded.etag, checksum = excluded.checksum, uploaded_at = now()
  RETURNING uploaded_at
)
SELECT uploaded_at, (SELECT file FROM old) FROM new
"""
PARTS = """
SELECT number, file, size_bytes, etag, checksum, uploaded_at FROM bucket_upload_part
WHERE upload_id = %s AND number > %s ORDER BY number LIMIT %s
"""
END = """
WITH parts AS (DELETE FROM bucket_upload_part WHERE upload_id = %(id)s RETURNING file),
upload AS (DELETE FROM bucket_upload WHERE id = %(id)s)
SELECT file FROM parts
"""
NAMED = "SELECT file FROM bucket_upload_part p JOIN bucket_upload u ON u.id = p.upload_id WHERE u.bucket = %s"


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One that was started and is not finished."""

    id: str
    bucket: str
    key: str
    started_at: datetime
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    tags: Mapping[str, str]
    algorithm: str
    checksum_type: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that is there."""

    number: int
    file: str
    size: int
    etag: str
    checksum: str
    uploaded_at: datetime


class Uploads:
    """The unfinished uploads of all buckets."""

    def __init__(self, database: Database, spool: Spool) -> None:
        self._database = database
        self._spool = spool

    def start(self, bucket: str, key: str, said: Record, algorithm: str, checksum_type: str) -> str:
        """Returns the upload's id. `said`: headers, metadata and tags of the object to be."""
        number = secrets.token_urlsafe(48)
        about = orjson.dumps({"headers": dict(said.headers), "metadata": dict(said.metadata)}).decode()
        tags = orjson.dumps(dict(said.tags)).decode()
        with self._database.connection() as conn:
            conn.execute(START, (number, bucket, key.encode(), about, tags, algorithm, checksum_type))
        return number

    def find(self, bucket: str, key: str, number: str) -> Upload:
        """Raises NoSuchUpload."""
        with self._database.connection() as conn:
            row = None if "\0" in number else conn.execute(FIND, (number, bucket, key.encode())).fetchone()
        if row is None:
            raise NoSuchUpload(UploadId=number)
        return _upload(row)

    def page(self, bucket: str, prefix: str, after_key: str, after_id: str, limit: int) -> list[Upload]:
        """By key and id, those behind the given."""
        begin = prefix.encode()
        given = (bucket, after_key.encode(), after_id, begin, begin, limit)
        with self._database.connection() as conn:
            return [_upload(row) for row in conn.execute(PAGE, given).fetchall()]

    def add(self, upload: Upload, number: int, spooled: Spooled, checksum: str) -> Part:
        """Keep a spooled file as a part, in the place of an earlier one. Raises NoSuchUpload."""
        file = f"part-{spooled.name}"
        os.rename(spooled.name, file, src_dir_fd=spooled.hidden, dst_dir_fd=spooled.hidden)
        given = {"id": upload.id, "number": number, "file": file, "size": spooled.version.size, "etag": spooled.md5,
                 "checksum": checksum}  # fmt: skip
        with self._database.connection() as conn:
            row = conn.execute(ADD_PART, given).fetchone()
        if row is None:
            self._spool.remove(upload.bucket, [file])
            raise NoSuchUpload(UploadId=upload.id)
        if row[1] is not None:
            self._spool.remove(upload.bucket, [row[1]])
        return Part(number=number, file=file, size=spooled.version.size, etag=spooled.md5, checksum=checksum,
                    uploaded_at=row[0])  # fmt: skip

    def parts(self, upload: Upload, after: int = 0, limit: int = MOST_PARTS) -> list[Part]:
        """By number."""
        with self._database.connection() as conn:
            rows = conn.execute(PARTS, (upload.id, after, limit)).fetchall()
        return [
            Part(number=number, file=file, size=size, etag=etag, checksum=checksum, uploaded_at=at)
            for number, file, size, etag, checksum, at in rows
        ]

    def end(self, upload: Upload) -> None:
        """Forget the upload and its parts."""
        with self._database.connection() as conn:
            rows = conn.execute(END, {"id": upload.id}).fetchall()
        self._spool.remove(upload.bucket, [file for (file,) in rows])

    @contextlib.contextmanager
    def join(self, upload: Upload, parts: Sequence[Part]) -> Iterator[Spooled]:
        """The bytes of these parts as one file, for the block. Raises InvalidPart."""
        with self._spool.folder(upload.bucket) as folder:
            pieces = [
                Piece(name=part.file, folder=folder, offset=0, length=part.size, algorithm=upload.algorithm,
                      checksum=part.checksum) for part in parts
            ]  # fmt: skip
            with self._spool.join(upload.bucket, pieces) as spooled:
                yield spooled

    def stale(self, bucket: str, prefix: str, before: datetime, limit: int) -> list[Upload]:
        """Those that were started before then."""
        begin = prefix.encode()
        with self._database.connection() as conn:
            return [
                _upload(row) for row in conn.execute(STALE, (bucket, before, begin, begin, limit)).fetchall()
            ]

    def sweep(self, bucket: str) -> int:
        """Remove files that killed processes left; how many."""
        with self._database.connection() as conn:
            named = {file for (file,) in conn.execute(NAMED, (bucket,)).fetchall()}
        return self._spool.sweep(bucket, named, STALE_S)


def _upload(row: tuple[Any, ...]) -> Upload:
    about: Mapping[str, Any] = row[4]
    return Upload(
        id=row[0], bucket=row[1], key=bytes(row[2]).decode(), started_at=row[3], headers=about["headers"],
        metadata=about["metadata"], tags=row[5] or {}, algorithm=row[6], checksum_type=row[7],
    )  # fmt: skip
