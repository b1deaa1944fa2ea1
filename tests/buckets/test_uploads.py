"""Uploads in parts, and copies."""

from __future__ import annotations

import base64
import hashlib
import os
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from awscrt import checksums as crt

from glulam.model.s3_errors import (
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRange,
    InvalidRequest,
    MalformedXML,
    NoSuchKey,
    NoSuchUpload,
    PreconditionFailed,
)

if TYPE_CHECKING:
    from buckets.conftest import Client

MIB = 1 << 20
AT = {"Bucket": "bucket", "Key": "big"}


def _start(client: Client, *contents: bytes, **more: Any) -> tuple[str, list[dict[str, Any]]]:
    number = client.create_multipart_upload(**AT, **more)["UploadId"]
    parts = []
    for n, content in enumerate(contents, 1):
        answer = client.upload_part(**AT, UploadId=number, PartNumber=n, Body=content)
        parts.append({"PartNumber": n, "ETag": answer["ETag"]})
    return number, parts


def _hidden(lake: Path) -> list[str]:
    return os.listdir(lake / "bucket/.s3.tmp~")


def test_an_object_in_parts(client: Client, lake: Path) -> None:
    contents = (b"a" * 5 * MIB, b"b" * 5 * MIB, b"c")
    number, parts = _start(client, *contents, ContentType="text/plain", Metadata={"k": "v"}, Tagging="t=1")
    assert [p["Size"] for p in client.list_parts(**AT, UploadId=number)["Parts"]] == [5 * MIB, 5 * MIB, 1]
    assert [u["UploadId"] for u in client.list_multipart_uploads(Bucket="bucket")["Uploads"]] == [number]
    assert client.keys() == []
    answer = client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": parts})
    md5s = b"".join(hashlib.md5(content).digest() for content in contents)
    assert answer["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    whole = base64.b64encode(crt.crc64nvme(b"".join(contents)).to_bytes(8, "big")).decode()
    assert (answer["ChecksumCRC64NVME"], answer["ChecksumType"]) == (whole, "FULL_OBJECT")
    assert client.read("big") == b"".join(contents)
    head = client.head_object(**AT)
    assert (head["ContentType"], head["Metadata"], head["TagCount"]) == ("text/plain", {"k": "v"}, 1)
    assert client.read("big", PartNumber=3) == b"c"
    third = client.head_object(**AT, PartNumber=3)
    assert (third["PartsCount"], third["ContentRange"]) == (3, f"bytes {10 * MIB}-{10 * MIB}/{10 * MIB + 1}")
    assert _hidden(lake) == []
    with pytest.raises(NoSuchUpload):
        client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": parts})


def test_composite_checksums(client: Client) -> None:
    contents = (b"a" * 5 * MIB, b"b")
    number, parts = _start(client, *contents, ChecksumAlgorithm="CRC32")
    answer = client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": parts})
    joined = b"".join(zlib.crc32(content).to_bytes(4, "big") for content in contents)
    expected = base64.b64encode(zlib.crc32(joined).to_bytes(4, "big")).decode() + "-2"
    assert (answer["ChecksumCRC32"], answer["ChecksumType"]) == (expected, "COMPOSITE")
    found = client.get_object_attributes(
        **AT, ObjectAttributes=["ETag", "Checksum", "ObjectParts", "ObjectSize"]
    )
    assert found["Checksum"]["ChecksumCRC32"] == expected
    assert [p["Size"] for p in found["ObjectParts"]["Parts"]] == [5 * MIB, 1]
    assert (found["ObjectSize"], found["ETag"]) == (5 * MIB + 1, answer["ETag"].strip('"'))
    with pytest.raises(InvalidRequest):
        client.create_multipart_upload(**AT, ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT")


def test_what_complete_refuses(client: Client, lake: Path) -> None:
    client.put("big", b"old")
    number, parts = _start(client, b"small", b"last")

    def complete(listed: list[dict[str, Any]], **more: Any) -> None:
        client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": listed}, **more)

    with pytest.raises(EntityTooSmall):
        complete(parts)
    with pytest.raises(InvalidPartOrder):
        complete(parts[::-1])
    with pytest.raises(InvalidPart):
        complete([parts[0] | {"ETag": '"other"'}])
    with pytest.raises(InvalidPart):
        complete([*parts, {"PartNumber": 3, "ETag": parts[0]["ETag"]}])
    with pytest.raises(MalformedXML):
        complete([])
    with pytest.raises(PreconditionFailed):
        complete(parts[:1], IfNoneMatch="*")
    with pytest.raises(InvalidRequest):
        complete(parts[:1], MpuObjectSize=6)
    assert client.read("big") == b"old"
    complete(parts[:1])
    assert client.read("big") == b"small"
    assert _hidden(lake) == []


def test_a_part_that_a_power_cut_damaged(client: Client, lake: Path) -> None:
    client.put("big", b"old")
    number, parts = _start(client, b"content")
    (file,) = (lake / "bucket/.s3.tmp~").iterdir()
    for damaged in (b"\0" * 7, b"", b"longer content"):
        file.write_bytes(damaged)
        with pytest.raises(InvalidPart):
            client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": parts})
    file.unlink()
    with pytest.raises(InvalidPart):
        client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload={"Parts": parts})
    assert client.read("big") == b"old"


def test_a_part_again_and_abort(client: Client, lake: Path) -> None:
    number, _ = _start(client, b"first")
    etag = client.upload_part(**AT, UploadId=number, PartNumber=1, Body=b"second")["ETag"]
    (part,) = client.list_parts(**AT, UploadId=number)["Parts"]
    assert (part["ETag"], part["Size"], len(_hidden(lake))) == (etag, 6, 1)
    client.abort_multipart_upload(**AT, UploadId=number)
    assert _hidden(lake) == []
    for call in (client.list_parts, client.abort_multipart_upload):
        with pytest.raises(NoSuchUpload):
            call(**AT, UploadId=number)
    with pytest.raises(NoSuchUpload):
        client.upload_part(**AT, UploadId=number, PartNumber=1, Body=b"late")
    assert _hidden(lake) == []


def test_uploads_in_pages(client: Client) -> None:
    for key in ("b", "a", "a", "c/d"):
        client.create_multipart_upload(Bucket="bucket", Key=key)
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = client.list_multipart_uploads(Bucket="bucket", MaxUploads=1, **more)
        found += [u["Key"] for u in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == ["a", "a", "b", "c/d"]
    assert [u["Key"] for u in client.list_multipart_uploads(Bucket="bucket", Prefix="c/")["Uploads"]] == [
        "c/d"
    ]
    assert [u["Key"] for u in client.list_multipart_uploads(Bucket="bucket", KeyMarker="a")["Uploads"]] == [
        "b",
        "c/d",
    ]


def test_copy(client: Client, lake: Path) -> None:
    etag = client.put("a b", b"content", Metadata={"k": "v"}, ContentType="text/plain", Tagging="t=1")
    answer = client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/a%20b")
    assert answer["CopyObjectResult"]["ETag"] == etag
    head = client.head_object(Bucket="bucket", Key="c")
    assert (head["Metadata"], head["ContentType"], head["TagCount"]) == ({"k": "v"}, "text/plain", 1)
    client.copy_object(Bucket="bucket", Key="c", CopySource="/bucket/c", MetadataDirective="REPLACE",
                       TaggingDirective="REPLACE", Metadata={"new": "1"})  # fmt: skip
    head = client.head_object(Bucket="bucket", Key="c")
    assert (head["Metadata"], head["ContentType"], "TagCount" in head) == (
        {"new": "1"},
        "binary/octet-stream",
        False,
    )
    assert client.read("c") == b"content"
    with pytest.raises(InvalidRequest):
        client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/c")
    with pytest.raises(NoSuchKey):
        client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/none")
    with pytest.raises(PreconditionFailed):
        client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/a b", CopySourceIfNoneMatch=etag)
    with pytest.raises(PreconditionFailed):
        client.copy_object(Bucket="bucket", Key="c", CopySource="bucket/a b", IfNoneMatch="*")
    (lake / "bucket/by-hand").write_bytes(b"by hand")
    answer = client.copy_object(Bucket="bucket", Key="d", CopySource="bucket/by-hand")
    assert answer["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"by hand").hexdigest()}"'
    assert _hidden(lake) == []


def test_part_from_a_copy(client: Client) -> None:
    client.put("source", b"0123456789")
    number, _ = _start(client)
    at = {**AT, "UploadId": number, "PartNumber": 1, "CopySource": "bucket/source"}
    with pytest.raises(InvalidRange):
        client.upload_part_copy(**at, CopySourceRange="bytes=0-10")
    part = client.upload_part_copy(**at, CopySourceRange="bytes=2-4")["CopyPartResult"]
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(**AT, UploadId=number, MultipartUpload=listed)
    assert client.read("big") == b"234"


def test_what_killed_processes_left_is_swept(client: Client, lake: Path) -> None:
    _start(client, b"a part that somebody still needs")
    hidden = lake / "bucket/.s3.tmp~"
    (kept,) = os.listdir(hidden)
    for name, age_s in ((kept, 90_000), ("left", 90_000), ("new", 0)):
        (hidden / name).touch()
        os.utime(hidden / name, (time.time() - age_s, time.time() - age_s))
    assert client.store.uploads.sweep("bucket") == 1
    assert sorted(os.listdir(hidden)) == sorted([kept, "new"])
