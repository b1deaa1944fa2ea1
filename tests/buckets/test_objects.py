"""Objects: put, get, head, delete, and what is known of a file that somebody else wrote."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glulam.model.s3_errors import (
    BucketNotEmpty,
    InvalidBucketName,
    InvalidRange,
    NoSuchBucket,
    NoSuchKey,
    NotModified,
    PreconditionFailed,
)

if TYPE_CHECKING:
    from buckets.conftest import Client


def _md5(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'


def test_put_is_a_plain_file_with_what_was_said_of_it(client: Client, lake: Path) -> None:
    etag = client.put("a/b.json", b"{}", ContentType="application/json", Metadata={"Who": "me"}, Tagging="x=1&y=2",
                      CacheControl="no-store")  # fmt: skip
    assert etag == _md5(b"{}")
    assert (lake / "bucket/a/b.json").read_bytes() == b"{}"
    head = client.head_object(Bucket="bucket", Key="a/b.json", ChecksumMode="ENABLED")
    assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == (
        "application/json",
        "no-store",
        {"who": "me"},
    )
    assert (head["ETag"], head["ContentLength"], head["TagCount"]) == (etag, 2, 2)
    assert head["ChecksumCRC64NVME"]
    assert client.read("a/b.json") == b"{}"
    assert client.keys() == ["a/b.json"]


def test_a_file_dropped_in_by_hand(client: Client, lake: Path) -> None:
    (lake / "bucket/x").mkdir()
    (lake / "bucket/x/a.csv").write_bytes(b"1,2")
    (listed,) = client.list_objects_v2(Bucket="bucket")["Contents"]
    head = client.head_object(Bucket="bucket", Key="x/a.csv")
    assert listed["ETag"] == head["ETag"] == client.get_object(Bucket="bucket", Key="x/a.csv")["ETag"]
    assert head["ETag"].endswith('-0"')
    assert head["ContentType"] == "text/csv"
    assert client.read("x/a.csv", IfMatch=head["ETag"]) == b"1,2"


def test_a_file_changed_by_hand_keeps_nothing_of_the_old_one(client: Client, lake: Path) -> None:
    old = client.put("a", b"old", Metadata={"who": "me"}, Tagging="x=1")
    (lake / "bucket/a").write_bytes(b"new")
    head = client.head_object(Bucket="bucket", Key="a")
    assert head["ETag"] != old
    assert head["Metadata"] == {}
    assert "TagCount" not in head
    with pytest.raises(PreconditionFailed):
        client.put("a", b"mine", IfMatch=old)


def test_conditions(client: Client) -> None:
    etag = client.put("a", b"1", IfNoneMatch="*")
    with pytest.raises(PreconditionFailed):
        client.put("a", b"2", IfNoneMatch="*")
    with pytest.raises(NoSuchKey):
        client.put("b", b"2", IfMatch=etag)
    with pytest.raises(PreconditionFailed):
        client.put("a", b"2", IfMatch='"other"')
    with pytest.raises(NotModified):
        client.get_object(Bucket="bucket", Key="a", IfNoneMatch=etag)
    with pytest.raises(PreconditionFailed):
        client.head_object(Bucket="bucket", Key="a", IfMatch='"other"')
    with pytest.raises(PreconditionFailed):
        client.delete_object(Bucket="bucket", Key="a", IfMatch='"other"')
    with pytest.raises(NoSuchKey):
        client.delete_object(Bucket="bucket", Key="none", IfMatch="*")
    assert client.put("a", b"2", IfMatch=etag) != etag
    modified = client.head_object(Bucket="bucket", Key="a")["LastModified"]
    with pytest.raises(NotModified):
        client.head_object(Bucket="bucket", Key="a", IfModifiedSince=modified)
    client.head_object(Bucket="bucket", Key="a", IfUnmodifiedSince=modified)
    assert client.read("a") == b"2"


@pytest.mark.parametrize(
    ("text", "expected", "content_range"),
    [
        ("bytes=0-1", b"01", "bytes 0-1/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
        ("bytes=3-2", b"0123456789", None),
        ("bytes=0-1,3-4", b"0123456789", None),
        ("items=0-1", b"0123456789", None),
    ],
)
def test_ranges(client: Client, text: str, expected: bytes, content_range: str | None) -> None:
    client.put("a", b"0123456789")
    assert client.read("a", Range=text) == expected
    head = client.head_object(Bucket="bucket", Key="a", Range=text)
    assert (head.get("ContentRange"), head["ContentLength"]) == (content_range, len(expected))


def test_a_range_that_is_not_there(client: Client) -> None:
    client.put("a", b"0123456789")
    client.put("empty", b"")
    for key, text in (("a", "bytes=10-"), ("a", "bytes=-0"), ("empty", "bytes=0-")):
        with pytest.raises(InvalidRange):
            client.get_object(Bucket="bucket", Key=key, Range=text)


def test_delete(client: Client, lake: Path) -> None:
    client.put("a/b/c")
    client.put("a/d")
    client.delete_object(Bucket="bucket", Key="a/b/c")
    client.delete_object(Bucket="bucket", Key="a/b/c")
    assert client.keys() == ["a/d"]
    assert not (lake / "bucket/a/b").exists()
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a/d"}, {"Key": "none"}]})
    assert answer["Deleted"] == [{"Key": "a/d"}, {"Key": "none"}]
    assert [p.name for p in (lake / "bucket").iterdir()] == [".s3.tmp~"]
    with pytest.raises(NoSuchKey):
        client.get_object(Bucket="bucket", Key="a/d")
    assert client.store.objects.records.keys("bucket", "", 10) == []


def test_delete_many_says_what_came_of_each(client: Client) -> None:
    etag = client.put("a")
    client.put("b")
    wanted = [
        {"Key": "a", "ETag": etag},
        {"Key": "b", "ETag": '"other"'},
        {"Key": "c", "VersionId": "7"},
        {"Key": "x" * 1025},
    ]
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": wanted})
    assert answer["Deleted"] == [{"Key": "a"}]
    assert [e["Code"] for e in answer["Errors"]] == ["PreconditionFailed", "KeyTooLongError", "NoSuchVersion"]
    assert client.keys() == ["b"]


def test_buckets(client: Client, lake: Path) -> None:
    (lake / "By_Hand").mkdir()
    assert [b["Name"] for b in client.list_buckets()["Buckets"]] == ["By_Hand", "bucket"]
    client.put("x", bucket="By_Hand")
    with pytest.raises(BucketNotEmpty):
        client.delete_bucket(Bucket="By_Hand")
    client.delete_object(Bucket="By_Hand", Key="x")
    client.delete_bucket(Bucket="By_Hand")
    for call in (client.head_bucket, client.list_objects_v2, client.delete_bucket):
        with pytest.raises(NoSuchBucket):
            call(Bucket="By_Hand")
    with pytest.raises(NoSuchBucket):
        client.put("x", bucket="By_Hand")
    for name in ("By_Hand", "ab", "a" * 64, "a..b", "-ab", "1.2.3.4", "xn--ab", "a/b", "..", ".hidden"):
        with pytest.raises(InvalidBucketName):
            client.create_bucket(Bucket=name)


def test_links_do_not_lead_out(client: Client, lake: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (lake / "bucket/folder").symlink_to(outside)
    (lake / "bucket/file").symlink_to(outside / "secret")
    (lake / "out").symlink_to(outside)
    assert client.keys() == []
    for key in ("folder/secret", "file", "folder/new"):
        with pytest.raises((NoSuchKey, NoSuchBucket, Exception)) as caught:
            client.get_object(Bucket="bucket", Key=key)
        assert caught.value.code in ("NoSuchKey", "AccessDenied")
    with pytest.raises(Exception) as caught:
        client.put("folder/new")
    assert caught.value.code == "AccessDenied"
    assert [b["Name"] for b in client.list_buckets()["Buckets"]] == ["bucket"]
    client.put("file", b"mine")  # takes the link's place, and leaves what it led to
    assert (outside / "secret").read_text() == "secret"
    assert sorted(os.listdir(outside)) == ["secret"]
