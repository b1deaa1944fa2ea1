"""What brings events in and sends them on, put together: the parts that run beside a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from glulam.events.dropped import DroppedFiles
from glulam.events.looks import Looks
from glulam.events.queued import QueuedEvents
from glulam.events.router import Router
from glulam.model.clock import utc_now
from glulam.objects.base import ObjectStore
from glulam.objects.notices import Queue
from glulam.settings import Settings
from glulam.store.database import Database

Run = Callable[[threading.Event], None]
"""Until the event is set."""


def parts(
    database: Database, store: ObjectStore, settings: Settings, queue: Callable[[str], Queue]
) -> dict[str, Run]:
    """By the name of its thread, what runs side by side. `queue`: the queue of an ARN or URL."""
    looks = Looks(
        database=database, store=store, account_id=settings.account_id, clock=utc_now,
        every_s=float(max(1, settings.event_look_s)), settle=timedelta(milliseconds=settings.event_settle_ms),
    )  # fmt: skip
    found: dict[str, Run] = {
        "event-router": Router(database=database, account_id=settings.account_id).run, "event-looks": looks.run,
    }  # fmt: skip
    if settings.objects == "local":
        found["event-files"] = DroppedFiles(looks=looks, root=settings.lake_root.resolve()).run
    for number, name in enumerate(queues(settings)):
        found[f"event-queue-{number}"] = QueuedEvents(
            database=database, name=name, queue=partial(queue, name)
        ).run
    return found


def queues(settings: Settings) -> list[str]:
    return [name.strip() for name in settings.event_queues.split(",") if name.strip()]
