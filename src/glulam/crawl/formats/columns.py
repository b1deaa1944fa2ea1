"""Findings of columns, from what was counted: names by the shared rule, the type that holds all, the values that decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from glulam.crawl.findings import ColumnFinding, Example
from glulam.crawl.formats.texts import TextColumn, date_in_another_form
from glulam.infer import shape as kinds
from glulam.infer.lattice import struct_of
from glulam.infer.shape import Shape
from glulam.infer.types import NULL, DataType
from glulam.model.uri import S3Uri

MAX_EXAMPLES = 5
MAX_TEXT = 80

_KIND_NAMES = {
    kinds.BIGGER: "decimal(38,0)", kinds.HUGE: "integer of more than 38 digits",
    kinds.EMPTY_STRUCT: "struct", kinds.EMPTY_ARRAY: "array",
}  # fmt: skip

Places = Mapping[str, Sequence[tuple[int | None, str]]]
"""By kind, the first values of a column as (line, text)."""


def column(source_name: str, kind: DataType, counts: Mapping[str, int] | None = None,
           examples: tuple[Example, ...] = ()) -> ColumnFinding:  # fmt: skip
    """A finding whose name is given by `named`."""
    return ColumnFinding(
        name=source_name, source_name=source_name, type=kind, counts=counts or {}, examples=examples
    )


def named(columns: Iterable[ColumnFinding]) -> tuple[ColumnFinding, ...]:
    """With the names that the catalog will have: normalised, each one once."""
    found = list(columns)
    wishes = [c.source_name for c in found]
    wishes = [
        f"{wish}__{n}" if (n := wishes[: i + 1].count(wish)) > 1 else wish for i, wish in enumerate(wishes)
    ]
    names = {f.key: f.name for f in struct_of(dict.fromkeys(wishes, NULL)).fields}
    return tuple(
        ColumnFinding(
            name=names[wish], source_name=c.source_name, type=c.type, counts=c.counts, examples=c.examples
        )
        for wish, c in zip(wishes, found, strict=True)
    )


def kind_counts(seen: Shape, records: int) -> dict[str, int]:
    """Counts as a person reads them; `null` for the records where the value is null or missing."""
    counts: dict[str, int] = {}
    for kind, count in seen.counts.items():
        name = _KIND_NAMES.get(kind, kind)
        counts[name] = counts.get(name, 0) + count
    if nulls := records - sum(counts.values()):
        counts["null"] = nulls
    return counts


def examples(uri: S3Uri, places: Places, counts: Mapping[str, int]) -> tuple[Example, ...]:
    """Up to five: of the rarest kinds first, because they are what widened the type."""
    order = sorted(places, key=lambda kind: (counts.get(kind, 0), kind))
    found: list[Example] = []
    for position, kind in enumerate(order):
        later = len(order) - position - 1
        room = MAX_EXAMPLES - len(found) - min(later, 2)
        found += [
            Example(uri=uri, line=line, text=text[:MAX_TEXT]) for line, text in places[kind][: max(room, 0)]
        ]
    return tuple(found)


def text_column(source_name: str, seen: TextColumn, uri: S3Uri) -> ColumnFinding:
    return column(source_name, seen.type(), dict(seen.counts), examples(uri, seen.examples, seen.counts))


def odd_texts(found: Sequence[ColumnFinding], seen: Sequence[TextColumn]) -> list[str]:
    """A sentence for each column of text whose values look like dates, but not in a form that readers know."""
    pairs = [(c.source_name, date_in_another_form(one)) for c, one in zip(found, seen, strict=False)]
    return [f"{name!r} looks like dates written as {text!r}: text to readers" for name, text in pairs if text]


def nothing_seen(columns: Iterable[ColumnFinding]) -> list[str]:
    """A sentence for the columns that never had a value."""
    empty = [c.source_name or c.name for c in columns if c.type == NULL]
    return [f"never a value in {', '.join(repr(name) for name in empty)}"] if empty else []
