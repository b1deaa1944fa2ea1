"""If-Match and its kin: whether a request may go on with the object that is there. Pure; the order is RFC 9110's.

A time is compared in whole seconds, as HTTP carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from glulam.model import s3_errors
from glulam.model.s3_errors import NoSuchKey, NotModified, PreconditionFailed


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a request asks of an object; all None asks nothing."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: datetime | None = None
    if_unmodified_since: datetime | None = None
    if_last_modified: datetime | None = None
    """Of a deletion: exactly this time."""
    if_size: int | None = None

    @classmethod
    def of_read(cls, asked: Mapping[str, Any], prefix: str = "") -> Conditions:
        """`prefix`: `CopySource` for the source of a copy."""
        return cls(
            if_match=asked.get(f"{prefix}IfMatch"), if_none_match=asked.get(f"{prefix}IfNoneMatch"),
            if_modified_since=asked.get(f"{prefix}IfModifiedSince"),
            if_unmodified_since=asked.get(f"{prefix}IfUnmodifiedSince"),
        )  # fmt: skip

    @classmethod
    def of_write(cls, asked: Mapping[str, Any]) -> Conditions:
        """Raises NotImplemented for If-None-Match with anything but `*`, which S3 does not have either."""
        if asked.get("IfNoneMatch") not in (None, "*"):
            raise s3_errors.NotImplemented(
                Header="If-None-Match", additionalMessage="Only * is supported for writes."
            )
        return cls(if_match=asked.get("IfMatch"), if_none_match=asked.get("IfNoneMatch"))

    @classmethod
    def of_delete(cls, asked: Mapping[str, Any]) -> Conditions:
        return cls(
            if_match=asked.get("IfMatch") or asked.get("ETag"),
            if_last_modified=asked.get("IfMatchLastModifiedTime") or asked.get("LastModifiedTime"),
            if_size=asked.get("IfMatchSize", asked.get("Size")),
        )

    @property
    def nothing(self) -> bool:
        return self == _NOTHING

    def check_read(self, etag: str, modified: datetime, *, copying: bool = False) -> None:
        """Raises PreconditionFailed, or NotModified (PreconditionFailed for the source of a copy)."""
        if self.if_match is not None:
            if not _matches(self.if_match, etag):
                raise PreconditionFailed(Condition="If-Match")
        elif self.if_unmodified_since is not None and modified > _whole(self.if_unmodified_since):
            raise PreconditionFailed(Condition="If-Unmodified-Since")
        if self.if_none_match is not None:
            unchanged = _matches(self.if_none_match, etag)
        else:
            unchanged = self.if_modified_since is not None and modified <= _whole(self.if_modified_since)
        if unchanged and copying:
            raise PreconditionFailed(Condition="If-None-Match" if self.if_none_match else "If-Modified-Since")
        if unchanged:
            raise NotModified(
                headers={"ETag": f'"{etag}"', "Last-Modified": modified.strftime("%a, %d %b %Y %H:%M:%S GMT")}
            )

    def check_write(self, key: str, etag: str | None) -> None:
        """`etag` is None when there is no object. Raises PreconditionFailed or NoSuchKey."""
        if self.if_none_match is not None and etag is not None:
            raise PreconditionFailed(Condition="If-None-Match")
        if self.if_match is not None:
            if etag is None:
                raise NoSuchKey(Key=key)
            if not _matches(self.if_match, etag):
                raise PreconditionFailed(Condition="If-Match")

    def check_delete(self, etag: str, modified: datetime, size: int) -> None:
        """Raises PreconditionFailed."""
        if self.if_match is not None and not _matches(self.if_match, etag):
            raise PreconditionFailed(Condition="If-Match")
        if self.if_last_modified is not None and _whole(self.if_last_modified) != modified:
            raise PreconditionFailed(Condition="x-amz-if-match-last-modified-time")
        if self.if_size is not None and self.if_size != size:
            raise PreconditionFailed(Condition="x-amz-if-match-size")


_NOTHING = Conditions()


def modified_at(mtime_ns: int) -> datetime:
    """The Last-Modified of a file: whole seconds, so that a list, a header and a condition say the same."""
    return _at(mtime_ns // 1_000_000_000)


@lru_cache(maxsize=4096)
def _at(seconds: int) -> datetime:
    """Remembered for lists: what a job wrote is of few different seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def _matches(stated: str, etag: str) -> bool:
    return any(one == "*" or one.strip('"') == etag for one in map(str.strip, stated.split(",")))


def _whole(given: datetime) -> datetime:
    if given.tzinfo is None:
        given = given.replace(tzinfo=UTC)
    return given.replace(microsecond=0)
