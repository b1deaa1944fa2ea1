"""How structs, arrays and their elements are made and taken apart, with their types where those are known."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from glulam.engine.sparksql.calls import Call
from glulam.engine.sparksql.columns import element, name, of_type
from glulam.engine.sparksql.value import Value, coerce, unify, unsupported
from glulam.infer.types import Array, DataType, Field, Struct, parse_type


def struct(c: Call) -> Value:
    parts = []
    for node in c.nodes:
        named = isinstance(node, (exp.Alias, exp.Column, exp.Dot))
        if not named:
            raise unsupported("struct() of an expression without a name (write `expression AS name`)")
        part = node.expression.name if isinstance(node, exp.Dot) else node.alias_or_name
        parts.append((part, c.emit(node.unalias())))
    return _struct(parts)


def named_struct(c: Call) -> Value:
    if len(c.nodes) % 2 or not c.nodes:
        raise unsupported(
            f"named_struct() with {len(c.nodes)} arguments (expected pairs of a name and a value)"
        )
    names = [c.literal(i, "a name") for i in range(0, len(c.nodes), 2)]
    return _struct([(part, c.arg(2 * i + 1)) for i, part in enumerate(names)])


def _struct(parts: list[tuple[str, Value]]) -> Value:
    text = f"struct_pack({', '.join(f'{name(part)} := {value.text}' for part, value in parts)})"
    types = [_type(value) for _, value in parts]
    known = [Field(part, kind) for (part, _), kind in zip(parts, types, strict=True) if kind is not None]
    return of_type(text, Struct(tuple(known)) if len(known) == len(parts) else None)


def _type(value: Value) -> DataType | None:
    return value.type or (parse_type("void" if value.kind == "null" else value.kind) if value.kind else None)


def array(c: Call) -> Value:
    if not c.nodes:
        raise unsupported("array() without elements")
    texts, kind = unify(c.values())
    inner = next((_type(v) for v in c.values() if v.kind == kind), None) if kind else None
    return of_type(f"list_value({', '.join(texts)})", Array(inner) if inner is not None else None)


def element_at(c: Call) -> Value:
    c.arity(2)
    key = c.arg(1)
    if key.text == "0::INTEGER":
        raise unsupported("element_at() of element 0 (the first is 1)")
    return element(c.arg(0), key, "glu_element_at")


def array_join(c: Call) -> Value:
    c.arity(2)
    base = c.arg(0)
    inner = of_type("e", base.type.element) if isinstance(base.type, Array) else Value("e")
    texts = f"list_transform({base.text}, lambda e: {coerce(inner, 'string').text})"
    return Value(f"array_to_string({texts}, {c.arg(1, 'string').text})", "string")


NESTED_BUILDERS: dict[str, Callable[[Call], Value]] = {
    "struct": struct, "named_struct": named_struct, "array": array, "element_at": element_at,
    "array_join": array_join,
}  # fmt: skip
