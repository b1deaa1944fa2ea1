"""Slack's incoming webhooks, and what takes the same (Mattermost, Rocket.Chat, Discord's `/slack`)."""

from __future__ import annotations

import orjson

from glulam.observe.channel_kinds import SlackChannel
from glulam.observe.channels.http import post
from glulam.observe.notification import Notification
from glulam.observe.reach import Reach


def send(channel: SlackChannel, told: Notification, reach: Reach) -> str:
    text = f"*{_plain(told.heading)}*\n{_plain(told.text)}"
    body = orjson.dumps({"text": text})
    return str(post(channel.url, body, {"Idempotency-Key": told.delivery_id}, reach))


def _plain(text: str) -> str:
    """Nothing in an event is a link or calls a whole channel: the three characters that Slack reads are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
