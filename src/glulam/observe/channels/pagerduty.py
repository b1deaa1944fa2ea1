"""PagerDuty's Events API v2. One alert is one incident: its id is the dedup_key of trigger, acknowledge and resolve."""

from __future__ import annotations

import orjson

from glulam.observe.channel_kinds import PagerDutyChannel
from glulam.observe.channels.http import post
from glulam.observe.notification import Notification
from glulam.observe.reach import Reach

SEVERITIES = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}
MOST_SUMMARY = 1024


def send(channel: PagerDutyChannel, told: Notification, reach: Reach) -> str:
    document: dict[str, object] = {
        "routing_key": channel.routing_key,
        "event_action": told.action.lower(),
        "dedup_key": told.alert_id,
    }
    if told.action == "TRIGGER":
        document |= {"client": "Glulam", "payload": _payload(told)}
    return str(post(channel.endpoint, orjson.dumps(document), {"Idempotency-Key": told.delivery_id}, reach))


def _payload(told: Notification) -> dict[str, object]:
    return {
        "summary": told.heading[:MOST_SUMMARY], "source": str(told.event.get("source", "glulam")),
        "severity": SEVERITIES[told.severity], "timestamp": told.raised_at.isoformat(), "component": told.rule,
        "class": str(told.event.get("detail-type", "")),
        "custom_details": {"message": told.message, "events": told.events, "event": dict(told.event)},
    }  # fmt: skip
