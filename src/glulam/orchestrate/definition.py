"""A trigger as a value, read from Glue's members and checked when it is set.

Left to others: keeping triggers (`triggers.py`), deciding what they do (`decide.py`, `due.py`, `batching.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from glulam.model.cron import parse_schedule
from glulam.model.errors import InvalidInput


class TriggerType(StrEnum):
    ON_DEMAND = "ON_DEMAND"
    SCHEDULED = "SCHEDULED"
    CONDITIONAL = "CONDITIONAL"
    EVENT = "EVENT"


class TriggerState(StrEnum):
    """Glue's, without the passing ones: a change here is done when it is answered."""

    CREATED = "CREATED"
    ACTIVATED = "ACTIVATED"
    DEACTIVATED = "DEACTIVATED"


class Kind(StrEnum):
    """What a trigger sets off, or waits for."""

    JOB = "JOB"
    CRAWLER = "CRAWLER"


JOB_STATES = ("SUCCEEDED", "STOPPED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED")
CRAWL_STATES = ("SUCCEEDED", "FAILED", "CANCELLED", "ERROR")
"""States in which something ends: only for these can a condition wait."""
_ACTION_MEMBERS = ("Arguments", "Timeout", "SecurityConfiguration", "NotificationProperty")
DEFAULT_WINDOW_S = 900


@dataclass(frozen=True, kw_only=True)
class Action:
    kind: Kind
    name: str
    asked: Mapping[str, Any]
    """Members of StartJobRun."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    kind: Kind
    name: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One trigger, as it stands."""

    name: str
    type: TriggerType
    state: TriggerState
    workflow: str
    """Empty: it is part of none."""
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...] = ()
    any_of_them: bool = False
    """One condition is enough."""
    document: Mapping[str, Any]
    """Glue's members: Actions, Predicate, Schedule, EventBatchingCondition, Description."""

    @property
    def batch_size(self) -> int:
        return int((self.document.get("EventBatchingCondition") or {}).get("BatchSize") or 1)

    @property
    def batch_window_s(self) -> int:
        said = (self.document.get("EventBatchingCondition") or {}).get("BatchWindow")
        return DEFAULT_WINDOW_S if said is None else int(said)


def read_trigger(name: str, kind: str, state: str, workflow: str, document: Mapping[str, Any]) -> Trigger:
    """From what was checked when it was set."""
    predicate = document.get("Predicate") or {}
    return Trigger(
        name=name, type=TriggerType(kind), state=TriggerState(state), workflow=workflow, document=document,
        actions=tuple(_action(one) for one in document.get("Actions") or ()),
        conditions=tuple(_condition(one) for one in predicate.get("Conditions") or ()),
        any_of_them=predicate.get("Logical") == "ANY",
    )  # fmt: skip


def check_trigger(name: str, kind: str, workflow: str, document: Mapping[str, Any]) -> None:
    """Raises InvalidInput that names the member, what was found and what was expected."""
    what = f"trigger {name!r}"
    actions = document.get("Actions") or ()
    if not actions:
        raise InvalidInput(f"{what}: Actions is empty; expected at least one action")
    for number, action in enumerate(actions):
        _check_action(f"{what}: Actions[{number}]", action)
    _check_alone(what, kind, "Schedule", TriggerType.SCHEDULED, document)
    _check_alone(what, kind, "Predicate", TriggerType.CONDITIONAL, document)
    if document.get("EventBatchingCondition") is not None and kind != TriggerType.EVENT:
        raise InvalidInput(f"{what}: EventBatchingCondition is for EVENT triggers; this one is {kind}")
    if kind == TriggerType.EVENT and not workflow:
        raise InvalidInput(f"{what}: an EVENT trigger starts a workflow; WorkflowName is missing")
    if kind == TriggerType.SCHEDULED:
        parse_schedule(document["Schedule"])
    if kind == TriggerType.CONDITIONAL:
        _check_predicate(what, document["Predicate"])


def _check_alone(what: str, kind: str, member: str, owner: TriggerType, document: Mapping[str, Any]) -> None:
    if bool(document.get(member)) != (kind == owner):
        said = "is missing" if kind == owner else f"is given, and the trigger is {kind}"
        raise InvalidInput(f"{what}: {member} {said}; expected it for {owner} triggers, and for these only")


def _check_action(what: str, action: Mapping[str, Any]) -> None:
    job, crawler = action.get("JobName"), action.get("CrawlerName")
    if bool(job) == bool(crawler):
        raise InvalidInput(f"{what}: expected JobName or CrawlerName; found {'both' if job else 'neither'}")
    given = [member for member in _ACTION_MEMBERS if action.get(member)]
    if crawler and given:
        raise InvalidInput(f"{what}: {given[0]} is for jobs; the action starts crawler {crawler!r}")


def _check_predicate(what: str, predicate: Mapping[str, Any]) -> None:
    conditions = predicate.get("Conditions") or ()
    if not conditions:
        raise InvalidInput(f"{what}: Predicate.Conditions is empty; expected at least one condition")
    for number, one in enumerate(conditions):
        where = f"{what}: Predicate.Conditions[{number}]"
        job, crawler = one.get("JobName"), one.get("CrawlerName")
        if bool(job) == bool(crawler):
            raise InvalidInput(
                f"{where}: expected JobName or CrawlerName; found {'both' if job else 'neither'}"
            )
        member, states = ("State", JOB_STATES) if job else ("CrawlState", CRAWL_STATES)
        other = "CrawlState" if job else "State"
        if one.get(member) not in states or one.get(other):
            found = one.get(member) or one.get(other)
            raise InvalidInput(f"{where}: {member} is {found!r}; expected one of {', '.join(states)}")


def _action(one: Mapping[str, Any]) -> Action:
    asked = {member: one[member] for member in _ACTION_MEMBERS if one.get(member) is not None}
    if one.get("JobName"):
        return Action(kind=Kind.JOB, name=one["JobName"], asked=asked)
    return Action(kind=Kind.CRAWLER, name=one["CrawlerName"], asked=asked)


def _condition(one: Mapping[str, Any]) -> Condition:
    if one.get("JobName"):
        return Condition(kind=Kind.JOB, name=one["JobName"], state=one["State"])
    return Condition(kind=Kind.CRAWLER, name=one["CrawlerName"], state=one["CrawlState"])
