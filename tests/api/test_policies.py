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
