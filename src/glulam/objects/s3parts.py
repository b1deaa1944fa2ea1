"""Uploads and copies on S3, in one request or in parts, with the conditions at the point where they decide.

boto3's own managed transfers cannot make a multipart upload or copy conditional on a free target
(`If-None-Match` on the last request), which is why the parts are handled here. Left to s3.py: looking before
and after, and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from glulam.model.uri import S3Uri
from glulam.objects.s3http import ConditionUnknown, asking, plain, quoted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SINGLE_REQUEST_BYTES = 1 << 30
"""Up to here one request does; S3 itself allows 5 GiB."""
_PART_BYTES = 32 << 20
_MAX_PARTS = 10_000
_MIN_PART_BYTES = 5 << 20


def upload(
    s3: S3Client, body: BinaryIO, uri: S3Uri, size: int, *, overwrite: bool, headers: Any, limit: int
) -> None:
    """Store `size` bytes of `body` with `headers` (Metadata and the like); only on a free key unless
    `overwrite`."""
    condition: Any = {} if overwrite else {"IfNoneMatch": "*"}
    if size <= limit:
        s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, **headers, **condition)
        return

    def send(upload_id: str, number: int, start: int, length: int) -> str:
        body.seek(start)
        answer = s3.upload_part(
            Bucket=uri.bucket, Key=uri.key, UploadId=upload_id, PartNumber=number, Body=body.read(length)
        )
        return answer["ETag"]

    _in_parts(s3, uri, size, limit, send, condition, headers)


def copy_object(
    s3: S3Client, source: S3Uri, target: S3Uri, etag: str, size: int, *, headers: Any, limit: int
) -> str:
    """Copy version `etag` to a free key on the server's side, with `headers`; returns the etag of the copy. A
    server that does not know `If-None-Match` for copies is asked without."""
    origin: Any = {"Bucket": source.bucket, "Key": source.key}
    where: Any = {"Bucket": target.bucket, "Key": target.key}
    match = quoted(etag)

    def once(condition: Any) -> str:
        answer = s3.copy_object(
            **where,
            CopySource=origin,
            CopySourceIfMatch=match,
            MetadataDirective="REPLACE",
            **headers,
            **condition,
        )
        return plain(answer["CopyObjectResult"]["ETag"])

    def send(upload_id: str, number: int, start: int, length: int) -> str:
        answer = s3.upload_part_copy(
            **where,
            CopySource=origin,
            CopySourceIfMatch=match,
            CopySourceRange=f"bytes={start}-{start + length - 1}",
            UploadId=upload_id,
            PartNumber=number,
        )
        return answer["CopyPartResult"]["ETag"]

    def parts(condition: Any) -> str:
        return _in_parts(s3, target, size, limit, send, condition, headers)

    how = once if size <= limit else parts
    try:
        with asking("copy", source, target):
            return how({"IfNoneMatch": "*"})
    except ConditionUnknown:
        with asking("copy", source, target):
            return how({})


def _in_parts(
    s3: S3Client,
    uri: S3Uri,
    size: int,
    limit: int,
    send: Callable[[str, int, int, int], str],
    condition: Any,
    headers: Any,
) -> str:
    where: Any = {"Bucket": uri.bucket, "Key": uri.key}
    upload_id = s3.create_multipart_upload(**where, **headers)["UploadId"]
    try:
        done: Any = [
            {"PartNumber": number, "ETag": send(upload_id, number, start, length)}
            for number, start, length in _ranges(size, limit)
        ]
        answer = s3.complete_multipart_upload(
            **where, UploadId=upload_id, MultipartUpload={"Parts": done}, **condition
        )
    except BaseException:
        _abort(s3, where, upload_id)
        raise
    return plain(answer["ETag"])


def _abort(s3: S3Client, where: Any, upload_id: str) -> None:
    """Free the parts. That it fails must not hide why; the bucket's lifecycle rule takes what stays."""
    try:
        s3.abort_multipart_upload(**where, UploadId=upload_id)
    except Exception:
        return


def _ranges(size: int, limit: int) -> Iterator[tuple[int, int, int]]:
    """(number from 1, start, length) of each part: at least 5 MiB but the last, at most 10,000."""
    part = max(_MIN_PART_BYTES, min(_PART_BYTES, limit), -(-size // _MAX_PARTS))
    for number, start in enumerate(range(0, size, part), 1):
        yield number, start, min(part, size - start)
