"""Tags of event rules, in EventBridge's operations. They are kept as those of Glue's things are, by ARN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from glulam.api.jobs import place_of
from glulam.catalog import tags
from glulam.events import rules
from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput, ValidationFailed
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class EventRuleTags:
    database: Database

    def tag_resource(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            put(conn, _existing(conn, caller, asked), asked["Tags"])

    def untag_resource(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        with self.database.transaction() as conn:
            tags.remove(conn, _existing(conn, caller, asked), asked["TagKeys"])

    def list_tags_for_resource(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        with self.database.transaction() as conn:
            found = tags.get(conn, _existing(conn, caller, asked))
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def arn_of(caller: Caller, name: str) -> str:
    return f"arn:aws:events:{caller.region}:{caller.account_id}:rule/{name}"


def put(conn: psycopg.Connection, arn: str, given: Sequence[Mapping[str, str]]) -> None:
    """Raises ValidationFailed."""
    try:
        tags.put(conn, arn, {one["Key"]: one["Value"] for one in given})
    except InvalidInput as error:  # EventBridge has another word for it than Glue
        raise ValidationFailed(str(error)) from error


def _existing(conn: psycopg.Connection, caller: Caller, asked: Mapping[str, Any]) -> str:
    """The rule's ARN, and the rule stays until this transaction ends. Raises ValidationFailed, RuleNotFound."""
    arn: str = asked["ResourceARN"]
    name = arn.removeprefix(arn_of(caller, ""))
    if arn == name or not name:
        raise ValidationFailed(
            f"ResourceARN {arn}: expected {arn_of(caller, '')}NAME; rules of this account and region can be tagged"
        )
    rules.get(conn, place_of(caller), name, for_update=True)
    return arn
