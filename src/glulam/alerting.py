"""The parts of alerts, put together from the settings: here the room `observe` gets its key and learns where it may go."""

from __future__ import annotations

from glulam.access.secrets import SecretBox
from glulam.model.addresses import is_loopback
from glulam.model.place import Place
from glulam.observe.reach import Reach
from glulam.observe.router import AlertRouter
from glulam.observe.sender import AlertSender
from glulam.settings import Settings
from glulam.store.database import Database


def home(settings: Settings) -> Place:
    """Whose events are that name no account, and whose alerts the command shows."""
    return Place(account_id=settings.account_id, region=settings.region)


def reach(settings: Settings) -> Reach:
    """Private addresses are open by default only where nobody else can reach the server."""
    return Reach.parse(settings.alert_hosts, private=is_loopback(settings.host))


def router(settings: Settings, database: Database) -> AlertRouter:
    """Makes alerts of events: call `step` until it finds nothing, and again when there is news."""
    return AlertRouter(database=database, home=home(settings))


def sender(settings: Settings, database: Database) -> AlertSender:
    """Tells channels: call `step` until it finds nothing, and again when there is news, at least every second."""
    return AlertSender(database=database, box=SecretBox.open(settings), reach=reach(settings))
