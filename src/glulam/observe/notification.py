"""What a channel is told: one value that each kind of channel says in its own form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WORDS = {"TRIGGER": "", "ACKNOWLEDGE": "acknowledged: ", "RESOLVE": "resolved: "}


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One delivery of one alert."""

    delivery_id: str
    """The same for every try of this delivery: who gets it twice knows it."""
    alert_id: str
    action: str
    """TRIGGER, ACKNOWLEDGE or RESOLVE."""
    cause: str
    rule: str
    severity: str
    title: str
    message: str
    events: int
    raised_at: datetime
    by: str | None
    """Who acknowledged or resolved it."""
    event: Mapping[str, Any]

    @property
    def heading(self) -> str:
        """`[P1] Job orders FAILED`, `[P1] resolved: Job orders FAILED`."""
        again = "nobody has acknowledged this: " if self.cause == "ESCALATION" else ""
        return f"[{self.severity}] {again}{WORDS[self.action]}{self.title}"

    @property
    def text(self) -> str:
        """The message with what there is to know of the alert, for a person."""
        lines = [self.message] if self.action == "TRIGGER" else []
        if self.by:
            lines.append(f"by {self.by}")
        if self.events > 1:
            lines.append(f"{self.events} events so far")
        lines.append(f"rule {self.rule}, alert {self.alert_id}, {self.raised_at:%Y-%m-%d %H:%M:%S} UTC")
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "delivery": self.delivery_id, "alert": self.alert_id, "action": self.action.lower(),
            "cause": self.cause.lower(), "rule": self.rule, "severity": self.severity, "title": self.title,
            "message": self.message, "events": self.events, "raised_at": self.raised_at.isoformat(), "by": self.by,
            "event": dict(self.event),
        }  # fmt: skip
