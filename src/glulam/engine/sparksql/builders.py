"""How the functions on text and the conditional ones are run that need more than a template.

Each builder takes a `Call` and gives a `Value`. Which function uses which builder stands in `functions.py`.
Arity is checked here. The other `builders_*.py`: numbers, times, nested values; aggregates have a file of
their own.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import expressions as exp

from glulam.engine.sparksql import patterns
from glulam.engine.sparksql.calls import Call, quoted
from glulam.engine.sparksql.columns import of_type
from glulam.engine.sparksql.value import Value, call, coerce, unify, unsupported
from glulam.infer.types import STRING, Array


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


BUILDERS: dict[str, Callable[[Call], Value]] = {
    "concat": concat, "concat_ws": concat_ws, "length": length, "substring": substring, "replace": replace,
    "locate": locate, "pad": pad, "split": split, "split_part": split_part, "regexp_replace": regexp_replace,
    "regexp_extract": regexp_extract, "rlike": rlike, "digest": digest, "sha2": sha2, "base64": base64,
    "hex": hexadecimal, "extreme": extreme, "coalesce": coalesce, "nvl2": nvl2, "choose": choose,
    "nullif": nullif, "is_null": is_null,
}  # fmt: skip
