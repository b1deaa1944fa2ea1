"""Requests signed by botocore's own signers, as our verifier sees them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from glulam.wire.sigv4 import Request, Verified, verify

NOW = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@dataclass(frozen=True, kw_only=True)
class Known:
    """The one access key of these tests."""

    secret: str = SECRET
    session_token: str | None = None
    expires_at: datetime | None = None


def sign(
    *,
    method: str = "POST",
    path: str = "/",
    params: dict[str, str] | None = None,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"{}",
    region: str = "us-east-1",
    service: str = "glue",
    token: str | None = None,
    secret: str = SECRET,
    when: datetime = NOW,
    signer: Any = auth.SigV4Auth,
) -> Request:
    """What arrives when botocore signs this at `when` and sends it to 127.0.0.1:5150."""
    signed = AWSRequest(method, f"http://127.0.0.1:5150{path}", data=body, params=params or {})
    for name, value in headers or [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", "AWSGlue.GetTable"),
    ]:
        signed.headers.add_header(name, value)
    with patch.object(auth, "get_current_datetime", return_value=when.replace(tzinfo=None)):
        signer(Credentials(KEY_ID, secret, token), service, region).add_auth(signed)
    url = signed.prepare().url.removeprefix("http://127.0.0.1:5150")
    raw_path, _, raw_query = url.partition("?")
    arrived = [("host", "127.0.0.1:5150")]
    for name, value in signed.headers.items():
        text = (
            value.decode("latin-1") if isinstance(value, bytes) else value.encode("utf-8").decode("latin-1")
        )
        arrived.append((name.lower(), text))
    return Request(
        method=method,
        raw_path=raw_path,
        raw_query=raw_query,
        headers=arrived,
        body_sha256=hashlib.sha256(body).hexdigest(),
    )


def check(request: Request, *, key: Known | None = None, now: datetime = NOW, **more: Any) -> Verified[Known]:
    """Verify against the one key."""
    found = key or Known()
    return verify(
        request, lambda name: found if name == KEY_ID else None, now, more.pop("service", "glue"), **more
    )
