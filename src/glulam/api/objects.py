"""PutObject, GetObject, HeadObject, DeleteObject(s), CopyObject, GetObjectAttributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.api import s3_members
from glulam.api.s3_members import etag_text
from glulam.buckets import checksums
from glulam.buckets.conditions import Conditions
from glulam.buckets.objects import Stored
from glulam.buckets.ranges import Span, span_of_part, span_of_range
from glulam.buckets.records import Record
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.model.errors import GlulamError
from glulam.model.s3_errors import AccessDenied, InvalidRequest, MalformedXML, NoSuchVersion
from glulam.model.streams import FileSlice, Incoming

_MOST_DELETED = 1000


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Each method is the S3 operation of its name."""

    store: BucketStore

    def put_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        bucket, key = asked["Bucket"], asked["Key"]
        conditions = Conditions.of_write(asked)
        headers, metadata = s3_members.headers_of(asked), s3_members.metadata_of(asked)
        tags = s3_members.tags_of_header(asked.get("Tagging"))
        body: Incoming | None = asked.get("Body")
        with self.store.spool.take(bucket, body, s3_members.to_compute(asked)) as spooled:
            stated = dict(body.checksums()) if body else {}
            record = Record(
                etag=spooled.md5,
                headers=headers,
                metadata=metadata,
                tags=tags,
                checksums=stated or spooled.checksums,
            )
            stored = self.store.objects.put(spooled, key, record, conditions)
        return {"ETag": etag_text(record), "Size": stored.size, **s3_members.checksum_members(record)}

    def get_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        stored, file = self.store.objects.open(asked["Bucket"], asked["Key"])
        try:
            span = _span(asked, stored)
            answer = self._described(asked, stored, span)
        except BaseException:
            file.close()
            raise
        return answer | {"Body": FileSlice(file=file, offset=span.offset, length=span.length)}

    def head_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        stored = self.store.objects.stat(asked["Bucket"], asked["Key"])
        return self._described(asked, stored, _span(asked, stored))

    def delete_object(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        s3_members.refuse_version(asked)
        self.store.objects.delete(asked["Bucket"], asked["Key"], Conditions.of_delete(asked))
        return {}

    def delete_objects(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        given = asked["Delete"]
        if not 1 <= len(given["Objects"]) <= _MOST_DELETED:
            raise MalformedXML()
        self.store.buckets.require(asked["Bucket"])
        arn, refused = f"arn:aws:s3:::{asked['Bucket']}/", asked.get("Refused", ())
        wanted, others = [], []
        for one in given["Objects"]:
            if arn + one["Key"] in refused:
                others.append(_not_deleted(one, AccessDenied()))
            elif one.get("VersionId") not in (None, "", "null"):
                others.append(_not_deleted(one, NoSuchVersion()))
            else:
                wanted.append(one)
        outcomes = self.store.objects.delete_many(
            asked["Bucket"], [(one["Key"], Conditions.of_delete(one)) for one in wanted]
        )
        failed = [_not_deleted(one, error) for one, error in zip(wanted, outcomes, strict=True) if error]
        deleted = [{"Key": one["Key"]} for one, error in zip(wanted, outcomes, strict=True) if error is None]
        return {"Deleted": [] if given.get("Quiet") else deleted, "Errors": failed + others}

    def get_object_attributes(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        s3_members.refuse_version(asked)
        stored = self.store.objects.stat(asked["Bucket"], asked["Key"])
        record, wanted = stored.record, set(asked["ObjectAttributes"])
        answer: dict[str, Any] = {"LastModified": stored.modified}
        if "ETag" in wanted:
            answer["ETag"] = record.etag  # the one operation that gives it without quotation marks
        if "Checksum" in wanted and record.checksums:
            answer["Checksum"] = s3_members.checksum_members(record)
        if "ObjectParts" in wanted and record.parts:
            answer["ObjectParts"] = _parts_page(asked, record)
        if "StorageClass" in wanted:
            answer["StorageClass"] = record.headers.get("StorageClass", "STANDARD")
        if "ObjectSize" in wanted:
            answer["ObjectSize"] = stored.size
        return answer

    def _described(self, asked: Mapping[str, Any], stored: Stored, span: Span) -> dict[str, Any]:
        record = stored.record
        Conditions.of_read(asked).check_read(record.etag, stored.modified)
        answer = {
            **s3_members.headers_shown(record), **s3_members.overrides_of(asked), "ETag": etag_text(record),
            "LastModified": stored.modified, "ContentLength": span.length, "AcceptRanges": "bytes",
            "Metadata": dict(record.metadata),
        }  # fmt: skip
        if content_range := span.content_range(stored.size):
            answer["ContentRange"] = content_range
        if record.tags:
            answer["TagCount"] = len(record.tags)
        if asked.get("PartNumber") and record.parts:
            answer["PartsCount"] = len(record.parts)
        if asked.get("ChecksumMode") == "ENABLED" and span.length == stored.size:
            answer |= s3_members.checksum_members(record)
        return answer


def _not_deleted(one: Mapping[str, Any], error: GlulamError) -> dict[str, Any]:
    return {
        "Key": one["Key"], "VersionId": one.get("VersionId"), "Code": error.code, "Message": str(error),
    }  # fmt: skip


def _span(asked: Mapping[str, Any], stored: Stored) -> Span:
    s3_members.refuse_version(asked)
    number = asked.get("PartNumber")
    if number is None:
        return span_of_range(asked.get("Range"), stored.size)
    if asked.get("Range"):
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    return span_of_part(number, [part.size for part in stored.record.parts], stored.size)


def _parts_page(asked: Mapping[str, Any], record: Record) -> dict[str, Any]:
    after, limit = asked.get("PartNumberMarker") or 0, min(asked.get("MaxParts") or 1000, 1000)
    (algorithm,) = record.checksums or (checksums.DEFAULT,)
    numbered = list(enumerate(record.parts, 1))[after : after + limit]
    answer = {
        "TotalPartsCount": len(record.parts), "PartNumberMarker": after, "MaxParts": limit,
        "IsTruncated": after + limit < len(record.parts),
        "NextPartNumberMarker": numbered[-1][0] if numbered else 0,
    }  # fmt: skip
    if record.checksum_type == "COMPOSITE":  # S3 lists the parts only where their checksums make the object's
        answer["Parts"] = [
            {"PartNumber": number, "Size": part.size, f"Checksum{algorithm}": part.checksum}
            for number, part in numbered
        ]
    return answer
