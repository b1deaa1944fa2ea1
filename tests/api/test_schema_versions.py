"""Versions of schemas and their metadata on a real PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api.registry_client import ARN, Glue, add, avro, caller, create, schema
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput, LimitExceeded
from glulam.store.database import Database


@pytest.fixture
def glue(database: Database) -> Glue:
    return Glue(database, caller())


@pytest.fixture
def registry(glue: Glue) -> str:
    glue("CreateRegistry", RegistryName="r")
    return "r"


def test_versions_and_what_a_failed_one_leaves(glue: Glue, registry: str) -> None:
    create(glue)
    assert add(glue, avro("a", "b")) == (2, "AVAILABLE")
    assert add(glue, avro("a", "c", required=("c",))) == (3, "FAILURE")
    assert add(glue, avro("a", "c", required=("c",))) == (3, "FAILURE")  # again: nothing new
    found = glue("GetSchema", SchemaId=schema())
    assert (found["LatestSchemaVersion"], found["NextSchemaVersion"], found["SchemaCheckpoint"]) == (2, 4, 1)
    latest = glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"LatestVersion": True})
    assert (latest["VersionNumber"], latest["SchemaDefinition"]) == (2, avro("a", "b"))
    failed = glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 3})
    assert failed["Status"] == "FAILURE"
    assert add(glue, avro("a")) == (1, "AVAILABLE")  # the same definition is the same version
    assert add(glue, avro("a", "b", "d")) == (4, "AVAILABLE")
    by_id = glue("GetSchemaVersion", SchemaVersionId=failed["SchemaVersionId"])
    assert by_id == failed
    assert by_id["DataFormat"] == "AVRO"


def test_a_failed_definition_may_pass_later(glue: Glue, registry: str) -> None:
    create(glue)
    bold = avro("a", "c", required=("c",))
    assert add(glue, bold) == (2, "FAILURE")
    glue("UpdateSchema", SchemaId=schema(), SchemaVersionNumber={"LatestVersion": True}, Compatibility="NONE")
    assert add(glue, bold) == (3, "AVAILABLE")
    found = glue("GetSchemaByDefinition", SchemaId=schema(), SchemaDefinition=bold)
    third = glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 3})
    assert (found["SchemaVersionId"], found["Status"]) == (third["SchemaVersionId"], "AVAILABLE")


@pytest.mark.parametrize(
    ("mode", "fewer", "more", "optional"),
    [
        ("NONE", "AVAILABLE", "AVAILABLE", "AVAILABLE"),
        ("BACKWARD", "AVAILABLE", "FAILURE", "AVAILABLE"),
        ("FORWARD", "FAILURE", "AVAILABLE", "AVAILABLE"),
        ("FULL", "FAILURE", "FAILURE", "AVAILABLE"),
        ("FULL_ALL", "FAILURE", "FAILURE", "AVAILABLE"),
    ],
)
def test_modes(glue: Glue, registry: str, mode: str, fewer: str, more: str, optional: str) -> None:
    """After a version with the field a: one without it, one with b too, one with an optional b."""
    for definition, status in (
        (avro(), fewer),
        (avro("a", "b", required=("a", "b")), more),
        (avro("a", "b", required=("a",)), optional),
    ):
        create(glue, avro("a", required=("a",)), mode)
        assert add(glue, definition) == (2, status)
        glue("DeleteSchema", SchemaId=schema())


def test_the_all_modes_look_back_to_the_checkpoint(glue: Glue, registry: str) -> None:
    text, number = ('{"type": "array", "items": "%s"}' % kind for kind in ("string", "int"))  # noqa: UP031
    create(glue, number, "NONE")
    assert add(glue, text) == (2, "AVAILABLE")
    latest = {"SchemaId": schema(), "SchemaVersionNumber": {"LatestVersion": True}}
    glue(
        "UpdateSchema",
        SchemaId=schema(),
        SchemaVersionNumber={"VersionNumber": 1},
        Compatibility="BACKWARD_ALL",
    )
    assert add(glue, '{"type": "array", "items": ["string", "null"]}') == (3, "FAILURE")
    glue("UpdateSchema", **latest)
    assert glue("GetSchema", SchemaId=schema())["SchemaCheckpoint"] == 2
    assert add(glue, '{"type": "array", "items": ["string", "null"]}') == (4, "AVAILABLE")


def test_disabled_takes_the_first_version_only(glue: Glue, registry: str) -> None:
    create(glue, compatibility="DISABLED")
    assert add(glue, avro("a")) == (1, "AVAILABLE")
    with pytest.raises(InvalidInput, match="Compatibility DISABLED does not allow versioning"):
        add(glue, avro("a", "b"))


def test_a_schema_without_versions(glue: Glue, registry: str) -> None:
    made = glue(
        "CreateSchema",
        RegistryId={"RegistryName": "r"},
        SchemaName="s",
        DataFormat="AVRO",
        Compatibility="DISABLED",
    )
    assert "SchemaVersionId" not in made
    assert "LatestSchemaVersion" not in made
    assert glue("ListSchemaVersions", SchemaId=schema()) == {"Schemas": []}
    with pytest.raises(EntityNotFound, match="isLatestVersion: true"):
        glue("GetSchemaVersion", SchemaId=schema(), SchemaVersionNumber={"LatestVersion": True})
    assert add(glue, avro()) == (1, "AVAILABLE")


def test_delete_versions(glue: Glue, registry: str) -> None:
    create(glue, compatibility="NONE")
    for name in "bcde":
        add(glue, avro(name))
    with pytest.raises(InvalidInput, match="version 1 is the checkpoint"):
        glue("DeleteSchemaVersions", SchemaId=schema(), Versions="1-3")
    glue("UpdateSchema", SchemaId=schema(), SchemaVersionNumber={"VersionNumber": 5})
    errors = glue("DeleteSchemaVersions", SchemaId=schema(), Versions="1-3")["SchemaVersionErrors"]
    assert [(e["VersionNumber"], e["ErrorDetails"]["ErrorCode"]) for e in errors] == [
        (1, "InvalidInputException")
    ]
    errors = glue("DeleteSchemaVersions", SchemaId=schema(), Versions="6-99999")["SchemaVersionErrors"]
    assert [(e["VersionNumber"], e["ErrorDetails"]["ErrorCode"]) for e in errors] == [
        (6, "EntityNotFoundException")
    ]
    errors = glue("DeleteSchemaVersions", SchemaId=schema(), Versions="77")["SchemaVersionErrors"]
    assert [e["VersionNumber"] for e in errors] == [77]
    left = glue("ListSchemaVersions", SchemaId=schema())["Schemas"]
    assert [v["VersionNumber"] for v in left] == [1, 4, 5]
    assert add(glue, avro("b")) == (6, "AVAILABLE")  # numbers are not used again
    for wrong in ("3-2", "1-3,5"):
        with pytest.raises(InvalidInput, match="expected a number, or a range"):
            glue("DeleteSchemaVersions", SchemaId=schema(), Versions=wrong)


def test_versions_that_a_mode_needs_are_kept(glue: Glue, registry: str) -> None:
    create(glue, compatibility="BACKWARD_ALL")
    assert add(glue, avro("a", "b")) == (2, "AVAILABLE")
    assert add(glue, avro("z", required=("z",))) == (3, "FAILURE")
    errors = glue("DeleteSchemaVersions", SchemaId=schema(), Versions="2-3")["SchemaVersionErrors"]
    assert [(e["VersionNumber"], "BACKWARD_ALL" in e["ErrorDetails"]["ErrorMessage"]) for e in errors] == [
        (2, True)
    ]
    assert [v["VersionNumber"] for v in glue("ListSchemaVersions", SchemaId=schema())["Schemas"]] == [1, 2]


def test_metadata(glue: Glue, registry: str) -> None:
    made = create(glue)
    number = {"SchemaId": schema(), "SchemaVersionNumber": {"LatestVersion": True}}

    def pair(key: str, value: str) -> dict[str, Any]:
        return {"MetadataKeyValue": {"MetadataKey": key, "MetadataValue": value}}

    put = glue("PutSchemaVersionMetadata", **number, **pair("k", "1"))
    assert put == {
        "SchemaArn": f"{ARN}schema/r/s", "SchemaName": "s", "RegistryName": "r", "LatestVersion": True,
        "VersionNumber": 1, "SchemaVersionId": made["SchemaVersionId"], "MetadataKey": "k", "MetadataValue": "1",
    }  # fmt: skip
    with pytest.raises(AlreadyExists, match="metadata key: k, metadata value: 1"):
        glue("PutSchemaVersionMetadata", SchemaVersionId=made["SchemaVersionId"], **pair("k", "1"))
    glue("PutSchemaVersionMetadata", **number, **pair("k", "2"))
    glue("PutSchemaVersionMetadata", **number, **pair("j", "1"))
    info = glue("QuerySchemaVersionMetadata", **number)["MetadataInfoMap"]
    assert list(info) == ["j", "k"]
    assert info["k"]["MetadataValue"] == "2"
    assert [other["MetadataValue"] for other in info["k"]["OtherMetadataValueList"]] == ["1"]
    assert "OtherMetadataValueList" not in info["j"]

    def query(*wanted: dict[str, str], **more: Any) -> dict[str, Any]:
        return glue("QuerySchemaVersionMetadata", **number, MetadataList=list(wanted), **more)

    assert list(query({"MetadataKey": "k"})["MetadataInfoMap"]) == ["k"]
    assert list(query({"MetadataValue": "1"})["MetadataInfoMap"]) == ["j", "k"]
    assert query({"MetadataKey": "j", "MetadataValue": "2"})["MetadataInfoMap"] == {}
    first = query(MaxResults=1)
    assert list(first["MetadataInfoMap"]) == ["j"]
    assert list(query(MaxResults=1, NextToken=first["NextToken"])["MetadataInfoMap"]) == ["k"]
    for n in range(7):
        glue("PutSchemaVersionMetadata", **number, **pair(f"m{n}", "1"))
    with pytest.raises(LimitExceeded, match="Schema Version Metadata"):
        glue("PutSchemaVersionMetadata", **number, **pair("n", "1"))
    glue("RemoveSchemaVersionMetadata", **number, **pair("k", "2"))
    assert query({"MetadataKey": "k"})["MetadataInfoMap"]["k"]["MetadataValue"] == "1"
    with pytest.raises(EntityNotFound, match="Metadata is not found"):
        glue("RemoveSchemaVersionMetadata", **number, **pair("k", "2"))
    with pytest.raises(InvalidInput, match="No other input"):
        glue("QuerySchemaVersionMetadata", SchemaVersionId=made["SchemaVersionId"], SchemaId=schema())


def test_validity(glue: Glue) -> None:
    assert glue("CheckSchemaVersionValidity", DataFormat="AVRO", SchemaDefinition='"int"') == {"Valid": True}
    for data_format, definition in (("AVRO", '"x"'), ("JSON", '{"type": 5}'), ("PROTOBUF", "x")):
        answer = glue("CheckSchemaVersionValidity", DataFormat=data_format, SchemaDefinition=definition)
        assert answer["Valid"] is False
        assert f"{data_format} data format is invalid" in answer["Error"]
    long = glue("CheckSchemaVersionValidity", DataFormat="AVRO", SchemaDefinition=json.dumps("x" * 9000))
    assert len(long["Error"]) == 5000


def test_differences(glue: Glue, registry: str) -> None:
    create(glue)
    add(glue, avro("a", "b"))
    first, latest = {"VersionNumber": 1}, {"LatestVersion": True}
    asked = {"SchemaId": schema(), "SchemaDiffType": "SYNTAX_DIFF", "FirstSchemaVersionNumber": first}
    patch = json.loads(glue("GetSchemaVersionsDiff", **asked, SecondSchemaVersionNumber=latest)["Diff"])
    assert patch == [
        {"op": "add", "path": "/fields/1", "value": {"name": "b", "type": "string", "default": ""}}
    ]
    assert glue("GetSchemaVersionsDiff", **asked, SecondSchemaVersionNumber=first)["Diff"] == "[]"
    with pytest.raises(InvalidInput, match="Only one of VersionNumber or LatestVersion"):
        glue("GetSchemaVersionsDiff", **asked, SecondSchemaVersionNumber={**first, **latest})


def test_protobuf_from_end_to_end(glue: Glue, registry: str) -> None:
    text = 'syntax = "proto3";\nmessage M {\n  int32 a = 1;\n}'
    create(glue, text, DataFormat="PROTOBUF", compatibility="FULL")
    assert add(glue, text + "\n// a comment") == (1, "AVAILABLE")
    assert add(glue, text.replace("int32", "string")) == (2, "FAILURE")
    assert add(glue, text.replace("int32", "int64")) == (3, "AVAILABLE")
    diff = glue("GetSchemaVersionsDiff", SchemaId=schema(), SchemaDiffType="SYNTAX_DIFF",
                FirstSchemaVersionNumber={"VersionNumber": 1}, SecondSchemaVersionNumber={"VersionNumber": 3})  # fmt: skip
    assert "-  int32 a = 1;\n+  int64 a = 1;" in diff["Diff"]


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    start = threading.Barrier(count)

    def one(n: int) -> Any:
        start.wait()
        return work(n)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_producers_that_register_at_once(glue: Glue, registry: str) -> None:
    create(glue)
    same = at_once(6, lambda n: add(glue, avro("a", "b")))
    assert set(same) == {(2, "AVAILABLE")}
    different = at_once(6, lambda n: add(glue, avro("a", "b", f"c{n}")))
    assert sorted(number for number, _ in different) == [3, 4, 5, 6, 7, 8]

    def tag(n: int) -> str:
        pair = {"MetadataKey": f"k{n}", "MetadataValue": "v"}
        try:
            glue(
                "PutSchemaVersionMetadata",
                SchemaId=schema(),
                SchemaVersionNumber={"VersionNumber": 1},
                MetadataKeyValue=pair,
            )
        except LimitExceeded:
            return "refused"
        return "put"

    assert sorted(at_once(12, tag)) == ["put"] * 10 + ["refused"] * 2
