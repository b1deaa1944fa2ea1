"""The S3 client and what its failures mean in our words.

Left to s3.py: what to do about them. Everything that botocore can raise comes out as one of our errors, with
the verb, the objects, the server's code and its request id.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions as boto
from botocore.config import Config
from urllib3.exceptions import HTTPError

from glulam.model.errors import ObjectChanged, ObjectNotFound, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.endpoint import s3_endpoint

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BODY_ERRORS = (
    boto.IncompleteReadError,
    boto.ResponseStreamingError,
    boto.ReadTimeoutError,
    boto.FlexibleChecksumError,
    boto.HTTPClientError,
    HTTPError,
    ConnectionError,
    TimeoutError,
)
"""A body that did not arrive whole: worth another try."""

_NOT_FOUND = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NoSuchUpload", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict"})


def connect(connect_timeout_s: float, read_timeout_s: float, max_attempts: int) -> S3Client:
    """A client from the usual AWS variables. Another server than AWS is addressed by path, not by host
    name."""
    endpoint = s3_endpoint(os.environ)
    try:
        session = boto3.session.Session()
        return session.client(
            "s3",
            region_name=session.region_name or os.environ.get("AWS_REGION") or "us-east-1",
            config=Config(
                connect_timeout=connect_timeout_s,
                read_timeout=read_timeout_s,
                retries={"mode": "standard", "total_max_attempts": max_attempts},
                max_pool_connections=32,
                s3={"addressing_style": "path"} if endpoint else None,
            ),
        )
    except (boto.BotoCoreError, ValueError) as error:
        raise StorageFailed(f"cannot set up the S3 client: {error}") from error


class ConditionUnknown(StorageFailed):
    """The server answers that it does not know this kind of request, so not this condition either."""


@contextlib.contextmanager
def asking(verb: str, *uris: S3Uri) -> Iterator[None]:
    """Turn botocore's errors into ours, and a 501 (NotImplemented) into ConditionUnknown."""
    about = f"{verb} {' -> '.join(str(uri) for uri in uris)}"
    try:
        yield
    except boto.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NotImplemented" or status == 501:
            raise ConditionUnknown(f"{about}: {error}") from error
        if code == "NoSuchBucket":
            raise ObjectNotFound(f"{about}: there is no such bucket; create it first") from error
        if code in _NOT_FOUND or status == 404:
            raise ObjectNotFound(f"{about}: no such object ({code})") from error
        if code in _CHANGED or status == 412:
            raise ObjectChanged(f"{about}: the object has another version than expected ({code})") from error
        request = error.response.get("ResponseMetadata", {}).get("RequestId", "none")
        raise StorageFailed(f"{about}: {error} (HTTP {status}, code {code}, request {request})") from error
    except (boto.BotoCoreError, boto.HTTPClientError, HTTPError) as error:
        raise StorageFailed(f"{about}: {error}") from error


def plain(etag: str) -> str:
    """An etag without its quotes."""
    return etag.strip('"')


def quoted(etag: str) -> str:
    return f'"{etag}"'
