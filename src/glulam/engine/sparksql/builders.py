"""How the functions that need more than a text template are run: literal patterns, branches, nested values.

Each builder takes a `Call` and gives a `Value`. Which function uses which builder stands in `functions.py`.
Arity is checked here. Left to `aggregates.py` and `builders_time.py`: those of aggregates and of dates and
times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import expressions as exp

from glulam.engine.sparksql import patterns
from glulam.engine.sparksql.columns import element, name, of_type
from glulam.engine.sparksql.operators import arithmetic
from glulam.engine.sparksql.value import (
    NUMBERS,
    Value,
    call,
    coerce,
    decimal_parts,
    typed,
    unify,
    unsupported,
)
from glulam.infer.types import STRING, Array, DataType, Field, Struct, parse_type


@dataclass(frozen=True, slots=True)
class Call:
    """One function call as written: its name, argument nodes, and the translator for them."""

    name: str
    nodes: tuple[exp.Expression, ...]
    emit: Callable[[exp.Expression], Value]
    compare: Callable[[str, Value, Value], Value]
    distinct: bool = False

    def arity(self, *allowed: int) -> None:
        if len(self.nodes) not in allowed:
            expected = " or ".join(map(str, allowed))
            raise unsupported(f"{self.name}() with {len(self.nodes)} arguments (expected {expected})")

    def values(self) -> list[Value]:
        return [self.emit(node) for node in self.nodes]

    def arg(self, index: int, kind: str = "") -> Value:
        value = self.emit(self.nodes[index])
        return coerce(value, kind) if kind else value

    def literal(self, index: int, what: str) -> str:
        node = self.nodes[index]
        if isinstance(node, exp.RawString) or (isinstance(node, exp.Literal) and node.is_string):
            return str(node.this)
        raise unsupported(f"{self.name}() with {what} that is not a text literal")

    def number(self, index: int, what: str) -> int:
        node, sign = self.nodes[index], 1
        if isinstance(node, exp.Neg):
            node, sign = node.this, -1
        if isinstance(node, exp.Literal) and not node.is_string and node.this.isdigit():
            return sign * int(node.this)
        raise unsupported(f"{self.name}() with {what} that is not an integer literal")


def quoted(text: str) -> str:
    """A text literal with its type, which DuckDB would otherwise guess from the context."""
    return "'" + text.replace("'", "''") + "'::VARCHAR"


def concat(c: Call) -> Value:
    return Value(f"({' || '.join([quoted('')] + [coerce(v, 'string').text for v in c.values()])})", "string")


def concat_ws(c: Call) -> Value:
    parts = [coerce(v, "string").text for v in c.values()]
    if len(parts) == 1:
        return Value(f"left({parts[0]}, 0)", "string")
    return Value(f"concat_ws({', '.join(parts)})", "string")


def length(c: Call) -> Value:
    c.arity(1)
    return Value(call("glu_length", c.arg(0)), "int")


def substring(c: Call) -> Value:
    c.arity(2, 3)
    size = c.arg(2, "int").text if len(c.nodes) == 3 else "2147483647"
    return Value(f"glu_substring({c.arg(0, 'string').text}, {c.arg(1, 'int').text}, {size})", "string")


def replace(c: Call) -> Value:
    c.arity(2, 3)
    if not c.literal(1, "a text to find"):
        raise unsupported("replace() of the empty text")
    by = c.arg(2, "string").text if len(c.nodes) == 3 else quoted("")
    return Value(f"replace({c.arg(0, 'string').text}, {c.arg(1).text}, {by})", "string")


def locate(c: Call) -> Value:
    if len(c.nodes) == 1 and isinstance(c.nodes[0], exp.In) and c.nodes[0].args.get("field"):
        inside = c.nodes[0]
        c = Call(c.name, (inside.this, inside.args["field"]), c.emit, c.compare)
    c.arity(2, 3)
    sub, text = c.arg(0, "string").text, c.arg(1, "string").text
    if len(c.nodes) == 2:
        return Value(f"strpos({text}, {sub})::INTEGER", "int")
    return Value(f"glu_locate({sub}, {text}, {c.arg(2, 'int').text})", "int")


def pad(c: Call) -> Value:
    c.arity(2, 3)
    by = c.arg(2, "string").text if len(c.nodes) == 3 else quoted(" ")
    return Value(f"glu_{c.name}({c.arg(0, 'string').text}, {c.arg(1, 'int').text}, {by})", "string")


def split(c: Call) -> Value:
    c.arity(2)
    pattern = patterns.regex(c.literal(1, "a pattern"), whole_row=False)
    return of_type(f"string_split_regex({c.arg(0, 'string').text}, {quoted(pattern)})", Array(STRING))


def split_part(c: Call) -> Value:
    c.arity(3)
    if not c.literal(1, "a delimiter") or c.number(2, "a part") == 0:
        raise unsupported("split_part() with an empty delimiter or part 0")
    text, delimiter, part = c.arg(0, "string").text, c.arg(1).text, c.number(2, "a part")
    return Value(f"split_part({text}, {delimiter}, {part})", "string")


def regexp_replace(c: Call) -> Value:
    c.arity(3)
    pattern = c.literal(1, "a pattern")
    checked = patterns.regex(pattern, whole_row=False)
    by = patterns.replacement(c.literal(2, "a replacement"), patterns.groups(pattern))
    text = c.arg(0, "string").text
    return Value(f"regexp_replace({text}, {quoted(checked)}, {quoted(by)}, 'g')", "string")


def regexp_extract(c: Call) -> Value:
    c.arity(2, 3)
    pattern = c.literal(1, "a pattern")
    group = c.number(2, "a group") if len(c.nodes) == 3 else 1
    checked = patterns.regex(pattern, whole_row=False)
    if not 0 <= group <= patterns.groups(pattern):
        raise unsupported(f"regexp_extract() of group {group}, which {pattern!r} does not have")
    return Value(f"regexp_extract({c.arg(0, 'string').text}, {quoted(checked)}, {group})", "string")


def rlike(c: Call) -> Value:
    c.arity(2)
    checked = patterns.regex(c.literal(1, "a pattern"), whole_row=True)
    return Value(f"regexp_matches({c.arg(0, 'string').text}, {quoted(checked)})", "boolean")


def digest(c: Call) -> Value:
    c.arity(1)
    function = "md5" if c.name == "md5" else "sha1"
    return Value(f"{function}({call('glu_binary', c.arg(0))})", "string")


def sha2(c: Call) -> Value:
    c.arity(2)
    if c.number(1, "a number of bits") not in (0, 256):
        raise unsupported(f"sha2() with {c.number(1, '')} bits (256 is supported)")
    return Value(f"sha256({call('glu_binary', c.arg(0))})", "string")


def base64(c: Call) -> Value:
    c.arity(1)
    return Value(f"glu_base64({call('glu_binary', c.arg(0))})", "string")


def hexadecimal(c: Call) -> Value:
    c.arity(1)
    return Value(call("glu_hex", c.arg(0)), "string")


def unary(c: Call) -> Value:
    c.arity(1)
    value = c.arg(0)
    if value.is_decimal:
        return Value(f"(-({value.text}))" if c.name == "negative" else f"abs({value.text})", value.kind)
    return _of_number(f"glu_{c.name}", value)


def _of_number(macro: str, value: Value, kind: str = "") -> Value:
    """A macro for each kind of number; text becomes a double."""
    if not value.kind:
        return Value(f"{macro}({value.text})", kind)
    value = coerce(value, "double") if value.kind in ("string", "null") else value
    if value.kind not in NUMBERS:
        raise unsupported(
            f"{macro.removeprefix('glu_')}() of a value of the type {value.kind} (CAST it to DOUBLE)"
        )
    return Value(f"{macro}_{value.kind}({value.text})", kind or value.kind)


def integral(c: Call) -> Value:
    c.arity(1)
    return _of_number(f"glu_{'floor' if c.name == 'floor' else 'ceil'}", c.arg(0), "bigint")


def round_half_up(c: Call) -> Value:
    c.arity(1, 2)
    places = c.number(1, "a number of places") if len(c.nodes) == 2 else 0
    if not 0 <= places <= 15:
        raise unsupported(f"round() to {places} places (0 to 15 are supported)")
    value = c.arg(0)
    if value.is_decimal:
        precision, scale = decimal_parts(value.kind)
        kept = min(scale, places)
        kind = f"decimal({min(38, precision - scale + 1 + kept)},{kept})"
        return Value(f"round({value.text}, {kept})::{kind}", kind)
    # NaN, infinities and what is too large to have places are no such decimal, and stay.
    rounded = f"try_cast(({value.text})::VARCHAR AS DECIMAL(38,{places}))::VARCHAR"
    if value.kind in NUMBERS[:4]:
        return value
    if value.kind in NUMBERS:
        return Value(f"coalesce({rounded}::{value.kind}, {value.text})", value.kind)
    return Value(f"glu_round({typed(value)}, {value.text}, {rounded}::DOUBLE)", value.kind)


def modulo(c: Call) -> Value:
    c.arity(2)
    node = exp.Mod(this=c.nodes[0].copy(), expression=c.nodes[1].copy())
    left, right = c.arg(0), c.arg(1)
    if left.is_decimal or right.is_decimal:
        raise unsupported(f"{c.name}() of decimals (CAST them to DOUBLE)")
    return arithmetic(node, f"glu_{c.name}", left, right)


def extreme(c: Call) -> Value:
    if len(c.nodes) < 2:
        c.arity(2)
    values = c.values()
    kinds = {v.kind for v in values} - {"null", ""}
    if "string" in kinds and len(kinds) > 1:
        raise unsupported(f"{c.name}() of text and {', '.join(sorted(kinds - {'string'}))}")
    texts, kind = unify(values)
    return Value(f"{c.name}({', '.join(texts)})", kind)


def coalesce(c: Call) -> Value:
    if len(c.nodes) < 1:
        c.arity(1)
    texts, kind = unify(c.values())
    return Value(f"coalesce({', '.join(texts)})", kind)


def nvl2(c: Call) -> Value:
    c.arity(3)
    texts, kind = unify([c.arg(1), c.arg(2)])
    return Value(f"CASE WHEN {c.arg(0).text} IS NOT NULL THEN {texts[0]} ELSE {texts[1]} END", kind)


def choose(c: Call) -> Value:
    c.arity(3)
    texts, kind = unify([c.arg(1), c.arg(2)])
    return Value(f"CASE WHEN {c.arg(0, 'boolean').text} THEN {texts[0]} ELSE {texts[1]} END", kind)


def nullif(c: Call) -> Value:
    c.arity(2)
    value = c.arg(0)
    return Value(
        f"CASE WHEN {c.compare('=', value, c.arg(1)).text} THEN NULL ELSE {value.text} END", value.kind
    )


def is_null(c: Call) -> Value:
    c.arity(1)
    return Value(f"({c.arg(0).text} IS {'NOT ' if c.name == 'isnotnull' else ''}NULL)", "boolean")


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


BUILDERS: dict[str, Callable[[Call], Value]] = {
    "concat": concat, "concat_ws": concat_ws, "length": length, "substring": substring, "replace": replace,
    "locate": locate, "pad": pad, "split": split, "split_part": split_part, "regexp_replace": regexp_replace,
    "regexp_extract": regexp_extract, "rlike": rlike, "digest": digest, "sha2": sha2, "base64": base64,
    "hex": hexadecimal, "unary": unary, "integral": integral, "round": round_half_up, "mod": modulo,
    "pmod": modulo,
    "extreme": extreme, "coalesce": coalesce, "nvl2": nvl2, "choose": choose, "nullif": nullif,
    "is_null": is_null,
    "struct": struct, "named_struct": named_struct, "array": array, "element_at": element_at,
    "array_join": array_join,
}  # fmt: skip
