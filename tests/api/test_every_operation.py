"""What holds for every operation of the model, over HTTP: who may call it, and what text it takes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from glulam.access.roles import Role, least_role

from .generated import GLUE, Generator

DANGEROUS = {"DeleteResourcePolicy", "PutResourcePolicy"}
"""They would change what the other requests of this test may do; tests/api/test_policies.py has them."""


@pytest.mark.parametrize("role", list(Role))
def test_every_role_against_every_operation(client_as: Any, role: Role) -> None:
    """Refused for want of a role exactly when the role is less than the operation's least one."""
    client, wrong, judged = client_as(role), [], 0
    for operation in sorted(set(GLUE.operation_names) - DANGEROUS):
        try:
            getattr(client, xform_name(operation))(**asked_of(operation))
            code = "OK"
        except ClientError as error:
            code = error.response["Error"]["Code"]
        assert code != "InternalServiceException", operation
        if code == "ValidationException":
            continue  # a generated value that the model does not take: read before anybody is asked who it is
        judged += 1
        if (code == "AccessDeniedException") is role.includes(least_role(operation)):
            wrong.append((operation, code))
    assert wrong == []
    assert judged > 230


def asked_of(operation: str) -> dict[str, Any]:
    """A request with all that the operation takes, where one can be made; else nothing."""
    if GLUE.operation_model(operation).input_shape is None:
        return {}
    try:
        asked = Generator(0).request(operation)
    except (AssertionError, RecursionError):  # a pattern without an example; a shape that holds itself
        return {}
    return {
        name: value for name, value in asked.items() if not name.endswith("CatalogId")
    }  # another account's


def test_no_text_holds_the_character_that_postgresql_cannot(glue: Any, refused: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "d"})
    for call, asked in (
        (glue.create_database, {"DatabaseInput": {"Name": "e", "Parameters": {"k": "a\0b"}}}),
        (glue.create_database, {"DatabaseInput": {"Name": "e", "Parameters": {"a\0b": "v"}}}),
        (glue.create_table, {"DatabaseName": "d", "TableInput": {"Name": "t", "ViewOriginalText": "\0"}}),
        (glue.search_tables, {"SearchText": "\0"}),
        (glue.get_partitions, {"DatabaseName": "d", "TableName": "t", "Expression": "a = '\0'"}),
    ):
        assert "U+0000" in refused("ValidationException", call, **asked)
    glue.create_database(DatabaseInput={"Name": "e", "Description": "\\u0000 as six characters"})


def test_a_token_is_good_for_its_own_question_only(glue: Any, refused: Any) -> None:
    for name in "abc":
        glue.create_database(DatabaseInput={"Name": name})
        for table in "xyz":
            glue.create_table(DatabaseName=name, TableInput={"Name": table})
    token = glue.get_tables(DatabaseName="a", MaxResults=1)["NextToken"]
    rest = glue.get_tables(DatabaseName="a", MaxResults=5, NextToken=token)
    assert [t["Name"] for t in rest["TableList"]] == ["y", "z"]
    for asked in ({"DatabaseName": "b"}, {"DatabaseName": "a", "Expression": "y.*"}):
        refused("InvalidInputException", glue.get_tables, NextToken=token, **asked)
    refused("InvalidInputException", glue.get_databases, NextToken=token)
