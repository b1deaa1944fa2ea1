"""A line of JSON in the log of the process that sends, of the logger `glulam.alerts`."""

from __future__ import annotations

import logging

import orjson

from glulam.observe.channel_kinds import LogChannel
from glulam.observe.notification import Notification
from glulam.observe.reach import Reach

log = logging.getLogger("glulam.alerts")


def send(channel: LogChannel, told: Notification, reach: Reach) -> str:
    log.warning("alert %s", orjson.dumps(told.as_json()).decode())
    return "logged"
