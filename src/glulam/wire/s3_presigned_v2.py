"""Presigned URLs by the older Signature Version 2, which boto3 and the AWS CLI still make for an endpoint of one's own.

    ?AWSAccessKeyId=<key id>&Expires=<seconds since 1970>&Signature=<base64 of an HMAC-SHA1>

Only URLs: nobody signs headers like that any more. Version 2 leaves most of the query unsigned, so a parameter that it does
not sign is refused here, and so is any value that could be read as two.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from botocore.auth import HmacV1Auth

from glulam.model import s3_errors
from glulam.wire.s3_signing import Payload
from glulam.wire.sigv4 import Key, Request, Verified, headers_by_name

REGION = "us-east-1"
"""Such a signature names no region; this is the one that AWS takes then."""

_OWN = ("AWSAccessKeyId", "Expires", "Signature")
_STANDARD = ("content-md5", "content-type")
_SIGNED = frozenset(HmacV1Auth.QSAOfInterest)
_AMBIGUOUS = re.compile(r"[\r\n&]")


def is_presigned_v2(request: Request) -> bool:
    return "AWSAccessKeyId=" in request.raw_query and "Signature=" in request.raw_query


def verify(
    request: Request, host_bucket: str | None, find_secret: Callable[[str], Key | None], now: datetime
) -> tuple[Verified[Key], Payload]:
    """Who made the URL. `host_bucket` is the bucket that the Host names, if it does. Raises S3's errors."""
    given = _parts(request.raw_query)
    key = find_secret(given["AWSAccessKeyId"])
    if key is None:
        raise s3_errors.InvalidAccessKeyId(AWSAccessKeyId=given["AWSAccessKeyId"][:128])
    if not re.fullmatch(r"\d{1,11}", given["Expires"], re.ASCII):
        raise s3_errors.AccessDenied("Invalid date (should be seconds since epoch): Expires")
    text = _string_to_sign(request, host_bucket, given)
    wanted = base64.b64encode(hmac.digest(key.secret.encode(), text.encode("utf-8"), "sha1"))
    if not hmac.compare_digest(wanted, given["Signature"].encode("utf-8")):
        raise s3_errors.SignatureDoesNotMatch(AWSAccessKeyId=given["AWSAccessKeyId"])
    if datetime.fromtimestamp(int(given["Expires"]), UTC) < now:
        raise s3_errors.AccessDenied("Request has expired", ServerTime=now.isoformat())
    token = given.get("x-amz-security-token", "")
    if not hmac.compare_digest(token.encode("utf-8"), (key.session_token or "").encode()):
        raise s3_errors.InvalidToken
    if key.expires_at is not None and key.expires_at <= now:
        raise s3_errors.ExpiredToken
    verified = Verified(
        access_key_id=given["AWSAccessKeyId"], region=REGION, service="s3", signed_at=now, key=key
    )
    return verified, Payload()


def _parts(raw_query: str) -> dict[str, str]:
    """The query, each name once; all of it signed. Raises AccessDenied."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        known = name in _OWN or name in _STANDARD or name in _SIGNED or name.startswith("x-amz-")
        if not known or name in given or _AMBIGUOUS.search(name + value):
            raise s3_errors.AccessDenied(
                f"Signature Version 2 does not cover the query parameter {name[:64]!r} as it stands here; presign with "
                "Version 4 (signature_version s3v4)"
            )
        given[name] = value
    for name in _OWN:
        if name not in given:
            raise s3_errors.AccessDenied(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            )
    return given


def _string_to_sign(request: Request, host_bucket: str | None, given: dict[str, str]) -> str:
    headers = {name: ",".join(values) for name, values in headers_by_name(request.headers).items()}
    headers |= {
        name: value for name, value in given.items() if name in _STANDARD or name.startswith("x-amz-")
    }
    lines = [request.method, *(headers.get(name, "").strip() for name in _STANDARD), given["Expires"]]
    lines += [f"{name}:{headers[name].strip()}" for name in sorted(headers) if name.startswith("x-amz-")]
    resource = (f"/{host_bucket}" if host_bucket else "") + request.raw_path
    words = [f"{name}={value}" if value else name for name, value in sorted(given.items()) if name in _SIGNED]
    return "\n".join([*lines, resource + (f"?{'&'.join(words)}" if words else "")])
