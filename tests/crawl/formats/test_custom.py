"""Custom classifiers, as the catalog keeps them: asked first, in their order; the first that is certain wins."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from glulam.crawl.classify import Classifiers, LookOptions, look
from glulam.crawl.findings import FileFinding, Unclassified
from glulam.model.errors import InvalidInput
from tests.crawl.formats.case import local_file, types


def look_with(folder: Path, content: str, *documents: Mapping[str, Any]) -> FileFinding | Unclassified:
    path = folder / "data"
    path.write_text(content)
    return look(local_file(path), Classifiers(custom=documents), LookOptions())


def csv(**settings: Any) -> Mapping[str, Any]:
    return {"CsvClassifier": {"Name": "mine", **settings}}


def grok(pattern: str, custom: str = "", name: str = "mine") -> Mapping[str, Any]:
    return {
        "GrokClassifier": {
            "Name": name,
            "Classification": "app",
            "GrokPattern": pattern,
            "CustomPatterns": custom,
        }
    }


def test_a_pattern_with_types_and_patterns_of_its_own(tmp_path: Path) -> None:
    pattern = r"%{CODE:code} %{NUMBER:took:double}ms user=%{DATA:user:string} %{GREEDYDATA:rest}"
    found = look_with(
        tmp_path, "AB-12 1.5ms user=7 fine\nCD-34 2ms user=8 done\n", grok(pattern, "CODE [A-Z]{2}-[0-9]+")
    )
    assert types(found) == {"code": "string", "took": "double", "user": "string", "rest": "string"}
    assert isinstance(found, FileFinding)
    assert (found.classifier, found.classification, found.certainty) == ("mine", "app", 1.0)
    assert found.parameters == {"grokPattern": pattern, "grokCustomPatterns": "CODE [A-Z]{2}-[0-9]+"}


def test_a_pattern_that_matches_in_part_is_beaten_by_one_that_is_certain(tmp_path: Path) -> None:
    lines = "x=1\nx=2\ny=3\n"
    found = look_with(tmp_path, lines, grok("x=%{INT:x}", name="part"), grok("[xy]=%{INT:v}", name="all"))
    assert isinstance(found, FileFinding)
    assert (found.classifier, types(found)) == ("all", {"v": "bigint"})
    found = look_with(tmp_path, lines, grok("x=%{INT:x}", name="part"))
    assert isinstance(found, FileFinding)
    assert (found.classifier, found.certainty, found.records) == ("part", 0.6667, 2)


def test_a_pattern_for_nothing_leaves_the_file_to_the_built_in_ones(tmp_path: Path) -> None:
    found = look_with(tmp_path, '{"a":1}\n', grok("nothing %{INT:x}"))
    assert isinstance(found, FileFinding)
    assert found.classifier == "json"


def test_a_pattern_without_end_is_given_up(tmp_path: Path) -> None:
    start = time.monotonic()
    found = look_with(tmp_path, ("1," * 60 + "\n") * 20, grok("^(.*?,){25}P%{WORD:w}"))
    assert time.monotonic() - start < 30  # without a limit: more than anyone has waited for
    assert isinstance(found, FileFinding)
    assert found.classifier == "csv"


def test_a_pattern_that_is_slow_on_later_lines_only(tmp_path: Path) -> None:
    lines = "1,P1\n" * 200 + ("1," * 60 + "\n") * 20
    found = look_with(tmp_path, lines, grok("^(.*?,){1,25}P%{INT:w}$"))
    assert isinstance(found, FileFinding | Unclassified)
    assert not isinstance(found, FileFinding) or found.classifier != "mine"


def test_a_pattern_that_refers_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="NOSUCH"):
        look_with(tmp_path, "x\n", grok("%{NOSUCH:x}"))


def test_json_paths(tmp_path: Path) -> None:
    content = '{"meta": {"n": 2}, "items": [{"id": 1, "x": {"y": "z"}}, {"id": 2.5}]}'
    items = {"id": "double", "x": "struct<y:string>"}
    for path, expected in {
        "$.items[*]": items, "$.items[1]": {"id": "double"}, "$['meta']": {"n": "bigint"}, "$.items[*].x": {"y": "string"},
        "$": {"meta": "struct<n:bigint>", "items": "array<struct<id:double,x:struct<y:string>>>"},
    }.items():  # fmt: skip
        found = look_with(tmp_path, content, {"JsonClassifier": {"Name": "mine", "JsonPath": path}})
        assert types(found) == expected, path
        assert isinstance(found, FileFinding)
        assert found.parameters == {"jsonPath": path}
    array = look_with(
        tmp_path, "[" + content + "]", {"JsonClassifier": {"Name": "mine", "JsonPath": "$[*].items[*]"}}
    )
    assert types(array) == {"id": "double", "x": "struct<y:string>"}
    missing = look_with(tmp_path, content, {"JsonClassifier": {"Name": "mine", "JsonPath": "$.nothing[*]"}})
    assert isinstance(missing, FileFinding)
    assert missing.classifier == "json"  # the built-in one


def test_xml_with_a_row_tag(tmp_path: Path) -> None:
    content = "<a><b><c>1</c></b><b><c>2</c></b><d>x</d></a>"
    found = look_with(
        tmp_path, content, {"XMLClassifier": {"Name": "mine", "Classification": "mine", "RowTag": "a"}}
    )
    assert types(found) == {"b": "array<struct<c:bigint>>", "d": "string"}


def test_csv_settings(tmp_path: Path) -> None:
    assert types(look_with(tmp_path, "1^2\n3^4\n", csv(Delimiter="^"))) == {
        "col0": "bigint",
        "col1": "bigint",
    }
    assert types(look_with(tmp_path, "a,b\nc,d\n", csv(ContainsHeader="PRESENT"))) == {
        "a": "string",
        "b": "string",
    }
    assert types(look_with(tmp_path, "a,b\n1,2\n", csv(ContainsHeader="ABSENT"))) == {
        "col0": "string",
        "col1": "string",
    }
    named = look_with(tmp_path, "1,2\n3,4\n", csv(Header=["x", "y"], ContainsHeader="ABSENT"))
    assert types(named) == {"x": "bigint", "y": "bigint"}
    assert isinstance(named, FileFinding)
    assert "skip.header.line.count" not in named.parameters
    again = look_with(tmp_path, "x,y\n3,4\n", csv(Header=["x", "y"]))
    assert isinstance(again, FileFinding)
    assert (again.records, again.parameters["skip.header.line.count"]) == (1, "1")
    quoted = look_with(tmp_path, "a,b\n1,|x,y|\n", csv(QuoteSymbol="|", Delimiter=","))
    assert types(quoted) == {"a": "bigint", "b": "string"}
    assert isinstance(quoted, FileFinding)
    assert (quoted.records, quoted.parameters["quoteChar"]) == (1, "|")


def test_csv_trimming_types_and_serde(tmp_path: Path) -> None:
    assert types(look_with(tmp_path, "a,b\n1, 2\n", csv(DisableValueTrimming=False))) == {
        "a": "bigint",
        "b": "bigint",
    }
    assert types(look_with(tmp_path, "a,b\n1, 2\n", csv(DisableValueTrimming=True))) == {
        "a": "bigint",
        "b": "string",
    }
    typed = csv(CustomDatatypeConfigured=True, CustomDatatypes=["INT", "string"], Serde="OpenCSVSerDe")
    found = look_with(tmp_path, "a,b\n1,2\n", typed)
    assert types(found) == {"a": "int", "b": "string"}
    assert isinstance(found, FileFinding)
    assert found.parameters["serializationLib"] == "org.apache.hadoop.hive.serde2.OpenCSVSerde"


def test_csv_of_one_column(tmp_path: Path) -> None:
    one = look_with(tmp_path, "n\n1\n2\n", csv(AllowSingleColumn=True))
    assert types(one) == {"n": "bigint"}
    assert isinstance(look_with(tmp_path, "n\n1\n2\n", csv()), Unclassified)


def test_a_header_of_another_width_is_not_this_file(tmp_path: Path) -> None:
    found = look_with(tmp_path, "a,b\n1,2\n", csv(Header=["x", "y", "z"]))
    assert isinstance(found, FileFinding)
    assert found.classifier == "csv"
