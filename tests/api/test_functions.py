"""User-defined functions."""

from __future__ import annotations

from typing import Any

import pytest

from api.generated import OMIT, Generator, missing


@pytest.fixture
def db(glue: Any) -> str:
    glue.create_database(DatabaseInput={"Name": "db"})
    return "db"


def make(glue: Any, name: str, database: str = "db", **more: Any) -> None:
    glue.create_user_defined_function(DatabaseName=database, FunctionInput={"FunctionName": name, **more})


def names(answer: Any) -> list[str]:
    return [f["FunctionName"] for f in answer["UserDefinedFunctions"]]


@pytest.mark.parametrize("seed", range(6))
def test_every_member_comes_back(glue: Any, db: str, seed: int) -> None:
    given = {"CatalogId": OMIT, "DatabaseName": db, "FunctionInput.FunctionName": "F1",
             "FunctionInput.GovernanceMode": "IAM_ONLY"}  # fmt: skip
    asked = Generator(seed).request("CreateUserDefinedFunction", given)
    glue.create_user_defined_function(**asked)
    found = glue.get_user_defined_function(DatabaseName="DB", FunctionName="f1")["UserDefinedFunction"]
    ignore = {"FunctionName", "ResourceUris.LastModified"}
    assert missing(asked["FunctionInput"], found, ignore) == []
    assert (found["FunctionName"], found["DatabaseName"], found["CatalogId"]) == ("f1", "db", "123456789012")
    assert all("LastModified" not in uri for uri in found.get("ResourceUris", []))
    changed = Generator(seed + 100).request("UpdateUserDefinedFunction", {**given, "FunctionName": "F1"})
    glue.update_user_defined_function(**changed)
    again = glue.get_user_defined_function(DatabaseName="db", FunctionName="F1")["UserDefinedFunction"]
    assert missing(changed["FunctionInput"], again, ignore) == []
    assert set(again) - set(changed["FunctionInput"]) == {"DatabaseName", "CatalogId", "CreateTime"}
    assert again["CreateTime"] == found["CreateTime"]


def test_pattern_type_and_pages(glue: Any, db: str, refused: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "other"})
    for name in ("alpha", "beta", "trino__a.b__1", "trino__axb__1"):
        make(glue, name)
    make(glue, "alpha", "other", FunctionType="AGGREGATE_FUNCTION")
    find = glue.get_user_defined_functions
    assert names(find(Pattern=".*")) == ["alpha", "beta", "trino__a.b__1", "trino__axb__1", "alpha"]
    assert names(find(Pattern=".*", DatabaseName="other")) == ["alpha"]
    assert names(find(Pattern=".*", FunctionType="AGGREGATE_FUNCTION")) == ["alpha"]
    assert names(find(Pattern=r"trino__\Qa.b\E__.*")) == ["trino__a.b__1"]
    assert names(find(Pattern="al|beta")) == ["beta"]
    pages = glue.get_paginator("get_user_defined_functions").paginate(
        Pattern=".*", PaginationConfig={"PageSize": 2}
    )
    assert [names(page) for page in pages] == [
        ["alpha", "beta"],
        ["trino__a.b__1", "trino__axb__1"],
        ["alpha"],
    ]
    assert "Invalid pattern syntax" in refused("InvalidInputException", find, Pattern="*")
    refused("InvalidInputException", find, Pattern=".*", NextToken="x")
    refused("EntityNotFoundException", find, Pattern=".*", DatabaseName="nope")


def test_a_function_may_be_renamed_but_not_onto_another(glue: Any, db: str, refused: Any) -> None:
    make(glue, "one")
    make(glue, "two")
    update = glue.update_user_defined_function
    update(DatabaseName="db", FunctionName="one", FunctionInput={"FunctionName": "Three"})
    assert names(glue.get_user_defined_functions(Pattern=".*")) == ["three", "two"]
    asked = {"DatabaseName": "db", "FunctionName": "two", "FunctionInput": {"FunctionName": "three"}}
    refused("AlreadyExistsException", update, **asked)


def test_it_goes_with_its_database(glue: Any, db: str, refused: Any) -> None:
    make(glue, "f")
    glue.delete_database(Name="db")
    assert names(glue.get_user_defined_functions(Pattern=".*")) == []
    refused("EntityNotFoundException", glue.get_user_defined_function, DatabaseName="db", FunctionName="f")
    glue.create_database(DatabaseInput={"Name": "db"})
    refused("EntityNotFoundException", glue.get_user_defined_function, DatabaseName="db", FunctionName="f")


def test_errors(glue: Any, db: str, refused: Any) -> None:
    make(glue, "f")
    create, where = glue.create_user_defined_function, {"DatabaseName": "db", "FunctionName": "nope"}
    refused("AlreadyExistsException", create, DatabaseName="db", FunctionInput={"FunctionName": "F"})
    refused("EntityNotFoundException", create, DatabaseName="no", FunctionInput={"FunctionName": "F"})
    refused("InvalidInputException", create, DatabaseName="db", FunctionInput={"ClassName": "C"})
    lake = {"FunctionName": "g", "GovernanceMode": "LAKE_FORMATION"}
    refused("OperationNotSupportedException", create, DatabaseName="db", FunctionInput=lake)
    refused("EntityNotFoundException", glue.update_user_defined_function, **where, FunctionInput={})
    refused("EntityNotFoundException", glue.get_user_defined_function, **where)
    refused("EntityNotFoundException", glue.delete_user_defined_function, **where)
    glue.delete_user_defined_function(DatabaseName="db", FunctionName="F")
    refused("EntityNotFoundException", glue.delete_user_defined_function, DatabaseName="db", FunctionName="f")
