"""The workflows that an event rule starts: its targets, by the names of workflows. Other targets are left as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, kw_only=True)
class RuleTargets:
    """Of one rule."""

    events: Any
    """A client of EventBridge."""
    rule: str
    workflows: str
    """The ARN of a workflow, up to its name."""

    def names(self) -> list[str]:
        """The workflows, by name."""
        return sorted(self._there().values())

    def set(self, names: Sequence[str]) -> None:
        """Exactly these workflows are to start."""
        there = self._there()
        if gone := [target for target, name in there.items() if name not in names]:
            self.events.remove_targets(Rule=self.rule, Ids=gone)
        if new := [name for name in names if name not in there.values()]:
            targets = [{"Id": _IN_ID.sub("-", name)[:64], "Arn": self.workflows + name} for name in new]
            self.events.put_targets(Rule=self.rule, Targets=targets)

    def _there(self) -> dict[str, str]:
        """Names of workflows by the target's id."""
        pages = self.events.get_paginator("list_targets_by_rule").paginate(Rule=self.rule)
        found = (target for page in pages for target in page["Targets"])
        return {
            target["Id"]: target["Arn"].removeprefix(self.workflows)
            for target in found
            if target["Arn"].startswith(self.workflows)
        }
