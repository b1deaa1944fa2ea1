"""The S3 operations on a lake of files, called without a door: by the members that boto3 takes and gives."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from glulam.api import services
from glulam.buckets.store import BucketStore
from glulam.model.caller import Caller
from glulam.model.streams import FileSlice
from glulam.store.database import Database

CALLER = Caller(account_id="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:user/tester",
                role="admin", request_id="test")  # fmt: skip


class Bytes:
    """A body in memory."""

    def __init__(self, content: bytes, checksums: Mapping[str, str] | None = None) -> None:
        self._rest = io.BytesIO(content)
        self._checksums = checksums or {}
        self.length: int | None = len(content)

    def read(self, size: int) -> bytes:
        return self._rest.read(size)

    def checksums(self) -> Mapping[str, str]:
        return self._checksums


class Client:
    """`client.put_object(Bucket=..., ...)` calls the api method of that name."""

    def __init__(self, store: BucketStore) -> None:
        self.store = store
        self._parts = services.s3(store, services.bucket_policies(store))

    def __getattr__(self, name: str) -> Any:
        method = next(getattr(part, name) for part in self._parts if hasattr(part, name))

        def call(**asked: Any) -> dict[str, Any]:
            if isinstance(asked.get("Body"), bytes):
                asked["Body"] = Bytes(asked["Body"])
            return method(CALLER, asked) or {}

        return call

    def put(self, key: str, content: bytes = b"content", bucket: str = "bucket", **more: Any) -> str:
        """Returns the etag."""
        return str(self.put_object(Bucket=bucket, Key=key, Body=content, **more)["ETag"])

    def read(self, key: str, bucket: str = "bucket", **more: Any) -> bytes:
        return body_of(self.get_object(Bucket=bucket, Key=key, **more))

    def keys(self, bucket: str = "bucket", **more: Any) -> list[str]:
        """Keys and common prefixes of a list, all pages of it."""
        found: list[str] = []
        while True:
            page = self.list_objects_v2(Bucket=bucket, **more)
            found += [o["Key"] for o in page["Contents"]] + [p["Prefix"] for p in page["CommonPrefixes"]]
            if not page["IsTruncated"]:
                return found
            more["ContinuationToken"] = page["NextContinuationToken"]


def body_of(answer: Mapping[str, Any]) -> bytes:
    body: FileSlice = answer["Body"]
    with body.file as file:
        file.seek(body.offset)
        return file.read(body.length)


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "lake"
    subprocess.run(["rm", "-rf", tmp_path / "lake"], check=True)  # deeper than pytest's own cleaning can go


@pytest.fixture
def store(lake: Path, database: Database) -> Iterator[BucketStore]:
    with BucketStore.open(lake, database) as opened:
        yield opened


@pytest.fixture
def client(store: BucketStore) -> Client:
    """With a bucket named `bucket`."""
    made = Client(store)
    made.create_bucket(Bucket="bucket")
    return made
