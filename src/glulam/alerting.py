"""The parts of alerts, put together from the settings: here the room `observe` gets its key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from glulam.access.secrets import SecretBox
from glulam.observe.reach import Reach
from glulam.observe.router import AlertRouter
from glulam.observe.sender import AlertSender
from glulam.settings import Settings
from glulam.store.database import Database
from glulam.store.listening import attend

POLL_S = 1.0
"""Nobody is notified when the time of a delivery comes."""


def parts(settings: Settings, database: Database) -> dict[str, Callable[[threading.Event], None]]:
    """What a worker process does for alerts, by name; each runs until the event is set, and any number may run anywhere.

    The router makes alerts of events, the sender tells channels."""
    router = AlertRouter(database=database, home=settings.place)
    sender = AlertSender(database=database, box=SecretBox.open(settings), reach=Reach.of(settings))
    attended: dict[str, Callable[[], bool]] = {"alert-router": router.step, "alert-sender": sender.step}
    return {name: partial(_attend, database, name, step) for name, step in attended.items()}


def _attend(database: Database, name: str, step: Callable[[], bool], stop: threading.Event) -> None:
    attend(database, "glulam_event", lambda: 0.0 if step() else POLL_S, stop, name=name)
