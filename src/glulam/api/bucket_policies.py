"""PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.access.bucket_policies import BucketPolicies
from glulam.access.policies import parse_bucket_policy
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput
from glulam.model.s3_errors import MalformedPolicy, NoSuchBucketPolicy

SETTING = "policy"
"""Under which name a bucket's settings hold it."""


@dataclass(frozen=True, kw_only=True)
class PoliciesOfBuckets:
    """Each method is the S3 operation of its name."""

    store: BucketStore
    policies: BucketPolicies

    def put_bucket_policy(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        bucket, text = asked["Bucket"], asked["Policy"]
        try:
            parse_bucket_policy(text, bucket)
        except InvalidInput as error:
            raise MalformedPolicy(str(error)) from error
        self.store.buckets.set(bucket, SETTING, text)
        self.policies.forget()

    def get_bucket_policy(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        text = self.store.buckets.settings(asked["Bucket"]).get(SETTING)
        if text is None:
            raise NoSuchBucketPolicy(BucketName=asked["Bucket"])
        return {"Policy": text}

    def delete_bucket_policy(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self.store.buckets.unset(asked["Bucket"], SETTING)
        self.policies.forget()
