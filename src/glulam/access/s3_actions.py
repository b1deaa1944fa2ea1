"""What a request to S3 must be allowed to do: IAM's actions, on which buckets and objects, in at least which role.

An operation's action is `s3:` and its name unless IAM calls it otherwise. Who looks is a viewer; who writes objects, or
makes a bucket to write them to, is an author; what changes or removes a bucket, or says who may, is the administrator's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from glulam.access.resources import Demand, Resource
from glulam.access.roles import Role

ACTIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets",
    "ListParts": "ListMultipartUploadParts",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
    "DeleteBucketCors": "PutBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
}
"""IAM's names of operations that it does not call by their own."""

WITH_READ = {"CopyObject", "UploadPartCopy"}
"""Operations that read the object of CopySource."""

_LOOKS = ("Get", "Head", "List")
_AUTHORS = {
    "PutObject", "PutObjectTagging", "DeleteObject", "DeleteObjects", "DeleteObjectTagging", "CopyObject", "RenameObject",
    "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload",
    "CreateBucket",
}  # fmt: skip


def least_s3_role(operation: str) -> Role:
    """The least role that may call the operation."""
    if operation.startswith(_LOOKS):
        return Role.VIEWER
    return Role.AUTHOR if operation in _AUTHORS else Role.ADMIN


def s3_demands(operation: str, asked: Mapping[str, Any]) -> tuple[Demand, ...]:
    """All that must be allowed for this request."""
    action, role = f"s3:{ACTIONS.get(operation, operation)}", least_s3_role(operation)
    each = operation == "DeleteObjects"
    found = [
        Demand(action=action, resource=resource, role=role, each=each)
        for resource in _resources(operation, asked)
    ]
    if operation in WITH_READ:
        source = Resource(arn=f"arn:aws:s3:::{'/'.join(copy_source(asked))}")
        found.append(Demand(action="s3:GetObject", resource=source, role=Role.VIEWER))
    return tuple(found)


def copy_source(asked: Mapping[str, Any]) -> tuple[str, str]:
    """Bucket and key that CopySource names."""
    text = str(asked.get("CopySource", "")).partition("?")[0]
    bucket, _, key = unquote(text).removeprefix("/").partition("/")
    return bucket, key


def _resources(operation: str, asked: Mapping[str, Any]) -> Iterator[Resource]:
    bucket = asked.get("Bucket")
    if bucket is None:
        yield Resource(arn="arn:aws:s3:::*")
    elif operation == "DeleteObjects":
        for item in asked.get("Delete", {}).get("Objects", ()):
            yield Resource(arn=f"arn:aws:s3:::{bucket}/{item['Key']}")
    elif "Key" in asked:
        yield Resource(arn=f"arn:aws:s3:::{bucket}/{asked['Key']}")
    else:
        yield Resource(arn=f"arn:aws:s3:::{bucket}")
