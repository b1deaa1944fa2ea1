"""Signature Version 4 as S3 has it: in the header or the query, over a body that may be signed piece by piece.

It differs from the other services (`sigv4.py`) in that
    the path is encoded once, for a key may hold `//` and `..`;
    presigned URLs are taken, for one second to seven days;
    `x-amz-content-sha256` says what of the body is signed, and is itself signed: a hash, nothing, or a chain of chunks;
    clocks may be a quarter of an hour apart; codes and texts are S3's own.

The body itself is checked where it is read (`bodies.py`), with the `Payload` that comes out here.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, unquote_to_bytes

from glulam.model import s3_errors
from glulam.model.errors import AccessRefused
from glulam.wire.sigv4 import (
    ALGORITHM,
    TERMINATOR,
    Key,
    Request,
    Signature,
    Verified,
    canonical_request,
    headers_by_name,
    parse_authorization,
    signature_of,
    signing_key,
    signing_time,
)

MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES_S = 7 * 24 * 3600
UNSIGNED = "UNSIGNED-PAYLOAD"
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)
_STREAMING = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": (True, False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": (True, True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": (False, True),
}
"""Values of x-amz-content-sha256 for bodies in chunks: are these signed; does a trailer follow?"""
_QUERY = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What the signatures of a body's chunks are made with: each signs its chunk and the signature before it."""

    key: bytes
    stamp: str
    scope: str
    seed: str
    """The request's own signature, which the first chunk's follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What the signature of a request says of its body."""

    sha256: str | None = None
    """The hash that the body must have, lower-case hex."""
    chunked: bool = False
    """The body comes in `aws-chunked` framing."""
    trailer: bool = False
    """Headers follow the last chunk."""
    chain: Chain | None = None


def verify(
    request: Request, find_secret: Callable[[str], Key | None], now: datetime
) -> tuple[Verified[Key], Payload]:
    """Who sent it, and what is to be held of its body. `request.body_sha256` is not looked at. Raises S3's errors."""
    try:
        headers = headers_by_name(request.headers)
        if "X-Amz-Signature=" in request.raw_query or "X-Amz-Algorithm=" in request.raw_query:
            return _verify_query(request, headers, find_secret, now)
        return _verify_header(request, headers, find_secret, now)
    except s3_errors.S3Error:
        raise
    except AccessRefused as error:
        raise s3_errors.AuthorizationHeaderMalformed(str(error)) from error


def _verify_header(
    request: Request,
    headers: dict[str, list[str]],
    find_secret: Callable[[str], Key | None],
    now: datetime,
) -> tuple[Verified[Key], Payload]:
    if "authorization" not in headers:
        raise s3_errors.AccessDenied
    if not headers["authorization"][0].startswith(f"{ALGORITHM} "):
        raise s3_errors.InvalidRequest(
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}."
        )
    signature = parse_authorization(request.raw_query, headers)
    if "x-amz-date" not in headers and "date" not in headers:
        raise s3_errors.AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    signed_at, stamp = signing_time(headers)
    _check_scope(signature, stamp, s3_errors.AuthorizationHeaderMalformed)
    if abs(now - signed_at) > MAX_SKEW:
        raise s3_errors.RequestTimeTooSkewed(
            RequestTime=stamp, ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            MaxAllowedSkewMilliseconds=int(MAX_SKEW.total_seconds() * 1000),
        )  # fmt: skip
    if "x-amz-content-sha256" not in headers:
        raise s3_errors.InvalidRequest("Missing required header for this request: x-amz-content-sha256")
    _check_signed_headers(signature.signed_headers, headers, unsigned=())
    stated = headers["x-amz-content-sha256"][0].strip(" ")
    token = headers.get("x-amz-security-token", [""])[0].strip(" ")
    key = _matching_key(
        replace(request, body_sha256=stated), signature, headers, stamp, find_secret, token, now
    )
    verified = Verified(access_key_id=signature.access_key_id, region=signature.region, service=signature.service,
                        signed_at=signed_at, key=key)  # fmt: skip
    return verified, _payload(stated, signature, stamp, key.secret)


def _verify_query(
    request: Request,
    headers: dict[str, list[str]],
    find_secret: Callable[[str], Key | None],
    now: datetime,
) -> tuple[Verified[Key], Payload]:
    if "authorization" in headers:
        raise s3_errors.InvalidArgument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified",
            ArgumentName="Authorization",
        )
    given = _query_parts(request.raw_query)
    signature = _signature_in_query(given)
    signed_at, stamp = _query_time(given["Date"])
    _check_scope(signature, stamp, s3_errors.AuthorizationQueryParametersError)
    if not _DIGITS.fullmatch(given["Expires"]) or not 1 <= int(given["Expires"]) <= MAX_EXPIRES_S:
        raise s3_errors.AuthorizationQueryParametersError(
            f"X-Amz-Expires must be between 1 and {MAX_EXPIRES_S} seconds"
        )
    _check_signed_headers(signature.signed_headers, headers, unsigned=("x-amz-content-sha256",))
    stated = given.get("Content-Sha256") or headers.get("x-amz-content-sha256", [UNSIGNED])[0].strip(" ")
    unsigned_query = "&".join(
        pair for pair in request.raw_query.split("&") if unquote(pair.partition("=")[0]) != "X-Amz-Signature"
    )
    bare = replace(request, raw_query=unsigned_query, body_sha256=stated)
    key = _matching_key(bare, signature, headers, stamp, find_secret, given.get("Security-Token", ""), now)
    _check_window(signed_at, timedelta(seconds=int(given["Expires"])), now)
    verified = Verified(access_key_id=signature.access_key_id, region=signature.region, service=signature.service,
                        signed_at=signed_at, key=key)  # fmt: skip
    return verified, _payload(stated, signature, stamp, key.secret)


