"""A project's plan for a person: what is added, changed and removed, member by member. In colour on a terminal."""

from __future__ import annotations

import json
import os
import sys

from glulam.project.diff import FieldDiff
from glulam.project.plan import Action, Change, Plan, counts

_SIGNS = {
    Action.ADD: ("+", 32),
    Action.CHANGE: ("~", 33),
    Action.REPLACE: ("-/+", 31),
    Action.REMOVE: ("-", 31),
}
_WORDS = {
    Action.ADD: "to add",
    Action.CHANGE: "to change",
    Action.REPLACE: "to replace",
    Action.REMOVE: "to remove",
}
_LONGEST = 200


def show_plan(plan: Plan) -> None:
    for change in plan.changes:
        print(line(change))
        for field in change.fields:
            print(f"    {_field(field, change.action)}")
    where = f" for {plan.environment}" if plan.environment else ""
    if not plan.changes:
        print(f"project {plan.project}{where}: the server has it all as it is declared")
        return
    said = ", ".join(f"{number} {_WORDS[action]}" for action, number in counts(plan).items() if number)
    print(f"\nplan of project {plan.project}{where}: {said}")


def line(change: Change) -> str:
    """`+ job lister  (jobs/elt.yaml:3)`."""
    sign, colour = _SIGNS[change.action]
    place = "" if change.action is Action.REMOVE else f"  ({change.place})"
    return f"{_coloured(f'{sign} {change.id}', colour)}{place}"


def _field(field: FieldDiff, action: Action) -> str:
    name = ".".join(field.path)
    if action is Action.ADD:
        return f"{name}: {_value(field.after)}"
    before, after = (_coloured(_value(v), c) for v, c in ((field.before, 31), (field.after, 32)))
    if field.before is None:
        return f"{name}: {after}"
    return f"{name}: {before} -> {after if field.after is not None else 'taken away'}"


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def _coloured(text: str, colour: int) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{colour}m{text}\x1b[0m"
