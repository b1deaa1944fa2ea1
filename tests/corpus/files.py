"""Whole files: compression by content, damaged streams, UTF-16, binary formats."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Callable
from functools import partial

import zstandard

from corpus.case import Case, Rejected, case, unreadable
from corpus.framing import BOM, PRETTY_A, PRETTY_B, A, B, C

LINES = b'{"a":1}\n{"b":2}\n'
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + b"\x00" * 13


def _zstd(text: bytes, *, checksum: bool = True) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(text)


def _gzip_named(text: bytes) -> bytes:
    """A gzip member with a file name in its header."""
    out = io.BytesIO()
    with gzip.GzipFile("name with spaces.json", "wb", 9, out, mtime=1) as member:
        member.write(text)
    return out.getvalue()


def _gzip_open(text: bytes) -> bytes:
    """A gzip member that decompresses to exactly `text`, then stops without its end."""
    squeeze = zlib.compressobj(wbits=31)
    return squeeze.compress(text) + squeeze.flush(zlib.Z_SYNC_FLUSH)


def _zstd_open(text: bytes) -> bytes:
    """A zstd frame that decompresses to exactly `text`, then stops without its end."""
    squeeze = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return squeeze.compress(text) + squeeze.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


def _packed(
    name: str, content: Callable[[], bytes], text: bytes, records: list[dict[str, int]], suffix: str
) -> Case:
    return Case(name=name, content=content, text=lambda: text, records=records, suffix=suffix)


def _damaged(name: str, content: bytes, text: bytes, records: list[dict[str, int]], rest_at: int) -> Case:
    """The stream gives `text` and breaks; what begins at `rest_at` is the reject."""
    reject = Rejected(
        no=len(records) + 1,
        codes=("TRUNCATED_STREAM",),
        line=text.count(b"\n", 0, rest_at) + 1,
        offset=rest_at,
        length=len(text) - rest_at,
    )
    return Case(name=name, content=lambda: content, records=records, rejects=(reject,))


def _compressed() -> list[Case]:
    pack: dict[str, tuple[Callable[[bytes], bytes], str]] = {
        "gzip": (gzip.compress, ".json.gz"),
        "zstd": (_zstd, ".json.zst"),
        "bzip2": (bz2.compress, ".json.bz2"),
    }
    texts = {
        "lines": (LINES, [A, B]),
        "lines, CRLF, no final newline": (b'{"a":1}\r\n{"b":2}', [A, B]),
        "one pretty document": (PRETTY_A, [A]),
        "pretty documents": (PRETTY_A + PRETTY_B, [A, B]),
        "array": (b'[{"a":1},\n{"b":2}]', [A, B]),
        "byte order mark": (BOM + LINES, [A, B]),
        "nothing": (b"", []),
        "white space": (b" \n\n", []),
    }
    found = [
        _packed(f"{kind}: {what}", partial(squeeze, text), text, records, suffix)
        for kind, (squeeze, suffix) in pack.items()
        for what, (text, records) in texts.items()
    ]
    found += [
        _packed(f"{kind} in the name, plain in content", lambda: LINES, LINES, [A, B], suffix)
        for kind, (_, suffix) in pack.items()
    ]
    found += [
        _packed(f"{kind} in content, .json in the name", partial(squeeze, LINES), LINES, [A, B], ".json")
        for kind, (squeeze, _) in pack.items()
    ]
    found += [
        _packed(
            f"{kind}: three parts, a record across two",
            partial(_parts, squeeze),
            _PARTS,
            [A, B, C],
            end,
        )
        for kind, (squeeze, end) in pack.items()
    ]
    return found


_PARTS = b'{"a":1}\n{"b":2}\n{"c":3}\n'


def _parts(squeeze: Callable[[bytes], bytes]) -> bytes:
    return squeeze(_PARTS[:11]) + squeeze(b"") + squeeze(_PARTS[11:])


def _variants() -> list[Case]:
    long = b'{"a":1}\n' * 200_000
    return [
        _packed("gzip with a file name in its header", lambda: _gzip_named(LINES), LINES, [A, B], ".gz"),
        _packed("gzip, stored without compression", lambda: gzip.compress(LINES, 0), LINES, [A, B], ".gz"),
        _packed(
            "gzip, a hundred members",
            lambda: gzip.compress(b'{"a":1}\n') * 100,
            LINES[:8] * 100,
            [A] * 100,
            ".gz",
        ),
        _packed("gzip under the name of zstd", lambda: gzip.compress(LINES), LINES, [A, B], ".json.zst"),
        _packed("zstd without checksum", lambda: _zstd(LINES, checksum=False), LINES, [A, B], ".zst"),
        _packed("zstd, a hundred frames", lambda: _zstd(LINES[:8]) * 100, LINES[:8] * 100, [A] * 100, ".zst"),
        _packed("bzip2, smallest blocks", lambda: bz2.compress(long, 1), long, [A] * 200_000, ".bz2"),
        case("text that begins like bzip2", b"BZhello\n", [], (1, "MALFORMED", 0, None)),
        case("text that begins like zip", b"PK\n", [], (1, "MALFORMED", 0, None)),
        Case(
            name="byte order mark again in the second gzip member",
            content=lambda: gzip.compress(BOM + b'{"a":1}\n') + gzip.compress(BOM + b'{"b":2}\n'),
            text=lambda: BOM + b'{"a":1}\n' + BOM + b'{"b":2}\n',
            records=[A],
            rejects=(Rejected(no=2, codes=("MALFORMED",), line=2, offset=11),),
        ),
        Case(
            name="gzip: offsets count decompressed bytes",
            content=lambda: gzip.compress(b'{"a":1}\n{bad}\n{"c":3}\n'),
            text=lambda: b'{"a":1}\n{bad}\n{"c":3}\n',
            records=[A, C],
            rejects=(Rejected(no=2, codes=("MALFORMED",), line=2, offset=8, length=5),),
        ),
    ]


def _truncated() -> list[Case]:
    whole, part = LINES, LINES + b'{"c":'
    packed = gzip.compress(LINES)
    wrong_sum = packed[:-8] + bytes(byte ^ 0xFF for byte in packed[-8:-4]) + packed[-4:]
    wrong_size = packed[:-4] + b"\x01\x02\x03\x04"
    bad_block = packed[:10] + b"\x07" + b"\xff" * 20
    checked = _zstd(LINES)
    found = [
        _damaged("gzip cut after whole lines", _gzip_open(whole), whole, [A, B], len(whole)),
        _damaged("gzip cut in a line", _gzip_open(part), part, [A, B], len(whole)),
        _damaged("gzip cut in the first line", _gzip_open(b'{"a":'), b'{"a":', [], 0),
        _damaged("gzip without its checksum", packed[:-8], whole, [A, B], len(whole)),
        _damaged("gzip with half its trailer", packed[:-3], whole, [A, B], len(whole)),
        _damaged("gzip with a wrong checksum", wrong_sum, whole, [A, B], len(whole)),
        _damaged("gzip with a wrong length", wrong_size, whole, [A, B], len(whole)),
        _damaged("gzip header only", packed[:10], b"", [], 0),
        _damaged("gzip magic only", b"\x1f\x8b", b"", [], 0),
        _damaged("gzip with an impossible block", bad_block, b"", [], 0),
        _damaged("gzip, second member cut in its header", packed + packed[:5], whole, [A, B], len(whole)),
        _damaged("gzip, second member damaged", packed + bad_block, whole, [A, B], len(whole)),
        _damaged("gzip, garbage after the member", packed + b"garbage", whole, [A, B], len(whole)),
        _damaged(
            "gzip, cut array", _gzip_open(b'[{"a":1},{"b":2},{"c"'), b'[{"a":1},{"b":2},{"c"', [A, B], 17
        ),
        _damaged(
            "gzip, cut pretty documents", _gzip_open(PRETTY_A + b'{\n  "b"'), PRETTY_A + b'{\n  "b"', [A], 13
        ),
        _damaged("zstd cut after whole lines", _zstd_open(whole), whole, [A, B], len(whole)),
        _damaged("zstd cut in a line", _zstd_open(part), part, [A, B], len(whole)),
        _damaged("zstd magic only", b"\x28\xb5\x2f\xfd", b"", [], 0),
        _damaged("zstd, second frame cut in its header", checked + checked[:5], whole, [A, B], len(whole)),
        _damaged("zstd, garbage after the frame", checked + b"garbage!", whole, [A, B], len(whole)),
        _damaged("bzip2 cut in its first block", bz2.compress(LINES)[:-12], b"", [], 0),
        _damaged("bzip2 header only", b"BZh91AY&SY", b"", [], 0),
        _damaged(
            "bzip2, second stream cut",
            bz2.compress(LINES) + bz2.compress(LINES)[:20],
            whole,
            [A, B],
            len(whole),
        ),
        _damaged(
            "bzip2, garbage after the stream", bz2.compress(LINES) + b"garbage", whole, [A, B], len(whole)
        ),
    ]
    reject = Rejected(no=3, codes=("MALFORMED",), line=2, offset=8)
    last = Rejected(no=3, codes=("TRUNCATED_STREAM",), line=3, offset=14)
    found.append(
        Case(
            name="gzip cut after a bad line",
            content=lambda: _gzip_open(b'{"a":1}\n{bad}\n'),
            records=[A],
            rejects=(Rejected(no=2, codes=reject.codes, line=2, offset=8), last),
        )
    )
    return found


def _encodings() -> list[Case]:
    text = '{"a":1}\n{"b":2}\n'
    found = []
    for codec, mark in (
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("utf-32-be", b"\x00\x00\xfe\xff"),
    ):
        content = mark + text.encode(codec)
        found.append(case(f"{codec} with its mark", content, [], (1, "NOT_UTF8", 0, len(content))))
    sixteen = b"\xff\xfe" + text.encode("utf-16-le")
    whole = Rejected(no=1, codes=("NOT_UTF8",), line=1, offset=0, length=len(sixteen))
    found += [
        case("utf-16 mark only", b"\xff\xfe", [], (1, "NOT_UTF8", 0, 2)),
        case("utf-16 without its mark", text.encode("utf-16-le"), [], (1, "MALFORMED", 0, None)),
        Case(
            name="utf-16 in gzip",
            content=lambda: gzip.compress(sixteen),
            text=lambda: sixteen,
            rejects=(whole,),
        ),
        case("bytes that are no text", bytes(range(128, 256)), [], (1, "NOT_UTF8", 0, None)),
    ]
    return found


def _binary() -> list[Case]:
    packed = gzip.compress(LINES)
    found = {
        "zip": b"PK\x03\x04\x14\x00\x00\x00" + b"\x00" * 30,
        "empty zip": b"PK\x05\x06" + b"\x00" * 18,
        "Parquet": b"PAR1" + b"\x15\x04\x15" * 10 + b"PAR1",
        "ORC": b"ORC\x0a\x0b" + b"\x00" * 30,
        "Avro": b"Obj\x01\x04\x14avro.codec\x08null",
        "PNG": PNG,
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "PDF with records in it": b"%PDF-1.7\n" + LINES,
        "gzip in gzip": gzip.compress(packed),
        "zstd in gzip": gzip.compress(_zstd(LINES)),
        "gzip in zstd": _zstd(packed),
        "gzip in bzip2": bz2.compress(packed),
        "bzip2 in gzip": gzip.compress(bz2.compress(LINES)),
        "zip in gzip": gzip.compress(b"PK\x03\x04" + b"\x00" * 30),
        "Parquet in zstd": _zstd(b"PAR1" + b"\x00" * 20 + b"PAR1"),
    }
    return [unreadable(f"binary: {name}", partial(bytes, content)) for name, content in found.items()]


def cases() -> list[Case]:
    return [*_compressed(), *_variants(), *_truncated(), *_encodings(), *_binary()]
