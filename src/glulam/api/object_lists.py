"""ListObjects and ListObjectsV2."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from glulam.buckets.conditions import modified_at
from glulam.buckets.listing import Listed, Page
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.model.s3_errors import InvalidArgument

MOST_KEYS = 1000
_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class ObjectLists:
    """Each method is the S3 operation of its name."""

    store: BucketStore

    def list_objects_v2(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        token = asked.get("ContinuationToken")
        after = _read_token(token) if token is not None else asked.get("StartAfter") or ""
        page = self._page(asked, after)
        answer = {
            **_echo(asked, ("Prefix", "Delimiter", "EncodingType", "StartAfter", "ContinuationToken")),
            **_lines(page, caller if asked.get("FetchOwner") else None),
            "Name": asked["Bucket"], "MaxKeys": _limit(asked), "KeyCount": len(page.lines), "IsTruncated": page.truncated,
        }  # fmt: skip
        if page.truncated:
            answer["NextContinuationToken"] = _token(page.lines[-1].name)
        return answer

    def list_objects(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        page = self._page(asked, asked.get("Marker") or "")
        answer = {
            **_echo(asked, ("Prefix", "Delimiter", "EncodingType")), **_lines(page, caller), "Name": asked["Bucket"],
            "Marker": asked.get("Marker") or "", "MaxKeys": _limit(asked), "IsTruncated": page.truncated,
        }  # fmt: skip
        if page.truncated and asked.get("Delimiter"):
            answer["NextMarker"] = page.lines[-1].name
        return answer

    def _page(self, asked: Mapping[str, Any], after: str) -> Page:
        return self.store.listing.page(
            asked["Bucket"], prefix=asked.get("Prefix") or "", delimiter=asked.get("Delimiter") or "", after=after,
            limit=_limit(asked),
        )  # fmt: skip


def owner_of(caller: Caller) -> dict[str, str]:
    """There is one owner of all objects: the account."""
    return {"ID": caller.account_id}


def _lines(page: Page, owner: Caller | None) -> dict[str, Any]:
    return {
        "Contents": [_object(line, owner) for line in page.lines if line.version],
        "CommonPrefixes": [{"Prefix": line.name} for line in page.lines if not line.version],
    }


def _object(line: Listed, owner: Caller | None) -> dict[str, Any]:
    assert line.version
    about = orjson.loads(line.about)
    found = {
        "Key": line.name, "LastModified": modified_at(line.version.mtime_ns), "ETag": f'"{line.etag}"',
        "Size": line.version.size, "StorageClass": about.get("headers", _NOTHING).get("StorageClass", "STANDARD"),
    }  # fmt: skip
    if checksums := about.get("checksums"):
        found["ChecksumAlgorithm"] = list(checksums)
        found["ChecksumType"] = about.get("checksum_type", "FULL_OBJECT")
    if owner is not None:
        found["Owner"] = owner_of(owner)
    return found


def _limit(asked: Mapping[str, Any]) -> int:
    limit = asked.get("MaxKeys")
    if limit is None:
        return MOST_KEYS
    if limit < 0:
        raise InvalidArgument("Argument maxKeys must be an integer between 0 and 2147483647", ArgumentName="maxKeys",
                              ArgumentValue=limit)  # fmt: skip
    return min(int(limit), MOST_KEYS)


def _echo(asked: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: asked[name] for name in names if asked.get(name) is not None}


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _read_token(token: str) -> str:
    """Raises InvalidArgument for one that we did not make."""
    try:
        found = base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        found = ""
    if not found:
        raise InvalidArgument("The continuation token provided is incorrect", ArgumentName="continuation-token",
                              ArgumentValue=token)  # fmt: skip
    return found
