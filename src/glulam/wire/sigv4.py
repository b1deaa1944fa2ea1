"""Signature Version 4: is this request signed, just now, for this service, by the holder of that access key?

    Authorization: AWS4-HMAC-SHA256 Credential=<key id>/<day>/<region>/<service>/aws4_request,
                   SignedHeaders=<names>, Signature=<hex>

    parse      the header's three parts, nothing else        IncompleteSignature, MissingAuthentication
    check      scope, time, what must be signed, body hash   InvalidSignature
    find       the access key                                UnrecognizedClient, ExpiredToken
    compare    the signature that the key makes with it      InvalidSignature

Codes and texts are those that AWS answers for its JSON services; no text repeats a signature or a token. Where keys are
kept is not known here: the caller passes `find_secret`. Signatures in the query (presigned URLs) are refused; S3, which
takes them and signs a little otherwise, is `s3_signing.py`'s.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from glulam.model.errors import (
    ExpiredToken,
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    UnrecognizedClient,
)
from glulam.wire.canonical import canonical_path, canonical_query, canonical_value

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
MAX_SKEW = timedelta(minutes=5)
_SINGLE = (
    "authorization",
    "host",
    "x-amz-date",
    "date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "x-amz-target",
)
"""Headers of which a second one would leave open which of them counts."""

_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_HEX = re.compile(r"[0-9a-f]{64}")
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
_UNKNOWN = "The security token included in the request is invalid."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is signed of an HTTP request. Texts are the bytes that were sent, read as latin-1."""

    method: str
    raw_path: str
    """As sent, percent-encoding included."""
    raw_query: str
    """Without the question mark."""
    headers: Sequence[tuple[str, str]]
    """In order, names in lower case, doubles kept."""
    body_sha256: str
    """In lower-case hex, of the body as it was received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The Authorization header, taken apart."""

    access_key_id: str
    day: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"


class SecretKey(Protocol):
    """What verification needs of an access key."""

    @property
    def secret(self) -> str: ...
    @property
    def session_token(self) -> str | None: ...
    @property
    def expires_at(self) -> datetime | None: ...


Key = TypeVar("Key", bound=SecretKey)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(Generic[Key]):
    """A request whose sender is known."""

    access_key_id: str
    region: str
    service: str
    signed_at: datetime
    key: Key
    """As `find_secret` gave it."""


def verify(
    request: Request,
    find_secret: Callable[[str], Key | None],
    now: datetime,
    service: str,
    *,
    double_encode_path: bool = True,
) -> Verified[Key]:
    """Who sent it; raises one of the five errors above. `service` is the signing name that the scope must have."""
    headers = headers_by_name(request.headers)
    signature = parse_authorization(request.raw_query, headers)
    signed_at, stamp = signing_time(headers)
    _check_scope(signature, stamp, service)
    _check_time(signed_at, now)
    _check_signed_headers(signature.signed_headers, headers)
    _check_body_hash(request, headers)
    key = find_secret(signature.access_key_id)
    if key is None:
        raise UnrecognizedClient(_UNKNOWN)
    path = canonical_path(request.raw_path, double_encode=double_encode_path)
    canonical = canonical_request(request, signature.signed_headers, headers, path)
    expected = signature_of(canonical, signature, stamp, key.secret)
    if not hmac.compare_digest(expected, signature.signature):
        raise InvalidSignature(_MISMATCH)
    _check_token(key, headers, now)
    return Verified(access_key_id=signature.access_key_id, region=signature.region, service=signature.service,
                    signed_at=signed_at, key=key)  # fmt: skip


def parse_authorization(raw_query: str, headers: dict[str, list[str]]) -> Signature:
    """The parts of the Authorization header. Raises MissingAuthentication or IncompleteSignature."""
    if "authorization" not in headers:
        if "x-amz-signature=" in raw_query.lower():
            raise InvalidSignature("Presigned requests are not accepted; sign in the Authorization header.")
        raise MissingAuthentication("Missing Authentication Token")
    text = headers["authorization"][0]
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported algorithm in the Authorization header: expected {ALGORITHM}.")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip(" ").partition("=")
        if not equals or name not in ("Credential", "SignedHeaders", "Signature") or name in parts:
            raise IncompleteSignature(
                f"Authorization header: expected Credential=..., SignedHeaders=..., Signature=... once each, "
                f"found {name[:20]!r}."
            )
        parts[name] = value
    absent = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    if absent:
        raise IncompleteSignature(
            " ".join(f"Authorization header requires '{name}' parameter." for name in absent)
        )
    credential = parts["Credential"].split("/")
    if len(credential) != 5:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got {len(credential)}."
        )
    if not _HEX.fullmatch(parts["Signature"]):
        raise IncompleteSignature(
            "Authorization header: 'Signature' must be 64 lower-case hexadecimal digits."
        )
    key_id, day, region, service, terminator = credential
    return Signature(access_key_id=key_id, day=day, region=region, service=service, terminator=terminator,
                     signed_headers=tuple(parts["SignedHeaders"].split(";")), signature=parts["Signature"])  # fmt: skip


