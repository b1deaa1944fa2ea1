"""What a classifier may say: grok patterns, row tags, JSON paths and CSV settings, checked when they are set, so that no
crawler stumbles over them later. What they recognise is the crawler's business."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from glulam.model.errors import InvalidInput

_REFERENCE = re.compile(r"%\{([A-Za-z0-9_]+)(?::([A-Za-z0-9_.\-@\[\]]+)(?::([A-Za-z]+))?)?\}")
_DEFINITION = re.compile(r"([A-Za-z0-9_]+)\s+(\S.*)")
_GROK_TYPES = ("byte", "boolean", "double", "short", "int", "long", "float", "string")
_XML_NAME = re.compile(r"[^\W\d][\w.\-]*(?::[^\W\d][\w.\-]*)?")
_JSON_STEP = re.compile(r"""\.\*|\.[^.\[\]*'"\s]+|\[\*\]|\[\d+\]|\['[^']+'\]|\["[^"]+"\]""")
_CSV_TYPES = ("BINARY", "BOOLEAN", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INT", "LONG", "SHORT", "STRING",
              "TIMESTAMP")  # fmt: skip


def check(member: str, found: Mapping[str, Any]) -> None:
    """`member` is GrokClassifier, XMLClassifier, JsonClassifier or CsvClassifier. Raises InvalidInput."""
    _CHECKS[member](found)


def _grok(found: Mapping[str, Any]) -> None:
    definitions: dict[str, str] = {}
    for number, line in enumerate(found.get("CustomPatterns", "").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        definition = _DEFINITION.fullmatch(line.strip())
        if definition is None:
            raise InvalidInput(
                f"CustomPatterns line {number}: {line!r}; expected a name, a space and a pattern"
            )
        definitions[definition[1]] = definition[2]
        _references(definition[2], f"CustomPatterns line {number}")
    if not _references(found["GrokPattern"], "GrokPattern"):
        raise InvalidInput(f"GrokPattern {found['GrokPattern']!r}: expected a %{{PATTERN:field}} at least")
    for name in definitions:
        _refuse_circle(name, definitions, ())


def _references(pattern: str, where: str) -> list[str]:
    """Names of the patterns that it refers to. Raises InvalidInput for a reference that is none."""
    for start in (match.start() for match in re.finditer(r"%\{", pattern)):
        reference = _REFERENCE.match(pattern, start)
        if reference is None:
            raise InvalidInput(
                f"{where}: {pattern[start : start + 40]!r} at position {start + 1}; expected %{{PATTERN}}, "
                "%{PATTERN:field} or %{PATTERN:field:type}"
            )
        if reference[3] is not None and reference[3].lower() not in _GROK_TYPES:
            raise InvalidInput(f"{where}: type {reference[3]!r}; expected one of {', '.join(_GROK_TYPES)}")
    return [match[1] for match in _REFERENCE.finditer(pattern)]


def _refuse_circle(name: str, definitions: Mapping[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise InvalidInput(f"CustomPatterns: {' -> '.join((*above, name))} goes round in a circle")
    for other in _references(definitions[name], name):
        if other in definitions:
            _refuse_circle(other, definitions, (*above, name))


def _xml(found: Mapping[str, Any]) -> None:
    tag = found.get("RowTag")
    if tag is not None and _XML_NAME.fullmatch(tag) is None:
        raise InvalidInput(f"RowTag {tag!r}: expected the name of an XML element, without < and >")


def _json(found: Mapping[str, Any]) -> None:
    path = found["JsonPath"]
    end = 1
    while path.startswith("$") and end < len(path):
        step = _JSON_STEP.match(path, end)
        if step is None:
            break
        end = step.end()
    if not path.startswith("$") or end < len(path):
        raise InvalidInput(
            f"JsonPath {path!r}: not understood from position {end if path.startswith('$') else 0}; expected $ and then "
            "any of .name, .*, [0], [*], ['name']"
        )


def _csv(found: Mapping[str, Any]) -> None:
    delimiter, quote = found.get("Delimiter"), found.get("QuoteSymbol")
    if delimiter is not None and delimiter == quote:
        raise InvalidInput(f"QuoteSymbol {quote!r} is the Delimiter, too; expected two different characters")
    for name in found.get("CustomDatatypes", ()):
        if name.upper() not in _CSV_TYPES:
            raise InvalidInput(f"CustomDatatypes: {name!r}; expected any of {', '.join(_CSV_TYPES)}")


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "GrokClassifier": _grok, "XMLClassifier": _xml, "JsonClassifier": _json, "CsvClassifier": _csv,
}  # fmt: skip
