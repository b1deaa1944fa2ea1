"""From a dataset to the table that it will be: name, location, columns, partition keys and values, what is odd. Pure.

Left to others: which files belong together (`grouping.py`), the catalog's document (`documents.py`)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundPartition, FoundTable, Odd
from glulam.crawl.globs import escaped
from glulam.crawl.grouping import Dataset, Leaf
from glulam.crawl.listing import place
from glulam.crawl.merging import loses
from glulam.crawl.naming import key_names, table_name, value_of, value_type, with_suffix
from glulam.infer.types import DataType, Decimal, Scalar
from glulam.model.uri import S3Uri

_BY_POSITION = frozenset({"delimiter", "grokPattern", "input.regex"})
"""Parameters of formats whose columns are known by their place in the line."""


def by_position(parameters: Mapping[str, str]) -> bool:
    """Whether no column can be left out, or be in another place."""
    return not _BY_POSITION.isdisjoint(parameters)


def shape(
    datasets: Sequence[Dataset],
    root: S3Uri,
    prefix: str,
    exclusions: Sequence[str] = (),
    strange: Sequence[str] = (),
) -> list[FoundTable]:
    """The tables of one include path; no two have one name. `exclusions`: the include path's own patterns; `strange`: the
    URIs of files in no known format."""
    excluded = tuple(f"{escaped(str(root))}{pattern.removeprefix('/')}" for pattern in exclusions)
    tables, taken = [], set[str]()
    for d in datasets:
        location = str(place(root, d.path, d.file or ""))
        name = table_name(d.file or _last(place(root, d.path)), prefix)
        if name in taken:
            name = with_suffix(name, location)
        taken.add(name)
        tables.append(replace(_table(d, name, location, root), exclusions=excluded))
    places = sorted({*(t.location for t in tables), *strange})
    return [replace(t, others=tuple(_below(t.location, places))) for t in tables]


def _below(location: str, places: Sequence[str]) -> Iterator[str]:
    """Of sorted places those in a folder."""
    if location.endswith("/"):
        start = bisect_right(places, location)
        yield from takewhile(lambda place: place.startswith(location), islice(places, start, None))


def _last(folder: S3Uri) -> str:
    return folder.key.rstrip("/").rpartition("/")[2] or folder.bucket


def _table(d: Dataset, name: str, location: str, root: S3Uri) -> FoundTable:
    keys = key_names(d.levels)
    values = [_values(leaf, d.levels) for leaf in d.leaves]
    types = [value_type(v[at] for v in values) for at in range(len(keys))]
    columns, reasons = _apart(d.columns, keys, positional=by_position(d.look.parameters))
    twins = Counter(values) if keys else Counter[tuple[str, ...]]()
    leaves = [(leaf, v) for leaf, v in zip(d.leaves, values, strict=True) if twins[v] < 2]
    same = [leaf for leaf, v in zip(d.leaves, values, strict=True) if twins[v] > 1]
    reason = "another folder stands for the same partition values"
    odd = [_relative(o, d.path) for o in d.odd]
    odd += [_relative(Odd(path=f"{leaf.path}/", files=leaf.files, reason=reason), d.path) for leaf in same]
    variants = [v for leaf, _ in leaves or zip(d.leaves, values, strict=True) for v in leaf.variants]
    evidence = dict.fromkeys(line for v in variants[:20] for line in v.evidence)
    compression = Counter[str]()
    for v in variants:
        compression[v.look.compression] += v.files
    return FoundTable(
        name=name, location=location, classification=d.look.classification, compression=compression.most_common(1)[0][0],
        parameters=d.look.parameters, columns=columns, partition_keys=tuple(zip(keys, types, strict=True)),
        partitions=tuple(_partition(leaf, v, root) for leaf, v in leaves) if keys else (),
        files=sum(leaf.files + leaf.unseen for leaf, _ in leaves), size_bytes=sum(_size(leaf) for leaf, _ in leaves),
        records=sum(v.records for v in variants),
        complete=all(v.complete for v in variants) and not any(leaf.unseen for leaf, _ in leaves),
        reasons=(*d.reasons, *reasons, *list(evidence)[:8]), odd=tuple(odd),
    )  # fmt: skip


def _relative(odd: Odd, path: str) -> Odd:
    """The same, said from the table's folder instead of the include path's."""
    return replace(odd, path=odd.path.removeprefix(f"{path}/")) if path else odd


def _values(leaf: Leaf, levels: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(value_of(text, hive=key is not None) for text, key in zip(leaf.values, levels, strict=True))


def _apart(
    columns: tuple[ColumnFinding, ...], keys: Sequence[str], *, positional: bool
) -> tuple[tuple[ColumnFinding, ...], list[str]]:
    """Columns beside partition keys of the same name: a table cannot have both."""
    both = [c.name for c in columns if c.name in keys]
    if not both:
        return columns, []
    said = ", ".join(both)
    if not positional:
        kept = tuple(c for c in columns if c.name not in keys)
        return kept, [f"{said}: in the files, too; the table takes it from the folders' names"]
    names = {*keys, *(c.name for c in columns)}
    renamed = []
    for c in columns:
        name, number = c.name, 1
        while c.name in keys and name in names:
            number += 1
            name = f"{c.name}__{number}"
        names.add(name)
        renamed.append(replace(c, name=name))
    return tuple(renamed), [f"{said}: a partition key, too; the column of the files is named {said}__2"]


def _partition(leaf: Leaf, values: tuple[str, ...], root: S3Uri) -> FoundPartition:
    return FoundPartition(
        values=values, location=str(place(root, leaf.path)), columns=leaf.columns,
        files=leaf.files + leaf.unseen, size_bytes=_size(leaf), records=sum(v.records for v in leaf.variants),
    )  # fmt: skip


def _size(leaf: Leaf) -> int:
    return sum(v.size_bytes for v in leaf.variants) + leaf.unseen_bytes


def with_drift(table: FoundTable) -> FoundTable:
    """The table with a sentence at each partition whose column types most other partitions do not have."""
    if len(table.partitions) < 2:
        return table
    seen: dict[str, Counter[DataType]] = {}
    for p in table.partitions:
        for c in p.columns:
            seen.setdefault(c.name, Counter())[c.type] += 1
    usual = {name: _usual(counts) for name, counts in seen.items()}
    partitions = tuple(replace(p, drift=tuple(_drift(p.columns, usual, seen))) for p in table.partitions)
    return replace(table, partitions=partitions)


def _usual(counts: Mapping[DataType, int]) -> DataType:
    said = {kind: n for kind, n in counts.items() if str(kind) != "void"} or dict(counts)
    return max(said, key=lambda kind: (said[kind], str(kind)))


def _drift(
    columns: Iterable[ColumnFinding], usual: Mapping[str, DataType], seen: Mapping[str, Counter[DataType]]
) -> Iterable[str]:
    for c in columns:
        expected = usual[c.name]
        if (
            c.type != expected
            and str(c.type) != "void"
            and (loses(c.type, expected) or _narrower(expected, c.type))
        ):
            total = sum(seen[c.name].values())
            yield f"{c.name} is {c.type} here and {expected} in {seen[c.name][expected]:,} of {total:,} partitions"


def _narrower(usual: DataType, found: DataType) -> bool:
    """A fraction where whole numbers are usual, a time where days are: readers of the usual type lose it."""
    whole = {"tinyint", "smallint", "int", "bigint"}
    if isinstance(usual, Scalar) and usual.name in whole:
        return isinstance(found, Decimal) or (isinstance(found, Scalar) and found.name in ("float", "double"))
    return (str(usual), str(found)) == ("date", "timestamp")
