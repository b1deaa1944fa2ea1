"""Which format a file's first bytes are of. Names and suffixes are never asked: people get them wrong."""

from __future__ import annotations

import re
from enum import StrEnum


class Format(StrEnum):
    PARQUET = "parquet"
    ORC = "orc"
    AVRO = "avro"
    JSON = "json"
    ION = "ion"
    XML = "xml"
    TEXT = "text"
    """Lines: logs, separated values, or nothing that is known."""


_BINARY = (
    (b"PAR1", Format.PARQUET),
    (b"ORC", Format.ORC),
    (b"Obj\x01", Format.AVRO),
    (b"\xe0\x01\x00\xea", Format.ION),
)
_OTHER = (
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"), (b"\xd0\xcf\x11\xe0", "an old Office document"), (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"), (b"SQLite format 3\x00", "an SQLite database"), (b"\x7fELF", "a program"),
    (b"\x89HDF", "an HDF5 file"), (b"ARROW1", "an Arrow file"), (b"PARE", "an encrypted Parquet file"),
    (b"\xff\xfe", "UTF-16 text; expected UTF-8"), (b"\xfe\xff", "UTF-16 text; expected UTF-8"),
    (b"\xfd7zXZ", "xz compression, which is not read"),
)  # fmt: skip
_BOM = b"\xef\xbb\xbf"
_JSON = re.compile(rb'\s*(?:\{\s*["}]|\[\s*[\[{"\]])')
_ION_TEXT = re.compile(rb"\s*\$ion_1_0\b")
_XML = re.compile(rb"\s*<(?:\?xml\s|!DOCTYPE\s|!--|[A-Za-z_:][\w.:\-]*(?:\s|/?>))")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_TAR = (257, b"ustar")


class NotRecords(Exception):
    """Content that holds no records of any format; the message says what it is."""


def recognise(head: bytes) -> Format:
    """The format that decompressed content beginning with `head` can only be of. Raises NotRecords."""
    for magic, kind in _BINARY:
        if head.startswith(magic):
            return kind
    for magic, what in _OTHER:
        if head.startswith(magic):
            raise NotRecords(f"found {what}")
    if head[_TAR[0] : _TAR[0] + 5] == _TAR[1]:
        raise NotRecords("found a tar archive")
    text = head.removeprefix(_BOM)
    if not text.strip():
        raise NotRecords("empty: nothing but white space" if head else "empty")
    if _JSON.match(text):
        return Format.JSON
    if _ION_TEXT.match(text):
        return Format.ION
    if _XML.match(text):
        return Format.XML
    controls = len(_CONTROL.findall(text.replace(b"\x01", b"")))
    if b"\x00" in text or controls * 50 > len(text):
        raise NotRecords("binary content of no known format")
    return Format.TEXT
