"""CopyObject, and what it has in common with UploadPartCopy: the source."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote

from glulam.api import s3_members
from glulam.buckets.checksums import DEFAULT
from glulam.buckets.conditions import Conditions
from glulam.buckets.objects import Stored
from glulam.buckets.records import Record, Version
from glulam.buckets.spooling import Piece, PieceReader, Spooled
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.model.s3_errors import InvalidArgument, InvalidRequest, NoSuchVersion, OperationAborted

_UNKNOWN_MD5 = "-"
"""An etag with this in it is not the MD5 of the content."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Each method is the S3 operation of its name."""

    store: BucketStore

    def copy_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        bucket, key = asked["Bucket"], asked["Key"]
        conditions = Conditions.of_write(asked)
        with opened_source(self.store, asked) as (source, file):
            said = _said(asked, source)
            with self._copied(bucket, source, file, asked.get("ChecksumAlgorithm")) as (
                spooled,
                etag,
                checksums,
            ):
                record = Record(
                    etag=etag,
                    headers=said.headers,
                    metadata=said.metadata,
                    tags=said.tags,
                    checksums=checksums,
                )
                stored = self.store.objects.put(spooled, key, record, conditions)
        shown = {"ETag": s3_members.etag_text(record), "LastModified": stored.modified}
        return {"CopyObjectResult": shown | s3_members.checksum_members(record)}

    @contextlib.contextmanager
    def _copied(
        self, bucket: str, source: Stored, file: BinaryIO, algorithm: str | None
    ) -> Iterator[tuple[Spooled, str, Mapping[str, str]]]:
        """The copy with its etag and checksums: the source's own where they are of the whole content."""
        piece = Piece(descriptor=file.fileno(), offset=0, length=source.size)
        record, wanted = source.record, algorithm or next(iter(source.record.checksums), DEFAULT)
        if (
            _UNKNOWN_MD5 not in record.etag
            and wanted in record.checksums
            and record.checksum_type == "FULL_OBJECT"
        ):
            with self.store.spool.join(bucket, [piece]) as spooled:
                require_unchanged(source, file)
                yield spooled, record.etag, record.checksums
            return
        with self.store.spool.take(bucket, PieceReader(piece), (wanted,)) as spooled:
            require_unchanged(source, file)
            yield spooled, spooled.md5, spooled.checksums


@contextlib.contextmanager
def opened_source(store: BucketStore, asked: Mapping[str, Any]) -> Iterator[tuple[Stored, BinaryIO]]:
    """The object that `x-amz-copy-source` names, open, on its conditions."""
    bucket, key = _source(asked["CopySource"])
    stored, file = store.objects.open(bucket, key)
    with file:
        Conditions.of_read(asked, "CopySource").check_read(stored.record.etag, stored.modified, copying=True)
        yield stored, file


def require_unchanged(source: Stored, file: BinaryIO) -> None:
    """Raises OperationAborted for a file that somebody wrote into while it was copied."""
    if Version.of(os.fstat(file.fileno())) != source.version:
        raise OperationAborted(Key=source.key)


def _source(text: str) -> tuple[str, str]:
    path, _, query = text.partition("?")
    versions = parse_qs(query).get("versionId", ["null"]) if query else ["null"]
    if versions != ["null"]:
        raise NoSuchVersion(VersionId=versions[0])
    try:
        bucket, slash, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            "x-amz-copy-source is not percent-encoded UTF-8", ArgumentName="x-amz-copy-source",
            ArgumentValue=text,
        ) from error  # fmt: skip
    if not bucket or not slash or not key:
        raise InvalidArgument(
            "Invalid copy source object key", ArgumentName="x-amz-copy-source", ArgumentValue=text
        )
    return bucket, key


def _said(asked: Mapping[str, Any], source: Stored) -> Record:
    """What is said of the copy: by the request where a directive is REPLACE, else by the source."""
    given = s3_members.headers_of(asked)
    old = source.record
    replace = _replaces(asked, "MetadataDirective")
    retag = _replaces(asked, "TaggingDirective")
    headers = dict(given if replace else old.headers)
    headers.pop("StorageClass", None)
    if "StorageClass" in given:
        headers["StorageClass"] = given["StorageClass"]
    itself = _source(asked["CopySource"]) == (asked["Bucket"], asked["Key"])
    if itself and not replace and not asked.get("StorageClass") and not asked.get("WebsiteRedirectLocation"):
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
            "metadata, storage class, website redirect location or encryption attributes."
        )
    return Record(
        etag="", headers=headers, metadata=s3_members.metadata_of(asked) if replace else old.metadata,
        tags=s3_members.tags_of_header(asked.get("Tagging")) if retag else old.tags,
    )  # fmt: skip


def _replaces(asked: Mapping[str, Any], name: str) -> bool:
    directive = asked.get(name) or "COPY"
    if directive not in ("COPY", "REPLACE"):
        raise InvalidArgument(f"Unknown {name}: {directive}; expected COPY or REPLACE", ArgumentName=name,
                              ArgumentValue=directive)  # fmt: skip
    return bool(directive == "REPLACE")
