"""Every hard key is an object of its own, lists in S3's order, and nothing gets out of the bucket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from buckets.hard_keys import hard_keys
from glulam.model.s3_errors import InvalidArgument, KeyTooLong, NoSuchKey

if TYPE_CHECKING:
    from buckets.conftest import Client


def test_all_of_them_at_once(client: Client, lake: Path, tmp_path: Path) -> None:
    keys = hard_keys()
    etags = {key: client.put(key, key.encode()) for key in keys}
    assert client.keys(MaxKeys=100) == keys
    assert sorted(os.listdir(tmp_path)) == ["lake"]
    assert sorted(os.listdir(lake)) == [".locks.tmp~", "bucket"]
    for key in keys:
        answer = client.get_object(Bucket="bucket", Key=key)
        with answer["Body"].file as file:
            assert file.read() == key.encode()
        assert answer["ETag"] == etags[key]
    for key in keys[::2]:
        client.delete_object(Bucket="bucket", Key=key)
    assert client.keys() == keys[1::2]
    for key in keys[::2]:
        with pytest.raises(NoSuchKey):
            client.head_object(Bucket="bucket", Key=key)
    for key in keys[1::2]:
        assert client.read(key) == key.encode()
        client.delete_object(Bucket="bucket", Key=key)
    assert os.listdir(lake / "bucket") == [".s3.tmp~"]
    client.delete_bucket(Bucket="bucket")


def test_an_object_whose_name_becomes_a_folder_and_back(client: Client, lake: Path) -> None:
    etag = client.put("a", b"object", Metadata={"k": "v"})
    client.put("a/b", b"below")
    assert (lake / "bucket/_~a@").read_bytes() == b"object"
    assert client.head_object(Bucket="bucket", Key="a")["ETag"] == etag
    assert client.head_object(Bucket="bucket", Key="a")["Metadata"] == {"k": "v"}
    assert client.keys() == ["a", "a/b"]
    client.put("a", b"again")
    client.delete_object(Bucket="bucket", Key="a/b")
    assert client.keys() == ["a"]
    assert client.read("a") == b"again"
    client.delete_object(Bucket="bucket", Key="a")
    assert client.keys() == []


@pytest.mark.parametrize("key", ["x" * 1025, "é" * 513])
def test_a_key_that_is_too_long(client: Client, key: str) -> None:
    with pytest.raises(KeyTooLong):
        client.put(key)


def test_a_key_that_is_not_text(client: Client) -> None:
    with pytest.raises(InvalidArgument):
        client.put("a\ud800")


def test_files_that_no_key_is_written_like_are_not_listed(client: Client, lake: Path) -> None:
    for name in ("_~a", "_~a_", "_~a~b_", "_~", "x.tmp~"):
        (lake / "bucket" / name).write_text("by hand")
    assert client.keys() == []
