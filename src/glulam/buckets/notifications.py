"""Who wants to hear of which change: a bucket's notification configuration, read and matched.

Nothing is sent from here: a change that matches becomes a row of `object_event`, and who acts on those reads them there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glulam.buckets.records import Event
from glulam.model.s3_errors import InvalidArgument

SETTING = "notification"
_REREAD_S = 1.0
_LISTS = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
EVENTS = {
    "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete",
    "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleTransition",
    "s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete",
}  # fmt: skip
"""Those that happen here."""


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One configuration of a bucket."""

    id: str
    target: str
    events: tuple[str, ...]
    """With `s3:` in front; `*` at the end stands for anything."""
    prefix: str = ""
    suffix: str = ""

    def wants(self, key: str, name: str) -> bool:
        full = f"s3:{name}"
        return (
            key.startswith(self.prefix) and key.endswith(self.suffix)
            and any(full == e or (e.endswith("*") and full.startswith(e[:-1])) for e in self.events)
        )  # fmt: skip


def subscriptions(document: Mapping[str, Any]) -> list[Subscription]:
    """What a NotificationConfiguration asks for. Raises InvalidArgument."""
    found = []
    for member, target in _LISTS.items():
        for number, one in enumerate(document.get(member) or (), 1):
            found.append(_subscription(one, str(one.get(target) or ""), f"{member}-{number}"))
    if document.get("EventBridgeConfiguration") is not None:
        found.append(Subscription(id="EventBridge", target="EventBridge", events=("s3:*",)))
    ids = [one.id for one in found]
    if len(set(ids)) != len(ids):
        raise InvalidArgument(
            "Same ID used for multiple configurations. IDs must be unique", ArgumentName="Id"
        )
    return found


def _subscription(one: Mapping[str, Any], target: str, default_id: str) -> Subscription:
    if not target.startswith("arn:"):
        raise InvalidArgument("The ARN is not well formed", ArgumentName="Arn", ArgumentValue=target)
    events = tuple(one.get("Events") or ())
    for event in events:
        if event not in EVENTS:
            raise InvalidArgument(f"The event {event!r} does not happen here; expected one of {', '.join(sorted(EVENTS))}",
                                  ArgumentName="Event", ArgumentValue=event)  # fmt: skip
    if not events:
        raise InvalidArgument("A notification configuration names at least one event", ArgumentName="Event")
    rules: dict[str, str] = {}
    for rule in ((one.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ():
        name = str(rule.get("Name") or "").lower()
        if name not in ("prefix", "suffix") or name in rules:
            raise InvalidArgument("filter rule name must be either prefix or suffix, each once", ArgumentName="FilterRule.Name",
                                  ArgumentValue=rule.get("Name"))  # fmt: skip
        rules[name] = rule.get("Value") or ""
    return Subscription(
        id=one.get("Id") or default_id, target=target, events=events, prefix=rules.get("prefix", ""),
        suffix=rules.get("suffix", ""),
    )  # fmt: skip


class Subscribers:
    """The configurations of all buckets, read again every second. `read` gives {bucket: document}."""

    def __init__(self, read: Callable[[], Mapping[str, Any]], monotonic: Callable[[], float]) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, list[Subscription]] = {}
        self._until = float("-inf")

    def __call__(
        self, bucket: str, key: str, name: str, size: int | None, etag: str | None
    ) -> Sequence[Event]:
        return [
            Event(
                configuration=one.id,
                target=one.target,
                name=name,
                bucket=bucket,
                key=key,
                size=size,
                etag=etag,
            )
            for one in self._of(bucket)
            if one.wants(key, name)
        ]

    def forget(self) -> None:
        """Read again at the next change: a configuration was set."""
        with self._lock:
            self._until = float("-inf")

    def _of(self, bucket: str) -> Sequence[Subscription]:
        with self._lock:
            if self._monotonic() >= self._until:
                self._known = {name: subscriptions(document) for name, document in self._read().items()}
                self._until = self._monotonic() + _REREAD_S
            return self._known.get(bucket, ())
