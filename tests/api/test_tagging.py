"""Tags on what is there, of this account and region."""

from __future__ import annotations

from typing import Any


def test_tag_untag_get(glue: Any, region: str, refused: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"}, Tags={"a": "1"})
    glue.create_connection(
        ConnectionInput={"Name": "My Con", "ConnectionType": "NETWORK", "ConnectionProperties": {}},
        Tags={"c": ""},
    )
    prefix = f"arn:aws:glue:{region}:123456789012:"
    tagged = {"database/DB": {"a": "1"}, "connection/My Con": {"c": ""}, "catalog": {}}
    for arn, first in ((prefix + path, tags) for path, tags in tagged.items()):
        assert glue.get_tags(ResourceArn=arn)["Tags"] == first
        glue.tag_resource(ResourceArn=arn, TagsToAdd={"a": "2", "é": "x"})
        assert glue.get_tags(ResourceArn=arn)["Tags"] == {**first, "a": "2", "é": "x"}
        glue.untag_resource(ResourceArn=arn, TagsToRemove=["a", "never there"])
        assert glue.get_tags(ResourceArn=arn)["Tags"] == {
            k: v for k, v in {**first, "é": "x"}.items() if k != "a"
        }
    glue.delete_connection(ConnectionName="My Con")
    refused("EntityNotFoundException", glue.get_tags, ResourceArn=f"{prefix}connection/My Con")
    glue.delete_database(Name="db")
    glue.create_database(DatabaseInput={"Name": "db"})
    assert glue.get_tags(ResourceArn=f"{prefix}database/db")["Tags"] == {}


def test_errors(glue: Any, region: str, refused: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"})
    there = f"arn:aws:glue:{region}:123456789012:database/db"
    for wrong in ("database/nope", "connection/nope", "catalog/nope", "database/", "database/no/db"):
        arn = f"arn:aws:glue:{region}:123456789012:{wrong}"
        code = "InvalidInputException" if wrong == "database/" else "EntityNotFoundException"
        refused(code, glue.get_tags, ResourceArn=arn)
        refused(code, glue.tag_resource, ResourceArn=arn, TagsToAdd={"a": "b"})
        refused(code, glue.untag_resource, ResourceArn=arn, TagsToRemove=["a"])
    for wrong in ("arn:aws:glue:xx:123456789012:database/db", there.replace("123456789012", "000000000000"),
                  f"arn:aws:glue:{region}:123456789012:table/db/t"):  # fmt: skip
        refused("InvalidInputException", glue.get_tags, ResourceArn=wrong)
    refused("ValidationException", glue.get_tags, ResourceArn="db")
    refused("InvalidInputException", glue.tag_resource, ResourceArn=there, TagsToAdd={"aws:x": "y"})
    glue.tag_resource(ResourceArn=there, TagsToAdd={f"k{n}": "v" for n in range(50)})
    refused("InvalidInputException", glue.tag_resource, ResourceArn=there, TagsToAdd={"one more": "v"})
    assert len(glue.get_tags(ResourceArn=there)["Tags"]) == 50
