"""Signature Version 4 against botocore's own signer: what it signs is accepted, whatever is changed is not."""

from __future__ import annotations

import random
import string
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.model.errors import (
    AccessRefused,
    ExpiredToken,
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    UnrecognizedClient,
)
from glulam.wire.sigv4 import Request
from wire.signed import KEY_ID, NOW, Known, check, sign

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)
VALUE = st.text(string.ascii_letters + string.digits + " /+=,;:é漢", max_size=20)
NAME = st.from_regex(r"\Ax-amz-meta-[a-z]{1,5}\Z")
SEGMENT = st.text(string.ascii_letters + "-._~% é:/", max_size=6).map(lambda text: quote(text, safe="/:"))


def changed(request: Request, name: str, value: str | None) -> Request:
    """The request with another value of that header in its place, or without it."""
    kept = [(n, v if n != name or value is None else value) for n, v in request.headers]
    return replace(request, headers=[(n, v) for n, v in kept if n != name or value is not None])


def header(request: Request, name: str) -> str:
    return next(v for n, v in request.headers if n == name)


def with_authorization(request: Request, old: str, new: str) -> Request:
    text = header(request, "authorization")
    assert old in text
    return changed(request, "authorization", text.replace(old, new, 1))


@settings(max_examples=300, deadline=None)
@given(
    method=st.sampled_from(["POST", "GET", "PUT"]),
    body=st.binary(max_size=50),
    region=st.sampled_from(["us-east-1", "eu-central-1", "local"]),
    params=st.dictionaries(TEXT.filter(bool), TEXT, max_size=4),
    headers=st.lists(st.tuples(NAME, VALUE), max_size=4),
    path=st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts)),
    token=st.none() | st.from_regex(r"\A[A-Za-z0-9+/=]{1,40}\Z"),
)
def test_what_botocore_signs_is_accepted(
    method: str, body: bytes, region: str, params: dict[str, str], headers: list[tuple[str, str]], path: str,
    token: str | None,
) -> None:  # fmt: skip
    request = sign(method=method, body=body, region=region, params=params, path=path, token=token,
                   headers=[("Content-Type", "application/x-amz-json-1.1"), *headers])  # fmt: skip
    found = check(request, key=Known(session_token=token))
    assert (found.access_key_id, found.region, found.signed_at) == (KEY_ID, region, NOW)


def test_a_path_is_signed_as_sent_for_s3_only() -> None:
    request = sign(path="/bucket/a%20b//../c", service="s3", signer=S3SigV4Auth)
    assert check(request, service="s3", double_encode_path=False).service == "s3"
    with pytest.raises(InvalidSignature, match="does not match"):
        check(request, service="s3")


def test_doubles_and_blanks_of_headers_are_folded() -> None:
    request = sign(headers=[("X-Amz-Meta-A", "  one   two "), ("X-Amz-Meta-A", "three")])
    kept = [(n, v) for n, v in request.headers if n != "x-amz-meta-a"]
    for values in (["one two", "three"], ["one\t two", " three "], ["one two,three"]):
        check(replace(request, headers=[*kept, *(("x-amz-meta-a", v) for v in values)]))
    with pytest.raises(InvalidSignature):
        check(replace(request, headers=[*kept, ("x-amz-meta-a", "three"), ("x-amz-meta-a", "one two")]))


def test_the_date_header_serves_when_there_is_no_other() -> None:
    request = sign(headers=[("Date", "now")])
    assert "x-amz-date" not in dict(request.headers)
    assert check(request).signed_at == NOW
    with pytest.raises(IncompleteSignature, match="RFC 1123"):
        check(changed(request, "date", "yesterday"))


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_a_clock_may_be_five_minutes_off(minutes: int) -> None:
    assert check(sign(), now=NOW + timedelta(minutes=minutes))


def test_a_clock_that_is_further_off_is_told_so() -> None:
    with pytest.raises(InvalidSignature) as late:
        check(sign(), now=NOW + timedelta(minutes=5, seconds=1))
    assert str(late.value) == (
        "Signature expired: 20250301T120000Z is now earlier than 20250301T120001Z (20250301T120501Z - 5 min.)"
    )
    with pytest.raises(InvalidSignature, match=r"not yet current.*still later than.*\+ 5 min"):
        check(sign(), now=NOW - timedelta(minutes=5, seconds=1))


