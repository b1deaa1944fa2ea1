"""Patterns inside literals: Java regular expressions, Java date patterns, LIKE. Checked, then written as
DuckDB reads them.

Only what means the same in both is let through. DuckDB's engine is RE2, so look-around, back references and
possessive quantifiers have no translation; `.`, `\\s` and `$` differ quietly and are rewritten or refused.
Left to `functions.py`: which argument of which function is a pattern.
"""

from __future__ import annotations

import re
from re import _parser as sre_parser  # type: ignore[attr-defined]

from glulam.engine.sparksql.value import unsupported

_ANY_CHARACTER = r"[^\n\r\x{85}\x{2028}\x{2029}]"
_END_OF_TEXT = r"(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?\z"
_SPACE = r"\t\n\x0B\f\r "
_SAME_ESCAPES = "dDwWtnrf\\.^$|?*+()[]{}-/'\"#&@!%,:;<>=~`"
_TOKEN = re.compile(r"\\.|\[|\(\?[a-zA-Z<=!:]|\(|\)|\||[*+?][*+?]?|\{\d+(?:,\d*)?\}[?+]?|.", re.DOTALL)


def regex(pattern: str, *, whole_row: bool) -> str:
    """A Java pattern for RE2. `whole_row`: only whether it matches is asked (RLIKE), so that `$` can be kept;
    where what matches is used, `$` is refused (Java also matches it before a final line end) and so is a
    pattern that can match the empty text (the two engines step over empty matches differently). Raises
    UnsupportedSql."""
    out, at = [], 0
    while at < len(pattern):
        if pattern[at] == "[":
            text, at = _character_class(pattern, at)
            out.append(text)
            continue
        found = _TOKEN.match(pattern, at)
        if found is None:
            raise unsupported(f"the regular expression {pattern!r}")
        at = found.end()
        out.append(_token(pattern, found.group(), pattern[at : at + 1], whole_row))
    _check_width(pattern, whole_row)
    return "".join(out)


def groups(pattern: str) -> int:
    """How many capturing groups a supported pattern has."""
    return int(re.compile(_python(pattern)).groups)


def _token(pattern: str, token: str, following: str, whole_row: bool) -> str:
    if token == ".":
        return _ANY_CHARACTER
    if token == "$":
        if not whole_row or following not in ("", "|", ")"):
            raise unsupported(
                f"`$` in the regular expression {pattern!r} (write \\\\z for the end of the text)"
            )
        return _END_OF_TEXT
    if token.startswith("\\"):
        return _escape(pattern, token)
    if token.startswith("(?"):
        if token not in ("(?:", "(?i") or (token == "(?i" and not pattern.startswith("(?i)")):
            raise unsupported(f"{token!r} in the regular expression {pattern!r}")
    elif len(token) > 1 and token.endswith("+"):
        raise unsupported(f"the possessive quantifier {token!r} in the regular expression {pattern!r}")
    elif token.startswith("{") and (
        len(token) < 2 or max(map(int, re.findall(r"\d+", token)), default=0) > 1000
    ):
        raise unsupported(f"{token!r} in the regular expression {pattern!r}")
    return token


def _escape(pattern: str, token: str) -> str:
    letter = token[1]
    if letter in _SAME_ESCAPES or letter == "z":
        return token
    if letter == "s":
        return f"[{_SPACE}]"
    if letter == "S":
        return f"[^{_SPACE}]"
    raise unsupported(f"{token!r} in the regular expression {pattern!r}")


def _character_class(pattern: str, start: int) -> tuple[str, int]:
    out, at = ["["], start + 1
    if pattern[at : at + 1] == "^":
        out.append("^")
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at] == "[" or pattern.startswith("&&", at):
            raise unsupported(f"a nested or intersected class in the regular expression {pattern!r}")
        if pattern[at] == "\\" and at + 1 < len(pattern):
            inside = pattern[at : at + 2]
            out.append(_SPACE if inside == "\\s" else inside)
            if inside[1] not in _SAME_ESCAPES + "s":
                raise unsupported(f"{inside!r} in a class of the regular expression {pattern!r}")
            at += 2
        else:
            out.append(pattern[at])
            at += 1
    if at >= len(pattern) or out in (["["], ["[", "^"]):
        raise unsupported(f"the unclosed or empty class in the regular expression {pattern!r}")
    return "".join([*out, "]"]), at + 1


def _python(pattern: str) -> str:
    return pattern.replace("\\z", "\\Z")


def _check_width(pattern: str, whole_row: bool) -> None:
    try:
        narrowest, _ = sre_parser.parse(_python(pattern)).getwidth()
    except re.error as error:
        raise unsupported(f"the regular expression {pattern!r} ({error})") from None
    if narrowest == 0 and not whole_row:
        raise unsupported(f"the regular expression {pattern!r}, which can match the empty text")


