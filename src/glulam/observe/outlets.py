"""Which module tells which kind of channel. It is loaded when the first of its kind is told something: boto3 alone takes a
third of a second."""

from __future__ import annotations

import importlib
from typing import Protocol

from glulam.observe.channel_kinds import Channel
from glulam.observe.notification import Notification
from glulam.observe.reach import Reach


class _Outlet(Protocol):
    def send(self, channel: Channel, told: Notification, reach: Reach) -> str: ...


def deliver(channel: Channel, told: Notification, reach: Reach) -> str:
    """What the channel answered. Raises NotDelivered."""
    outlet: _Outlet = importlib.import_module(f"glulam.observe.channels.{channel.type}")
    return outlet.send(channel, told, reach)
