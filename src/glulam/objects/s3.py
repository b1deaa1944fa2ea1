"""Any S3 over HTTP: AWS, MinIO, Ceph, GCS in S3 mode. boto3 is imported here and in s3http.py only.

Endpoint, region and credentials come from the usual variables (AWS_ENDPOINT_URL, AWS_REGION, AWS_PROFILE,
AWS_ACCESS_KEY_ID, ...). A server that refuses boto3's checksums needs
AWS_REQUEST_CHECKSUM_CALCULATION=when_required.

Requests are retried by botocore (standard mode, bounded). A first try that took effect although its answer
was lost is recognised: an upload and a copy by a token in their metadata, a deletion because nothing is
there.

Every condition goes to the server (If-Match, If-None-Match, x-amz-copy-source-if-match). Servers exist that
ignore or refuse some, so a look comes first, and a copy is compared after. What remains, on such a server
only: a version written between the look and the request (one round trip) can be overwritten or deleted.

Left to others: HTTP errors and the client (s3http.py), uploads and copies in parts (s3parts.py).
"""

from __future__ import annotations

import builtins
import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glulam.model.errors import InvalidInput, ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat
from glulam.objects.s3http import BODY_ERRORS, ConditionUnknown, asking, connect, plain, quoted
from glulam.objects.s3parts import SINGLE_REQUEST_BYTES, copy_object, upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef as Head

_CHUNK_BYTES = 1 << 20
_FETCH_TRIES = 4
_PUT = "glulam-put"
"""Metadata key of the token by which an upload whose answer was lost is known again."""
_MOVED = "glulam-copy-of"
"""Metadata key of a hash of URI and etag that an object was copied from."""
_KEPT_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType")


