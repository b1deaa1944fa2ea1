"""Catalogs: the default one is simply there; named ones are apart from it, and go with all that is in them."""

from __future__ import annotations

from typing import Any

import pytest

from api.generated import OMIT, Generator, missing

ACCOUNT = "123456789012"
PLAIN = {
    "CatalogInput.FederatedCatalog": OMIT, "CatalogInput.TargetRedshiftCatalog": OMIT,
    "CatalogInput.CatalogProperties": OMIT, "CatalogInput.OverwriteChildResourcePermissionsWithDefault": "Deny",
}  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_every_member_comes_back(glue: Any, region: str, seed: int) -> None:
    asked = Generator(seed).request("CreateCatalog", {"Name": "Sales", "Tags": {"k": "v"}, **PLAIN})
    glue.create_catalog(**asked)
    catalog_id = f"{ACCOUNT}:sales"
    found = glue.get_catalog(CatalogId=catalog_id)["Catalog"]
    ignore = {"OverwriteChildResourcePermissionsWithDefault"}
    assert missing(asked["CatalogInput"], found, ignore) == []
    arn = f"arn:aws:glue:{region}:{ACCOUNT}:catalog/sales"
    assert (found["CatalogId"], found["Name"], found["ResourceArn"]) == (catalog_id, "sales", arn)
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"k": "v"}
    changed = Generator(seed + 9).request("UpdateCatalog", {"CatalogId": f"{ACCOUNT}:SALES", **PLAIN})
    glue.update_catalog(**changed)
    again = glue.get_catalog(CatalogId=catalog_id)["Catalog"]
    assert missing(changed["CatalogInput"], again, ignore) == []
    assert again["CreateTime"] == found["CreateTime"] <= again["UpdateTime"]


def test_the_default_catalog(glue: Any, region: str, refused: Any) -> None:
    found = glue.get_catalog(CatalogId=ACCOUNT)["Catalog"]
    assert found == {
        "CatalogId": ACCOUNT,
        "Name": ACCOUNT,
        "ResourceArn": f"arn:aws:glue:{region}:{ACCOUNT}:catalog",
    }
    glue.update_catalog(CatalogId=ACCOUNT, CatalogInput={"Description": "all"})
    glue.update_catalog(CatalogId=ACCOUNT, CatalogInput={"Description": "all of it"})
    assert glue.get_catalog(CatalogId=ACCOUNT)["Catalog"]["Description"] == "all of it"
    refused("InvalidInputException", glue.delete_catalog, CatalogId=ACCOUNT)
    assert glue.get_catalogs()["CatalogList"] == []
    assert [c["Name"] for c in glue.get_catalogs(IncludeRoot=True)["CatalogList"]] == [ACCOUNT]


def test_pages(glue: Any, refused: Any) -> None:
    for name in "cab":
        glue.create_catalog(Name=name, CatalogInput={})
    first = glue.get_catalogs(MaxResults=2, IncludeRoot=True)
    assert [c["Name"] for c in first["CatalogList"]] == [ACCOUNT, "a", "b"]
    rest = glue.get_catalogs(MaxResults=2, IncludeRoot=True, NextToken=first["NextToken"])
    assert [c["Name"] for c in rest["CatalogList"]] == ["c"]
    assert "NextToken" not in rest
    assert glue.get_catalogs(ParentCatalogId=f"{ACCOUNT}:a")["CatalogList"] == []
    refused("InvalidInputException", glue.get_catalogs, ParentCatalogId=f"{ACCOUNT}:a", IncludeRoot=True)
    refused("EntityNotFoundException", glue.get_catalogs, ParentCatalogId=f"{ACCOUNT}:z")
    refused("InvalidInputException", glue.get_catalogs, NextToken="x")


def test_what_is_in_a_named_catalog_is_apart_and_goes_with_it(glue: Any, region: str, refused: Any) -> None:
    glue.create_catalog(Name="sales", CatalogInput={})
    sales = {"CatalogId": f"{ACCOUNT}:sales"}
    for where in ({}, sales):
        glue.create_database(DatabaseInput={"Name": "db"}, Tags={"at": str(len(where))}, **where)
        glue.create_user_defined_function(DatabaseName="db", FunctionInput={"FunctionName": "f"}, **where)
        connection = {"Name": "c", "ConnectionType": "NETWORK", "ConnectionProperties": {}}
        glue.create_connection(ConnectionInput=connection, **where)
    glue.create_table(DatabaseName="db", TableInput={"Name": "t"}, **sales)
    refused("EntityNotFoundException", glue.get_table, DatabaseName="db", Name="t")
    assert glue.get_database(Name="db", **sales)["Database"]["CatalogId"] == sales["CatalogId"]
    prefix = f"arn:aws:glue:{region}:{ACCOUNT}:database"
    assert glue.get_tags(ResourceArn=f"{prefix}/sales/db")["Tags"] == {"at": "1"}
    glue.delete_catalog(**sales)
    refused("EntityNotFoundException", glue.get_catalog, **sales)
    refused("EntityNotFoundException", glue.get_databases, **sales)
    refused("EntityNotFoundException", glue.get_table, DatabaseName="db", Name="t", **sales)
    glue.create_catalog(Name="sales", CatalogInput={})
    assert glue.get_databases(**sales)["DatabaseList"] == []
    assert glue.get_connections(**sales)["ConnectionList"] == []
    assert glue.get_user_defined_functions(Pattern=".*", **sales)["UserDefinedFunctions"] == []
    glue.create_database(DatabaseInput={"Name": "db"}, **sales)
    assert glue.get_tags(ResourceArn=f"{prefix}/sales/db")["Tags"] == {}
    assert glue.get_tags(ResourceArn=f"{prefix}/db")["Tags"] == {"at": "0"}
    assert glue.get_connection(Name="c")["Connection"]["Name"] == "c"


def test_errors(glue: Any, refused: Any) -> None:
    create, other = glue.create_catalog, f"{ACCOUNT}:nope"
    create(Name="a", CatalogInput={})
    refused("AlreadyExistsException", create, Name="A", CatalogInput={})
    for name in (ACCOUNT, "a:b", " "):
        refused("InvalidInputException", create, Name=name, CatalogInput={})
    refused("ValidationException", create, Name="a/b", CatalogInput={})
    elsewhere = ({"FederatedCatalog": {"Identifier": "x"}}, {"TargetRedshiftCatalog": {"CatalogArn": "x"}},
                 {"CatalogProperties": {"CustomProperties": {"a": "b"}}},
                 {"OverwriteChildResourcePermissionsWithDefault": "Accept"})  # fmt: skip
    for given in elsewhere:
        refused("OperationNotSupportedException", create, Name="b", CatalogInput=given)
        refused(
            "OperationNotSupportedException",
            glue.update_catalog,
            CatalogId=f"{ACCOUNT}:a",
            CatalogInput=given,
        )
    refused("EntityNotFoundException", glue.get_catalog, CatalogId=other)
    refused("EntityNotFoundException", glue.update_catalog, CatalogId=other, CatalogInput={})
    refused("EntityNotFoundException", glue.delete_catalog, CatalogId=other)
    refused("AccessDeniedException", glue.get_catalog, CatalogId="000000000000:a")
    refused("InvalidInputException", glue.get_catalog, CatalogId=f"{ACCOUNT}:")
    for call in (glue.get_databases, glue.get_connections, glue.search_tables):
        refused("EntityNotFoundException", call, CatalogId=other)
    refused("EntityNotFoundException", glue.create_database, CatalogId=other, DatabaseInput={"Name": "d"})
