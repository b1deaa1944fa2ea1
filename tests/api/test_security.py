"""Security configurations, encryption settings, catalog import."""

from __future__ import annotations

from typing import Any

import pytest

from api.generated import Generator, missing

KEY = "arn:aws:kms:us-east-1:123456789012:key/k"


@pytest.mark.parametrize("seed", range(4))
def test_a_security_configuration_comes_back(glue: Any, seed: int, refused: Any) -> None:
    asked = Generator(seed).request("CreateSecurityConfiguration", {"Name": "Sec é"})
    made = glue.create_security_configuration(**asked)
    found = glue.get_security_configuration(Name="Sec é")["SecurityConfiguration"]
    assert missing(asked, found) == []
    assert (made["Name"], made["CreatedTimestamp"]) == ("Sec é", found["CreatedTimeStamp"])
    refused("AlreadyExistsException", glue.create_security_configuration, **asked)


def test_security_configurations_in_pages(glue: Any, refused: Any) -> None:
    for name in "cab":
        glue.create_security_configuration(Name=name, EncryptionConfiguration={})
    pages = glue.get_paginator("get_security_configurations").paginate(PaginationConfig={"PageSize": 2})
    found = [[c["Name"] for c in page["SecurityConfigurations"]] for page in pages]
    assert found == [["a", "b"], ["c"]]
    glue.delete_security_configuration(Name="b")
    refused("EntityNotFoundException", glue.delete_security_configuration, Name="b")
    refused("EntityNotFoundException", glue.get_security_configuration, Name="b")
    refused("InvalidInputException", glue.get_security_configurations, MaxResults=201)
    refused("InvalidInputException", glue.get_security_configurations, NextToken="x")


def test_encryption_settings(glue: Any, refused: Any) -> None:
    get, put = glue.get_data_catalog_encryption_settings, glue.put_data_catalog_encryption_settings
    first = get()["DataCatalogEncryptionSettings"]
    assert first["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}
    assert first["ConnectionPasswordEncryption"]["ReturnConnectionPasswordEncrypted"] is True
    asked = {
        "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED", "SseAwsKmsKeyId": KEY,
                             "CatalogEncryptionServiceRole": "arn:aws:iam::123456789012:role/r"},
        "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False, "AwsKmsKeyId": KEY},
    }  # fmt: skip
    put(DataCatalogEncryptionSettings=asked)
    assert get()["DataCatalogEncryptionSettings"] == asked
    assert get(CatalogId="123456789012")["DataCatalogEncryptionSettings"] == asked
    put(DataCatalogEncryptionSettings={"EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"}})
    assert get()["DataCatalogEncryptionSettings"] == first
    for mode in ("SSE-KMS", "SSE-KMS-WITH-SERVICE-ROLE"):
        wish = {"EncryptionAtRest": {"CatalogEncryptionMode": mode, "SseAwsKmsKeyId": KEY}}
        refused("OperationNotSupportedException", put, DataCatalogEncryptionSettings=wish)
    refused("AccessDeniedException", get, CatalogId="000000000000")
    refused("EntityNotFoundException", get, CatalogId="123456789012:nope")


def test_nothing_waits_for_an_import(glue: Any, refused: Any) -> None:
    assert glue.get_catalog_import_status()["ImportStatus"] == {"ImportCompleted": True}
    refused("OperationNotSupportedException", glue.import_catalog_to_glue)
    refused("EntityNotFoundException", glue.get_catalog_import_status, CatalogId="123456789012:nope")
