"""Events of objects from a queue at SQS: S3's notifications, or what EventBridge sent there.

    receive ─▶ tell, one transaction ─▶ delete

A message is deleted when its events are in the outbox: at least once; those that are told twice are known again. One that is
no event is logged and left: it comes again, and goes where the queue's redrive policy says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg

from glulam.events import announcing
from glulam.model.errors import DatabaseUnavailable, GlulamError, InvalidInput
from glulam.model.failpoints import failpoint
from glulam.objects.notices import Message, Notice, Queue, parse_notices
from glulam.store.database import Database

log = logging.getLogger(__name__)

_HIDDEN_S = 60
_WAIT_S = 2
_LOST_S = 5.0


@dataclass
class QueuedEvents:
    """Reads one queue."""

    database: Database
    name: str
    queue: Callable[[], Queue]
    """Raises InvalidInput, StorageFailed."""
    _queue: Queue | None = field(default=None)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.step(_WAIT_S)
            except (psycopg.Error, DatabaseUnavailable, GlulamError) as error:
                log.warning("events of queue %s: %s", self.name, str(error).strip())
                stop.wait(_LOST_S)

    def step(self, wait_s: int = 0) -> bool:
        """Read once; whether there was anything."""
        if self._queue is None:
            self._queue = self.queue()
        messages = self._queue.receive(hidden_s=_HIDDEN_S, wait_s=wait_s)
        notices: list[Notice] = []
        good: list[Message] = []
        for message in messages:
            try:
                notices += parse_notices(message.body)
                good.append(message)
            except InvalidInput as error:
                log.warning("queue %s, message %s: %s", self.name, message.id, error)
        if good:
            failpoint("events.after_received")
            with self.database.transaction() as conn:
                announcing.objects(conn, notices)
            failpoint("events.after_told")
            self._queue.delete(good)
        return bool(messages)
