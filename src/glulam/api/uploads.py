"""CreateMultipartUpload, UploadPart, UploadPartCopy, ListParts, ListMultipartUploads, Complete..., Abort...."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.api import s3_members
from glulam.api.copies import opened_source, require_unchanged
from glulam.api.object_lists import owner_of
from glulam.buckets import checksums
from glulam.buckets.conditions import Conditions
from glulam.buckets.objects import require_key
from glulam.buckets.ranges import copy_span
from glulam.buckets.records import PartRecord, Record
from glulam.buckets.spooling import Piece, PieceReader, Spooled
from glulam.buckets.store import BucketStore
from glulam.buckets.uploads import MOST_PARTS, Part, Upload
from glulam.model.caller import Caller
from glulam.model.s3_errors import (
    BadDigest,
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
)
from glulam.model.streams import Incoming

_MIN_PART = 5 << 20
_MOST = 1000
_ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


@dataclass(frozen=True, kw_only=True)
class MultipartUploads:
    """Each method is the S3 operation of its name."""

    store: BucketStore

    def create_multipart_upload(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        bucket, key = asked["Bucket"], asked["Key"]
        self.store.buckets.require(bucket)
        require_key(key)
        stated = asked.get("ChecksumAlgorithm")
        algorithm = stated or checksums.DEFAULT
        kind = checksums.type_of(algorithm, asked.get("ChecksumType"))
        said = Record(
            etag="", headers=s3_members.headers_of(asked), metadata=s3_members.metadata_of(asked),
            tags=s3_members.tags_of_header(asked.get("Tagging")),
        )  # fmt: skip
        number = self.store.uploads.start(bucket, key, said, algorithm, kind)
        answer = {"Bucket": bucket, "Key": key, "UploadId": number}
        return answer | ({"ChecksumAlgorithm": algorithm, "ChecksumType": kind} if stated else {})

    def upload_part(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        upload, number = self._upload(asked), _part_number(asked)
        body: Incoming | None = asked.get("Body")
        with self.store.spool.take(upload.bucket, body, (upload.algorithm,), durable=False) as spooled:
            stated = dict(body.checksums()) if body else {}
            part = self._add(upload, number, spooled)
        return {"ETag": f'"{part.etag}"', **_checksum(upload, part), **_members(stated)}

    def upload_part_copy(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        upload, number = self._upload(asked), _part_number(asked)
        with opened_source(self.store, asked) as (source, file):
            span = copy_span(asked.get("CopySourceRange"), source.size)
            body = PieceReader(Piece(descriptor=file.fileno(), offset=span.offset, length=span.length))
            with self.store.spool.take(upload.bucket, body, (upload.algorithm,), durable=False) as spooled:
                require_unchanged(source, file)
                part = self._add(upload, number, spooled)
        shown = {"ETag": f'"{part.etag}"', "LastModified": part.uploaded_at}
        return {"CopyPartResult": shown | _checksum(upload, part)}

    def list_parts(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        upload = self._upload(asked)
        after, limit = asked.get("PartNumberMarker") or 0, _limit(asked.get("MaxParts"), "max-parts")
        found = self.store.uploads.parts(upload, int(after), limit + 1)
        shown = found[:limit]
        return {
            "Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.id, "PartNumberMarker": int(after),
            "MaxParts": limit, "IsTruncated": len(found) > limit,
            "NextPartNumberMarker": shown[-1].number if shown else 0,
            "Parts": [
                {"PartNumber": p.number, "LastModified": p.uploaded_at, "ETag": f'"{p.etag}"', "Size": p.size,
                 **_checksum(upload, p)} for p in shown
            ],
            "Owner": owner_of(caller), "Initiator": owner_of(caller),
            "StorageClass": upload.headers.get("StorageClass", "STANDARD"),
            "ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type,
        }  # fmt: skip

    def list_multipart_uploads(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        bucket = asked["Bucket"]
        self.store.buckets.require(bucket)
        if asked.get("Delimiter"):
            raise InvalidRequest("Uploads are listed without a delimiter here")
        marker, prefix = asked.get("KeyMarker") or "", asked.get("Prefix") or ""
        limit = _limit(asked.get("MaxUploads"), "max-uploads")
        after_id = (asked.get("UploadIdMarker") or "") if marker else ""
        found = self.store.uploads.page(bucket, prefix, marker, after_id or "\U0010ffff", limit + 1)
        shown = found[:limit]
        answer = {
            "Bucket": bucket, "KeyMarker": marker, "UploadIdMarker": after_id, "Prefix": prefix, "MaxUploads": limit,
            "IsTruncated": len(found) > limit,
            "Uploads": [
                {"UploadId": u.id, "Key": u.key, "Initiated": u.started_at, "Owner": owner_of(caller),
                 "StorageClass": u.headers.get("StorageClass", "STANDARD"), "Initiator": owner_of(caller),
                 "ChecksumAlgorithm": u.algorithm, "ChecksumType": u.checksum_type} for u in shown
            ],
        }  # fmt: skip
        if asked.get("EncodingType"):
            answer["EncodingType"] = asked["EncodingType"]
        if len(found) > limit and shown:
            answer |= {"NextKeyMarker": shown[-1].key, "NextUploadIdMarker": shown[-1].id}
        return answer

    def complete_multipart_upload(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        upload = self._upload(asked)
        conditions = Conditions.of_write(asked)
        parts = self._chosen(upload, (asked.get("MultipartUpload") or {}).get("Parts") or ())
        size = asked.get("MpuObjectSize")
        if size is not None and size != sum(part.size for part in parts):
            raise InvalidRequest(
                f"The provided 'x-amz-mp-object-size' header value {size} does not match the object"
            )
        record = _assembled(upload, parts)
        self._check_stated(upload, record, asked)
        with self.store.uploads.join(upload, parts) as spooled:
            self.store.objects.put(spooled, upload.key, record, conditions)
        self.store.uploads.end(upload)
        shown = {"Bucket": upload.bucket, "Key": upload.key, "ETag": s3_members.etag_text(record),
                 "Location": f"/{upload.bucket}/{upload.key}"}  # fmt: skip
        return shown | s3_members.checksum_members(record)

    def abort_multipart_upload(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.store.uploads.end(self._upload(asked))
        return {}

    def _upload(self, asked: Mapping[str, Any]) -> Upload:
        self.store.buckets.require(asked["Bucket"])
        return self.store.uploads.find(asked["Bucket"], asked["Key"], asked["UploadId"])

    def _add(self, upload: Upload, number: int, spooled: Spooled) -> Part:
        return self.store.uploads.add(upload, number, spooled, spooled.checksums[upload.algorithm])

    def _chosen(self, upload: Upload, listed: Sequence[Mapping[str, Any]]) -> list[Part]:
        """The parts that the client lists, checked as S3 does."""
        if not listed:
            raise MalformedXML()
        numbers = [one.get("PartNumber") or 0 for one in listed]
        if any(b <= a for a, b in itertools.pairwise(numbers)):
            raise InvalidPartOrder(UploadId=upload.id)
        there = {part.number: part for part in self.store.uploads.parts(upload)}
        chosen = []
        for one, number in zip(listed, numbers, strict=True):
            part = there.get(number)
            stated = one.get(f"Checksum{upload.algorithm}")
            etag = (one.get("ETag") or "").strip('"')
            if part is None or etag != part.etag or (stated and stated != part.checksum):
                raise InvalidPart(UploadId=upload.id, PartNumber=number, ETag=etag)
            chosen.append(part)
        for part in chosen[:-1]:
            if part.size < _MIN_PART:
                raise EntityTooSmall(ProposedSize=part.size, MinSizeAllowed=_MIN_PART, PartNumber=part.number,
                                     ETag=part.etag)  # fmt: skip
        return chosen

    def _check_stated(self, upload: Upload, record: Record, asked: Mapping[str, Any]) -> None:
        kind = asked.get("ChecksumType")
        if kind and kind != upload.checksum_type:
            raise InvalidRequest(
                f"The upload was created using the {upload.checksum_type} checksum type, not {kind}."
            )
        for algorithm in _ALGORITHMS:
            stated = asked.get(f"Checksum{algorithm}")
            if not stated:
                continue
            if algorithm != upload.algorithm:
                raise InvalidRequest(
                    f"The upload was created using the {upload.algorithm} checksum, not {algorithm}."
                )
            if stated.partition("-")[0] != record.checksums[algorithm].partition("-")[0]:
                raise BadDigest(f"The {algorithm} you specified did not match the calculated checksum.")


def _assembled(upload: Upload, parts: Sequence[Part]) -> Record:
    md5s = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    whole = checksums.of_parts(upload.algorithm, upload.checksum_type, [(p.checksum, p.size) for p in parts])
    return Record(
        etag=f"{md5s.hexdigest()}-{len(parts)}", headers=upload.headers, metadata=upload.metadata, tags=upload.tags,
        checksums={upload.algorithm: whole}, checksum_type=upload.checksum_type,
        parts=tuple(PartRecord(size=p.size, checksum=p.checksum) for p in parts),
    )  # fmt: skip


def _part_number(asked: Mapping[str, Any]) -> int:
    number = asked["PartNumber"]
    if not 1 <= number <= MOST_PARTS:
        raise InvalidArgument(f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive",
                              ArgumentName="partNumber", ArgumentValue=number)  # fmt: skip
    return int(number)


def _limit(given: int | None, name: str) -> int:
    if given is None:
        return _MOST
    if given < 0:
        raise InvalidArgument(f"Argument {name} must be an integer between 0 and 2147483647", ArgumentName=name,
                              ArgumentValue=given)  # fmt: skip
    return min(int(given), _MOST)


def _checksum(upload: Upload, part: Part) -> dict[str, str]:
    return _members({upload.algorithm: part.checksum})


def _members(found: Mapping[str, str]) -> dict[str, str]:
    return {f"Checksum{algorithm}": value for algorithm, value in found.items()}
