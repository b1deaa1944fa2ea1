"""Depth, size of a record, size of a document, and decompression bombs, at each limit and one beyond it."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Callable

import zstandard

from corpus.case import MIB, Case, Limits, bad, bad_line, case, good_line, unreadable


def _nested(objects: int, inner: bytes = b"1") -> bytes:
    return b'{"a":' * objects + inner + b"}" * objects


def _value(levels: int) -> dict[str, object]:
    value: object = 1
    for _ in range(levels):
        value = {"a": value}
    return {"a": value}


def _depth() -> list[Case]:
    low = Limits(max_depth=3)
    hundred_arrays = b'{"a":' + b"[" * 99 + b"]" * 99 + b"}"
    return [
        good_line("depth 100 of objects", _nested(100), _value(99)),
        bad_line("depth 101 of objects", _nested(101), "TOO_DEEP"),
        case("depth 100 of arrays", hundred_arrays + b"\n", 1),
        bad_line("depth 101 of arrays", b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "TOO_DEEP"),
        bad_line("depth 101, empty object inside", _nested(100, b"{}"), "TOO_DEEP"),
        bad_line("depth 101 in a later member", b'{"x":1,"a":' + _nested(100) + b"}", "TOO_DEEP"),
        bad_line("depth 5,000 of objects", _nested(5_000), "TOO_DEEP"),
        bad_line("depth 100,000 of arrays", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "TOO_DEEP"),
        bad_line("100,000 brackets never closed", b'{"a":' + b"[" * 100_000, "TOO_DEEP|MALFORMED"),
        bad_line("100,000 objects never closed", b'{"a":' * 100_000, "TOO_DEEP|MALFORMED"),
        case("a file of 100,000 open brackets", b"[" * 100_000, [], bad(1, "TOO_DEEP|MALFORMED")),
        case("a file of 100,000 open objects", b'{"a":' * 100_000, [], bad(1, "TOO_DEEP|MALFORMED", 0)),
        case("a file of depth 101", _nested(101), [], bad(1, "TOO_DEEP", 0)),
        case("depth 3 of 3", b'{"a":[{"b":1}]}\n', [{"a": [{"b": 1}]}], limits=low),
        case("depth 4 of 3", b'{"a":[[{}]]}\n{"b":1}\n', [{"b": 1}], bad(1, "TOO_DEEP", 0), limits=low),
        case("siblings do not add up", b'{"a":[[],[],[]],"b":[[]],"c":{"d":{}}}\n', 1, limits=low),
        case(
            "brackets in a string do not count",
            b'{"a":"[[[[[[{{{{{{"}\n',
            [{"a": "[[[[[[{{{{{{"}],
            limits=low,
        ),
        case(
            "brackets after an escaped quote do not count",
            b'{"a":"\\"[[[[[["}\n',
            [{"a": '"[[[[[['}],
            limits=low,
        ),
    ]


def _record_size() -> list[Case]:
    """A record of n bytes is `{"a":"` + (n - 8) letters + `"}`."""

    def of(size: int) -> bytes:
        return b'{"a":"' + b"x" * (size - 8) + b'"}'

    limit = Limits(max_record_bytes=1_000)
    large = Limits(max_record_bytes=100_000)
    first = b'{"k":1}\n'
    return [
        case("line at the limit", first + of(1_000) + b"\n", 2, limits=limit),
        case("line at the limit, no newline", first + of(1_000), 2, limits=limit),
        case(
            "line one byte beyond the limit",
            first + of(1_001) + b'\n{"k":3}\n',
            [{"k": 1}, {"k": 3}],
            bad(2, "TOO_LARGE", 8, 1_001),
            limits=limit,
        ),
        case(
            "last line beyond the limit, no newline",
            first + of(1_001),
            [{"k": 1}],
            bad(2, "TOO_LARGE", 8, 1_001),
            limits=limit,
        ),
        case(
            "first line beyond the limit",
            of(2_000) + b'\n{"k":2}\n',
            [{"k": 2}],
            bad(1, "TOO_LARGE", 0, 2_000),
            limits=limit,
        ),
        case(
            "line beyond the limit that is not JSON",
            first + b"y" * 2_000 + b'\n{"k":3}\n',
            [{"k": 1}, {"k": 3}],
            bad(2, "TOO_LARGE", 8, 2_000),
            limits=limit,
        ),
        case(
            "raw text keeps its first 64 KiB",
            first + of(150_000) + b'\n{"k":3}\n',
            [{"k": 1}, {"k": 3}],
            bad(2, "TOO_LARGE", 8, 150_000),
            limits=large,
        ),
        case(
            "two lines of 3 MiB, each beyond 1 MiB",
            first + of(3 * MIB) + b"\n" + of(3 * MIB) + b'\n{"k":4}',
            [{"k": 1}, {"k": 4}],
            bad(2, "TOO_LARGE", 8, 3 * MIB),
            bad(3, "TOO_LARGE", 9 + 3 * MIB, 3 * MIB),
            limits=Limits(max_record_bytes=MIB),
        ),
        case("line of 17 MiB", of(17 * MIB) + b'\n{"k":2}\n', [{"k": 2}], bad(1, "TOO_LARGE", 0, 17 * MIB)),
        case(
            "document beyond the limit",
            b'{\n"a":"' + b"x" * 1_000 + b'"\n}\n{\n"k":2\n}\n',
            [{"k": 2}],
            bad(1, "TOO_LARGE", 0),
            limits=limit,
        ),
        case(
            "reject longer than 64 KiB",
            b'{"k":1}\n{"x' + b"y" * 70_000 + b"\n",
            [{"k": 1}],
            bad(2, "MALFORMED", 8),
        ),
    ]


def _document_size() -> list[Case]:
    limit = Limits(max_document_bytes=100)
    array = b'[{"a":1},' + b" " * 83 + b'{"b":2}]'
    document = b'{\n"a":"' + b"x" * 90 + b'"\n}'
    lines = b'{"a":1}\n' * 100
    return [
        case("array at the document limit", array, [{"a": 1}, {"b": 2}], limits=limit),
        unreadable("array one byte beyond the document limit", lambda: array + b"\n", limit),
        case("document at the document limit", document, [{"a": "x" * 90}], limits=limit),
        unreadable("document one byte beyond the document limit", lambda: document + b"\n", limit),
        unreadable("array beyond the document limit, gzip", lambda: gzip.compress(array + b"\n"), limit),
        case("lines have no document limit", lines, [{"a": 1}] * 100, limits=limit),
    ]


def _bombs() -> list[Case]:
    """Blank lines: all weight, no records."""
    small = Limits(max_expanded_bytes=MIB)
    ratio = Limits(max_expand_ratio=100)

    def blank(size: int) -> bytes:
        return (b" " * 1_023 + b"\n") * (size // 1_024)

    found = [
        unreadable(f"{name} bomb: more than the expanded limit", _squeezed(squeeze, blank(2 * MIB)), small)
        for name, squeeze in (("gzip", gzip.compress), ("zstd", zstandard.compress), ("bzip2", bz2.compress))
    ]
    found += [
        Case(name="gzip at the expanded limit", content=_squeezed(gzip.compress, blank(MIB)), limits=small),
        Case(
            name="ratio above the limit within the first 64 MiB",
            content=lambda: gzip.compress(blank(32 * MIB) + b'{"a":1}\n', 6),
            limits=ratio,
            records=[{"a": 1}],
        ),
        unreadable(
            "ratio above the limit beyond 64 MiB, gzip", lambda: gzip.compress(blank(96 * MIB), 6), ratio
        ),
        unreadable(
            "ratio above the limit beyond 64 MiB, zstd", lambda: zstandard.compress(blank(96 * MIB)), ratio
        ),
        case("a plain file has no expanded limit", b'{"a":1}\n' * 150_000, 150_000, limits=small),
    ]
    return found


def _squeezed(squeeze: Callable[[bytes], bytes], text: bytes) -> Callable[[], bytes]:
    return lambda: squeeze(text)


def cases() -> list[Case]:
    return [*_depth(), *_record_size(), *_document_size(), *_bombs()]