def _query_parts(raw_query: str) -> dict[str, str]:
    """The `X-Amz-` parameters, without that prefix, each once."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(raw_query, keep_blank_values=True):
        if name.startswith("X-Amz-"):
            if name[6:] in given:
                raise s3_errors.AuthorizationQueryParametersError(f"{name} is given more than once")
            given[name[6:]] = value
    for part in _QUERY:
        if part not in given:
            raise s3_errors.AuthorizationQueryParametersError(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
                "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
    return given


def _signature_in_query(given: dict[str, str]) -> Signature:
    if given["Algorithm"] != ALGORITHM:
        raise s3_errors.AuthorizationQueryParametersError(f"X-Amz-Algorithm only supports {ALGORITHM!r}")
    credential = given["Credential"].split("/")
    if len(credential) != 5:
        raise s3_errors.AuthorizationQueryParametersError(
            'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting '
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )  # fmt: skip
    if not _HEX.fullmatch(given["Signature"]):
        raise s3_errors.SignatureDoesNotMatch
    key_id, day, region, service, terminator = credential
    return Signature(access_key_id=key_id, day=day, region=region, service=service, terminator=terminator,
                     signed_headers=tuple(given["SignedHeaders"].split(";")), signature=given["Signature"])  # fmt: skip


def _query_time(text: str) -> tuple[datetime, str]:
    try:
        return signing_time({"x-amz-date": [text]})
    except AccessRefused as error:
        raise s3_errors.AuthorizationQueryParametersError(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from error


def _check_window(signed_at: datetime, valid_for: timedelta, now: datetime) -> None:
    if now < signed_at - MAX_SKEW:
        raise s3_errors.AccessDenied("Request is not valid yet", ServerTime=now.isoformat())
    if now > signed_at + valid_for:
        raise s3_errors.AccessDenied(
            "Request has expired", Expires=(signed_at + valid_for).isoformat(), ServerTime=now.isoformat()
        )


def _check_scope(signature: Signature, stamp: str, malformed: type[s3_errors.S3Error]) -> None:
    if signature.service != "s3":
        raise malformed(f'incorrect service "{signature.service[:64]}". This endpoint belongs to "s3".')
    if signature.terminator != TERMINATOR:
        raise malformed(
            f'incorrect terminal "{signature.terminator[:64]}". This endpoint uses "{TERMINATOR}".'
        )
    if signature.day != stamp[:8]:
        raise malformed(
            f'Invalid credential date "{signature.day[:64]}". This date is not the same as X-Amz-Date.'
        )
    if not signature.region or not signature.region.isascii():
        raise malformed("the region of the Credential is empty or not a region's name")


def _check_signed_headers(
    signed: tuple[str, ...], headers: dict[str, list[str]], unsigned: tuple[str, ...]
) -> None:
    """Host and every x-amz- header must be signed, but those that may be `unsigned`; what is signed must be there."""
    missing = [n for n in headers if (n == "host" or n.startswith("x-amz-")) and n not in signed + unsigned]
    if missing:
        raise s3_errors.AccessDenied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(missing)[:300],
        )
    if "host" not in signed or any(name not in headers for name in signed) or len(set(signed)) != len(signed):
        raise s3_errors.SignatureDoesNotMatch


def _matching_key(
    request: Request,
    signature: Signature,
    headers: dict[str, list[str]],
    stamp: str,
    find_secret: Callable[[str], Key | None],
    token: str,
    now: datetime,
) -> Key:
    """The key with which it was signed."""
    key = find_secret(signature.access_key_id)
    if key is None:
        raise s3_errors.InvalidAccessKeyId(AWSAccessKeyId=signature.access_key_id[:128])
    for path in _spellings(request.raw_path):
        canonical = canonical_request(request, signature.signed_headers, headers, path)
        if hmac.compare_digest(signature_of(canonical, signature, stamp, key.secret), signature.signature):
            break
    else:
        raise s3_errors.SignatureDoesNotMatch(AWSAccessKeyId=signature.access_key_id)
    if not hmac.compare_digest(token.encode("utf-8"), (key.session_token or "").encode()):
        raise s3_errors.InvalidToken
    if key.expires_at is not None and key.expires_at <= now:
        raise s3_errors.ExpiredToken
    return key


def _spellings(raw_path: str) -> tuple[str, ...]:
    """The path as it was sent, and as S3 would encode the same bytes: a client may send one and sign the other."""
    sent = raw_path or "/"
    encoded = quote(unquote_to_bytes(sent.encode("latin-1")), safe="/-_.~")
    return (sent,) if encoded == sent else (sent, encoded)


def _payload(stated: str, signature: Signature, stamp: str, secret: str) -> Payload:
    if _HEX.fullmatch(stated):
        return Payload(sha256=stated)
    if stated == UNSIGNED:
        return Payload()
    if stated not in _STREAMING:
        raise s3_errors.InvalidArgument(
            f"x-amz-content-sha256 must be {UNSIGNED}, {', '.join(_STREAMING)}, or a valid sha256 value.",
            ArgumentName="x-amz-content-sha256", ArgumentValue=stated[:100],
        )  # fmt: skip
    signed, trailer = _STREAMING[stated]
    key = signing_key(secret, signature.day, signature.region, signature.service)
    chain = Chain(key=key, stamp=stamp, scope=signature.scope, seed=signature.signature) if signed else None
    return Payload(chunked=True, trailer=trailer, chain=chain)
