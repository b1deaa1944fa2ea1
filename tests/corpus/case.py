"""What one hostile file is: its bytes, and the records and rejects that docs/json-contract.md demands for it.

Expectations are written from the contract, by hand, never taken from what a reader answered. Where a reject begins is
given by the text at which it begins (`at`), so that line and offset need not be counted; the text stands once in the
file. Knows nothing of any reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

MIB = 1 << 20
RAW_KEPT = 64 * 1024
"""A reject that is too large keeps this much of its raw text; any other keeps all of it."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits under which the case is read; named as the reader's own."""

    max_record_bytes: int = 16 * MIB
    max_depth: int = 100
    max_document_bytes: int = 64 * MIB
    max_expanded_bytes: int = 1024 * MIB
    max_expand_ratio: int = 200


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """One reject. None means that the contract leaves it open."""

    no: int
    codes: tuple[str, ...]
    line: int | None = None
    offset: int | None = None
    length: int | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """`records` are the good objects in file order, or only their count where they are too big to write down."""

    name: str
    content: Callable[[], bytes]
    text: Callable[[], bytes] | None = None
    """The decompressed content, where it is not `content` and can be known; None for damaged streams."""
    suffix: str = ".json"
    limits: Limits = Limits()
    records: Sequence[dict[str, Any]] | int = ()
    rejects: tuple[Rejected, ...] = ()
    unreadable: bool = False


def bad(no: int, code: str, at: bytes | int | None = None, length: int | None = None) -> tuple[Any, ...]:
    """A reject by its place: `at` is the text it begins with, a byte offset, or None (open). `code` may be `A|B`."""
    return no, code, at, length


def case(
    name: str,
    text: bytes,
    good: Sequence[dict[str, Any]] | int = (),
    *rejects: tuple[Any, ...],
    limits: Limits | None = None,
) -> Case:
    """A plain file with this content."""
    return Case(
        name=name,
        content=lambda: text,
        text=lambda: text,
        limits=limits or Limits(),
        records=good,
        rejects=tuple(_placed(text, *reject) for reject in rejects),
    )


def unreadable(name: str, content: Callable[[], bytes], limits: Limits | None = None) -> Case:
    """A file that fails as a whole."""
    return Case(name=name, content=content, limits=limits or Limits(), unreadable=True)


def _placed(text: bytes, no: int, code: str, at: bytes | int | None, length: int | None) -> Rejected:
    codes = tuple(code.split("|"))
    if at is None:
        return Rejected(no=no, codes=codes, length=length)
    if isinstance(at, bytes):
        if text.count(at) != 1:
            raise ValueError(f"{at!r} must stand once in the file, found {text.count(at)} times")
        at = text.index(at)
    return Rejected(no=no, codes=codes, line=text.count(b"\n", 0, at) + 1, offset=at, length=length)


def good_line(name: str, text: bytes, value: dict[str, Any]) -> Case:
    """A line that is a record, after one that is."""
    return case(name, b'{"k":1}\n' + text + b"\n", [{"k": 1}, value])


def bad_line(name: str, text: bytes, code: str = "MALFORMED") -> Case:
    """A line that is a reject, between two that are records: the neighbours must come through."""
    return case(name, b'{"k":1}\n' + text + b'\n{"k":3}\n', [{"k": 1}, {"k": 3}], bad(2, code, 8, len(text)))
