"""Classifiers: four kinds, each kept whole, their syntax checked."""

from __future__ import annotations

from typing import Any

import pytest

from api.generated import OMIT, Generator, missing

KINDS = ("GrokClassifier", "XMLClassifier", "JsonClassifier", "CsvClassifier")
VALID = {
    "GrokPattern": "%{WORD:a} %{MINE:b.c:int}",
    "CustomPatterns": "# mine\nMINE [a-z]+%{WORD}\n",
    "RowTag": "ns:row-1",
    "JsonPath": "$.a[0].*[*]['b c']",
    "Delimiter": "|",
    "QuoteSymbol": "'",
    "CustomDatatypes": ["INT", "string"],
}


def request(operation: str, kind: str, seed: int, name: str) -> dict[str, Any]:
    given: dict[str, Any] = {f"{kind}.{member}": value for member, value in VALID.items()}
    given = {path: value for path, value in given.items() if path.split(".")[1] in MEMBERS[kind]}
    others = {other: OMIT for other in KINDS if other != kind}
    return Generator(seed).request(operation, {**given, **others, f"{kind}.Name": name})


MEMBERS = {
    "GrokClassifier": ("GrokPattern", "CustomPatterns"), "XMLClassifier": ("RowTag",), "JsonClassifier": ("JsonPath",),
    "CsvClassifier": ("Delimiter", "QuoteSymbol", "CustomDatatypes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_every_member_comes_back(glue: Any, kind: str, seed: int, refused: Any) -> None:
    asked = request("CreateClassifier", kind, seed, "Name/1 é")
    glue.create_classifier(**asked)
    found = glue.get_classifier(Name="Name/1 é")["Classifier"]
    assert list(found) == [kind]
    assert missing(asked, found) == []
    assert found[kind]["Version"] == 1
    changed = request("UpdateClassifier", kind, seed + 50, "Name/1 é")
    glue.update_classifier(**changed)
    again = glue.get_classifier(Name="Name/1 é")["Classifier"]
    assert missing(changed, again) == []
    assert again[kind]["Version"] == 2
    assert again[kind]["CreationTime"] == found[kind]["CreationTime"] <= again[kind]["LastUpdated"]
    refused("AlreadyExistsException", glue.create_classifier, **asked)
    refused("EntityNotFoundException", glue.get_classifier, Name="name/1 É")


def test_an_update_leaves_the_rest_as_it_was(glue: Any) -> None:
    glue.create_classifier(GrokClassifier={"Name": "g", "Classification": "c", "GrokPattern": "%{A}"})
    glue.update_classifier(GrokClassifier={"Name": "g", "GrokPattern": "%{B}"})
    found = glue.get_classifier(Name="g")["Classifier"]["GrokClassifier"]
    assert (found["Classification"], found["GrokPattern"]) == ("c", "%{B}")


def test_pages(glue: Any) -> None:
    for name in ("c", "a", "B"):
        glue.create_classifier(JsonClassifier={"Name": name, "JsonPath": "$"})
    pages = glue.get_paginator("get_classifiers").paginate(PaginationConfig={"PageSize": 2})
    assert [[c["JsonClassifier"]["Name"] for c in page["Classifiers"]] for page in pages] == [
        ["B", "a"],
        ["c"],
    ]
    glue.delete_classifier(Name="a")
    assert len(glue.get_classifiers()["Classifiers"]) == 2


def test_errors(glue: Any, refused: Any) -> None:
    json_one = {"Name": "j", "JsonPath": "$"}
    refused("InvalidInputException", glue.create_classifier)
    both = {"JsonClassifier": json_one, "XMLClassifier": {"Name": "x", "Classification": "c"}}
    refused("InvalidInputException", glue.create_classifier, **both)
    refused("EntityNotFoundException", glue.update_classifier, JsonClassifier=json_one)
    refused("EntityNotFoundException", glue.delete_classifier, Name="j")
    refused("EntityNotFoundException", glue.get_classifier, Name="j")
    glue.create_classifier(JsonClassifier=json_one)
    refused("InvalidInputException", glue.update_classifier, XMLClassifier={"Name": "j"})
    refused("InvalidInputException", glue.get_classifiers, NextToken="no")


@pytest.mark.parametrize("path", ["", "a", "$a", "$.", "$..a", "$[a]", "$[?(@.a>1)]", "$.a[", "$['a", "$ "])
def test_no_json_path(glue: Any, path: str, refused: Any) -> None:
    refused("InvalidInputException", glue.create_classifier, JsonClassifier={"Name": "j", "JsonPath": path})


@pytest.mark.parametrize(
    ("pattern", "custom"),
    [
        ("no reference", ""), ("%{", ""), ("%{A:b:c:d}", ""), ("%{A:b:complex}", ""), ("%{A} %{B C}", ""),
        ("%{A}", "LONELY"), ("%{A}", "A %{B}\nB %{A}"), ("%{A}", "A %{A}"), ("%{A}", "A %{"),
    ],
)  # fmt: skip
def test_no_grok(glue: Any, pattern: str, custom: str, refused: Any) -> None:
    asked = {"Name": "g", "Classification": "c", "GrokPattern": pattern, "CustomPatterns": custom}
    refused("InvalidInputException", glue.create_classifier, GrokClassifier=asked)


def test_no_csv_and_no_xml(glue: Any, refused: Any) -> None:
    create = glue.create_classifier
    refused(
        "InvalidInputException", create, CsvClassifier={"Name": "c", "Delimiter": "'", "QuoteSymbol": "'"}
    )
    refused("InvalidInputException", create, CsvClassifier={"Name": "c", "CustomDatatypes": ["MAP"]})
    refused(
        "InvalidInputException", create, XMLClassifier={"Name": "x", "Classification": "c", "RowTag": "<a>"}
    )
