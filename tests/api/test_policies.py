"""The resource policy: set under conditions, read back as it was, and in force at once."""

from __future__ import annotations

import json
from typing import Any

from glulam.access.roles import Role


def policy(region: str, effect: str = "Deny", action: str = "glue:GetTable") -> str:
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Principal": "*", "Action": action,
                       "Resource": f"arn:aws:glue:{region}:123456789012:*"}],
    })  # fmt: skip


def test_put_get_delete(glue: Any, region: str, refused: Any) -> None:
    refused("EntityNotFoundException", glue.get_resource_policy)
    refused("EntityNotFoundException", glue.delete_resource_policy)
    assert glue.get_resource_policies()["GetResourcePoliciesResponseList"] == []
    text = policy(region)
    made = glue.put_resource_policy(
        PolicyInJson=text, PolicyExistsCondition="NOT_EXIST", EnableHybrid="FALSE"
    )
    found = glue.get_resource_policy(ResourceArn=f"arn:aws:glue:{region}:123456789012:catalog")
    assert (found["PolicyInJson"], found["PolicyHash"]) == (text, made["PolicyHash"])
    assert found["CreateTime"] <= found["UpdateTime"]
    (listed,) = glue.get_resource_policies(MaxResults=1)["GetResourcePoliciesResponseList"]
    assert listed == {name: found[name] for name in listed}
    assert set(listed) == {"PolicyInJson", "PolicyHash", "CreateTime", "UpdateTime"}
    other = policy(region, action="glue:GetTables")
    again = glue.put_resource_policy(
        PolicyInJson=other, PolicyExistsCondition="MUST_EXIST", PolicyHashCondition=made["PolicyHash"]
    )
    assert again["PolicyHash"] != made["PolicyHash"]
    failed = "ConditionCheckFailureException"
    refused(failed, glue.put_resource_policy, PolicyInJson=text, PolicyExistsCondition="NOT_EXIST")
    refused(failed, glue.put_resource_policy, PolicyInJson=text, PolicyHashCondition=made["PolicyHash"])
    refused(failed, glue.delete_resource_policy, PolicyHashCondition=made["PolicyHash"])
    glue.delete_resource_policy(PolicyHashCondition=again["PolicyHash"])
    refused(failed, glue.put_resource_policy, PolicyInJson=text, PolicyExistsCondition="MUST_EXIST")
    refused("EntityNotFoundException", glue.get_resource_policy)


def test_what_is_not_understood_is_refused(glue: Any, region: str, refused: Any) -> None:
    put = glue.put_resource_policy
    refused("InvalidInputException", put, PolicyInJson="{}")
    refused("InvalidInputException", put, PolicyInJson="no json")
    refused("OperationNotSupportedException", put, PolicyInJson=policy(region), EnableHybrid="TRUE")
    arn = f"arn:aws:glue:{region}:123456789012:database/d"
    for call in (glue.get_resource_policy, glue.delete_resource_policy):
        refused("OperationNotSupportedException", call, ResourceArn=arn)
    refused("OperationNotSupportedException", put, PolicyInJson=policy(region), ResourceArn=arn)


def test_it_is_in_force_with_the_next_request(glue: Any, region: str, client_as: Any, refused: Any) -> None:
    viewer = client_as(Role.VIEWER)
    asked = {"DatabaseName": "d", "Name": "t"}
    refused("EntityNotFoundException", viewer.get_table, **asked)
    glue.put_resource_policy(PolicyInJson=policy(region))
    refused("AccessDeniedException", viewer.get_table, **asked)
    glue.delete_resource_policy()
    refused("EntityNotFoundException", viewer.get_table, **asked)
    refused("AccessDeniedException", viewer.put_resource_policy, PolicyInJson=policy(region))


def test_a_list_shows_nothing_that_is_denied(glue: Any, region: str) -> None:
    names = ("open", "secret")
    for database in names:
        glue.create_database(DatabaseInput={"Name": database})
        for name in names:
            glue.create_table(DatabaseName=database, TableInput={"Name": name})
            glue.create_user_defined_function(
                DatabaseName=database,
                FunctionInput={"FunctionName": name, "ClassName": "c", "OwnerName": "o"},
            )
    for name in names:
        properties = {"JDBC_CONNECTION_URL": "jdbc:postgresql://h/d", "USERNAME": "u", "PASSWORD": "p"}
        glue.create_connection(
            ConnectionInput={"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties}
        )

    def lists() -> list[list[str]]:
        tables = [f"{t['DatabaseName']}.{t['Name']}" for t in glue.search_tables()["TableList"]]
        functions = glue.get_user_defined_functions(DatabaseName="open", Pattern=".*")["UserDefinedFunctions"]
        return [
            [d["Name"] for d in glue.get_databases()["DatabaseList"]],
            [t["Name"] for t in glue.get_tables(DatabaseName="open")["TableList"]],
            tables,
            [f["FunctionName"] for f in functions],
            [c["Name"] for c in glue.get_connections()["ConnectionList"]],
        ]

    everything = lists()
    assert everything[:2] == [["open", "secret"]] * 2
    assert len(everything[2]) == 4
    here = f"arn:aws:glue:{region}:123456789012:"
    denied = [f"{here}{what}" for what in ("database/secret", "table/open/secret", "connection/secret",
                                           "userDefinedFunction/open/secret")]  # fmt: skip
    for action, hidden in (("glue:Get*", True), ("glue:GetDatabase", False)):
        statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": denied}
        glue.put_resource_policy(PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
        only = [["open"], ["open"], ["open.open"], ["open"], ["open"]]
        assert lists() == (only if hidden else [["open"], *everything[1:]])


def test_a_denied_schema_is_denied_by_the_id_of_its_version_too(glue: Any, region: str, refused: Any) -> None:
    made = {}
    for registry in ("open", "secret"):
        glue.create_registry(RegistryName=registry)
        made[registry] = glue.create_schema(
            RegistryId={"RegistryName": registry}, SchemaName="s", DataFormat="JSON", Compatibility="NONE",
            SchemaDefinition='{"type": "object"}',
        )["SchemaVersionId"]  # fmt: skip
    here = f"arn:aws:glue:{region}:123456789012:"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "glue:*",
                 "Resource": [f"{here}registry/secret", f"{here}schema/secret/*"]}  # fmt: skip
    glue.put_resource_policy(PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    pair = {"MetadataKeyValue": {"MetadataKey": "k", "MetadataValue": "v"}}
    for call, more in ((glue.put_schema_version_metadata, pair), (glue.query_schema_version_metadata, {}),
                       (glue.get_schema_version, {}), (glue.remove_schema_version_metadata, pair)):  # fmt: skip
        call(SchemaVersionId=made["open"], **more)
        refused("AccessDeniedException", call, SchemaVersionId=made["secret"], **more)
    assert [r["RegistryName"] for r in glue.list_registries()["Registries"]] == ["open"]
    assert [s["RegistryName"] for s in glue.list_schemas()["Schemas"]] == ["open"]
