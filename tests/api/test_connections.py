"""Connections: kept whole but for their secrets, which nobody gets to see who should not; and tested for real."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from api.conftest import Server
from api.generated import OMIT, Generator, missing
from glulam.access.roles import Role

SECRET = "s3cret-Pä$$"
BASE = {"Name": "c", "ConnectionType": "JDBC"}
URL = {"JDBC_CONNECTION_URL": "jdbc:postgresql://h:1/d", "USERNAME": "u"}


def with_password(**more: str) -> dict[str, Any]:
    return {**BASE, "ConnectionProperties": {**URL, "PASSWORD": SECRET, **more}}


def properties(glue: Any, **asked: Any) -> dict[str, str]:
    found: dict[str, str] = glue.get_connection(Name="c", **asked)["Connection"]["ConnectionProperties"]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_every_member_comes_back(glue: Any, region: str, seed: int, refused: Any) -> None:
    given = {"CatalogId": OMIT, "ConnectionInput.Name": "My C é", "ConnectionInput.ValidateCredentials": False,
             "ConnectionInput.ConnectionProperties": {"HOST": "h", "PORT": "1", "DATABASE": "d"}}  # fmt: skip
    asked = Generator(seed).request("CreateConnection", {**given, "Tags": {"k": "v"}})
    assert glue.create_connection(**asked)["CreateConnectionStatus"] == "READY"
    found = glue.get_connection(Name="My C é")["Connection"]
    authentication = "AuthenticationConfiguration"
    ignore = {"ValidateCredentials", "ValidateForComputeEnvironments", f"{authentication}.BasicAuthenticationCredentials",
              f"{authentication}.CustomAuthenticationCredentials", f"{authentication}.OAuth2Properties.OAuth2Credentials",
              f"{authentication}.OAuth2Properties.AuthorizationCodeProperties"}  # fmt: skip
    assert missing(asked["ConnectionInput"], found, ignore) == []
    assert found.get("CompatibleComputeEnvironments") == asked["ConnectionInput"].get(
        "ValidateForComputeEnvironments"
    )
    assert (found["Status"], found["LastUpdatedBy"][:8]) == ("READY", "arn:aws:")
    assert found["ConnectionSchemaVersion"] == (
        2
        if set(found)
        & {
            authentication,
            "SparkProperties",
            "AthenaProperties",
            "PythonProperties",
            "CompatibleComputeEnvironments",
        }
        else 1
    )
    assert glue.get_tags(ResourceArn=f"arn:aws:glue:{region}:123456789012:connection/My C é")["Tags"] == {
        "k": "v"
    }
    refused("AlreadyExistsException", glue.create_connection, **asked)
    changed = Generator(seed + 70).request("UpdateConnection", {**given, "Name": "My C é"})
    glue.update_connection(**changed)
    again = glue.get_connection(Name="My C é")["Connection"]
    assert missing(changed["ConnectionInput"], again, ignore) == []
    assert again["CreationTime"] == found["CreationTime"] <= again["LastUpdatedTime"]


def test_secrets_are_nowhere_in_the_clear(glue: Any, server: Server, region: str) -> None:
    clear = {
        **with_password(KAFKA_SASL_SCRAM_PASSWORD=SECRET, KAFKA_CLIENT_KEY_PASSWORD=SECRET),
        "SparkProperties": {"dbPassword": SECRET, "url": "u"},
        "AuthenticationConfiguration": {
            "AuthenticationType": "OAUTH2",
            "BasicAuthenticationCredentials": {"Username": "u", "Password": SECRET},
            "CustomAuthenticationCredentials": {"k": SECRET},
            "OAuth2Properties": {
                "TokenUrl": "https://example.com/t",
                "OAuth2Credentials": {"AccessToken": "s3cret-token", "RefreshToken": "s3cret-token"},
                "AuthorizationCodeProperties": {"AuthorizationCode": "s3cret-code"},
            },
        },
    }
    glue.create_connection(ConnectionInput=clear)
    for answer in (
        glue.get_connection(Name="c"),
        glue.get_connections(),
        glue.get_connection(Name="c", HidePassword=True),
    ):
        assert "s3cret" not in json.dumps(answer, default=str, ensure_ascii=False)
    with server.database.connection() as conn:
        rows = conn.execute(
            "SELECT document::text FROM catalog_resource WHERE region = %s", (region,)
        ).fetchall()
        assert len(rows) == 1
        assert "s3cret" not in rows[0][0]
        assert base64.b64encode(SECRET.encode()).decode()[:8] not in rows[0][0]
    found = glue.get_connection(Name="c")["Connection"]
    assert found["AuthenticationConfiguration"] == {
        "AuthenticationType": "OAUTH2",
        "OAuth2Properties": {"TokenUrl": "https://example.com/t"},
    }
    assert found["SparkProperties"].keys() == {"url", "ENCRYPTED_dbPassword"}


def test_who_sees_a_password_is_the_settings_choice(glue: Any, client_as: Any) -> None:
    glue.create_connection(ConnectionInput=with_password())
    assert properties(glue).keys() == {*URL, "ENCRYPTED_PASSWORD"}
    assert properties(glue, HidePassword=True) == URL
    glue.put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings={
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}
        }
    )
    assert properties(glue) == {**URL, "PASSWORD": SECRET}
    assert properties(client_as(Role.AUTHOR)) == {**URL, "PASSWORD": SECRET}
    assert properties(client_as(Role.VIEWER)) == properties(client_as(Role.OPERATOR)) == URL
    assert properties(glue, HidePassword=True) == URL
    (listed,) = glue.get_connections(HidePassword=True)["ConnectionList"]
    assert listed["ConnectionProperties"] == URL


def test_an_encrypted_password_can_be_given_back(glue: Any, refused: Any) -> None:
    glue.create_connection(ConnectionInput=with_password())
    sealed = properties(glue)
    glue.update_connection(
        Name="c", ConnectionInput={**BASE, "ConnectionProperties": {**sealed, "PORT": "1"}}
    )
    other = {**BASE, "Name": "other", "ConnectionProperties": sealed}
    refused("InvalidInputException", glue.create_connection, ConnectionInput=other)
    forged = {**BASE, "ConnectionProperties": {"ENCRYPTED_PASSWORD": "eA=="}}
    refused("InvalidInputException", glue.update_connection, Name="c", ConnectionInput=forged)
    glue.put_data_catalog_encryption_settings(
        DataCatalogEncryptionSettings={
            "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}
        }
    )
    assert properties(glue) == {**URL, "PORT": "1", "PASSWORD": SECRET}


@pytest.mark.parametrize(
    "url",
    ["jdbc:postgresql://h/d?user=a&password=hush1", "jdbc:sqlserver://h;database=d;password=hush1",
     "jdbc:oracle:thin:scott/hush1@h:1521:x", "jdbc:mysql://u:hush1@h/d", "mongodb://u:hush1@h/d"],
)  # fmt: skip
def test_no_password_in_a_url(glue: Any, url: str, refused: Any) -> None:
    asked = {**BASE, "ConnectionProperties": {"JDBC_CONNECTION_URL": url}}
    assert "hush1" not in refused("InvalidInputException", glue.create_connection, ConnectionInput=asked)


def test_filter_pages_and_deletes(glue: Any, refused: Any) -> None:
    for name, criteria in (("b", ["x"]), ("a", ["x", "y"]), ("C", [])):
        kind = "JDBC" if name == "C" else "NETWORK"
        asked = {"Name": name, "ConnectionType": kind, "MatchCriteria": criteria, "ConnectionProperties": {}}
        glue.create_connection(ConnectionInput=asked)
    pages = glue.get_paginator("get_connections").paginate(PaginationConfig={"PageSize": 2})
    assert [[c["Name"] for c in page["ConnectionList"]] for page in pages] == [["C", "a"], ["b"]]

    def names(**wanted: Any) -> list[str]:
        return [c["Name"] for c in glue.get_connections(Filter=wanted)["ConnectionList"]]

    assert names(MatchCriteria=["x"]) == ["a", "b"]
    assert names(MatchCriteria=["y", "x"]) == ["a"]
    assert names(ConnectionType="JDBC") == ["C"]
    assert names(ConnectionSchemaVersion=2) == []
    assert names(ConnectionSchemaVersion=1, ConnectionType="NETWORK") == ["a", "b"]
    gone = glue.batch_delete_connection(ConnectionNameList=["a", "c", "a"])
    assert gone["Succeeded"] == ["a"]
    assert gone["Errors"]["c"]["ErrorCode"] == "EntityNotFoundException"
    glue.delete_connection(ConnectionName="b")
    refused("EntityNotFoundException", glue.delete_connection, ConnectionName="b")
    refused("EntityNotFoundException", glue.get_connection, Name="b")
    refused("InvalidInputException", glue.get_connections, NextToken="x")


def test_properties_for_a_compute_environment(glue: Any) -> None:
    asked = {**with_password(), "SparkProperties": {"USERNAME": "spark", "more": "1"}}
    glue.create_connection(ConnectionInput=asked)
    found = properties(glue, ApplyOverrideForComputeEnvironment="SPARK", HidePassword=True)
    assert found == {**URL, "USERNAME": "spark", "more": "1"}


def test_errors(glue: Any, refused: Any) -> None:
    update, renamed = glue.update_connection, {**BASE, "Name": "d", "ConnectionProperties": {}}
    refused("EntityNotFoundException", update, Name="d", ConnectionInput=renamed)
    refused("InvalidInputException", update, Name="c", ConnectionInput=renamed)
    wrong = {**BASE, "ConnectionProperties": {"NOT_A_KEY": "x"}}
    refused("ValidationException", glue.create_connection, ConnectionInput=wrong)
    refused("AccessDeniedException", glue.get_connection, CatalogId="000000000000", Name="c")
