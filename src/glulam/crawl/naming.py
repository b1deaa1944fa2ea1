"""Names of tables and partition keys, and the types of partition values: rules without a catalog."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import date
from urllib.parse import unquote

from glulam.infer.types import BIGINT, DATE, STRING, DataType, Scalar

NULL_VALUE = "__HIVE_DEFAULT_PARTITION__"
_NOT_IN_NAMES = re.compile(r"\W")
_MOST = 255
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INT = Scalar("int")


def table_name(folder: str, prefix: str = "") -> str:
    """Of a folder's or file's own name: lower case; what is neither letter, digit nor _ becomes _."""
    return f"{prefix.lower()}{_NOT_IN_NAMES.sub('_', folder.lower())}"[:_MOST] or "_"


def with_suffix(name: str, location: str) -> str:
    """The name for a table whose wish is taken: the wish and a hash of where the table is, so that it keeps it."""
    mark = hashlib.md5(location.encode(), usedforsecurity=False).hexdigest()
    return f"{name[: _MOST - len(mark) - 1]}_{mark}"


def key_names(levels: Sequence[str | None]) -> list[str]:
    """Partition keys: the folders' own, or partition_0, partition_1, ... for plain folders; no two alike."""
    found: list[str] = []
    plain = 0
    for key in levels:
        if key is None:
            wish, plain = f"partition_{plain}", plain + 1
        else:
            wish = _NOT_IN_NAMES.sub("_", unquote(key).lower())
        name, number = wish, 1
        while name in found:
            number += 1
            name = f"{wish}__{number}"
        found.append(name)
    return found


def value_of(text: str, *, hive: bool) -> str:
    """A partition value as its folder says it: key=value folders escape characters as URLs do."""
    return unquote(text) if hive else text


def value_type(values: Iterable[str]) -> DataType:
    """int, bigint or date where every value is one and reads back as it was written (007 is a string), else string."""
    known = [v for v in values if v != NULL_VALUE]
    if not known:
        return STRING
    if all(_WHOLE.fullmatch(v) for v in known):
        numbers = [int(v) for v in known]
        if all(-(2**31) <= n < 2**31 for n in numbers):
            return INT
        return BIGINT if all(-(2**63) <= n < 2**63 for n in numbers) else STRING
    return DATE if all(_is_day(v) for v in known) else STRING


def _is_day(text: str) -> bool:
    if not _DAY.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
