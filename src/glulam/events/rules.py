"""Event rules and their targets as the database keeps them. A target is a workflow of the rule's own account and region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from glulam.events.prefixes import watched
from glulam.model.errors import RuleLimitExceeded, RuleNotFound, ValidationFailed
from glulam.model.event_patterns import Pattern, parse_pattern
from glulam.model.place import Place
from glulam.model.uri import S3Uri
from glulam.store.documents import document

MOST_RULES = 300
"""In an account and region, as on EventBridge's default bus."""
MOST_TARGETS = 5
"""Of a rule, as in EventBridge."""

_RULE = "name, pattern, enabled, document"
_HERE = "account_id = %(account_id)s AND region = %(region)s"
_ONE = f"{_HERE} AND name = %(name)s"
_OF = f"{_HERE} AND rule = %(name)s"
PUT = """
INSERT INTO event_rule (account_id, region, name, pattern, enabled, document)
VALUES (%(account_id)s, %(region)s, %(name)s, %(pattern)s, %(enabled)s, %(document)s)
ON CONFLICT (account_id, region, name) DO UPDATE
  SET pattern = excluded.pattern, enabled = excluded.enabled, document = excluded.document, changed_at = clock_timestamp()
RETURNING xmax = 0 AS made
"""
COUNT = f"SELECT count(*) FROM event_rule WHERE {_HERE}"  # noqa: S608
GET = f"SELECT {_RULE} FROM event_rule WHERE {_ONE}"  # noqa: S608
PAGE = f"""
SELECT {_RULE} FROM event_rule WHERE {_HERE} AND name > %(after)s AND starts_with(name, %(prefix)s)
ORDER BY name LIMIT %(limit)s
"""  # noqa: S608
SWITCH = f"UPDATE event_rule SET enabled = %(enabled)s, changed_at = clock_timestamp() WHERE {_ONE}"  # noqa: S608
TOUCH = f"UPDATE event_rule SET changed_at = clock_timestamp() WHERE {_ONE}"  # noqa: S608
DELETE = f"DELETE FROM event_rule WHERE {_ONE}"  # noqa: S608
PUT_TARGET = """
INSERT INTO event_target (account_id, region, rule, id, workflow, document)
VALUES (%(account_id)s, %(region)s, %(name)s, %(id)s, %(workflow)s, %(document)s)
ON CONFLICT (account_id, region, rule, id) DO UPDATE SET workflow = excluded.workflow, document = excluded.document
"""
TARGETS = f"SELECT id, workflow, document FROM event_target WHERE {_OF} ORDER BY id"  # noqa: S608
REMOVE_TARGETS = f"DELETE FROM event_target WHERE {_OF} AND id = ANY (%(ids)s) RETURNING id"  # noqa: S608
ENABLED = """
SELECT r.account_id, r.region, r.name, r.pattern, r.changed_at, array_agg(DISTINCT t.workflow ORDER BY t.workflow)
FROM event_rule r JOIN event_target t ON t.account_id = r.account_id AND t.region = r.region AND t.rule = r.name
WHERE r.enabled GROUP BY r.account_id, r.region, r.name
"""


@dataclass(frozen=True, kw_only=True)
class Rule:
    name: str
    pattern: str
    enabled: bool
    document: Mapping[str, Any]
    """Description, RoleArn."""


