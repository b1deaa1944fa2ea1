"""An Avro definition as values, checked as strictly as the specification asks (section "Schema Declaration").

Stricter than the libraries that only need to read data: a registry is where a duplicate field, a misspelt default or a
union in a union has to come to light. Logical types and unknown attributes are kept out: they change no bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from glulam.schemas.jsontext import InvalidDefinition

PRIMITIVES = frozenset(("null", "boolean", "int", "long", "float", "double", "bytes", "string"))
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
NO_DEFAULT = object()
INTEGERS = {"int": 31, "long": 63}


@dataclass(frozen=True, kw_only=True)
class Primitive:
    kind: str


@dataclass(frozen=True, kw_only=True)
class Array:
    items: AvroType
    kind: str = "array"


@dataclass(frozen=True, kw_only=True)
class Map:
    values: AvroType
    kind: str = "map"


@dataclass(frozen=True, kw_only=True)
class Union:
    branches: tuple[AvroType, ...]
    kind: str = "union"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A named type, where it is used; `AvroSchema.named` has the type."""

    name: str
    kind: str = "reference"


@dataclass(frozen=True, kw_only=True)
class Enum:
    name: str
    aliases: tuple[str, ...]
    symbols: tuple[str, ...]
    default: str | None
    kind: str = "enum"


