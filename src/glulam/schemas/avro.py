"""AVRO: can data written with one schema be read with another? The rules are the specification's "Schema Resolution".

Where implementations differ (which branch of the reader's union takes a value), the answer holds for all of them.
"""

from __future__ import annotations

from glulam.schemas.avro_types import (
    NO_DEFAULT,
    Array,
    AvroSchema,
    AvroType,
    Enum,
    Fixed,
    Map,
    Named,
    Primitive,
    Record,
    Union,
    parse_avro,
)
from glulam.schemas.jsontext import canonical_json, parse_json

PROMOTIONS = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
Resolved = Primitive | Array | Map | Union | Named


class Avro:
    """The format AVRO."""

    def canonical(self, definition: str) -> bytes:
        value = parse_json(definition)
        parse_avro(value)
        return canonical_json(value)

    def unreadable(self, *, reader: bytes, writer: bytes) -> str | None:
        walk = _Walk(parse_avro(parse_json(reader)), parse_avro(parse_json(writer)))
        return walk.types(walk.reader.root, walk.writer.root, "")


class _Walk:
    """One comparison. A pair of named types is looked at once: if it does not fit, all has failed anyway."""

    def __init__(self, reader: AvroSchema, writer: AvroSchema) -> None:
        self.reader = reader
        self.writer = writer
        self.seen: set[tuple[str, str]] = set()

    def types(self, reader: AvroType, writer: AvroType, path: str) -> str | None:
        r, w = self.reader.resolve(reader), self.writer.resolve(writer)
        if isinstance(w, Union):
            reasons = (self.types(reader, branch, path) for branch in w.branches)
            return next((reason for reason in reasons if reason), None)
        if isinstance(r, Union):
            taker = self._taker(r, w)
            if taker is None:
                return f"{path or '/'}: no branch of the reader's union takes the writer's {_name(w)}"
            return self.types(taker, writer, path)
        if not _match(r, w):
            return f"{path or '/'}: the reader expects {_name(r)}, the writer has {_name(w)}"
        if isinstance(r, Array) and isinstance(w, Array):
            return self.types(r.items, w.items, f"{path}/items")
        if isinstance(r, Map) and isinstance(w, Map):
            return self.types(r.values, w.values, f"{path}/values")
        if isinstance(r, Enum) and isinstance(w, Enum):
            return _enums(r, w, path)
        if isinstance(r, Record) and isinstance(w, Record):
            return self._records(r, w, path)
        return None

    def _taker(self, union: Union, writer: Resolved) -> AvroType | None:
        """The branch that takes a value: of the same full name, else of the same type, else the first promotion."""
        found = [(branch, self.reader.resolve(branch)) for branch in union.branches]
        matching = [(branch, r) for branch, r in found if not isinstance(r, Union) and _match(r, writer)]
        matching.sort(key=lambda pair: (_name(pair[1]) != _name(writer), pair[1].kind != writer.kind))
        return matching[0][0] if matching else None

    def _records(self, reader: Record, writer: Record, path: str) -> str | None:
        if (reader.name, writer.name) in self.seen:
            return None
        self.seen.add((reader.name, writer.name))
        written = {field.name: field for field in writer.fields}
        claimed: set[str] = set()
        for field in reader.fields:
            names = [name for name in dict.fromkeys((field.name, *field.aliases)) if name in written]
            here = f"{path}/{field.name}"
            if not names and field.default is NO_DEFAULT:
                return f"{here}: the reader's field has no default, and the writer has no such field"
            if len(names) > 1 or claimed.intersection(names):
                return f"{here}: by its aliases the field could be more than one of the writer's"
            claimed.update(names)
            if names and (reason := self.types(field.type, written[names[0]].type, here)):
                return reason
        return None


def _match(reader: Resolved, writer: Resolved) -> bool:
    """Whether the two agree before one looks inside them."""
    if reader.kind != writer.kind:
        return reader.kind in PROMOTIONS.get(writer.kind, ())
    if isinstance(reader, Fixed) and isinstance(writer, Fixed) and reader.size != writer.size:
        return False
    if isinstance(reader, Named) and isinstance(writer, Named):
        known = (reader.name, *reader.aliases)
        return _unqualified(reader.name) == _unqualified(writer.name) or writer.name in known
    return True


def _enums(reader: Enum, writer: Enum, path: str) -> str | None:
    missing = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
    if missing and reader.default is None:
        return f"{path or '/'}: the reader's enum has neither {', '.join(missing)} nor a default"
    return None


def _unqualified(name: str) -> str:
    return name.rpartition(".")[2]


def _name(found: Resolved) -> str:
    if isinstance(found, Fixed):
        return f"fixed {found.name}({found.size})"
    return f"{found.kind} {found.name}" if isinstance(found, Named) else found.kind