@dataclass(frozen=True, kw_only=True)
class Target:
    id: str
    workflow: str
    document: Mapping[str, Any]
    """As PutTargets gave it."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """An enabled rule with a target."""

    place: Place
    rule: str
    pattern: Pattern
    since: datetime
    """When the rule or its targets were changed last."""
    workflows: tuple[str, ...]


def put(conn: psycopg.Connection, place: Place, rule: Rule) -> bool:
    """Make or replace it; whether it is new. Raises InvalidEventPattern, RuleLimitExceeded."""
    parse_pattern(rule.pattern)
    given = {"pattern": rule.pattern, "enabled": rule.enabled, "document": document(rule.document)}
    made = conn.execute(PUT, {**_at(place, rule.name), **given}).fetchone()
    row = conn.execute(COUNT, _at(place, "")).fetchone()
    if row is not None and row[0] > MOST_RULES:
        raise RuleLimitExceeded(
            f"{row[0]} rules in {place.account_id} {place.region}; expected at most {MOST_RULES}"
        )
    return made == (True,)


def get(conn: psycopg.Connection, place: Place, name: str, *, for_update: bool = False) -> Rule:
    """Raises RuleNotFound."""
    row = conn.execute(f"{GET} FOR UPDATE" if for_update else GET, _at(place, name)).fetchone()
    if row is None:
        raise RuleNotFound(f"Rule {name} does not exist on EventBus default.")
    return _rule(row)


def page(conn: psycopg.Connection, place: Place, prefix: str, after: str, limit: int) -> list[Rule]:
    given = {**_at(place, ""), "prefix": prefix, "after": after, "limit": limit}
    return [_rule(row) for row in conn.execute(PAGE, given).fetchall()]


def switch(conn: psycopg.Connection, place: Place, name: str, *, enabled: bool) -> None:
    """Raises RuleNotFound."""
    get(conn, place, name, for_update=True)
    conn.execute(SWITCH, {**_at(place, name), "enabled": enabled})


def delete(conn: psycopg.Connection, place: Place, name: str) -> None:
    """One that is not there is success. Raises ValidationFailed while it has targets."""
    if targets(conn, place, name):
        raise ValidationFailed("Rule can't be deleted since it has targets.")
    conn.execute(DELETE, _at(place, name))


def put_targets(conn: psycopg.Connection, place: Place, name: str, given: Sequence[Target]) -> None:
    """Add them, or replace those of the same ids. Raises RuleNotFound, RuleLimitExceeded."""
    get(conn, place, name, for_update=True)
    conn.execute(TOUCH, _at(place, name))
    for one in given:
        conn.execute(PUT_TARGET, {**_at(place, name), "id": one.id, "workflow": one.workflow,
                                  "document": document(one.document)})  # fmt: skip
    if (count := len(targets(conn, place, name))) > MOST_TARGETS:
        raise RuleLimitExceeded(f"rule {name} would have {count} targets; expected at most {MOST_TARGETS}")


def targets(conn: psycopg.Connection, place: Place, name: str) -> list[Target]:
    rows = conn.execute(TARGETS, _at(place, name)).fetchall()
    return [Target(id=id_, workflow=workflow, document=found) for id_, workflow, found in rows]


def remove_targets(conn: psycopg.Connection, place: Place, name: str, ids: Sequence[str]) -> set[str]:
    """Which of them were there. Raises RuleNotFound."""
    get(conn, place, name, for_update=True)
    rows = conn.execute(REMOVE_TARGETS, {**_at(place, name), "ids": list(ids)}).fetchall()
    return {row[0] for row in rows}


def routes(conn: psycopg.Connection) -> list[Route]:
    """Of all accounts and regions."""
    return [
        Route(place=Place(account_id=account, region=region), rule=name, pattern=parse_pattern(pattern), since=since,
              workflows=tuple(workflows))
        for account, region, name, pattern, since, workflows in conn.execute(ENABLED).fetchall()
    ]  # fmt: skip


def asked(conn: psycopg.Connection, account_id: str) -> dict[S3Uri, datetime]:
    """The prefixes that the enabled rules of an account name, and since when."""
    since: dict[S3Uri, datetime] = {}
    for route in routes(conn):
        if route.place.account_id == account_id:
            for found in watched([route.pattern]):
                since[found] = min(route.since, since.get(found, route.since))
    return since


def _rule(row: tuple[Any, ...]) -> Rule:
    return Rule(name=row[0], pattern=row[1], enabled=row[2], document=row[3])


def _at(place: Place, name: str) -> dict[str, Any]:
    return {"account_id": place.account_id, "region": place.region, "name": name}