class S3Store:
    """The remote ObjectStore. Safe to use from several threads at once."""

    in_place = False
    at_once = 16

    def __init__(
        self,
        client: S3Client | None = None,
        *,
        connect_timeout_s: float = 10,
        read_timeout_s: float = 60,
        max_attempts: int = 5,
        single_request_bytes: int = SINGLE_REQUEST_BYTES,
    ) -> None:
        """`single_request_bytes`: above it, uploads and copies go in parts (S3 allows 5 GiB in one
        request)."""
        self._s3 = client or connect(connect_timeout_s, read_timeout_s, max_attempts)
        self._single = single_request_bytes

    def list(self, prefix: S3Uri, *, page_size: int = 1000) -> Iterator[builtins.list[ObjectStat]]:
        """Pages in key order (S3 caps a page at 1000). Folder markers (empty objects `name/`) are left
        out."""
        for contents in self._pages(prefix, page_size):
            page = [
                ObjectStat(
                    uri=S3Uri(prefix.bucket, found["Key"]),
                    etag=plain(found["ETag"]),
                    size_bytes=found["Size"],
                    last_modified=found["LastModified"],
                )
                for found in contents
                if not found["Key"].endswith("/")
            ]
            if page:
                yield page

    def folders(self, prefix: S3Uri) -> builtins.list[str]:
        below = _folder_key(prefix)
        names: builtins.list[str] = []
        with asking("list folders of", prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=prefix.bucket, Prefix=below, Delimiter="/"
            )
            for page in pages:
                names += [found["Prefix"][len(below) : -1] for found in page.get("CommonPrefixes", [])]
        return sorted(names)

    def head(self, uri: S3Uri) -> ObjectStat:
        with asking("look at", uri):
            return _stat(uri, self._s3.head_object(Bucket=uri.bucket, Key=uri.key))

    def fetch(self, uri: S3Uri, etag: str, spool: Path) -> Path:
        spool.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(f"{uri}\0{etag}".encode()).hexdigest()[:32]
        partial = spool / f"{name}.{secrets.token_hex(6)}.part"
        try:
            for attempt in range(_FETCH_TRIES):
                try:
                    self._download(uri, etag, partial)
                    break
                except BODY_ERRORS as error:
                    if attempt == _FETCH_TRIES - 1:
                        raise StorageFailed(f"fetch {uri}: {error}, {_FETCH_TRIES} times") from error
                    time.sleep(0.1 * 2**attempt)
            return partial.replace(spool / name)
        except OSError as error:
            raise StorageFailed(f"fetch {uri} to {partial}: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def unchanged(self, uri: S3Uri, etag: str) -> bool:
        return True  # fetch made a private copy of exactly that version

    def put(self, path: Path, uri: S3Uri, *, overwrite: bool = True) -> ObjectStat:
        token = secrets.token_hex(16)
        try:
            with asking("put", uri), path.open("rb") as body:
                size = os.fstat(body.fileno()).st_size
                headers = {"Metadata": {_PUT: token}}
                upload(self._s3, body, uri, size, overwrite=overwrite, headers=headers, limit=self._single)
        except (ObjectChanged, ObjectNotFound):
            # A retry is told "is there already" or "no such upload" when the first try had done it.
            found = self._head_or_none(uri)
            if found is None or found["Metadata"].get(_PUT) != token:
                raise
        except FileNotFoundError as error:
            raise ObjectNotFound(f"put {uri}: there is no file {path}") from error
        except OSError as error:
            raise StorageFailed(f"put {path} -> {uri}: {error.strerror or error}") from error
        found = self._head_or_none(uri)
        if found is None:
            raise StorageFailed(f"put {path} -> {uri}: answered as done, but is not there")
        if found["Metadata"].get(_PUT) == token and found["ContentLength"] != size:
            raise StorageFailed(f"put {path} -> {uri}: stored {found['ContentLength']} bytes of {size}")
        return _stat(uri, found)

    def move(self, source: S3Uri, target: S3Uri, etag: str | None = None) -> None:
        """Copy, look at the copy, delete the source if it still is that version."""
        if source == target:
            raise InvalidInput(f"cannot move {source} to itself")
        with asking("move", source, target):
            here, there = self._head_or_none(source), self._head_or_none(target)
            if here is None or (etag is not None and plain(here["ETag"]) != etag):
                if there is not None:
                    return
                if here is None:
                    raise ObjectNotFound(f"neither {source} nor {target} is there")
                found = plain(here["ETag"])
                raise ObjectChanged(f"{source}: has version {found}, expected {etag}; left in place")
            self._copy(source, target, here, there)
            failpoint("archive.during_copy")
            try:
                self._delete_version(source, plain(here["ETag"]))
            except ObjectChanged:
                return  # a newer version has come: it stays, and the one to move is at the target

    def copy(self, source: S3Uri, target: S3Uri, etag: str) -> None:
        with asking("copy", source, target):
            here, there = self._head_or_none(source), self._head_or_none(target)
            if here is not None and plain(here["ETag"]) == etag:
                self._copy(source, target, here, there)
            elif there is not None and plain(there["ETag"]) == etag:
                return
            elif here is None:
                raise ObjectNotFound(f"no object at {source}")
            else:
                raise ObjectChanged(f"{source}: has version {plain(here['ETag'])}, expected {etag}")

    def delete(self, uri: S3Uri, etag: str | None = None) -> None:
        with asking("delete", uri):
            if etag is None:
                self._s3.delete_object(Bucket=uri.bucket, Key=uri.key)
            else:
                self._delete_version(uri, etag)

    def delete_prefix(self, prefix: S3Uri) -> int:
        objects = 0
        for contents in self._pages(prefix, 1000):
            keys: Any = [{"Key": found["Key"]} for found in contents]
            with asking("delete below", prefix):
                batch: Any = {"Objects": keys, "Quiet": True}
                answer = self._s3.delete_objects(Bucket=prefix.bucket, Delete=batch)
            for failed in answer.get("Errors", []):
                about = f"s3://{prefix.bucket}/{failed.get('Key')}"
                raise StorageFailed(f"delete {about}: {failed.get('Code')} {failed.get('Message')}")
            objects += sum(not found["Key"].endswith("/") for found in contents)
        return objects

    def local_path(self, uri: S3Uri) -> Path | None:
        return None

    def flush(self, targets: Iterable[S3Uri]) -> None:
        """Nothing to do: an answered request is durable."""

    def _pages(self, prefix: S3Uri, page_size: int) -> Iterator[Any]:
        with asking("list", prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=prefix.bucket,
                Prefix=_folder_key(prefix),
                PaginationConfig={"PageSize": min(page_size, 1000)},
            )
            for page in pages:
                if page.get("Contents"):
                    yield page["Contents"]

    def _head_or_none(self, uri: S3Uri) -> Head | None:
        try:
            with asking("look at", uri):
                return self._s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ObjectNotFound:
            return None

    def _download(self, uri: S3Uri, etag: str, partial: Path) -> None:
        with asking("fetch", uri):
            answer = self._s3.get_object(Bucket=uri.bucket, Key=uri.key, IfMatch=quoted(etag))
        if plain(answer["ETag"]) != etag:
            raise ObjectChanged(f"{uri}: has version {plain(answer['ETag'])}, expected {etag}")
        received = 0
        with partial.open("wb") as write, answer["Body"] as body:
            while chunk := body.read(_CHUNK_BYTES):
                received += write.write(chunk)
        if received != answer["ContentLength"]:
            raise ConnectionError(f"the body ended after {received} of {answer['ContentLength']} bytes")

    def _copy(self, source: S3Uri, target: S3Uri, here: Head, there: Head | None) -> None:
        """Make `target` hold the version `here` of `source`, or raise ObjectChanged and leave it as it
        was."""
        etag, token = plain(here["ETag"]), _copy_token(source, here)
        made = None
        if there is None:
            headers: dict[str, Any] = {name: here.get(name) for name in _KEPT_HEADERS if here.get(name)}
            headers["Metadata"] = {**here["Metadata"], _MOVED: token}
            size = here["ContentLength"]
            try:
                made = copy_object(self._s3, source, target, etag, size, headers=headers, limit=self._single)
            except (ObjectChanged, ObjectNotFound):
                # The source changed; or the target came meanwhile, perhaps by this request's own first try.
                if self._head_or_none(target) is None:
                    raise
            there = self._head_or_none(target)
            if there is None:
                raise StorageFailed(f"copy {source} -> {target}: answered as done, but is not there")
        if _same_content(here, there, token):
            return
        if made is not None and plain(there["ETag"]) == made:  # of a version that came under our hands
            self._delete_version(target, made)
            raise ObjectChanged(f"{source}: changed while it was copied, expected {etag}; left in place")
        raise ObjectChanged(f"{target}: is there already and not known to be a copy of {source}")

    def _delete_version(self, uri: S3Uri, etag: str) -> None:
        found = self._head_or_none(uri)
        if found is None:
            return
        if plain(found["ETag"]) != etag:
            raise ObjectChanged(f"{uri}: has version {plain(found['ETag'])}, expected {etag}; left in place")
        try:
            with asking("delete", uri):
                self._s3.delete_object(Bucket=uri.bucket, Key=uri.key, IfMatch=quoted(etag))
        except ObjectNotFound:
            return
        except ConditionUnknown:
            self._s3.delete_object(Bucket=uri.bucket, Key=uri.key)


def _copy_token(source: S3Uri, here: Head) -> str:
    return hashlib.sha256(f"{source}\0{plain(here['ETag'])}".encode()).hexdigest()


def _same_content(here: Head, there: Head, token: str) -> bool:
    """Whether `there` is a copy of the version `here`. Etags tell when both are MD5s of the content (one
    part, no KMS or customer key); otherwise the token that our copy carries."""
    if here["ContentLength"] != there["ContentLength"]:
        return False
    if _is_md5(here) and _is_md5(there):
        return plain(here["ETag"]) == plain(there["ETag"])
    return there["Metadata"].get(_MOVED) == token


def _is_md5(found: Head) -> bool:
    encrypted = found.get("ServerSideEncryption", "AES256") != "AES256" or "SSECustomerAlgorithm" in found
    return not encrypted and len(plain(found["ETag"])) == 32


def _stat(uri: S3Uri, found: Head) -> ObjectStat:
    return ObjectStat(
        uri=uri,
        etag=plain(found["ETag"]),
        size_bytes=found["ContentLength"],
        last_modified=found["LastModified"],
    )


def _folder_key(prefix: S3Uri) -> str:
    return f"{prefix.key.rstrip('/')}/" if prefix.key else ""
