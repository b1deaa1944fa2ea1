"""Registries and schemas on a real PostgreSQL."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from api.registry_client import ARN, Glue, add, avro, caller, create, schema
from glulam.catalog import tags
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput
from glulam.store.database import Database


@pytest.fixture
def glue(database: Database) -> Glue:
    return Glue(database, caller())


@pytest.fixture
def registry(glue: Glue) -> str:
    glue("CreateRegistry", RegistryName="r")
    return "r"


def test_registries(glue: Glue) -> None:
    made = glue("CreateRegistry", RegistryName="r", Description="d", Tags={"k": "v"})
    assert made == {
        "RegistryArn": f"{ARN}registry/r",
        "RegistryName": "r",
        "Description": "d",
        "Tags": {"k": "v"},
    }
    with pytest.raises(AlreadyExists, match=r"Registry already exists\. RegistryName: r"):
        glue("CreateRegistry", RegistryName="r")
    before = glue("GetRegistry", RegistryId={"RegistryArn": made["RegistryArn"]})
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", before["CreatedTime"])
    assert (before["Description"], before["Status"]) == ("d", "AVAILABLE")
    glue("UpdateRegistry", RegistryId={"RegistryName": "r"}, Description="")
    after = glue("GetRegistry", RegistryId={"RegistryName": "r"})
    assert after["Description"] == ""
    assert after["UpdatedTime"] >= before["UpdatedTime"]
    for wrong in ({}, {"RegistryName": "r", "RegistryArn": made["RegistryArn"]}):
        with pytest.raises(InvalidInput, match="One of registryName or registryArn"):
            glue("GetRegistry", RegistryId=wrong)
    for other in ("other", "r"):
        with pytest.raises(EntityNotFound, match="Registry is not found"):
            glue(
                "GetRegistry",
                RegistryId={"RegistryArn": f"arn:aws:glue:eu-west-1:123456789012:registry/{other}"},
            )


def test_accounts_and_regions_are_apart(glue: Glue, registry: str) -> None:
    create(glue)
    version = glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"LatestVersion": True})
    for who in (caller(region="eu-west-1"), caller(account_id="999999999999")):
        other = Glue(glue.database, who)
        assert other("ListRegistries") == {"Registries": []}
        assert other("ListSchemas") == {"Schemas": []}
        with pytest.raises(EntityNotFound):
            other("GetSchemaVersion", SchemaVersionId=version["SchemaVersionId"])
        other("CreateRegistry", RegistryName="r")


def test_create_and_get_a_schema(glue: Glue, registry: str) -> None:
    made = create(glue, Description="d", Tags={"k": "v"})
    found = glue("GetSchema", SchemaId={"SchemaArn": f"{ARN}schema/r/s"})
    assert re.fullmatch(r"[a-f0-9]{8}(-[a-f0-9]{4}){3}-[a-f0-9]{12}", made.pop("SchemaVersionId"))
    assert (made.pop("SchemaVersionStatus"), made.pop("Tags")) == ("AVAILABLE", {"k": "v"})
    assert made == {k: v for k, v in found.items() if not k.endswith("Time")}
    assert {k: v for k, v in found.items() if not k.endswith("Time")} == {
        "RegistryName": "r", "RegistryArn": f"{ARN}registry/r", "SchemaName": "s", "SchemaArn": f"{ARN}schema/r/s",
        "Description": "d", "DataFormat": "AVRO", "Compatibility": "BACKWARD", "SchemaCheckpoint": 1,
        "LatestSchemaVersion": 1, "NextSchemaVersion": 2, "SchemaStatus": "AVAILABLE",
    }  # fmt: skip
    with glue.database.connection() as conn:
        assert tags.get(conn, f"{ARN}schema/r/s") == {"k": "v"}
    with pytest.raises(AlreadyExists, match=r"Schema already exists\. SchemaName: s"):
        create(glue)
    with pytest.raises(InvalidInput, match="Schema definition of JSON data format is invalid"):
        create(glue, "{", DataFormat="JSON")
    for wrong in ({}, {"SchemaName": "s"}, {"SchemaArn": f"{ARN}schema/r/s", "SchemaName": "s"}):
        with pytest.raises(InvalidInput, match=r"\(registryName and schemaName\) or schemaArn"):
            glue("GetSchema", SchemaId=wrong)
    with pytest.raises(EntityNotFound, match="RegistryName: r, SchemaName: t"):
        glue("GetSchema", SchemaId=schema("t"))


def test_the_default_registry_is_made_when_it_is_needed(glue: Glue) -> None:
    made = glue("CreateSchema", SchemaName="s", DataFormat="JSON", SchemaDefinition="{}")
    assert (made["RegistryName"], made["Compatibility"]) == ("default-registry", "BACKWARD")
    glue("CreateSchema", SchemaName="t", DataFormat="JSON", SchemaDefinition="{}")
    assert [r["RegistryName"] for r in glue("ListRegistries")["Registries"]] == ["default-registry"]
    by_name = glue("GetSchemaByDefinition", SchemaId={"SchemaName": "t"}, SchemaDefinition=" {} ")
    assert by_name["SchemaArn"] == f"{ARN}schema/default-registry/t"
    with pytest.raises(EntityNotFound, match="Registry is not found"):
        create(glue)


def test_update_schema(glue: Glue, registry: str) -> None:
    create(glue)
    bad = avro("z", required=("z",))
    assert add(glue, bad) == (2, "FAILURE")
    with pytest.raises(InvalidInput, match="One of version number"):
        glue("UpdateSchema", SchemaId=schema(), Compatibility="NONE")
    with pytest.raises(InvalidInput, match="its status is FAILURE, expected AVAILABLE"):
        glue("UpdateSchema", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 2})
    with pytest.raises(EntityNotFound, match="VersionNumber: 9"):
        glue("UpdateSchema", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 9})
    glue("UpdateSchema", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 1}, Description="new")
    found = glue("GetSchema", SchemaId=schema())
    assert (found["Description"], found["Compatibility"]) == ("new", "BACKWARD")


def test_deleting_takes_everything_along(glue: Glue, registry: str) -> None:
    create(glue, Tags={"k": "v"})
    version = glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 1})
    answer = glue("DeleteSchema", SchemaId=schema())
    assert answer == {"SchemaArn": f"{ARN}schema/r/s", "SchemaName": "s", "Status": "DELETING"}
    with pytest.raises(EntityNotFound):
        glue("GetSchemaVersion", SchemaVersionId=version["SchemaVersionId"])
    create(glue, Tags={"k": "v"})
    assert glue("DeleteRegistry", RegistryId={"RegistryName": "r"})["Status"] == "DELETING"
    with glue.database.connection() as conn:
        assert tags.get(conn, f"{ARN}schema/r/s") == {}
        assert conn.execute("SELECT count(*) FROM schema_version").fetchone() == (0,)
    with pytest.raises(EntityNotFound):
        glue("GetSchema", SchemaId=schema())


def collect(glue: Glue, operation: str, member: str, name: str, **asked: Any) -> list[list[Any]]:
    """The pages of a listing, two entries each."""
    pages, token = [], None
    while True:
        more = {"NextToken": token} if token else {}
        answer = glue(operation, MaxResults=2, **asked, **more)
        pages.append([one[name] for one in answer[member]])
        token = answer.get("NextToken")
        if token is None:
            return pages


def test_pages(glue: Glue) -> None:
    for name in ("b", "A", "r"):
        glue("CreateRegistry", RegistryName=name)
    for registry, name in (("r", "s"), ("r", "t"), ("A", "z"), ("b", "a")):
        glue("CreateSchema", RegistryId={"RegistryName": registry}, SchemaName=name, DataFormat="JSON",
             Compatibility="NONE", SchemaDefinition="{}")  # fmt: skip
    for number in range(3):
        add(glue, json.dumps({"minimum": number}))
    assert collect(glue, "ListRegistries", "Registries", "RegistryName") == [["A", "b"], ["r"]]
    assert collect(glue, "ListSchemas", "Schemas", "SchemaName") == [["z", "a"], ["s", "t"]]
    assert collect(glue, "ListSchemas", "Schemas", "SchemaName", RegistryId={"RegistryName": "r"}) == [
        ["s", "t"]
    ]
    assert collect(glue, "ListSchemaVersions", "Schemas", "VersionNumber", SchemaId=schema()) == [
        [1, 2],
        [3, 4],
    ]
    with pytest.raises(InvalidInput, match="pagination token"):
        glue("ListSchemas", NextToken="AAAA")
    with pytest.raises(EntityNotFound):
        glue("ListSchemas", RegistryId={"RegistryName": "nope"})