@pytest.mark.parametrize(
    ("old", "new", "error", "text"),
    [
        ("AWS4-HMAC-SHA256", "AWS", IncompleteSignature, "expected AWS4-HMAC-SHA256"),
        ("Credential=", "Credential", IncompleteSignature, "once each"),
        ("Signature=", "Signature=,Signature=", IncompleteSignature, "once each"),
        ("SignedHeaders=content-type;host;x-amz-date;x-amz-target, ", "", IncompleteSignature, "'SignedHeaders' parameter"),
        ("/aws4_request", "", IncompleteSignature, "exactly 5"),
        ("/aws4_request", "/aws5_request", InvalidSignature, "valid terminator"),
        ("/glue/", "/s3/", InvalidSignature, "correct service: 'glue'"),
        ("/us-east-1/", "/US EAST/", InvalidSignature, "valid region"),
        ("/20250301/", "/20250302/", InvalidSignature, "'20250302' != '20250301'"),
        ("content-type;", "", InvalidSignature, "'content-type' must be a 'SignedHeader'"),
        ("host;", "", InvalidSignature, "'host' must be a 'SignedHeader'"),
        (";x-amz-target", "", InvalidSignature, "'x-amz-target' must be a 'SignedHeader'"),
        (";x-amz-target", ";x-amz-target;x-amz-z", InvalidSignature, "does not have"),
        ("content-type;host", "host;content-type", InvalidSignature, "sorted"),
        ("content-type;host", "content-type;host;host", InvalidSignature, "each once"),
        (KEY_ID, "AKIAIOSFODNN8EXAMPLE", UnrecognizedClient, "security token included in the request is invalid"),
    ],
)  # fmt: skip
def test_an_authorization_header_that_is_off_is_told_how(old: str, new: str, error: type, text: str) -> None:
    with pytest.raises(error, match=text):
        check(with_authorization(sign(), old, new))


