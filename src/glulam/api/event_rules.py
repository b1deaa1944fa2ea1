"""Operations of EventBridge that rules need: rules on the default bus, whose targets are workflows, and events of clients."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.api.event_rule_tags import arn_of
from glulam.api.event_rule_tags import put as put_tags
from glulam.api.jobs import place_of
from glulam.api.paging import Paging
from glulam.catalog import tags
from glulam.events import announcing, rules
from glulam.model.caller import Caller
from glulam.model.errors import EntityNotFound, RuleNotFound, ValidationFailed
from glulam.model.event_patterns import parse_pattern
from glulam.model.place import Place
from glulam.orchestrate import workflows
from glulam.store.database import Database

BUS = "default"
_PAGE = 100
_MOST_BYTES = 1 << 20
"""Of the entries of one PutEvents."""
_TESTED = ("id", "account", "source", "time", "region", "resources", "detail-type")
_WORKFLOW = "workflow/"


@dataclass(frozen=True, kw_only=True)
class EventRules:
    database: Database
    paging: Paging

    def put_rule(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)
        if asked.get("ScheduleExpression"):
            raise ValidationFailed(
                "ScheduleExpression: rules here take events only; a schedule is a trigger of Glue: CreateTrigger with "
                "Type SCHEDULED"
            )
        if not asked.get("EventPattern"):
            raise ValidationFailed("Parameter EventPattern must be specified.")
        state = asked.get("State") or "ENABLED"
        if state not in ("ENABLED", "DISABLED"):
            raise ValidationFailed(
                f"State {state} is for CloudTrail's management events; expected ENABLED or DISABLED"
            )
        kept = {member: asked[member] for member in ("Description", "RoleArn") if asked.get(member)}
        rule = rules.Rule(
            name=asked["Name"], pattern=asked["EventPattern"], enabled=state == "ENABLED", document=kept
        )
        arn = arn_of(caller, rule.name)
        with self.database.transaction() as conn:
            if rules.put(conn, place_of(caller), rule):  # of a rule that was there, tags are not changed
                put_tags(conn, arn, asked.get("Tags") or [])
        return {"RuleArn": arn}

    def describe_rule(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)
        with self.database.connection() as conn:
            return _shown(caller, rules.get(conn, place_of(caller), asked["Name"]))

    def list_rules(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)

        def read(position: list[Any], limit: int) -> list[rules.Rule]:
            with self.database.connection() as conn:
                after = position[0] if position else ""
                return rules.page(conn, place_of(caller), asked.get("NamePrefix") or "", after, limit)

        wanted = {**asked, "MaxResults": asked.get("Limit")}
        found, token = self.paging.page("ListRules", caller, wanted, _PAGE, read, lambda rule: [rule.name])
        return {"Rules": [_shown(caller, rule) for rule in found], "NextToken": token}

    def enable_rule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self._switch(caller, asked, enabled=True)

    def disable_rule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        self._switch(caller, asked, enabled=False)

    def _switch(self, caller: Caller, asked: Mapping[str, Any], *, enabled: bool) -> None:
        _require_bus(caller, asked)
        with self.database.transaction() as conn:
            rules.switch(conn, place_of(caller), asked["Name"], enabled=enabled)

    def delete_rule(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        _require_bus(caller, asked)
        with self.database.transaction() as conn:
            rules.delete(conn, place_of(caller), asked["Name"])
            tags.forget(conn, arn_of(caller, asked["Name"]))

    def put_targets(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)
        place = place_of(caller)
        given = [_target(place, one) for one in asked["Targets"]]
        with self.database.transaction() as conn:
            for target in given:
                _require_workflow(conn, place, target)
            rules.put_targets(conn, place, asked["Rule"], given)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets_by_rule(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)
        place = place_of(caller)
        with self.database.connection() as conn:
            rules.get(conn, place, asked["Rule"])
            return {"Targets": [one.document for one in rules.targets(conn, place, asked["Rule"])]}

    def remove_targets(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_bus(caller, asked)
        with self.database.transaction() as conn:
            there = rules.remove_targets(conn, place_of(caller), asked["Rule"], asked["Ids"])
        failed = [
            {"TargetId": one, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": f"Target {one} does not exist."}
            for one in asked["Ids"] if one not in there
        ]  # fmt: skip
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    def put_events(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Entries that are good are taken, the others are answered with why."""
        if sum(len(json.dumps(one, default=str)) for one in asked["Entries"]) > _MOST_BYTES:
            raise ValidationFailed(
                f"Total size of the entries in the request is over the limit of {_MOST_BYTES} bytes"
            )
        place, answers = place_of(caller), []
        with self.database.transaction() as conn:
            for entry in asked["Entries"]:
                answers.append(_refused(caller, entry) or {"EventId": _announced(conn, place, entry)})
        return {"FailedEntryCount": sum("ErrorCode" in one for one in answers), "Entries": answers}

    def test_event_pattern(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        pattern = parse_pattern(asked["EventPattern"])
        try:
            event = json.loads(asked["Event"])
        except ValueError as error:
            raise ValidationFailed(f"Parameter Event is not valid. Reason: it is not JSON: {error}") from None
        missing = [name for name in _TESTED if not isinstance(event, dict) or name not in event]
        if missing:
            raise ValidationFailed(f"Parameter Event is not valid. Reason: it has no {', '.join(missing)}")
        return {"Result": pattern.matches(event)}


def _require_bus(caller: Caller, asked: Mapping[str, Any]) -> None:
    bus = asked.get("EventBusName") or BUS
    if bus not in (BUS, f"arn:aws:events:{caller.region}:{caller.account_id}:event-bus/{BUS}"):
        raise RuleNotFound(f"Event bus {bus} does not exist. There is one here: {BUS}")


def _target(place: Place, given: Mapping[str, Any]) -> rules.Target:
    arn, ours = given["Arn"], place.arn("workflow", "")
    possible = f"a target is a workflow of this account and region, {ours}NAME"
    if not arn.startswith(ours) or not arn.removeprefix(ours):
        raise ValidationFailed(f"Target {given['Id']}: Arn {arn} is not supported; {possible}")
    others = sorted(set(given) - {"Id", "Arn", "RoleArn"})
    if others:
        raise ValidationFailed(
            f"Target {given['Id']}: {', '.join(others)}: not supported; {possible}, which gets the event as it is"
        )
    return rules.Target(id=given["Id"], workflow=arn.removeprefix(ours), document=given)


def _require_workflow(conn: psycopg.Connection, place: Place, target: rules.Target) -> None:
    try:
        workflows.get(conn, place, target.workflow)
    except EntityNotFound as error:
        raise RuleNotFound(f"Target {target.id}: {error}") from error


def _refused(caller: Caller, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Why an entry is not taken, in EventBridge's words."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member) or "\0" in entry[member]:
            text = f"Parameter {member} is not valid. Reason: {member} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": text}
    if entry["Source"].startswith("aws."):
        text = f"Not authorized for the source {entry['Source']}."
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": text}
    try:
        _require_bus(caller, entry)
        detail = json.loads(entry["Detail"])
    except RuleNotFound as error:
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": str(error)}
    except (ValueError, RecursionError):
        detail = None
    good = isinstance(detail, dict) and announcing.is_storable(detail)
    return None if good else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _announced(conn: psycopg.Connection, place: Place, entry: Mapping[str, Any]) -> str:
    at: datetime | None = entry.get("Time")
    return announcing.custom(
        conn, place, source=entry["Source"], detail_type=entry["DetailType"], detail=json.loads(entry["Detail"]),
        resources=entry.get("Resources") or [], at=at,
    )  # fmt: skip


def _shown(caller: Caller, rule: rules.Rule) -> dict[str, Any]:
    return {
        "Name": rule.name, "Arn": arn_of(caller, rule.name), "EventPattern": rule.pattern, "EventBusName": BUS,
        "State": "ENABLED" if rule.enabled else "DISABLED", **rule.document,
    }  # fmt: skip
