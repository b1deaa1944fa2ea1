"""What others say about objects: S3's and MinIO's notifications and EventBridge's events, read as one value.

    {"Records": [{"eventSource": "aws:s3", ...}]}     S3 and MinIO; keys are percent-encoded, a blank is `+`
    {"source": "aws.s3", "detail-type": ..., ...}     EventBridge; keys stand as they are
    {"Type": "Notification", "Message": "..."}        one of these, sent through an SNS topic

Left to others: where a text comes from (`queues.py`, the HTTP door), what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol
from urllib.parse import unquote_plus

from glulam.model.errors import InvalidInput
from glulam.model.uri import S3Uri

SOURCE = "aws.s3"
_SHOWN = 120


class Change(StrEnum):
    """EventBridge's detail-types of those changes that count."""

    CREATED = "Object Created"
    DELETED = "Object Deleted"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """An object came, became another version, or went."""

    change: Change
    uri: S3Uri
    etag: str = ""
    size_bytes: int | None = None
    version_id: str = ""
    sequencer: str = ""
    """Of a key's notices the later one has the greater."""
    reason: str = ""
    """The request that did it, where that is known: PutObject, CopyObject, ..."""

    def detail(self) -> dict[str, Any]:
        """As EventBridge has it for S3."""
        given = {"key": self.uri.key, "size": self.size_bytes, "etag": self.etag or None,
                 "version-id": self.version_id or None, "sequencer": self.sequencer or None}  # fmt: skip
        found: dict[str, Any] = {
            "version": "0", "bucket": {"name": self.uri.bucket},
            "object": {name: value for name, value in given.items() if value is not None},
        }  # fmt: skip
        if self.reason:
            found["reason"] = self.reason
        if self.change is Change.DELETED:
            found["deletion-type"] = "Permanently Deleted"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a queue handed out."""

    id: str
    body: str
    receipt: str
    """By which this delivery is deleted or given back."""


class Queue(Protocol):
    """`queues.EventQueue`, for who must not pay for boto3. All verbs raise StorageFailed."""

    def receive(self, *, hidden_s: int, wait_s: int = 0) -> list[Message]: ...

    def delete(self, messages: Sequence[Message]) -> None: ...

    def give_back(self, messages: Sequence[Message]) -> None: ...

    def put(self, bodies: Sequence[str]) -> None: ...


def parse_notices(text: str | bytes) -> list[Notice]:
    """None for what is known and says nothing of objects that came or went (S3's test, tags, restores).

    Raises InvalidInput for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput(
            f"not JSON: {_short(text)}; expected an S3 notification or an EventBridge event"
        ) from None
    return notices_of(found)


def notices_of(found: Any) -> list[Notice]:
    """The same of parsed JSON."""
    try:
        if isinstance(found, dict):
            if found.get("Type") == "Notification" and isinstance(found.get("Message"), str):
                return parse_notices(found["Message"])
            if found.get("source") == SOURCE and "detail-type" in found:
                return _of_event(found)
            if isinstance(found.get("Records"), list):
                return [notice for record in found["Records"] for notice in _of_record(record)]
            if found.get("Event") == "s3:TestEvent":
                return []
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"a notification without {error}: {_short(json.dumps(found))}") from None
    said = _short(json.dumps(found))
    raise InvalidInput(f"no event of an object: {said}; expected an S3 notification or an EventBridge event")


def _of_event(event: Mapping[str, Any]) -> list[Notice]:
    if event["detail-type"] not in tuple(Change):
        return []
    detail = event["detail"]
    about = detail["object"]
    return [Notice(
        change=Change(event["detail-type"]), uri=_uri(detail["bucket"], about["key"]),
        etag=_word(about.get("etag")), size_bytes=_size(about), version_id=_word(about.get("version-id")),
        sequencer=_word(about.get("sequencer")), reason=_word(detail.get("reason")),
    )]  # fmt: skip


_RECORDS = {
    "ObjectCreated": Change.CREATED,
    "ObjectRemoved": Change.DELETED,
    "LifecycleExpiration": Change.DELETED,
}
_REASONS = {"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject",
            "CompleteMultipartUpload": "CompleteMultipartUpload",
            "Delete": "DeleteObject", "DeleteMarkerCreated": "DeleteObject"}  # fmt: skip


def _of_record(record: Mapping[str, Any]) -> list[Notice]:
    family, _, what = str(record["eventName"]).removeprefix("s3:").partition(":")
    if family not in _RECORDS:
        if "s3" not in record:
            raise KeyError("s3")
        return []
    about = record["s3"]["object"]
    return [Notice(
        change=_RECORDS[family], uri=_uri(record["s3"]["bucket"], unquote_plus(about["key"])),
        etag=_word(about.get("eTag")), size_bytes=_size(about), version_id=_word(about.get("versionId")),
        sequencer=_word(about.get("sequencer")),
        reason="Lifecycle Expiration" if family == "LifecycleExpiration" else _REASONS.get(what, ""),
    )]  # fmt: skip


def _uri(bucket: Mapping[str, Any], key: str) -> S3Uri:
    """Raises ValueError for names that no object has (and no database holds)."""
    name = bucket["name"]
    if not name or not key or "\0" in name + key:
        raise ValueError("a bucket and a key")
    (name + key).encode()
    return S3Uri(name, key)


def _word(text: object) -> str:
    return "" if text is None else str(text).strip('"').replace("\0", "")


def _size(about: Mapping[str, Any]) -> int | None:
    found = about.get("size")
    return None if found is None else int(found)


def _short(text: str | bytes) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return said if len(said) <= _SHOWN else f"{said[:_SHOWN]}..."