def headers_by_name(headers: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in headers:
        found[name].append(value)
    for name in _SINGLE:
        if len(found.get(name, ())) > 1:
            raise IncompleteSignature(f"Header '{name}' is given {len(found[name])} times; expected once.")
    return dict(found)


def signing_time(headers: dict[str, list[str]]) -> tuple[datetime, str]:
    """The time of X-Amz-Date, else of Date, and its ISO 8601 basic form, which is what is signed."""
    if "x-amz-date" in headers:
        stamp = headers["x-amz-date"][0].strip(" ")
        match = _STAMP.fullmatch(stamp)
        try:
            if match:
                year, month, day, hour, minute, second = map(int, match.groups())
                return datetime(year, month, day, hour, minute, second, tzinfo=UTC), stamp
        except ValueError:
            pass
        raise IncompleteSignature(f"X-Amz-Date {stamp[:40]!r}: expected the form 20250131T235959Z.")
    if "date" not in headers:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        found = parsedate_to_datetime(headers["date"][0])
    except (ValueError, OverflowError) as error:
        raise IncompleteSignature("The Date header is not a date of RFC 1123.") from error
    found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    return found, found.strftime("%Y%m%dT%H%M%SZ")


def _check_scope(signature: Signature, stamp: str, service: str) -> None:
    wrong = []
    if not _REGION.fullmatch(signature.region):
        wrong.append(f"Credential should be scoped to a valid region, not '{signature.region[:64]}'.")
    if signature.service != service:
        wrong.append(f"Credential should be scoped to correct service: '{service}'.")
    if signature.terminator != TERMINATOR:
        wrong.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}'.")
    if signature.day != stamp[:8]:
        wrong.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{signature.day[:64]}' != '{stamp[:8]}', from '{stamp}'."
        )
    if wrong:
        raise InvalidSignature(" ".join(wrong))


def _check_time(signed_at: datetime, now: datetime) -> None:
    if abs(now - signed_at) <= MAX_SKEW:
        return
    late = signed_at < now
    edge = now - MAX_SKEW if late else now + MAX_SKEW
    what, than, sign = (
        ("expired", "is now earlier than", "-") if late else ("not yet current", "is still later than", "+")
    )
    shown, limit, clock = (t.strftime("%Y%m%dT%H%M%SZ") for t in (signed_at, edge, now))
    raise InvalidSignature(f"Signature {what}: {shown} {than} {limit} ({clock} {sign} 5 min.)")


def _check_signed_headers(signed: tuple[str, ...], headers: dict[str, list[str]]) -> None:
    names = set(signed)
    if len(names) != len(signed) or list(signed) != sorted(signed):
        raise InvalidSignature("SignedHeaders must be in lower case, sorted, each once.")
    for name in signed:
        if name not in headers:
            raise InvalidSignature(f"SignedHeaders names '{name[:64]}', which the request does not have.")
    for name in headers:
        if (name in ("host", "content-type") or name.startswith("x-amz-")) and name not in names:
            raise InvalidSignature(f"'{name[:64]}' must be a 'SignedHeader' in the AWS Authorization.")
    if "host" not in names:
        raise InvalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if "x-amz-date" not in names and "date" not in names:
        raise InvalidSignature("'Date' must be a 'SignedHeader' in the AWS Authorization.")


def _check_body_hash(request: Request, headers: dict[str, list[str]]) -> None:
    """A hash that the sender states must be the body's own; there is no UNSIGNED-PAYLOAD here."""
    stated = headers.get("x-amz-content-sha256")
    if stated is not None and stated[0].strip(" ") != request.body_sha256:
        raise InvalidSignature("The header 'x-amz-content-sha256' is not the SHA-256 of the request's body.")


def canonical_request(
    request: Request, signed_headers: Sequence[str], headers: dict[str, list[str]], path: str
) -> bytes:
    """What is signed of a request; `path` in its canonical spelling. Raises IncompleteSignature for a line end in it."""
    lines = [
        request.method,
        path,
        canonical_query(request.raw_query),
        *(f"{name}:{canonical_value(headers[name])}" for name in signed_headers),
        "",
        ";".join(signed_headers),
        request.body_sha256,
    ]
    text = "\n".join(lines)
    if text.count("\n") != len(lines) - 1:  # else two requests could share a signature
        raise IncompleteSignature("The request's path or headers hold a line end.")
    return text.encode("latin-1")


def signature_of(canonical: bytes, signature: Signature, stamp: str, secret: str) -> str:
    """The signature that the holder of `secret` makes for it, in lower-case hex."""
    hashed = hashlib.sha256(canonical).hexdigest()
    key = signing_key(secret, signature.day, signature.region, signature.service)
    text = f"{ALGORITHM}\n{stamp}\n{signature.scope}\n{hashed}"
    return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=1024)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _check_token(key: SecretKey, headers: dict[str, list[str]], now: datetime) -> None:
    token = headers.get("x-amz-security-token", [""])[0].strip(" ")
    if not hmac.compare_digest(token.encode("latin-1"), (key.session_token or "").encode()):
        raise UnrecognizedClient(_UNKNOWN)
    if key.expires_at is not None and key.expires_at <= now:
        raise ExpiredToken("The security token included in the request is expired")
