"""Both object stores, for the one conformance suite."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore
from glulam.objects.lake import Lake
from glulam.objects.s3 import S3Store
from glulam.objects.s3parts import SINGLE_REQUEST_BYTES
from s3server import s3_bucket, s3_endpoint, s3_env

__all__ = ["s3_bucket", "s3_endpoint", "s3_env"]


def s3_store(single_request_bytes: int, read_timeout_s: float = 10) -> S3Store:
    """A store on the endpoint of the environment: one for all tests, since a client takes 0.3 s to make."""
    return _s3_store(os.environ["AWS_ENDPOINT_URL"], single_request_bytes, read_timeout_s)


@functools.cache
def _s3_store(endpoint: str, single_request_bytes: int, read_timeout_s: float) -> S3Store:
    return S3Store(max_attempts=2, read_timeout_s=read_timeout_s, single_request_bytes=single_request_bytes)


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
    return Zone(s3_store(SINGLE_REQUEST_BYTES), s3_bucket, tmp_path / "scratch")


@pytest.fixture(params=["lake", "s3", "s3 in parts"])
def zone(request: pytest.FixtureRequest, tmp_path: Path) -> Zone:
    if request.param == "lake":
        found: Zone = request.getfixturevalue("lake_zone")
        return found
    bucket = request.getfixturevalue("s3_bucket")
    limit = SINGLE_REQUEST_BYTES if request.param == "s3" else 2
    return Zone(s3_store(limit), bucket, tmp_path / "scratch")
