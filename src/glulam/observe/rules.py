"""Rules: which events are an alert, how grave it is, what it says, and who is told when. docs/alerts.md has each key.

A rule names its events in the readable form (`event`, `source`, `where`) or as EventBridge does (`pattern`). The readable one
becomes the other (`When.as_pattern`), and `model/event_patterns.py` decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated, Any, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from glulam.model import event_patterns
from glulam.model.errors import InvalidInput
from glulam.model.yaml_file import said
from glulam.observe import templates
from glulam.observe.fields import (
    ONE_OR_MORE,
    ClockTime,
    Duration,
    Names,
    Part,
    Severities,
    Severity,
    Template,
    Zone,
)
from glulam.observe.quiet import DAYS, Day, QuietHours

MOST_TITLE, MOST_MESSAGE, MOST_KEY = 200, 4000, 500
_NUMBERS = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<=", "equals": "="}
M = TypeVar("M", bound=Part)
Texts = Annotated[tuple[str, ...], ONE_OR_MORE]


class When(Part):
    """Which events: by name and conditions, or by a pattern."""

    event: Texts = ()
    source: Texts = ()
    where: dict[str, Any] = Field(default_factory=dict)
    pattern: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.pattern is None) == (not self.event and not self.source):
            raise ValueError("expected either event or source, or else a pattern")
        if self.pattern is not None and self.where:
            raise ValueError("a pattern has its conditions inside; expected no where beside it")
        try:
            event_patterns.check(self.as_pattern())
        except InvalidInput as error:
            raise ValueError(str(error)) from None
        return self

    def as_pattern(self) -> dict[str, Any]:
        """As EventBridge has it."""
        if self.pattern is not None:
            return self.pattern
        found: dict[str, Any] = {}
        if self.source:
            found["source"] = list(self.source)
        if self.event:
            found["detail-type"] = list(self.event)
        for field, condition in self.where.items():
            *path, last = field.split(".")
            place = found.setdefault("detail", {})
            for step in path:
                place = place.setdefault(step, {})
                if not isinstance(place, dict):
                    raise InvalidInput(f"where: {field} lies inside of a field that has a condition itself")
            if last in place:
                raise InvalidInput(f"where: {field} has a condition, and fields inside of it have others")
            place[last] = [
                _matcher(one) for one in (condition if isinstance(condition, list) else [condition])
            ]
        return found

    def fits(self, event: Mapping[str, Any]) -> bool:
        return event_patterns.matches(self.as_pattern(), event)


def _matcher(condition: Any) -> Any:
    """`{above: 0, at_most: 5}` and `{not: x}` in EventBridge's words; all else is said the same way there."""
    if not isinstance(condition, dict):
        return condition
    if set(condition) == {"not"}:
        return {"anything-but": condition["not"]}
    if condition and set(condition) <= set(_NUMBERS):
        # the lower limit first
        return {
            "numeric": [
                part
                for word, sign in _NUMBERS.items()
                if word in condition
                for part in (sign, condition[word])
            ]
        }
    return condition


class Dedupe(Part):
    """The same key within the window is the same alert."""

    key: Template = "{rule}"
    window: Duration = timedelta(minutes=5)


class Quiet(Part):
    """Alerts wait until these hours are over."""

    from_: ClockTime = Field(alias="from")
    to: ClockTime
    time_zone: Zone
    days: Annotated[tuple[Day, ...], ONE_OR_MORE] = DAYS
    pass_: Severities = Field(("P0",), alias="pass")

    def hours(self) -> QuietHours:
        days = frozenset(DAYS.index(day) for day in self.days)
        return QuietHours(start=self.from_, end=self.to, zone=self.time_zone, days=days, passing=self.pass_)


class Escalation(Part):
    """Also these channels are told when nobody has acknowledged the alert for so long."""

    after: Duration
    channels: Names = Field(min_length=1)


class Rule(When):
    """One rule, checked."""

    description: str = ""
    severity: Severity
    channels: Names = ()
    title: Template = "{rule}: {detail-type}"
    message: Template | None = None
    dedupe: Dedupe = Dedupe()
    quiet_hours: Quiet | None = None
    escalate: Annotated[tuple[Escalation, ...], ONE_OR_MORE] = ()
    resolved_by: When | None = None

    @model_validator(mode="after")
    def _resolved_by_key(self) -> Self:
        if self.resolved_by is not None and "key" not in self.dedupe.model_fields_set:
            raise ValueError("resolved_by needs dedupe.key: it says which alert an event resolves")
        return self

    @property
    def named_channels(self) -> list[str]:
        """Every channel that the rule names."""
        return list(dict.fromkeys([*self.channels, *(c for step in self.escalate for c in step.channels)]))


def read(name: str, document: Mapping[str, Any]) -> Rule:
    """Raises InvalidInput, which names the rule and the key."""
    return read_as(Rule, f"alert rule {name}", document)


def read_as(kind: type[M], what: str, document: Mapping[str, Any], hidden: Collection[str] = ()) -> M:
    """A document as a value of its kind. Raises InvalidInput with a line for each mistake."""
    found = problems(kind, document, hidden)
    if isinstance(found, kind):
        return found
    lines = (f"{what}: {'.'.join(map(str, place)) or 'it'}: {text}" for place, text in found)
    raise InvalidInput("\n".join(lines))


def problems(
    kind: type[M], document: Mapping[str, Any], hidden: Collection[str] = ()
) -> M | list[tuple[tuple[str | int, ...], str]]:
    """A document as a value of its kind, or each mistake: where, and what. hidden: keys whose values no message shows."""
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        return [
            (e["loc"], said({**e, "input": {}} if e["loc"] and e["loc"][0] in hidden else dict(e)))
            for e in error.errors()
        ]


def title(rule: Rule, fields: Mapping[str, Any]) -> str:
    return templates.line(templates.render(rule.title, fields, MOST_TITLE))


def message(rule: Rule, fields: Mapping[str, Any]) -> str:
    if rule.message is None:
        return templates.listing(fields.get("detail") or {}, MOST_MESSAGE)
    return templates.render(rule.message, fields, MOST_MESSAGE)


def dedupe_key(rule: Rule, fields: Mapping[str, Any]) -> str:
    return templates.render(rule.dedupe.key, fields, MOST_KEY)
