"""ListBuckets, CreateBucket, HeadBucket, GetBucketLocation, DeleteBucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api.object_lists import owner_of
from glulam.buckets.store import BucketStore
from glulam.model import s3_errors
from glulam.model.caller import Caller
from glulam.model.s3_errors import InvalidArgument

_MOST = 10_000
_DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """Each method is the S3 operation of its name. All buckets are in every region: the lake is one folder."""

    store: BucketStore

    def list_buckets(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        prefix, after = asked.get("Prefix") or "", asked.get("ContinuationToken") or ""
        limit = asked.get("MaxBuckets") or _MOST
        if not 1 <= limit <= _MOST:
            raise InvalidArgument("Argument max-buckets must be an integer between 1 and 10000",
                                  ArgumentName="max-buckets", ArgumentValue=limit)  # fmt: skip
        found = [b for b in self.store.buckets.list() if b.name.startswith(prefix) and b.name > after]
        answer: dict[str, Any] = {
            "Buckets": [{"Name": b.name, "CreationDate": b.created_at} for b in found[:limit]],
            "Owner": owner_of(caller),
        }
        if prefix:
            answer["Prefix"] = prefix
        if len(found) > limit:
            answer["ContinuationToken"] = found[limit - 1].name
        return answer

    def create_bucket(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        for member in ("ObjectLockEnabledForBucket", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite",
                       "GrantWriteACP"):  # fmt: skip
            if asked.get(member):
                raise s3_errors.NotImplemented(Header=member)
        if asked.get("ACL") not in (None, "private"):
            raise s3_errors.NotImplemented(Header="x-amz-acl")
        bucket = asked["Bucket"]
        ownership = asked.get("ObjectOwnership") or "BucketOwnerEnforced"
        self.store.buckets.create(bucket, {"ownership": ownership})
        return {"Location": f"/{bucket}"}

    def head_bucket(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.store.buckets.require(asked["Bucket"])
        return {"BucketRegion": caller.region}

    def get_bucket_location(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.store.buckets.require(asked["Bucket"])
        return {} if caller.region == _DEFAULT_REGION else {"LocationConstraint": caller.region}

    def delete_bucket(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.store.buckets.delete(asked["Bucket"])
        return {}
