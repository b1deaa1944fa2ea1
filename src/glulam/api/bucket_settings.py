"""What is configured for a bucket, and tags: stored, checked, and used by `buckets/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from glulam.api import s3_members
from glulam.api.object_lists import owner_of
from glulam.buckets import lifecycle
from glulam.buckets.store import BucketStore
from glulam.model import s3_errors
from glulam.model.caller import Caller
from glulam.model.s3_errors import NoSuchLifecycleConfiguration, NoSuchTagSet

_MOST_BUCKET_TAGS = 50
_TOLD_ELSEWHERE = ("TopicConfigurations", "QueueConfigurations", "LambdaFunctionConfigurations")


@dataclass(frozen=True, kw_only=True)
class BucketSettings:
    """Each method is the S3 operation of its name."""

    store: BucketStore

    def get_bucket_notification_configuration(
        self, caller: Caller, asked: Mapping[str, Any]
    ) -> dict[str, Any]:
        found: dict[str, Any] = self._get(asked, "notification") or {}
        return found

    def put_bucket_notification_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        """Every bucket tells EventBridge, which is all that can be asked for."""
        document = _plain(asked["NotificationConfiguration"])
        if any(document.get(member) for member in _TOLD_ELSEWHERE):
            raise s3_errors.NotImplemented(
                "Nothing is sent to queues, topics and functions from here: an event rule (PutRule) that names the bucket "
                "starts workflows"
            )
        self.store.buckets.set(asked["Bucket"], "notification", document)

    def get_bucket_lifecycle_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = self._get(asked, lifecycle.SETTING)
        if found is None:
            raise NoSuchLifecycleConfiguration(BucketName=asked["Bucket"])
        return {"Rules": [_with_dates(rule) for rule in found["Rules"]]}

    def put_bucket_lifecycle_configuration(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        document = asked.get("LifecycleConfiguration") or {}
        lifecycle.rules_of(document)
        self.store.buckets.set(asked["Bucket"], lifecycle.SETTING, _plain(document))

    def delete_bucket_lifecycle(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self.store.buckets.unset(asked["Bucket"], lifecycle.SETTING)

    def get_bucket_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        found = self._get(asked, "tags")
        if not found:
            raise NoSuchTagSet(BucketName=asked["Bucket"])
        return {"TagSet": s3_members.tag_set(found)}

    def put_bucket_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        tags = s3_members.tags_of_set(asked["Tagging"]["TagSet"], _MOST_BUCKET_TAGS)
        self.store.buckets.set(asked["Bucket"], "tags", tags)

    def delete_bucket_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self.store.buckets.unset(asked["Bucket"], "tags")

    def get_object_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        s3_members.refuse_version(asked)
        stored = self.store.objects.stat(asked["Bucket"], asked["Key"])
        return {"TagSet": s3_members.tag_set(stored.record.tags)}

    def put_object_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        s3_members.refuse_version(asked)
        tags = s3_members.tags_of_set(asked["Tagging"]["TagSet"])
        self.store.objects.set_tags(asked["Bucket"], asked["Key"], tags)

    def delete_object_tagging(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        s3_members.refuse_version(asked)
        self.store.objects.set_tags(asked["Bucket"], asked["Key"], {})

    def get_bucket_versioning(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Never enabled: S3 says so with an empty answer."""
        self.store.buckets.require(asked["Bucket"])
        return {}

    def get_bucket_ownership_controls(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Access lists do not exist here, which is what this word means."""
        self.store.buckets.require(asked["Bucket"])
        return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}

    def put_bucket_ownership_controls(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self.store.buckets.require(asked["Bucket"])
        if asked["OwnershipControls"]["Rules"] != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
            raise s3_errors.NotImplemented(
                "There are no access lists here: only BucketOwnerEnforced can be set"
            )

    def get_bucket_acl(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.store.buckets.require(asked["Bucket"])
        return _owners_only(caller)

    def get_object_acl(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        s3_members.refuse_version(asked)
        self.store.objects.stat(asked["Bucket"], asked["Key"])
        return _owners_only(caller)

    def _get(self, asked: Mapping[str, Any], name: str) -> Any:
        return self.store.buckets.settings(asked["Bucket"]).get(name)


def _owners_only(caller: Caller) -> dict[str, Any]:
    owner = owner_of(caller)
    return {
        "Owner": owner,
        "Grants": [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}],
    }


def _plain(found: Any) -> Any:
    """A document without what JSON has no word for."""
    if isinstance(found, Mapping):
        return {name: _plain(value) for name, value in found.items() if value is not None}
    if isinstance(found, list | tuple):
        return [_plain(value) for value in found]
    return found.isoformat() if isinstance(found, datetime) else found


def _with_dates(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Times are texts in the stored document."""
    found = dict(rule)
    if "Date" in found.get("Expiration", {}):
        found["Expiration"] = _dated(found["Expiration"])
    if "Transitions" in found:
        found["Transitions"] = [_dated(one) if "Date" in one else one for one in found["Transitions"]]
    return found


def _dated(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "Date": datetime.fromisoformat(found["Date"])}
