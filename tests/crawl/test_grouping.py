"""Whatever lies in a lake, every file that was classified is in exactly one table, or is reported as odd exactly once."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable
from glulam.crawl.grouping import Rules, group
from glulam.crawl.merging import similarity
from glulam.crawl.shaping import shape
from glulam.crawl.variants import FolderFindings, Look, Variant
from glulam.infer.types import BIGINT, STRING
from glulam.model.uri import S3Uri

ROOT = S3Uri("b", "in/")


def _look(classification: str, names: str) -> Look:
    columns = tuple(ColumnFinding(name=n, source_name=n, type=BIGINT if n < "m" else STRING) for n in names)
    parameters = {"delimiter": ","} if classification == "csv" else {}
    return Look(classification=classification, classifier=classification, compression="none", parameters=parameters,
                columns=columns)  # fmt: skip


LOOKS = [
    _look("json", "ab"),
    _look("json", "abc"),
    _look("json", "xyz"),
    _look("csv", "ab"),
    _look("json", "ak"),
]
PARTS = st.sampled_from(["year=2023", "year=2024", "Year=2024", "m=1", "2024", "eu", "us", "data"])
PATHS = st.lists(PARTS, max_size=3).map("/".join)
FILES = st.lists(st.tuples(PATHS, st.integers(0, len(LOOKS) - 1)), min_size=1, max_size=25)
RULES = st.sampled_from([Rules(level=2), Rules(level=2, combine=True), Rules(level=2, table_level=3),
                         Rules(level=2, table_level=2), Rules(level=2, table_level=4)])  # fmt: skip


def _folders(files: list[tuple[str, int]]) -> list[FolderFindings]:
    held: dict[str, dict[int, list[str]]] = {}
    for number, (path, look) in enumerate(files):
        held.setdefault(path, {}).setdefault(look, []).append(f"{number}.dat")
    return [
        FolderFindings(path=path, variants=tuple(
            Variant(look=LOOKS[look], names=names, size_bytes=len(names), records=len(names), complete=True,
                    columns=LOOKS[look].columns)
            for look, names in sorted(looks.items(), key=lambda pair: -len(pair[1]))
        ))
        for path, looks in sorted(held.items())
    ]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(FILES, RULES)
def test_every_file_is_accounted_for(files: list[tuple[str, int]], rules: Rules) -> None:
    tables = shape(group(_folders(files), rules), ROOT, "")
    odd = [odd for table in tables for odd in table.odd]
    in_tables = sum(_files(table) for table in tables)
    assert in_tables + sum(o.files for o in odd) == len(files)
    places = Counter(f"{table.location}{o.path}" for table in tables for o in table.odd)
    assert [place for place, count in places.items() if count > 1] == []
    assert len({table.name for table in tables}) == len({table.location for table in tables}) == len(tables)


def _files(table: FoundTable) -> int:
    return table.files


@settings(max_examples=100, deadline=None)
@given(FILES, RULES)
def test_partitions_are_well_formed(files: list[tuple[str, int]], rules: Rules) -> None:
    for table in shape(group(_folders(files), rules), ROOT, ""):
        values = [p.values for p in table.partitions]
        assert len(set(values)) == len(values)
        assert all(len(v) == len(table.partition_keys) for v in values)
        names = [name for name, _ in table.partition_keys] + [c.name for c in table.columns]
        assert len(set(names)) == len(names)
        assert all(p.location.startswith(table.location) for p in table.partitions)
        assert table.reasons


def test_similarity_is_symmetric_and_one_for_equals() -> None:
    for one in LOOKS:
        assert similarity(one.columns, one.columns) == 1
        for other in LOOKS:
            assert similarity(one.columns, other.columns) == similarity(other.columns, one.columns)
