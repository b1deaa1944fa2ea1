"""Both object stores, for the one conformance suite."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3server import s3_bucket, s3_endpoint, s3_env

from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore
from glulam.objects.lake import Lake
from glulam.objects.s3 import S3Store

__all__ = ["s3_bucket", "s3_endpoint", "s3_env"]


class Zone:
    """A store and an empty bucket in it, with short words for what tests do all the time."""

    def __init__(self, store: ObjectStore, bucket: str, scratch: Path) -> None:
        self.store, self.bucket, self.scratch = store, bucket, scratch
        scratch.mkdir(exist_ok=True)

    def uri(self, key: str) -> S3Uri:
        return S3Uri(self.bucket, key)

    def write(self, key: str, content: bytes = b"content", *, overwrite: bool = True) -> ObjectStat:
        local = self.scratch / "to-put"
        local.write_bytes(content)
        return self.store.put(local, self.uri(key), overwrite=overwrite)

    def read(self, key: str) -> bytes:
        found = self.store.head(self.uri(key))
        return self.store.fetch(found.uri, found.etag, self.scratch / "spool").read_bytes()

    def keys(self, prefix: str = "", page_size: int = 1000) -> list[str]:
        pages = self.store.list(self.uri(prefix), page_size=page_size)
        return [found.uri.key for page in pages for found in page]


@pytest.fixture
def lake_zone(tmp_path: Path) -> Zone:
    (tmp_path / "lake" / "bucket").mkdir(parents=True)
    return Zone(Lake(tmp_path / "lake"), "bucket", tmp_path / "scratch")


@pytest.fixture
def s3_zone(s3_bucket: str, tmp_path: Path) -> Zone:
    return Zone(S3Store(max_attempts=2, read_timeout_s=5), s3_bucket, tmp_path / "scratch")


@pytest.fixture(params=["lake", "s3", "s3 in parts"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Zone:
    if request.param == "lake":
        found: Zone = request.getfixturevalue("lake_zone")
        return found
    bucket = request.getfixturevalue("s3_bucket")
    limit = {} if request.param == "s3" else {"single_request_bytes": 2}
    return Zone(S3Store(max_attempts=2, read_timeout_s=5, **limit), bucket, tmp_path / "scratch")
