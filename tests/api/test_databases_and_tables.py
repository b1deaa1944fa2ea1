"""Databases and tables, as requests made from the service model."""

from __future__ import annotations

from typing import Any

import pytest

from api.generated import OMIT, Generator, missing


@pytest.mark.parametrize("seed", range(4))
def test_every_member_of_a_database_comes_back(glue: Any, region: str, seed: int, refused: Any) -> None:
    given = {"CatalogId": OMIT, "DatabaseInput.Name": "Db é", "Tags": {"k": "v"}}
    asked = Generator(seed).request("CreateDatabase", given)
    glue.create_database(**asked)
    found = glue.get_database(Name="DB É")["Database"]
    assert missing(asked["DatabaseInput"], found, {"Name"}) == []
    assert (found["Name"], found["CatalogId"]) == ("db é", "123456789012")
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:{region}:123456789012:database/Db é")["Tags"] == {
        "k": "v"
    }
    changed = Generator(seed + 30).request("UpdateDatabase", {**given, "Name": "dB é"})
    glue.update_database(**changed)
    (again,) = glue.get_databases()["DatabaseList"]
    assert missing(changed["DatabaseInput"], again, {"Name"}) == []
    assert again["CreateTime"] == found["CreateTime"]
    refused("AlreadyExistsException", glue.create_database, **asked)


@pytest.mark.parametrize("seed", range(6))
def test_every_member_of_a_table_comes_back(glue: Any, seed: int, refused: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"})
    given = {"CatalogId": OMIT, "DatabaseName": "db", "TransactionId": OMIT, "OpenTableFormatInput": OMIT,
             "PartitionIndexes": OMIT, "Name": OMIT, "TableInput.Name": "Tab é",
             "TableInput.StorageDescriptor.Columns": [Generator(seed).shape("Column", {"Name": "a"})],
             "TableInput.PartitionKeys": [Generator(seed + 1).shape("Column", {"Name": "b"})]}  # fmt: skip
    asked = Generator(seed).request("CreateTable", given)
    glue.create_table(**asked)
    found = glue.get_table(DatabaseName="DB", Name="TAB É")["Table"]
    assert missing(asked["TableInput"], found, {"Name"}) == []
    more = {
        "VersionId": OMIT,
        "ViewUpdateAction": OMIT,
        "UpdateOpenTableFormatInput": OMIT,
        "SkipArchive": False,
    }
    changed = Generator(seed + 40).request("UpdateTable", {**given, **more})
    glue.update_table(**changed)
    (again,) = glue.get_tables(DatabaseName="db")["TableList"]
    assert missing(changed["TableInput"], again, {"Name"}) == []
    old = glue.get_table_version(DatabaseName="db", TableName="tab é", VersionId="0")["TableVersion"]["Table"]
    assert missing(asked["TableInput"], old, {"Name"}) == []
    refused("AlreadyExistsException", glue.create_table, **asked)
