"""EventBridge as boto3 sees it: rules on the default bus, targets, events of clients."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from api.conftest import ACCOUNT, Server
from glulam.access.roles import Role
from glulam.events.router import Router
from sqsserver import bridge_event

PATTERN = json.dumps({"source": ["aws.s3"], "detail": {"bucket": {"name": ["raw"]}}})


@pytest.fixture
def bridge(server: Server, region: str) -> Any:
    return server.client(region, service="events")


@pytest.fixture
def workflow(glue: Any, region: str) -> str:
    """Its ARN."""
    glue.create_workflow(Name="w")
    return f"arn:aws:glue:{region}:{ACCOUNT}:workflow/w"


def _events(server: Server, region: str) -> list[dict[str, Any]]:
    router = Router(database=server.database, account_id=ACCOUNT)
    while router.step():
        pass
    with server.database.connection() as conn:
        rows = conn.execute(
            "SELECT detail FROM trigger_event WHERE region = %s ORDER BY id", (region,)
        ).fetchall()
    return [row[0] for row in rows]


def test_a_rule_from_put_to_delete(
    bridge: Any, workflow: str, region: str, refused: Callable[..., str]
) -> None:
    arn = bridge.put_rule(
        Name="r", EventPattern=PATTERN, Description="d", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r"
    )["RuleArn"]
    assert arn == f"arn:aws:events:{region}:{ACCOUNT}:rule/r"
    found = bridge.describe_rule(Name="r", EventBusName="default")
    assert {k: found[k] for k in ("Name", "Arn", "EventPattern", "State", "Description", "EventBusName")} == {
        "Name": "r", "Arn": arn, "EventPattern": PATTERN, "State": "ENABLED", "Description": "d", "EventBusName": "default",
    }  # fmt: skip
    target = {"Id": "1", "Arn": workflow, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/r"}
    assert bridge.put_targets(Rule="r", Targets=[target])["FailedEntryCount"] == 0
    assert bridge.list_targets_by_rule(Rule="r")["Targets"] == [target]
    bridge.disable_rule(Name="r")
    assert bridge.describe_rule(Name="r")["State"] == "DISABLED"
    bridge.enable_rule(Name="r")
    assert bridge.describe_rule(Name="r")["State"] == "ENABLED"
    assert "has targets" in refused("ValidationException", bridge.delete_rule, Name="r")
    failed = bridge.remove_targets(Rule="r", Ids=["1", "2"])
    assert [one["TargetId"] for one in failed["FailedEntries"]] == ["2"]
    bridge.delete_rule(Name="r")
    bridge.delete_rule(Name="r")
    refused("ResourceNotFoundException", bridge.describe_rule, Name="r")
    refused("ResourceNotFoundException", bridge.list_targets_by_rule, Rule="r")
    refused("ResourceNotFoundException", bridge.enable_rule, Name="r")


def test_lists(bridge: Any) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        bridge.put_rule(Name=name, EventPattern=PATTERN)
    first = bridge.list_rules(NamePrefix="a", Limit=2)
    rest = bridge.list_rules(NamePrefix="a", Limit=2, NextToken=first["NextToken"])
    assert [rule["Name"] for rule in first["Rules"] + rest["Rules"]] == ["a1", "a2", "a3"]
    assert "NextToken" not in rest
    assert len(bridge.list_rules()["Rules"]) == 4


def test_what_is_not_possible_says_what_is(
    bridge: Any, workflow: str, region: str, refused: Callable[..., str]
) -> None:
    put, targets = bridge.put_rule, bridge.put_targets
    assert "CreateTrigger" in refused(
        "ValidationException", put, Name="r", ScheduleExpression="rate(5 minutes)"
    )
    refused("ValidationException", put, Name="r")
    refused("InvalidEventPatternException", put, Name="r", EventPattern="{}")
    refused("ResourceNotFoundException", put, Name="r", EventPattern=PATTERN, EventBusName="other")
    bridge.put_rule(Name="r", EventPattern=PATTERN)
    for arn in (
        f"arn:aws:lambda:{region}:{ACCOUNT}:function:f",
        workflow.replace(region, "eu-west-9"),
        workflow.removesuffix("w"),
    ):
        assert (
            f"workflow of this account and region, arn:aws:glue:{region}:{ACCOUNT}:workflow/NAME"
            in refused("ValidationException", targets, Rule="r", Targets=[{"Id": "1", "Arn": arn}])
        )
    assert "InputPath" in refused(
        "ValidationException", targets, Rule="r", Targets=[{"Id": "1", "Arn": workflow, "InputPath": "$"}]
    )
    refused("ResourceNotFoundException", targets, Rule="r", Targets=[{"Id": "1", "Arn": workflow + "x"}])
    refused("ResourceNotFoundException", targets, Rule="no", Targets=[{"Id": "1", "Arn": workflow}])
    many = [{"Id": str(n), "Arn": workflow} for n in range(6)]
    refused("LimitExceededException", targets, Rule="r", Targets=many)
    assert bridge.list_targets_by_rule(Rule="r")["Targets"] == []
    refused("OperationNotSupportedException", bridge.create_event_bus, Name="mine")


def test_tags(bridge: Any, region: str, refused: Callable[..., str]) -> None:
    def found() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in bridge.list_tags_for_resource(ResourceARN=arn)["Tags"]}

    arn = bridge.put_rule(Name="r", EventPattern=PATTERN, Tags=[{"Key": "a", "Value": "b"}])["RuleArn"]
    assert found() == {"a": "b"}
    bridge.put_rule(Name="r", EventPattern=PATTERN, Tags=[{"Key": "a", "Value": "ignored"}])
    bridge.tag_resource(ResourceARN=arn, Tags=[{"Key": "c", "Value": ""}])
    assert found() == {"a": "b", "c": ""}
    bridge.untag_resource(ResourceARN=arn, TagKeys=["a", "none"])
    assert found() == {"c": ""}
    many = [{"Key": f"k{n}", "Value": ""} for n in range(50)]
    assert "51 tags" in refused("ValidationException", bridge.tag_resource, ResourceARN=arn, Tags=many)
    refused("ValidationException", bridge.tag_resource, ResourceARN=arn, Tags=[{"Key": "aws:x", "Value": ""}])
    bridge.delete_rule(Name="r")
    refused("ResourceNotFoundException", bridge.list_tags_for_resource, ResourceARN=arn)
    bridge.put_rule(Name="r", EventPattern=PATTERN)
    assert found() == {}
    for other in (
        arn.replace(ACCOUNT, "210987654321"),
        arn.replace("rule/r", "event-bus/default"),
        arn.removesuffix("r"),
    ):
        assert "can be tagged" in refused(
            "ValidationException", bridge.tag_resource, ResourceARN=other, Tags=[]
        )


def test_events_of_clients(server: Server, bridge: Any, workflow: str, region: str) -> None:
    bridge.put_rule(
        Name="r", EventPattern=json.dumps({"source": ["shop"], "detail": {"n": [{"numeric": [">", 1]}]}})
    )
    bridge.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": workflow}])
    good = {
        "Source": "shop",
        "DetailType": "Order",
        "Resources": ["arn:x"],
        "Time": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    answer = bridge.put_events(Entries=[
        {**good, "Detail": '{"n": 2}'}, {**good, "Detail": '{"n": 1}'}, {**good, "Detail": "[]"}, {**good, "Detail": "x"},
        {**good, "Source": "aws.s3", "Detail": "{}"}, {"Source": "shop", "Detail": "{}"},
        {**good, "Detail": "{}", "EventBusName": "other"},
        {**good, "Detail": '{"n": "\\u0000"}'}, {**good, "Detail": "[" * 9999},
    ])  # fmt: skip
    assert answer["FailedEntryCount"] == 7
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None, None, "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument",
        "InvalidArgument", "MalformedDetail", "MalformedDetail",
    ]  # fmt: skip
    assert _events(server, region) == [{
        "version": "0", "id": answer["Entries"][0]["EventId"], "detail-type": "Order", "source": "shop", "account": ACCOUNT,
        "time": "2024-01-02T03:04:05Z", "region": region, "resources": ["arn:x"], "detail": {"n": 2},
    }]  # fmt: skip


def test_a_pattern_is_tried(bridge: Any, refused: Callable[..., str]) -> None:
    event = bridge_event("raw", "a.json")
    assert bridge.test_event_pattern(EventPattern=PATTERN, Event=json.dumps(event))["Result"] is True
    assert (
        bridge.test_event_pattern(EventPattern='{"source": ["x"]}', Event=json.dumps(event))["Result"]
        is False
    )
    refused(
        "InvalidEventPatternException", bridge.test_event_pattern, EventPattern="x", Event=json.dumps(event)
    )
    said = refused(
        "ValidationException", bridge.test_event_pattern, EventPattern=PATTERN, Event='{"source": "aws.s3"}'
    )
    assert "detail-type" in said


def test_roles_and_policies(
    bridge: Any, glue: Any, workflow: str, region: str, client_as: Callable[[Role], Any], server: Server,
    refused: Callable[..., str],
) -> None:  # fmt: skip
    bridge.put_rule(Name="r", EventPattern=PATTERN)

    def of(role: Role) -> Any:
        key = client_as(role)._request_signer._credentials
        return server.client(
            region, type("Key", (), {"id": key.access_key, "secret": key.secret_key})(), service="events"
        )

    viewer, operator, author = of(Role.VIEWER), of(Role.OPERATOR), of(Role.AUTHOR)
    assert viewer.describe_rule(Name="r")["Name"] == "r"
    said = refused("AccessDeniedException", viewer.disable_rule, Name="r")
    assert f"events:DisableRule on resource: arn:aws:events:{region}:{ACCOUNT}:rule/r" in said
    refused(
        "AccessDeniedException",
        viewer.put_events,
        Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}],
    )
    operator.disable_rule(Name="r")
    operator.put_events(Entries=[{"Source": "s", "DetailType": "d", "Detail": "{}"}])
    refused("AccessDeniedException", operator.put_rule, Name="r", EventPattern=PATTERN)
    author.put_rule(Name="r", EventPattern=PATTERN)
    author.delete_rule(Name="r")
