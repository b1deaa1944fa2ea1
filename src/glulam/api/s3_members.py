"""Members that several S3 operations share: content headers, user metadata, tags, checksums, etags."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from glulam.buckets import checksums
from glulam.buckets.records import DEFAULT_TYPE, Record
from glulam.model import s3_errors
from glulam.model.s3_errors import (
    InvalidArgument,
    InvalidStorageClass,
    InvalidTag,
    MetadataTooLarge,
    NoSuchVersion,
)

_HEADERS = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage",
            "WebsiteRedirectLocation")  # fmt: skip
_OVERRIDES = (
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
)
_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
)
"""Storage classes whose objects can be read at once. The name is kept; the file lies where all files lie."""
_METADATA_BYTES = 2048
_TAG = re.compile(r"[\w\s+\-=.:/@]*")
_NOT_HERE = ("SSECustomerAlgorithm", "SSECustomerKey", "SSEKMSKeyId", "ObjectLockMode", "ObjectLockRetainUntilDate",
             "ObjectLockLegalHoldStatus", "WriteOffsetBytes", "GrantFullControl", "GrantRead", "GrantReadACP",
             "GrantWriteACP")  # fmt: skip


def etag_text(record: Record) -> str:
    return f'"{record.etag}"'


def headers_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """What a write says about the content. Raises NotImplemented for what would have an effect that we do not have."""
    for member in _NOT_HERE:
        if asked.get(member):
            raise s3_errors.NotImplemented(Header=member)
    if asked.get("ServerSideEncryption") not in (None, "AES256"):
        raise s3_errors.NotImplemented(Header="x-amz-server-side-encryption")
    if asked.get("ACL") not in (None, "private", "bucket-owner-full-control"):
        raise s3_errors.NotImplemented(Header="x-amz-acl")
    found = {name: asked[name] for name in _HEADERS if asked.get(name)}
    found.setdefault("ContentType", DEFAULT_TYPE)
    if "aws-chunked" in found.get("ContentEncoding", ""):
        codings = [c.strip() for c in found.pop("ContentEncoding").split(",") if c.strip() != "aws-chunked"]
        found |= {"ContentEncoding": ",".join(codings)} if codings else {}
    if expires := asked.get("Expires"):
        found["Expires"] = (
            expires if isinstance(expires, str) else format_datetime(_in_utc(expires), usegmt=True)
        )
    storage_class = asked.get("StorageClass") or "STANDARD"
    if storage_class not in _CLASSES:
        raise InvalidStorageClass(StorageClassRequested=storage_class)
    if storage_class != "STANDARD":
        found["StorageClass"] = storage_class
    return found


def headers_shown(record: Record) -> dict[str, Any]:
    """For a read. Expires is a text here; the storage class is not said when it is the usual one."""
    return dict(record.headers)


def overrides_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`response-content-type` and its like."""
    return {name: asked[f"Response{name}"] for name in _OVERRIDES if asked.get(f"Response{name}")}


def metadata_of(asked: Mapping[str, Any]) -> dict[str, str]:
    """User metadata; names are lower case, as HTTP makes them. Raises MetadataTooLarge."""
    found = {name.lower(): str(value) for name, value in (asked.get("Metadata") or {}).items()}
    size = sum(
        len(name.encode()) + len(value.encode(errors="surrogatepass")) for name, value in found.items()
    )
    if size > _METADATA_BYTES:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=_METADATA_BYTES)
    return found


def to_compute(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The checksums to compute while a body is written: the usual one when the client states none itself."""
    stated = any(value and name.startswith("Checksum") for name, value in asked.items())
    return () if stated else (checksums.DEFAULT,)


def checksum_members(record: Record) -> dict[str, str]:
    if not record.checksums:
        return {}
    return {f"Checksum{name}": value for name, value in record.checksums.items()} | {
        "ChecksumType": record.checksum_type
    }


def tags_of_header(text: str | None) -> dict[str, str]:
    """`a=1&b=2`. Raises InvalidArgument or InvalidTag."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
            "duplicates.", ArgumentName="x-amz-tagging", ArgumentValue=text,
        ) from error  # fmt: skip
    return checked_tags(pairs)


def tags_of_set(tag_set: Sequence[Mapping[str, str]], most: int = 10) -> dict[str, str]:
    return checked_tags([(tag["Key"], tag["Value"]) for tag in tag_set], most)


def tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def checked_tags(pairs: Sequence[tuple[str, str]], most: int = 10) -> dict[str, str]:
    """Raises InvalidTag or, for too many, InvalidTag as S3's `BadRequest` says it."""
    found: dict[str, str] = {}
    for key, value in pairs:
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key) or key.startswith("aws:"):
            raise InvalidTag("The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256 or not _TAG.fullmatch(value):
            raise InvalidTag("The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        if key in found:
            raise InvalidTag("Cannot provide multiple Tags with the same key", TagKey=key)
        found[key] = value
    if len(found) > most:
        raise InvalidTag(f"Object tags cannot be greater than {most}")
    return found


def refuse_version(asked: Mapping[str, Any]) -> None:
    """Versions of objects are not kept: `null` is the one that is there. Raises NoSuchVersion."""
    if asked.get("VersionId") not in (None, "", "null"):
        raise NoSuchVersion(VersionId=asked["VersionId"])


def _in_utc(given: datetime) -> datetime:
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)
