"""What a bucket's lifecycle configuration asks for, and which object is due for what. Pure: the actor is `ageing.py`.

An object is due at the first midnight (UTC) that lies the days behind its last modification, as in S3. Expiry wins over
transition, the later of two transitions over the earlier. A transition moves the object to the bucket's archive folder:

    logs/2024/a.gz   ->   _archive/GLACIER/logs/2024/a.gz

Below that folder an object counts under the name that it had; it is not moved again unless to a later class, and expires
when its rule says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from glulam.model import s3_errors
from glulam.model.s3_errors import InvalidArgument, MalformedXML

SETTING = "lifecycle"
ARCHIVE = "_archive/"
CLASSES = ("STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
MOST_RULES = 1000


@dataclass(frozen=True, kw_only=True)
class When:
    """So many days after the last modification, or from a date on."""

    days: int | None = None
    date: datetime | None = None

    def is_due(self, modified: datetime, now: datetime) -> bool:
        if self.days is None:
            return self.date is not None and now >= self.date
        after = modified + timedelta(days=self.days)
        midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
        return now >= (midnight if midnight == after else midnight + timedelta(days=1))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An enabled rule."""

    id: str
    prefix: str = ""
    tags: Mapping[str, str]
    size_above: int | None = None
    size_below: int | None = None
    expiry: When | None = None
    transitions: tuple[tuple[When, str], ...] = ()
    """With the storage class that each leads to."""
    abort_days: int | None = None
    """Unfinished uploads are aborted after so many days."""

    def covers(self, key: str, size: int, tags: Mapping[str, str]) -> bool:
        return (
            key.startswith(self.prefix) and self.tags.items() <= tags.items()
            and (self.size_above is None or size > self.size_above)
            and (self.size_below is None or size < self.size_below)
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Due:
    """What becomes of an object: it moves to `target`, or expires (None)."""

    rule: str
    target: str | None
    storage_class: str = ""


def decide(
    rules: Sequence[Rule], key: str, size: int, modified: datetime, tags: Mapping[str, str], now: datetime
) -> Due | None:
    """What is due for an object now."""
    name, held = original_of(key)
    covering = [rule for rule in rules if rule.covers(name, size, tags)]
    for rule in covering:
        if rule.expiry is not None and rule.expiry.is_due(modified, now):
            return Due(rule=rule.id, target=None)
    due = [
        (CLASSES.index(storage_class), rule.id)
        for rule in covering
        for when, storage_class in rule.transitions
        if when.is_due(modified, now)
    ]
    if not due or (held and CLASSES.index(held) >= max(due)[0]):
        return None
    rank, rule_id = max(due)
    return Due(rule=rule_id, target=f"{ARCHIVE}{CLASSES[rank]}/{name}", storage_class=CLASSES[rank])


def original_of(key: str) -> tuple[str, str]:
    """The name that an archived object had, and its storage class; a key itself and nothing otherwise."""
    if key.startswith(ARCHIVE):
        storage_class, slash, name = key[len(ARCHIVE) :].partition("/")
        if slash and name and storage_class in CLASSES:
            return name, storage_class
    return key, ""


def rules_of(document: Mapping[str, Any]) -> list[Rule]:
    """The enabled rules of a LifecycleConfiguration. Raises InvalidArgument, MalformedXML or NotImplemented."""
    given = document.get("Rules") or ()
    if not 1 <= len(given) <= MOST_RULES:
        raise MalformedXML()
    rules = [_rule(rule, number) for number, rule in enumerate(given, 1)]
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise InvalidArgument(
            "Rule ID must be unique. Found same ID for more than one rule", ArgumentName="ID"
        )
    return [rule for rule, one in zip(rules, given, strict=True) if one["Status"] == "Enabled"]


def _rule(given: Mapping[str, Any], number: int) -> Rule:
    for member in ("NoncurrentVersionTransitions", "NoncurrentVersionExpiration"):
        if given.get(member):
            raise s3_errors.NotImplemented(
                f"Versions of objects are not kept here: {member} would do nothing"
            )
    if given.get("Status") not in ("Enabled", "Disabled"):
        raise MalformedXML()
    expiry = given.get("Expiration") or {}
    if expiry.get("ExpiredObjectDeleteMarker"):
        raise s3_errors.NotImplemented(
            "There are no delete markers here: ExpiredObjectDeleteMarker would do nothing"
        )
    abort = (given.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
    transitions = tuple((_when(one), _class(one)) for one in given.get("Transitions") or ())
    if not expiry and not transitions and abort is None:
        raise InvalidArgument("At least one action needs to be specified in a rule", ArgumentName="Rule")
    filters = given.get("Filter") or {}
    both = filters.get("And") or filters
    tags = [*(both.get("Tags") or ()), *([both["Tag"]] if both.get("Tag") else [])]
    if abort is not None and (abort < 1 or tags):
        raise InvalidArgument("AbortIncompleteMultipartUpload takes a positive number of days and no tags",
                              ArgumentName="DaysAfterInitiation", ArgumentValue=abort)  # fmt: skip
    return Rule(
        id=given.get("ID") or f"rule-{number}", prefix=given.get("Prefix") or both.get("Prefix") or "",
        tags={tag["Key"]: tag["Value"] for tag in tags}, size_above=both.get("ObjectSizeGreaterThan"),
        size_below=both.get("ObjectSizeLessThan"), expiry=_when(expiry) if expiry else None, transitions=transitions,
        abort_days=abort,
    )  # fmt: skip


def _when(given: Mapping[str, Any]) -> When:
    days, date = given.get("Days"), given.get("Date")
    if (days is None) == (date is None):
        raise MalformedXML()
    if days is not None and days < 1:
        raise InvalidArgument("'Days' must be a positive integer", ArgumentName="Days", ArgumentValue=days)
    if isinstance(date, str):
        date = datetime.fromisoformat(date)
    if date is not None:
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        if (date.hour, date.minute, date.second) != (0, 0, 0):
            raise InvalidArgument(
                "'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=date.isoformat()
            )
    return When(days=days, date=date)


def _class(given: Mapping[str, Any]) -> str:
    found = given.get("StorageClass")
    if found not in CLASSES:
        raise MalformedXML()
    return str(found)
