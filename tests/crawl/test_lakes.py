"""Every small lake has the tables that a careful person would write down. No catalog is needed for that."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawl.lakes import contents, layouts
from crawl.lakes.case import Expected, Lake
from glulam.crawl.classify import Classifiers, look_many
from glulam.crawl.definition import parse_definition
from glulam.crawl.formats.file import LookOptions
from glulam.crawl.found import FoundTable
from glulam.crawl.grouping import Rules, group
from glulam.crawl.listing import list_target
from glulam.crawl.looking import Looking
from glulam.crawl.memory import Memory
from glulam.crawl.shaping import shape, with_drift
from glulam.crawl.targets import S3Target
from glulam.objects.lake import Lake as Store

LAKES = [*layouts.LAKES, *contents.LAKES]


def crawled(lake: Lake, root: Path) -> tuple[list[FoundTable], list[str]]:
    """The tables, and the paths of what is in none."""
    for key, content in lake.files.items():
        path = root / "b" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    target = {"Path": f"s3://b/{lake.path}", "Exclusions": list(lake.exclusions)}
    definition = parse_definition(
        "c", {"DatabaseName": "d", "Targets": {"S3Targets": [target]}, **lake.given}
    )
    store, (s3,) = Store(root), definition.targets
    assert isinstance(s3, S3Target)
    listing = list_target(store, s3)
    looking = Looking(store=store, spool=root / "spool", check=lambda: None,
                      look=lambda files, _: look_many(files, Classifiers(), LookOptions(), 1))  # fmt: skip
    looked = looking.run(listing, Memory())
    level = 1 + len([part for part in listing.root.key.split("/") if part])
    rules = Rules(combine=definition.combine, table_level=definition.table_level, level=level,
                  only=listing.only)  # fmt: skip
    tables = [
        with_drift(t) for t in shape(group(looked.folders, rules), listing.root, definition.table_prefix)
    ]
    odd = [odd.path for t in tables for odd in t.odd]
    odd += [u.uri.key.removeprefix(listing.root.key) for f in looked.folders for u in f.unclassified]
    return tables, odd


def said(found: FoundTable) -> Expected:
    return Expected(
        columns=", ".join(f"{c.name} {c.type}" for c in found.columns), classification=found.classification,
        keys=", ".join(f"{name} {kind}" for name, kind in found.partition_keys),
        partitions=tuple(sorted("/".join(p.values) for p in found.partitions)), location=found.location.removeprefix("s3://b/"),
        drift=tuple("/".join(p.values) for p in found.partitions if p.drift),
    )  # fmt: skip


@pytest.mark.parametrize("lake", LAKES, ids=[lake.name for lake in LAKES])
def test_lake(lake: Lake, tmp_path: Path) -> None:
    tables, odd = crawled(lake, tmp_path)
    found = {t.name: said(t) for t in tables}
    wanted = {}
    for name, expected in lake.tables.items():
        if name.endswith("*"):
            name = next((n for n in found if n.startswith(name[:-1]) and n not in lake.tables), name)
        at = found[name].location if expected.location is None and name in found else expected.location
        wanted[name] = Expected(
            **{**{f: getattr(expected, f) for f in expected.__dataclass_fields__}, "location": at}
        )
    assert found == wanted
    assert sorted(odd) == sorted(lake.odd)
    assert all(t.reasons for t in tables)


def test_the_corpus_is_large_enough_and_has_no_two_of_a_name() -> None:
    assert len({lake.name for lake in LAKES}) == len(LAKES) >= 60
