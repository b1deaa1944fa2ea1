"""Buckets: the folders right below the lake's root, whoever made them.

A folder made by hand is a bucket as it is; one that is made here has a name that S3 takes too. What is configured for a
bucket (its documents, by name) and when it was first seen is in PostgreSQL.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from glulam.buckets.listing import Listing
from glulam.buckets.tree import HIDDEN, Tree, is_bucket_folder
from glulam.model.s3_errors import BucketAlreadyOwnedByYou, BucketNotEmpty, InvalidBucketName
from glulam.store.database import Database

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?", re.ASCII)
_NOT_FIRST = ("xn--", "sthree-", "amzn-s3-demo-")
_NOT_LAST = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

SEEN = """
WITH seen AS (
  INSERT INTO bucket (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING RETURNING name, created_at
)
SELECT name, created_at FROM seen UNION ALL SELECT name, created_at FROM bucket WHERE name = ANY(%s)
"""
FORGET = "DELETE FROM bucket WHERE name = %s"
MADE = """
INSERT INTO bucket (name, settings) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET created_at = now(), settings = %s
"""
SETTINGS = "SELECT settings FROM bucket WHERE name = %s"
ALL_SETTINGS = "SELECT name, settings FROM bucket WHERE settings ? %s"
SET = """
INSERT INTO bucket (name, settings) VALUES (%s, jsonb_build_object(%s::text, %s::jsonb))
ON CONFLICT (name) DO UPDATE SET settings = bucket.settings || excluded.settings
"""
UNSET = "UPDATE bucket SET settings = settings - %s WHERE name = %s"
FORGET_UPLOADS = "DELETE FROM bucket_upload WHERE bucket = %s"
FORGET_OBJECTS = "DELETE FROM bucket_object WHERE bucket = %s"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    name: str
    created_at: datetime


class Buckets:
    """The buckets of a lake."""

    def __init__(self, tree: Tree, listing: Listing, database: Database) -> None:
        self._tree = tree
        self._listing = listing
        self._database = database

    def names(self) -> list[str]:
        with os.scandir(self._tree.root) as entries:
            found = [
                e.name for e in entries if is_bucket_folder(e.name) and
                (e.is_dir(follow_symlinks=False) or (e.is_symlink() and self._tree.kind_of_link((e.name,)) == "folder"))
            ]  # fmt: skip
        return sorted(found)

    def list(self) -> Sequence[Bucket]:
        """By name."""
        names = self.names()
        with self._database.connection() as conn:
            rows = conn.execute(SEEN, (names, names)).fetchall()
        return [Bucket(name=name, created_at=at) for name, at in sorted(rows)]

    def require(self, bucket: str) -> None:
        """Raises NoSuchBucket."""
        with self._tree.folder(bucket, ()):
            pass

    def create(self, bucket: str, settings: Mapping[str, Any]) -> None:
        """Raises InvalidBucketName or BucketAlreadyOwnedByYou."""
        require_name(bucket)
        try:
            os.mkdir(f"{self._tree.root}/{bucket}")
        except FileExistsError:
            raise BucketAlreadyOwnedByYou(BucketName=bucket) from None
        document = orjson.dumps(dict(settings)).decode()
        with self._database.connection() as conn:
            conn.execute(MADE, (bucket, document, document))
        descriptor = os.open(self._tree.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def delete(self, bucket: str) -> None:
        """Raises NoSuchBucket, or BucketNotEmpty. Empty folders and unfinished uploads go with it, as in S3."""
        if not self._listing.is_empty(bucket):
            raise BucketNotEmpty(BucketName=bucket)
        with self._database.transaction() as conn:
            conn.execute(FORGET_UPLOADS, (bucket,))
            conn.execute(FORGET_OBJECTS, (bucket,))
            conn.execute(FORGET, (bucket,))
        with contextlib.suppress(FileNotFoundError), self._tree.folder(bucket, (HIDDEN,)) as hidden:
            for name in os.listdir(hidden):
                os.unlink(name, dir_fd=hidden)
        self._remove_folders(bucket)
        try:
            os.rmdir(f"{self._tree.root}/{bucket}")
        except OSError as error:
            raise BucketNotEmpty(BucketName=bucket) from error

    def _remove_folders(self, bucket: str) -> None:
        """As far as nothing but folders is in them."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            place = waiting.pop()
            with contextlib.suppress(OSError), self._tree.folder(bucket, place) as folder:
                below = [(*place, name) for name in os.listdir(folder)]
                waiting += below
                if not below:
                    self._tree.remove_empty(bucket, place)

    def settings(self, bucket: str) -> Mapping[str, Any]:
        """All documents. Raises NoSuchBucket."""
        self.require(bucket)
        with self._database.connection() as conn:
            row = conn.execute(SETTINGS, (bucket,)).fetchone()
        found: Mapping[str, Any] = row[0] if row else {}
        return found

    def with_setting(self, name: str) -> dict[str, Any]:
        """{bucket: document} of the buckets that have a document of this name."""
        with self._database.connection() as conn:
            return {
                bucket: settings[name] for bucket, settings in conn.execute(ALL_SETTINGS, (name,)).fetchall()
            }

    def set(self, bucket: str, name: str, document: Any) -> None:
        self.require(bucket)
        with self._database.connection() as conn:
            conn.execute(SET, (bucket, name, orjson.dumps(document).decode()))

    def unset(self, bucket: str, name: str) -> None:
        self.require(bucket)
        with self._database.connection() as conn:
            conn.execute(UNSET, (name, bucket))


def require_name(name: str) -> None:
    """Raises InvalidBucketName for what S3 does not take for a new bucket."""
    good = (
        3 <= len(name) <= 63 and _NAME.fullmatch(name) is not None and ".." not in name
        and not name.startswith(_NOT_FIRST) and not name.endswith(_NOT_LAST)
    )  # fmt: skip
    if good:
        with contextlib.suppress(ValueError):
            ipaddress.IPv4Address(name)
            good = False
    if not good:
        raise InvalidBucketName(BucketName=name)
