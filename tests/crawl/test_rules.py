"""Patterns, names, settings, schedules, listings: the small rules, each where it could be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.crawl.definition import Delete, Recrawl, Update, parse_definition
from glulam.crawl.globs import escaped, excluder
from glulam.crawl.listing import list_target, sample
from glulam.crawl.naming import key_names, table_name, value_type, with_suffix
from glulam.crawl.targets import S3Target, folder
from glulam.model.cron import parse_schedule
from glulam.model.errors import InvalidInput, ObjectNotFound, OperationNotSupported
from glulam.objects.lake import Lake


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("*.csv", ["a.csv", ".csv"], ["a/b.csv", "a.csv.gz"]),
        ("**.csv", ["a.csv", "a/b.csv"], ["a.csv.gz"]),
        ("*.*", ["a.b"], ["ab", "a/b.c"]),
        ("foo.?", ["foo.c"], ["foo.", "foo.cc"]),
        ("*/*", ["a/b"], ["a", "a/b/c"]),
        ("*.{csv,tsv}", ["a.csv", "a.tsv"], ["a.txt"]),
        ("{Jan,Feb}/**", ["Jan/a", "Feb/b/c"], ["Mar/a"]),
        ("[a-c]*", ["apple", "c"], ["d"]),
        ("[!a-c]x", ["dx"], ["ax", "/x"]),
        ("[]]x", ["]x"], ["ax"]),
        ("a[*]b", ["a*b"], ["acb"]),
        ("old/", ["old/x", "old/y/z"], ["old", "older/x"]),
        ("/top", ["top"], ["a/top"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a.b", ["a.b"], ["axb"]),
        ("x,y", ["x,y"], ["x"]),
        ("incremental_**/**", ["incremental_1/a", "incremental_a/b/c"], ["full/a"]),
        ("ü?", ["üx"], ["u"]),
    ],
)
def test_patterns(pattern: str, matched: list[str], others: list[str]) -> None:
    excluded = excluder([pattern])
    assert [p for p in matched + others if excluded(p)] == matched


@pytest.mark.parametrize("pattern", ["", "[a", "{a", "{a,{b}}", "a\\", "[]", "[z-a]", "x" * 1025, "*a" * 17])
def test_no_patterns(pattern: str) -> None:
    with pytest.raises(InvalidInput, match="exclusion"):
        excluder([pattern])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_an_escaped_path_matches_itself_alone(path: str) -> None:
    path = path.strip("/") or "x"
    excluded = excluder([escaped(path)])
    assert excluded(path)
    assert not excluded(f"{path}x")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "2023"], "int"), (["-5", "0"], "int"), (["2147483648"], "bigint"), (["9223372036854775808"], "string"),
        (["01", "2"], "string"), (["1", "x"], "string"), (["2024-02-29"], "date"), (["2023-02-29"], "string"),
        (["1", "__HIVE_DEFAULT_PARTITION__"], "int"), (["__HIVE_DEFAULT_PARTITION__"], "string"), (["1.5"], "string"),
        (["١"], "string"), (["+1"], "string"), (["-0"], "string"),
    ],
)  # fmt: skip
def test_partition_value_types(values: list[str], kind: str) -> None:
    assert str(value_type(values)) == kind


def test_names() -> None:
    assert table_name("My-Table.v2", "Raw_") == "raw_my_table_v2"
    assert table_name("Übung") == "übung"
    assert len(table_name("x" * 300)) == 255
    assert with_suffix("t", "s3://b/a/") != with_suffix("t", "s3://b/c/")
    assert len(with_suffix("x" * 255, "s3://b/")) == 255
    assert key_names(["Year", None, "year", None, "a-b"]) == [
        "year",
        "partition_0",
        "year__2",
        "partition_1",
        "a_b",
    ]


def _definition(**given: Any) -> Any:
    return parse_definition(
        "c", {"DatabaseName": "D", "Targets": {"S3Targets": [{"Path": "s3://b/x"}]}, **given}
    )


def test_definitions() -> None:
    found = _definition()
    assert (found.database, found.update, found.delete) == ("d", Update.UPDATE, Delete.DEPRECATE)
    assert found.targets[0].path == folder("s3://b/x/")
    found = _definition(RecrawlPolicy={"RecrawlBehavior": "CRAWL_NEW_FOLDERS_ONLY"})
    assert (found.recrawl, found.update, found.delete) == (Recrawl.NEW_FOLDERS, Update.LOG, Delete.LOG)
    merge = {
        "Version": 1.0,
        "CrawlerOutput": {
            "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
            "Tables": {"AddOrUpdateBehavior": "MergeNewColumns", "TableThreshold": 7},
        },
    }
    found = _definition(Configuration=json.dumps(merge))
    assert (found.update, found.table_limit) == (Update.MERGE, 7)


@pytest.mark.parametrize(
    "configuration",
    [
        "[]", '{"Version": 2}', '{"Version": 1.0, "Grouping": 1}',
        '{"Version": 1.0, "Grouping": {"TableLevelConfiguration": 1}}',
        '{"Version": 1.0, "Grouping": {"TableLevelConfiguration": true}}',
        '{"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "x"}}}',
        '{"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "x"}}}',
        '{"Version": 1.0, "CrawlerOutput": {"Tables": {"TableThreshold": 0}}}',
    ],
)  # fmt: skip
def test_no_configurations(configuration: str) -> None:
    with pytest.raises(InvalidInput, match="Configuration"):
        _definition(Configuration=configuration)


def test_targets_that_are_refused() -> None:
    with pytest.raises(OperationNotSupported, match="HudiTargets"):
        _definition(Targets={"HudiTargets": [{"Paths": ["s3://b/"]}]})
    with pytest.raises(InvalidInput, match="mixed"):
        _definition(
            Targets={
                "S3Targets": [{"Path": "s3://b/"}],
                "CatalogTargets": [{"DatabaseName": "d", "Tables": ["t"]}],
            }
        )
    with pytest.raises(InvalidInput, match="Path"):
        _definition(Targets={"JdbcTargets": [{"ConnectionName": "c", "Path": "a/b/c/d"}]})


@pytest.mark.parametrize(
    "text",
    ["cron(15 12 * * ? *)", "cron(0/5 8-17 ? * MON-FRI *)", "cron(0 0 L * ? 2030)", "cron(0 0 ? * 6#3 *)",
     "cron(0 0 1W * ? *)", "cron(0,30 * ? JAN,FEB SUN 2025-2030)"],
)  # fmt: skip
def test_schedules(text: str) -> None:
    parse_schedule(text)


@pytest.mark.parametrize(
    "text",
    ["", "rate(5 parsecs)", "cron(* * * * * *)", "cron(60 * * * ? *)", "cron(* 24 * * ? *)", "cron(* * 32 * ? *)",
     "cron(* * ? * ? *)", "cron(* * ? * FOO *)", "cron(*/0 * * * ? *)", "cron(1-2-3 * * * ? *)", "cron(0 0 * * ?)"],
)  # fmt: skip
def test_no_schedules(text: str) -> None:
    with pytest.raises(InvalidInput, match="schedule"):
        parse_schedule(text)


def test_listing_digests_and_samples(tmp_path: Path) -> None:
    for n in range(10):
        (tmp_path / "b" / "in" / "x").mkdir(parents=True, exist_ok=True)
        (tmp_path / "b" / "in" / "x" / f"{n}.json").write_text("{}")
    store, target = Lake(tmp_path), S3Target(path=folder("s3://b/in"))
    (first,) = list_target(store, target).folders
    assert list_target(store, target).folders[0].digest() == first.digest()
    assert [name for name, _, _ in sample(first, 3)] == ["0.json", "3.json", "6.json"]
    assert sample(first, 10) == first.files
    (tmp_path / "b" / "in" / "x" / "3.json").write_text('{"a": 1}')
    (second,) = list_target(store, target).folders
    assert second.digest() != first.digest()
    with pytest.raises(ObjectNotFound, match="nothing lies there"):
        list_target(store, S3Target(path=folder("s3://b/no")))