def replacement(text: str, group_count: int) -> str:
    """Java's replacement text (`$1`) for RE2 (`\\1`). Raises UnsupportedSql for escapes and groups that are
    not there."""
    if "\\" in text:
        raise unsupported(f"a backslash in the replacement {text!r}")

    def one(found: re.Match[str]) -> str:
        if not found.group(1) or int(found.group(1)) > group_count:
            raise unsupported(f"the group reference {found.group()!r} in the replacement {text!r}")
        return "\\" + found.group(1)

    if re.search(r"\$\d\d", text):
        raise unsupported(f"a digit right after a group reference in the replacement {text!r}")
    return re.sub(r"\$(\d?)", one, text)


def like(pattern: str, escape: str) -> str:
    """A LIKE pattern, unchanged. Raises UnsupportedSql where Spark would fail: an escape before something
    ordinary."""
    at = 0
    while at < len(pattern):
        if pattern[at] == escape:
            if pattern[at + 1 : at + 2] not in ("%", "_", escape):
                raise unsupported(
                    f"the LIKE pattern {pattern!r}: {escape!r} must stand before %, _ or itself"
                )
            at += 1
        at += 1
    return pattern


_FORMATS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "M": "%-m", "MMM": "%b", "MMMM": "%B", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
    "SSS": "%g", "SSSSSS": "%f", "a": "%p", "E": "%a", "EEE": "%a", "EEEE": "%A", "DDD": "%j", "D": "%-j",
    "XXX": "Z", "X": "Z",
}  # fmt: skip
_READS = {
    "yyyy": ("y", r"(\d{4})"), "MM": ("M", r"(\d{2})"), "M": ("M", r"0*(\d{1,2})"), "dd": ("d", r"(\d{2})"),
    "d": ("d", r"0*(\d{1,2})"), "HH": ("H", r"(\d{2})"), "H": ("H", r"0*(\d{1,2})"), "mm": ("m", r"(\d{2})"),
    "m": ("m", r"0*(\d{1,2})"), "ss": ("s", r"(\d{2})"), "s": ("s", r"0*(\d{1,2})"),
    "XXX": ("X", r"(Z|[+-]\d{2}:\d{2})"), "XX": ("X", r"(Z|[+-]\d{4})"),
}  # fmt: skip
_PIECE = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']", re.DOTALL)
_SPECIAL = "[]#{}"


def _pieces(pattern: str) -> list[tuple[bool, str]]:
    """(is a field, text) in order: quoted text loses its quotes."""
    out, at = [], 0
    while at < len(pattern):
        found = _PIECE.match(pattern, at)
        if found is None or found.group() in _SPECIAL:
            raise unsupported(f"{pattern[at]!r} in the date pattern {pattern!r}")
        at = found.end()
        if found.group().startswith("'"):
            out.append((False, found.group(1).replace("''", "'") or "'"))
        else:
            out.append((found.group(2) is not None, found.group()))
    return out


def strftime(pattern: str) -> str:
    """Java's date pattern as DuckDB's strftime format, for writing."""
    out = []
    for is_field, text in _pieces(pattern):
        if is_field and text not in _FORMATS:
            raise unsupported(f"the field {text!r} in the date pattern {pattern!r}")
        out.append(_FORMATS[text] if is_field else text.replace("%", "%%"))
    return "".join(out)


def reader(pattern: str) -> tuple[str, str]:
    """For reading: a regular expression that a matching text fulfils, and the replacement that turns the text
    into Spark's ISO form. What the pattern leaves out is the epoch's: 1970, January, the 1st, midnight."""
    expression, place, group = [], {}, 0
    pieces = _pieces(pattern)
    for (is_field, text), (next_is_field, following) in zip(pieces, [*pieces[1:], (False, "")], strict=True):
        if not is_field:
            expression.append(re.escape(text))
            continue
        name, form = _READS.get(text, ("", ""))
        if re.fullmatch("S{1,6}", text):
            name, form = "S", rf"(\d{{1,{len(text)}}})"
        if not name or name in place or (len(text) == 1 and next_is_field and following[0] != "X"):
            raise unsupported(f"the field {text!r} in the date pattern {pattern!r}, for reading")
        group += 1
        place[name] = group
        expression.append(form)
    if "y" not in place:
        raise unsupported(f"the date pattern {pattern!r} without a year (yyyy), for reading")

    def part(name: str, default: str) -> str:
        return f"\\{place[name]}" if name in place else default

    day = f"{part('y', '1970')}-{part('M', '1')}-{part('d', '1')}"
    iso = f"{day} {part('H', '0')}:{part('m', '0')}:{part('s', '0')}"
    return "^" + "".join(expression) + r"\z", iso + (".\\" + str(place["S"]) if "S" in place else "") + part(
        "X", ""
    )
