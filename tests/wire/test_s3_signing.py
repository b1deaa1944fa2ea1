"""S3's way of signing, against botocore's signers and the worked examples of AWS's documentation; and 2,000 forgeries."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth

from glulam.model.s3_errors import S3Error
from glulam.wire.bodies import Body, Whole
from glulam.wire.checksums import expected_of
from glulam.wire.chunked import Trailers, unchunk
from glulam.wire.s3_signing import Chain, Payload, verify
from glulam.wire.sigv4 import Request, signing_key
from wire.signed import KEY_ID, NOW, SECRET, Known, sign

KEY = Known()


def check(request: Request, key: Known = KEY, after: timedelta = timedelta()) -> Payload:
    return verify(request, lambda name: key if name == KEY_ID else None, NOW + after)[1]


def code_of(request: Request, **more: Any) -> str:
    with pytest.raises(S3Error) as caught:
        check(request, **more)
    return caught.value.code


def signed(*, query: bool = False, **more: Any) -> Request:
    given: dict[str, Any] = {
        "method": "PUT", "path": "/raw/a%20b/../c//d.json", "params": {"partNumber": "1", "uploadId": "a+b/c"},
        "headers": [("X-Amz-Meta-One", "1"), ("Content-Type", "x/y")], "service": "s3",
        "signer": S3SigV4QueryAuth if query else S3SigV4Auth,
    }  # fmt: skip
    return sign(**given | more)


def changed(request: Request, name: str, value: str | None) -> Request:
    kept = [(n, v) for n, v in request.headers if n != name]
    return replace(request, headers=kept if value is None else [*kept, (name, value)])


def header(request: Request, name: str) -> str:
    return next(v for n, v in request.headers if n == name)


def test_what_botocore_signs_is_let_in() -> None:
    assert check(signed()) == Payload(sha256=hashlib.sha256(b"{}").hexdigest())
    assert check(signed(query=True)) == Payload()
    temporary = replace(KEY, session_token="tok/en+==")
    for query in (True, False):
        assert check(signed(query=query, token="tok/en+=="), temporary)
        assert code_of(signed(query=query, token="tok/en+=x"), key=temporary) == "InvalidToken"
        assert code_of(signed(query=query, token="tok/en+==")) == "InvalidToken"
        assert code_of(signed(query=query), key=temporary) == "InvalidToken"
        gone = replace(temporary, expires_at=NOW)
        assert code_of(signed(query=query, token="tok/en+=="), key=gone) == "ExpiredToken"


def test_a_path_that_is_sent_less_encoded_than_signed() -> None:
    request = signed(path="/raw/a%20b%28%2B%29")
    assert check(replace(request, raw_path="/raw/a%20b(+)"))
    assert code_of(replace(request, raw_path="/raw/a%20b(%20)")) == "SignatureDoesNotMatch"


def test_what_each_fault_is_called() -> None:
    request = signed()
    text = header(request, "authorization")
    for expected, wrong in [
        ("AccessDenied", changed(request, "authorization", None)),
        ("InvalidRequest", changed(request, "authorization", f"AWS {KEY_ID}:abc=")),
        (
            "AuthorizationHeaderMalformed",
            changed(request, "authorization", text.replace("Signature=", "Sig=")),
        ),
        ("AuthorizationHeaderMalformed", changed(request, "authorization", text.replace("/s3/", "/glue/"))),
        (
            "AuthorizationHeaderMalformed",
            changed(request, "authorization", text.replace("/20250301/", "/20250302/")),
        ),
        ("InvalidAccessKeyId", changed(request, "authorization", text.replace(KEY_ID, "AKIAOTHER"))),
        ("SignatureDoesNotMatch", changed(request, "x-amz-meta-one", "2")),
        ("AccessDenied", changed(request, "x-amz-meta-two", "2")),
        ("InvalidRequest", changed(request, "x-amz-content-sha256", None)),
        ("SignatureDoesNotMatch", changed(request, "x-amz-content-sha256", "UNSIGNED-PAYLOAD")),
    ]:
        assert code_of(wrong) == expected
    assert code_of(request, after=timedelta(minutes=15, seconds=1)) == "RequestTimeTooSkewed"
    assert code_of(request, after=-timedelta(minutes=15, seconds=1)) == "RequestTimeTooSkewed"
    assert check(request, after=timedelta(minutes=14))


def test_when_a_presigned_url_holds() -> None:
    request = signed(query=True)  # for an hour
    assert check(request, after=timedelta(minutes=59))
    assert code_of(request, after=timedelta(minutes=61)) == "AccessDenied"
    assert code_of(request, after=-timedelta(minutes=16)) == "AccessDenied"
    for wrong in ("0", "604801", "-1", "1e3", "", "٣"):
        query = request.raw_query.replace("X-Amz-Expires=3600", f"X-Amz-Expires={wrong}")
        assert code_of(replace(request, raw_query=query)) == "AuthorizationQueryParametersError"
    twice = replace(request, raw_query=request.raw_query + "&X-Amz-Expires=3600")
    assert code_of(twice) == "AuthorizationQueryParametersError"
    both = replace(request, headers=[*request.headers, ("authorization", header(signed(), "authorization"))])
    assert code_of(both) == "InvalidArgument"


def mutations(request: Request, rng: random.Random) -> Iterator[Request]:
    """Changes of any one place, each of which changes what is asked or by whom."""
    while True:
        kind = rng.choice(["method", "path", "query", "header", "drop"])
        if kind == "method":
            yield replace(request, method=rng.choice(["GET", "DELETE", "POST", "HEAD"]))
        elif kind == "path":
            yield replace(request, raw_path=edited(request.raw_path, rng))
        elif kind == "query" and request.raw_query:
            yield replace(request, raw_query=edited(request.raw_query, rng))
        elif kind == "header":
            at = rng.randrange(len(request.headers))
            name, value = request.headers[at]
            copy = list(request.headers)
            copy[at] = (name, edited(value, rng))
            yield replace(request, headers=copy)
        elif kind == "drop":
            copy = list(request.headers)
            del copy[rng.randrange(len(copy))]
            yield replace(request, headers=copy)


def edited(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text))
    letter = rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    return rng.choice(
        [text[:at] + letter + text[at + 1 :], text[:at] + letter + text[at:], text[:at] + text[at + 1 :]]
    )


def meaning(request: Request) -> object:
    """What a request asks and who signs it; spellings that mean the same are the same."""
    from urllib.parse import parse_qsl, unquote_to_bytes

    return (request.method, unquote_to_bytes(request.raw_path), sorted(parse_qsl(request.raw_query, True)),
            sorted((n, " ".join(v.split())) for n, v in request.headers))  # fmt: skip


def test_two_thousand_forged_requests_are_refused() -> None:
    rng, codes, refused = random.Random(4), Counter[str](), 0
    for request in (signed(), signed(query=True)):
        assert check(request)
        forged = mutations(request, rng)
        count = 0
        while count < 1_050:
            wrong = next(forged)
            if meaning(wrong) == meaning(request) or unsigned_part(wrong, request):
                continue
            codes[code_of(wrong)] += 1
            count += 1
        refused += count
    assert refused >= 2_000
    assert codes["SignatureDoesNotMatch"] > 500
    assert len(codes) >= 5


def unsigned_part(wrong: Request, request: Request) -> bool:
    """Only headers differ, and only such as the signature does not cover."""
    covered = header_names(request)
    return (wrong.method, wrong.raw_path, wrong.raw_query) == (
        request.method,
        request.raw_path,
        request.raw_query,
    ) and [h for h in wrong.headers if h[0] in covered] == [h for h in request.headers if h[0] in covered]


def header_names(request: Request) -> set[str]:
    from urllib.parse import parse_qs

    for name, value in request.headers:
        if name == "authorization":
            found = value.partition("SignedHeaders=")[2].partition(",")[0]
            return {*found.split(";"), "authorization"}
    return set(parse_qs(request.raw_query)["X-Amz-SignedHeaders"][0].split(";"))


# AWS's documentation works through an upload of 66,560 times "a" in chunks of 64 KiB, once plain, once with a trailer
EXAMPLE = {"stamp": "20130524T000000Z", "scope": "20130524/us-east-1/s3/aws4_request"}
EXAMPLE_KEY = signing_key(SECRET, "20130524", "us-east-1", "s3")
PLAIN = (
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
WITH_TRAILER = (
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER = "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" + (
    "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n"
)


def framed(signatures: tuple[str, ...], end: str) -> bytes:
    parts = [(65536, signatures[1]), (1024, signatures[2]), (0, signatures[3])]
    body = b"".join(
        f"{n:x};chunk-signature={s}\r\n".encode() + b"a" * n + (b"\r\n" if n else b"") for n, s in parts
    )
    return body + end.encode() + b"\r\n"


def read_all(data: bytes, payload: Payload, headers: dict[str, str], length: int | None = 66_560) -> bytes:
    expected = expected_of(headers, payload.sha256, checksums=True)
    body = Body(Whole(data), payload, expected, length=length)
    found = b""
    while piece := body.read(10_000):
        found += piece
    return found


def example(seed: str, *, trailer: bool) -> Payload:
    return Payload(chunked=True, trailer=trailer, chain=Chain(key=EXAMPLE_KEY, seed=seed, **EXAMPLE))


def test_the_chunks_of_awss_documentation() -> None:
    plain = example(PLAIN[0], trailer=False)
    assert read_all(framed(PLAIN, ""), plain, {}) == b"a" * 66_560
    trailing = example(WITH_TRAILER[0], trailer=True)
    said = {"x-amz-trailer": "x-amz-checksum-crc32c"}
    assert read_all(framed(WITH_TRAILER, TRAILER), trailing, said) == b"a" * 66_560


def test_no_byte_of_a_signed_body_can_be_changed() -> None:
    rng = random.Random(5)
    for signatures, end, headers in (
        (PLAIN, "", {}),
        (WITH_TRAILER, TRAILER, {"x-amz-trailer": "x-amz-checksum-crc32c"}),
    ):
        whole, payload = framed(signatures, end), example(signatures[0], trailer=bool(end))
        frame = [at for at in range(len(whole)) if whole[at : at + 1] != b"a"]
        for at in [*rng.sample(frame, 200), *rng.sample(range(len(whole)), 20)]:
            letter = bytes([whole[at] ^ (1 << rng.randrange(7))])
            if letter.lower() == whole[at : at + 1].lower():
                continue  # the case of a hex size or of a header's name is no change
            with pytest.raises(S3Error):
                read_all(whole[:at] + letter + whole[at + 1 :], payload, headers)
        for cut in rng.sample(range(len(whole)), 30):
            with pytest.raises(S3Error):
                read_all(whole[:cut], payload, headers)


def test_chunks_that_are_not_signed() -> None:
    payload, said = Payload(chunked=True, trailer=True), {"x-amz-trailer": "x-amz-checksum-crc32"}
    body = b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
    assert read_all(body % b"DUoRhQ==", payload, said, 11) == b"hello world"
    for wrong, headers, code in [
        (body % b"DUoRhA==", said, "BadDigest"),
        (body % b"DUoR", said, "InvalidRequest"),
        (b"b\r\nhello world\r\n0\r\n\r\n", said, "MalformedTrailerError"),
        (body % b"DUoRhQ==", {}, "MalformedTrailerError"),
        (b"5\r\nhello world\r\n0\r\n\r\n", said, "InvalidRequest"),
        (b"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\nmore", said, "InvalidRequest"),
        (b"c\r\nhello world!\r\n0\r\nx-amz-checksum-crc32:A7TDJQ==\r\n\r\n", said, "IncompleteBody"),
        (b"zz\r\n", said, "InvalidRequest"),
        (b"1" * 5_000, said, "InvalidRequest"),
        (b"b\r\nhello", said, "IncompleteBody"),
    ]:
        with pytest.raises(S3Error) as caught:
            read_all(wrong, payload, headers, 11)
        assert caught.value.code == code


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 64, 1000])
def test_however_the_pieces_arrive(cut: int) -> None:
    data = framed(WITH_TRAILER, TRAILER)
    pieces = (data[at : at + cut] for at in range(0, len(data), cut))
    trailers = Trailers()
    found = b"".join(unchunk(pieces, example(WITH_TRAILER[0], trailer=True), trailers))
    assert found == b"a" * 66_560
    assert trailers.lines == [("x-amz-checksum-crc32c", "sOO8/Q==")]


def test_the_chain_is_of_this_request() -> None:
    """A body that was signed for another request (another seed) is refused."""
    other = hmac.new(b"k", b"x", "sha256").hexdigest()
    with pytest.raises(S3Error) as caught:
        read_all(framed(PLAIN, ""), example(other, trailer=False), {})
    assert caught.value.code == "SignatureDoesNotMatch"