def test_no_signature_and_a_presigned_one_are_told_apart() -> None:
    bare = changed(sign(), "authorization", None)
    with pytest.raises(MissingAuthentication):
        check(bare)
    with pytest.raises(InvalidSignature, match="Presigned"):
        check(replace(bare, raw_query="X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + "0" * 64))


def test_dates() -> None:
    with pytest.raises(IncompleteSignature, match="X-Amz-Date"):
        check(changed(sign(), "x-amz-date", "2025-03-01"))
    with pytest.raises(IncompleteSignature, match="X-Amz-Date"):
        check(changed(sign(), "x-amz-date", "20250231T120000Z"))
    with pytest.raises(IncompleteSignature, match="either a 'X-Amz-Date'"):
        check(changed(sign(), "x-amz-date", None))


@pytest.mark.parametrize("name", ["authorization", "x-amz-date", "host", "x-amz-target"])
def test_a_header_that_decides_is_there_once(name: str) -> None:
    request = sign()
    with pytest.raises(IncompleteSignature, match="2 times"):
        check(replace(request, headers=[*request.headers, (name, header(request, name))]))


def test_a_stated_body_hash_must_be_the_bodys() -> None:
    body_hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    given_hash = [("X-Amz-Content-SHA256", body_hash), ("Content-Type", "a/b")]
    assert check(sign(headers=given_hash))
    with pytest.raises(InvalidSignature, match="not the SHA-256"):
        check(sign(headers=given_hash, body=b"{ }"))
    with pytest.raises(InvalidSignature, match="not the SHA-256"):
        check(sign(headers=[("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD"), ("Content-Type", "a/b")]))


def test_session_tokens() -> None:
    temporary = Known(session_token="token-1", expires_at=NOW + timedelta(hours=1))
    assert check(sign(token="token-1"), key=temporary)
    for request, key in (
        (sign(token="token-2"), temporary),
        (sign(), temporary),
        (sign(token="token-1"), Known()),
    ):
        with pytest.raises(UnrecognizedClient):
            check(request, key=key)
    with pytest.raises(ExpiredToken):
        check(sign(token="token-1"), key=replace(temporary, expires_at=NOW))


def test_a_line_end_cannot_move_the_border_between_two_headers() -> None:
    request = sign(headers=[("X-Amz-A", "1"), ("X-Amz-B", "2")])
    text = header(request, "authorization").replace("x-amz-a;x-amz-b", "x-amz-a")
    merged = [(n, v) for n, v in request.headers if n not in ("x-amz-a", "x-amz-b", "authorization")]
    with pytest.raises(IncompleteSignature, match="line end"):
        check(replace(request, headers=[*merged, ("x-amz-a", "1\nx-amz-b:2"), ("authorization", text)]))


def test_a_key_with_another_secret_does_not_profit_from_the_old_ones_cache() -> None:
    assert check(sign())
    with pytest.raises(InvalidSignature):
        check(sign(), key=Known(secret="another"))


def _another(chance: random.Random, text: str, alphabet: str) -> str:
    """The text with one character replaced, dropped, doubled or added."""
    at = chance.randrange(len(text)) if text else 0
    new = chance.choice(alphabet)
    kind = chance.randrange(3) if text else 2
    if kind == 0:
        return text[:at] + new + text[at + 1 :]
    return text[:at] + text[at + 1 :] if kind == 1 else text[:at] + new + text[at:]


def _mutated(chance: random.Random, request: Request) -> tuple[str, Request]:
    """One change that changes what the request means, and what kind it is."""
    kind = chance.choice(
        ["signature", "header", "body", "path", "query", "date", "method", "scope", "token", "signed"]
    )
    hexes = "0123456789abcdef"
    text = header(request, "authorization")
    if kind == "signature":
        end = text.rindex("=") + 1
        return kind, changed(request, "authorization", text[:end] + _another(chance, text[end:], hexes))
    if kind == "header":
        name = chance.choice(["content-type", "host", "x-amz-target", "x-amz-meta-a"])
        return kind, changed(request, name, _another(chance, header(request, name), string.ascii_letters))
    if kind == "body":
        return kind, replace(request, body_sha256=_another(chance, request.body_sha256, hexes))
    if kind == "path":
        return kind, replace(
            request, raw_path=request.raw_path + chance.choice("abc%/xyz") + chance.choice("123")
        )
    if kind == "query":
        return kind, replace(request, raw_query=_another(chance, request.raw_query, string.ascii_letters))
    if kind == "date":
        moved = NOW + timedelta(seconds=chance.choice([-1, 1]) * chance.randrange(1, 300))
        return kind, changed(request, "x-amz-date", moved.strftime("%Y%m%dT%H%M%SZ"))
    if kind == "method":
        return kind, replace(request, method=chance.choice(["GET", "PUT", "post", "DELETE"]))
    if kind == "scope":
        start, end = text.index("=") + 1, text.index(",")
        return kind, changed(request, "authorization",
                             text[:start] + _another(chance, text[start:end], string.ascii_letters) + text[end:])  # fmt: skip
    if kind == "token":
        return kind, changed(request, "x-amz-security-token",
                             _another(chance, header(request, "x-amz-security-token"), string.ascii_letters))  # fmt: skip
    names = text[text.index("SignedHeaders=") + 14 : text.index(", Signature")]
    return kind, with_authorization(request, names, _another(chance, names, string.ascii_lowercase + ";"))


def test_no_mutated_request_is_accepted() -> None:
    chance = random.Random(20250301)
    refused: Counter[str] = Counter()
    for number in range(5000):
        if number % 50 == 0:
            original = sign(
                params={"a": str(number), "b": "x"}, body=str(number).encode(), token=f"token{number}",
                path=f"/p{number}",
                headers=[("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AWSGlue.GetTable"),
                         ("X-Amz-Meta-A", f"value {number}")],
            )  # fmt: skip
            key = Known(session_token=f"token{number}")
            assert check(original, key=key)
        kind, mutated = _mutated(chance, original)
        if mutated == original:
            continue
        with pytest.raises(AccessRefused):
            print(kind, mutated, check(mutated, key=key))
        refused[kind] += 1
    assert refused.total() >= 4500
    assert min(refused.values()) >= 300, refused
    assert len(refused) == 10


def test_the_errors_have_the_codes_of_aws() -> None:
    codes = {error.code for error in (MissingAuthentication, IncompleteSignature, InvalidSignature,
                                      UnrecognizedClient, ExpiredToken)}  # fmt: skip
    assert codes == {"MissingAuthenticationTokenException", "IncompleteSignatureException",
                     "InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException"}  # fmt: skip


def test_now_is_aware() -> None:
    assert check(sign(when=datetime(2025, 3, 1, 12, 0, 0)), now=datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC))
