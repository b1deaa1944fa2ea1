"""Amazon Ion, text and binary: each top-level struct is a record. Read by Amazon's own library, one value at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from amazon.ion import simpleion
from amazon.ion.core import IonType
from amazon.ion.exceptions import IonException

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.opened import Opened
from glulam.infer import shape as kinds
from glulam.infer.lattice import decimal_of, held, in_order
from glulam.infer.shape import Position, Shape

_NAMES = {
    IonType.BOOL: "boolean", IonType.FLOAT: "double", IonType.TIMESTAMP: "timestamp", IonType.STRING: "string",
    IonType.SYMBOL: "string", IonType.CLOB: "string", IonType.BLOB: "binary",
}  # fmt: skip
_INT64 = range(-(2**63), 2**63)


class _Pieces:
    """Decompressed content as the file that the library wants to read from."""

    def __init__(self, windows: Iterator[bytes]) -> None:
        self.windows, self.rest = windows, b""

    def read(self, count: int = -1) -> bytes:
        while (count < 0 or len(self.rest) < count) and (more := next(self.windows, b"")):
            self.rest += more
        end = len(self.rest) if count < 0 else count
        piece, self.rest = self.rest[:end], self.rest[end:]
        return piece


def ion_answer(file: LocalFile, opened: Opened, options: LookOptions) -> Answer:
    """What an Ion stream holds. Raises UnreadableFile."""
    shape, records, others, damage, complete = Shape(), 0, 0, opened.damage, True
    try:
        for value in ion_values(opened):
            if options.sample_records is not None and records >= options.sample_records:
                complete = False
                break
            if is_struct(value):
                records += 1
                see(shape, value, (records,))
            else:
                others += 1
    except (IonException, ValueError, EOFError) as error:
        damage = f"damaged after {records} values: {error}"
    if not records:
        why = f"not Ion: {damage or 'no struct at the top level'}"
        return Answer(classification="ion", classifier="ion", certainty=0, evidence=(why,))
    found = _columns(shape, records)
    evidence = [f"Ion: {records} structs", *([f"{others} values that are no structs"] if others else [])]
    evidence += [damage] if damage else []
    return Answer(
        classification="ion", classifier="ion", certainty=0.5 if damage else records / (records + others),
        columns=found, records=records, complete=complete and damage is None,
        evidence=evidence + columns.nothing_seen(found),
    )  # fmt: skip


def ion_values(opened: Opened) -> Iterator[Any]:
    """The top-level values of a stream. Raises IonException, ValueError, EOFError."""
    yield from simpleion.load(_Pieces(opened.windows()), single_value=False, parse_eagerly=False)


def is_struct(value: Any) -> bool:
    return _type(value) is IonType.STRUCT


def _columns(shape: Shape, records: int) -> tuple[ColumnFinding, ...]:
    return columns.named(
        columns.column(key, held(member), columns.kind_counts(member, records))
        for key, member in in_order(shape)
    )


def _type(value: Any) -> IonType | None:
    return getattr(value, "ion_type", None)


def see(seen: Shape, value: Any, at: Position) -> None:
    """Count one value and all below it."""
    kind = _type(value)
    if value is None or kind is None or kind is IonType.NULL or getattr(value, "value", value) is None:
        return
    if kind is IonType.STRUCT:
        members = list(value.items())
        seen.add(kinds.STRUCT if members else kinds.EMPTY_STRUCT, at)
        for index, (key, member) in enumerate(members):
            see(seen.members.setdefault(key, Shape()), member, (*at, index))
    elif kind in (IonType.LIST, IonType.SEXP):
        seen.add(kinds.ARRAY if len(value) else kinds.EMPTY_ARRAY, at)
        for element in value:
            seen.element = seen.element or Shape()
            see(seen.element, element, at)
    elif kind is IonType.INT:
        seen.add("bigint" if int(value) in _INT64 else str(decimal_of(len(str(abs(int(value)))), 0)), at)
    elif kind is IonType.DECIMAL:
        _, digits, exponent = value.as_tuple()
        scale = max(0, -int(exponent))
        seen.add(str(decimal_of(max(len(digits) + int(exponent), 0), scale)), at)
    else:
        seen.add(_NAMES[kind], at)
