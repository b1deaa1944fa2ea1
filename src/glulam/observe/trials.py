"""The test button: a channel is really told something, here and now, and what it answered is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from glulam.model.clock import new_batch_id, utc_now
from glulam.model.errors import GlulamError
from glulam.model.place import Place
from glulam.observe import definitions, secrets
from glulam.observe.notification import Notification
from glulam.observe.outlets import deliver
from glulam.observe.reach import Reach
from glulam.observe.secrets import Box
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class Trial:
    """How it went."""

    channel: str
    delivered: bool
    answer: str
    """What the channel said, or why it said nothing."""


def tell_test(
    database: Database, place: Place, name: str, box: Box, env: Mapping[str, str], reach: Reach
) -> Trial:
    """Tell one channel a test. An incident that this opens is closed again."""
    hidden: list[str] = []
    try:
        with database.connection() as conn:
            opened = definitions.open_channel(conn, place, name, box, env)
        hidden, told = opened.hidden, _notification(place, name)
        answer = deliver(opened.channel, told, reach)
        if opened.channel.type == "pagerduty":
            over = replace(told, action="RESOLVE", delivery_id=new_batch_id())
            answer += f"; resolved: {deliver(opened.channel, over, reach)}"
    except GlulamError as error:
        return Trial(channel=name, delivered=False, answer=secrets.scrubbed(str(error), hidden))
    return Trial(channel=name, delivered=True, answer=secrets.scrubbed(answer, hidden))


def _notification(place: Place, channel: str) -> Notification:
    now = utc_now()
    event: dict[str, Any] = {
        "source": "glulam", "detail-type": "Test", "account": place.account_id, "region": place.region,
        "time": now.isoformat(), "detail": {"channel": channel},
    }  # fmt: skip
    return Notification(
        delivery_id=new_batch_id(), alert_id=f"test-{new_batch_id()}", action="TRIGGER", cause="RULE", rule="test",
        severity="P3", title="A test of Glulam's alerts", message=f"Channel {channel} works.", events=1, raised_at=now,
        by=None, event=event,
    )  # fmt: skip