@dataclass(frozen=True, kw_only=True)
class Fixed:
    name: str
    aliases: tuple[str, ...]
    size: int
    kind: str = "fixed"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A field of a record; `default` is NO_DEFAULT where there is none."""

    name: str
    aliases: tuple[str, ...]
    type: AvroType
    default: Any


@dataclass(frozen=True, kw_only=True)
class Record:
    name: str
    aliases: tuple[str, ...]
    fields: tuple[Field, ...]
    kind: str = "record"


Named = Enum | Fixed | Record
AvroType = Primitive | Array | Map | Union | Reference


@dataclass(frozen=True, kw_only=True)
class AvroSchema:
    """A whole definition: its type, and every named type in it by full name."""

    root: AvroType
    named: Mapping[str, Named]

    def resolve(self, found: AvroType) -> Primitive | Array | Map | Union | Named:
        return self.named[found.name] if isinstance(found, Reference) else found


def parse_avro(value: Any) -> AvroSchema:
    """The schema in a parsed JSON value. Raises InvalidDefinition with the path to what is wrong."""
    parser = _Parser()
    root = parser.type(value, "", "")
    schema = AvroSchema(root=root, named=parser.named)
    for path, type_, default in parser.defaults:  # only now is every name known
        if not _is_value(schema, type_, default):
            raise InvalidDefinition(f"{path}: the default {default!r} is no value of the field's type")
    return schema


@dataclass
class _Parser:
    named: dict[str, Named] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    defaults: list[tuple[str, AvroType, Any]] = field(default_factory=list)

    def type(self, value: Any, namespace: str, path: str) -> AvroType:
        if isinstance(value, str):
            return self._by_name(value, namespace, path)
        if isinstance(value, list):
            return self._union(value, namespace, path)
        if not isinstance(value, dict):
            raise InvalidDefinition(f"{path or '/'}: expected a type, found {value!r}")
        kind = value.get("type")
        if not isinstance(kind, str):
            raise InvalidDefinition(f"{path}/type: expected the name of a type, found {kind!r}")
        if kind == "array":
            return Array(items=self.type(_need(value, "items", path), namespace, f"{path}/items"))
        if kind == "map":
            return Map(values=self.type(_need(value, "values", path), namespace, f"{path}/values"))
        if kind in ("record", "error", "enum", "fixed"):
            return self._declared(value, kind, namespace, path)
        return self._by_name(kind, namespace, path)

    def _by_name(self, name: str, namespace: str, path: str) -> AvroType:
        if name in PRIMITIVES:
            return Primitive(kind=name)
        for full in (f"{namespace}.{name}" if namespace and "." not in name else name, name):
            if full in self.begun:
                return Reference(name=full)
        raise InvalidDefinition(f"{path or '/'}: no type is called {name!r}")

    def _union(self, value: list[Any], namespace: str, path: str) -> Union:
        branches = tuple(self.type(branch, namespace, f"{path}/{n}") for n, branch in enumerate(value))
        seen: set[str] = set()
        for n, branch in enumerate(branches):
            what = branch.name if isinstance(branch, Reference) else branch.kind
            if isinstance(branch, Union) or what in seen:
                raise InvalidDefinition(f"{path}/{n}: a union may not hold a union, nor {what} twice")
            seen.add(what)
        return Union(branches=branches)

    def _declared(self, value: dict[str, Any], kind: str, namespace: str, path: str) -> Reference:
        name = _full_name(value, namespace, path)
        if name in self.begun:
            raise InvalidDefinition(f"{path}: {name} is declared twice")
        self.begun.add(name)
        inner = name.rpartition(".")[0]
        aliases = _aliases(value, inner, path)
        if kind == "enum":
            self.named[name] = _enum(value, name, aliases, path)
        elif kind == "fixed":
            size = _need(value, "size", path)
            if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                raise InvalidDefinition(f"{path}/size: expected a whole number from 0, found {size!r}")
            self.named[name] = Fixed(name=name, aliases=aliases, size=size)
        else:
            fields = self._fields(_need(value, "fields", path), inner, path)
            self.named[name] = Record(name=name, aliases=aliases, fields=fields)
        return Reference(name=name)

    def _fields(self, value: Any, namespace: str, path: str) -> tuple[Field, ...]:
        if not isinstance(value, list):
            raise InvalidDefinition(f"{path}/fields: expected a list, found {value!r}")
        fields: dict[str, Field] = {}
        for n, one in enumerate(value):
            here = f"{path}/fields/{n}"
            if not isinstance(one, dict):
                raise InvalidDefinition(f"{here}: expected a field, found {one!r}")
            name = one.get("name")
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise InvalidDefinition(f"{here}/name: expected letters, digits and _, found {name!r}")
            if name in fields:
                raise InvalidDefinition(f"{here}: the field {name!r} is there twice")
            type_ = self.type(_need(one, "type", here), namespace, f"{here}/type")
            default = one.get("default", NO_DEFAULT)
            if default is not NO_DEFAULT:
                self.defaults.append((f"{here}/default", type_, default))
            fields[name] = Field(name=name, aliases=_aliases(one, "", here), type=type_, default=default)
        return tuple(fields.values())


def _need(value: dict[str, Any], key: str, path: str) -> Any:
    if key not in value:
        raise InvalidDefinition(f"{path or '/'}: {key!r} is missing")
    return value[key]


def _full_name(value: dict[str, Any], namespace: str, path: str) -> str:
    name, own = value.get("name"), value.get("namespace", namespace)
    if not isinstance(name, str) or not isinstance(own, str):
        raise InvalidDefinition(
            f"{path or '/'}: expected a name (and namespace) of text, found {name!r}, {own!r}"
        )
    full = name if "." in name or not own else f"{own}.{name}"
    if not FULL_NAME.fullmatch(full) or full in PRIMITIVES:
        raise InvalidDefinition(f"{path or '/'}: {full!r} cannot be the name of a type")
    return full


def _aliases(value: dict[str, Any], namespace: str, path: str) -> tuple[str, ...]:
    aliases = value.get("aliases", [])
    if not isinstance(aliases, list) or not all(
        isinstance(a, str) and FULL_NAME.fullmatch(a) for a in aliases
    ):
        raise InvalidDefinition(f"{path}/aliases: expected a list of names, found {aliases!r}")
    return tuple(f"{namespace}.{a}" if namespace and "." not in a else a for a in aliases)


def _enum(value: dict[str, Any], name: str, aliases: tuple[str, ...], path: str) -> Enum:
    symbols, default = _need(value, "symbols", path), value.get("default")
    if not isinstance(symbols, list) or not all(isinstance(s, str) and NAME.fullmatch(s) for s in symbols):
        raise InvalidDefinition(f"{path}/symbols: expected a list of names, found {symbols!r}")
    if len(set(symbols)) != len(symbols):
        raise InvalidDefinition(f"{path}/symbols: a symbol is there twice")
    if default is not None and default not in symbols:
        raise InvalidDefinition(f"{path}/default: {default!r} is not one of the symbols")
    return Enum(name=name, aliases=aliases, symbols=tuple(symbols), default=default)


def _is_value(schema: AvroSchema, type_: AvroType, value: Any) -> bool:
    """Whether a JSON value can be the default of a field; of a union, a value of any branch."""
    found = schema.resolve(type_)
    if isinstance(found, Union):
        return any(_is_value(schema, branch, value) for branch in found.branches)
    if isinstance(found, Array):
        return isinstance(value, list) and all(_is_value(schema, found.items, v) for v in value)
    if isinstance(found, Map):
        return isinstance(value, dict) and all(_is_value(schema, found.values, v) for v in value.values())
    if isinstance(found, Record):
        return isinstance(value, dict) and all(
            _is_value(schema, f.type, value.get(f.name, f.default))
            for f in found.fields
            if f.name in value or f.default is NO_DEFAULT
        )
    if isinstance(found, Enum):
        return value in found.symbols
    if isinstance(found, Fixed):
        return _is_bytes(value) and len(value) == found.size
    return _is_primitive(found.kind, value)


def _is_primitive(kind: str, value: Any) -> bool:
    if kind == "null":
        return value is None
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if kind == "bytes":
        return _is_bytes(value)
    number = isinstance(value, int) and not isinstance(value, bool)
    if kind in INTEGERS:
        return number and -(1 << INTEGERS[kind]) <= value < 1 << INTEGERS[kind]
    return number or isinstance(value, float)


def _is_bytes(value: Any) -> bool:
    """Bytes are written as text, one character below 256 for each."""
    return isinstance(value, str) and all(ord(c) < 256 for c in value)
