"""What the queues of a crawler say: which objects changed since the crawl before.

Messages stay in their queue, hidden, until the crawl has ended, and are deleted only when it is COMPLETED: a crawl that dies
finds them again. A message that is no event goes to the dead-letter queue, where there is one; else it stays and is reported.
Left to others: what a message says (`objects/notices.py`), looking at what changed (`work.py`)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from glulam.crawl.targets import EventSource
from glulam.model.errors import InvalidInput, StorageFailed
from glulam.model.uri import S3Uri
from glulam.objects.notices import Message, Queue, parse_notices

log = logging.getLogger(__name__)

MOST_MESSAGES = 100_000
"""Of one queue in one crawl; what is left waits for the next one."""
HIDDEN_S = 900


Queues = Callable[[str], Queue]
"""The queue of an ARN. Raises InvalidInput, StorageFailed."""


@dataclass(kw_only=True)
class _Read:
    """What was received from one queue."""

    source: EventSource
    queue: Queue
    good: list[Message] = field(default_factory=list)
    bad: list[Message] = field(default_factory=list)


@dataclass(kw_only=True)
class Intake:
    """Of one crawl. Ends with `done` or `give_back`."""

    queues: Queues
    changed: set[S3Uri] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    _read: list[_Read] = field(default_factory=list)

    def read(self, sources: Iterable[EventSource], check: Callable[[], None]) -> None:
        """All that the queues hold now. Raises what `check` raises, StorageFailed."""
        for source in dict.fromkeys(sources):
            one = _Read(source=source, queue=self.queues(source.queue))
            self._read.append(one)
            while len(one.good) + len(one.bad) < MOST_MESSAGES:
                check()
                received = one.queue.receive(hidden_s=HIDDEN_S)
                if not received:
                    break
                for message in received:
                    self._take(one, message)
            self.notes.append(f"{source.queue}: {len(one.good)} messages")
            if one.bad:
                where = f"go to {source.dead_letters}" if source.dead_letters else "stay in it"
                self.notes.append(
                    f"{source.queue}: {len(one.bad)} messages are no events of objects, and {where}"
                )

    def _take(self, one: _Read, message: Message) -> None:
        try:
            self.changed |= {notice.uri for notice in parse_notices(message.body)}
        except InvalidInput as error:
            one.bad.append(message)
            self.notes.append(f"{one.source.queue}: message {message.id}: {error}")
        else:
            one.good.append(message)

    def done(self) -> None:
        """The crawl is COMPLETED. A queue that fails now changes nothing of that: its messages come again."""
        for one in self._read:
            try:
                one.queue.delete(one.good)
                if one.source.dead_letters:
                    self.queues(one.source.dead_letters).put([message.body for message in one.bad])
                    one.queue.delete(one.bad)
                else:
                    one.queue.give_back(one.bad)
            except (StorageFailed, InvalidInput) as error:
                log.warning("%s", error)

    def give_back(self) -> None:
        """The crawl changed nothing: the next one sees the messages at once."""
        for one in self._read:
            try:
                one.queue.give_back([*one.good, *one.bad])
            except StorageFailed as error:
                log.warning("%s", error)
