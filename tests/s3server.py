"""A real S3 endpoint over HTTP for the tests: moto's server on a free port, once a session.

A conftest.py takes the fixtures by importing them: `from s3server import s3_bucket, s3_endpoint, s3_env`. Another server
takes moto's place when GLULAM_TEST_S3_URL, GLULAM_TEST_S3_KEY and GLULAM_TEST_S3_SECRET name it.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OTHER = os.environ.get("GLULAM_TEST_S3_URL")
KEY_ID = os.environ.get("GLULAM_TEST_S3_KEY", "test")
SECRET = os.environ.get("GLULAM_TEST_S3_SECRET", "test")
_numbers = itertools.count()


@functools.cache
def s3_client(endpoint: str) -> S3Client:
    """A plain client, for what a test does beside the code that it tests."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of the server."""
    if OTHER is not None:
        yield OTHER
        return
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_env(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The usual AWS variables, pointing at the server; returns its URL."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    return s3_endpoint


@pytest.fixture
def s3_bucket(s3_env: str) -> str:
    """The name of a new, empty bucket."""
    name = f"bucket-{os.getpid()}-{next(_numbers)}"
    s3_client(s3_env).create_bucket(Bucket=name)
    return name
