"""Things of a server that AWS services keep, read and written by boto3's clients.

Which operation does what is in the table of kinds (`project/kinds.py`); here it becomes calls. All texts that come out are
filled ones (`project/texts.py`); what goes in was revealed by the caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from glulam.cli.rule_targets import RuleTargets
from glulam.model.errors import ConnectionFailed, ServerRefused
from glulam.project.kinds import (
    MODELLED,
    OWNER_TAG,
    Document,
    ModelKind,
    ResourceId,
    identity,
    operation,
    read_back,
)
from glulam.project.plan import Seen
from glulam.project.texts import each_text, escaped

NOT_THERE = ("EntityNotFoundException", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "404")


@dataclass(frozen=True, kw_only=True)
class GlueThings:
    """Of one server."""

    clients: Mapping[str, Any]
    """By service: those of the kinds."""
    account_id: str
    region: str

    def see(self, id: ResourceId) -> Seen:
        """The thing as it is."""
        kind = MODELLED[id.section]
        answer = self._find(kind, kind.get, **_named(kind, kind.get, id), **_GRAPH.get(id.section, {}))
        if answer is None:
            return Seen(document=None)
        raw = answer[kind.answer] if kind.answer else answer
        own = {"workflows": self._targets(id)} if kind.section == "events" else {}
        document = each_text(plain(read_back(kind, {**raw, **own})), escaped)
        if not kind.tagged:
            return Seen(document=document)
        tags = self._tags(kind, id)
        owner = tags.pop(OWNER_TAG, None)
        if tags:
            document["Tags"] = each_text(tags, escaped)
        return Seen(document=document, owner=owner, holds=tuple(self._held(kind, id, raw)))

    def _held(self, kind: ModelKind, id: ResourceId, raw: Document) -> Iterator[ResourceId]:
        """What would go when it goes."""
        if kind.holds == "tables":
            yield from self.all(MODELLED["tables"], id.name)
        elif kind.holds == "triggers":
            nodes = (raw.get("Graph") or {}).get("Nodes") or ()
            yield from (identity(MODELLED["triggers"], n["Name"]) for n in nodes if n["Type"] == "TRIGGER")

    def all(self, kind: ModelKind, database: str | None = None) -> Iterator[ResourceId]:
        """The names of all things of a kind; of tables, in one database."""
        parent = {} if kind.parent is None or database is None else {kind.parent: database}
        with told(kind.pages):
            for page in self.clients[kind.service].get_paginator(xform_name(kind.pages)).paginate(**parent):
                for found in page[kind.listed]:
                    yield identity(kind, *parent.values(), _name_of(kind, found))

    def create(self, id: ResourceId, document: Document, project: str) -> None:
        """Make it, the project's own."""
        kind = MODELLED[id.section]
        beside = {member: document[member] for member in kind.beside if member in document}
        inner = {m: v for m, v in document.items() if m not in ("Tags", *kind.beside, *(kind.extra or ()))}
        owned = {**document.get("Tags", {}), OWNER_TAG: project}
        tags = {"Tags": _listed(owned) if kind.service == "events" else owned} if kind.tagged else {}
        given: Document = (
            _named_inside(kind, id, inner) if kind.named_inside else {**inner, "Name": id.names[-1]}
        )
        given = {kind.input: given} if kind.input else given
        parent = {kind.parent: id.names[0]} if kind.parent else {}
        self._call(kind, kind.create, **given, **parent, **beside, **tags)
        if kind.section == "events":
            self._aim(id, document.get("workflows", []))

    def update(self, id: ResourceId, document: Document) -> None:
        """Make it as `document` says, but for tags and its switch."""
        kind = MODELLED[id.section]
        shape = operation(kind.service, kind.update)
        if kind.named_inside:
            self._call(kind, kind.update, **_named_inside(kind, id, document))
        elif kind.changed is None:
            given = {m: v for m, v in document.items() if m in shape.members}
            self._call(kind, kind.update, **{**given, "Name": id.name})
        else:
            inner: Any = shape.members[kind.changed]
            given = {m: v for m, v in document.items() if m in inner.members}
            own = {"Name": id.names[-1]} if "Name" in inner.required_members else {}
            self._call(kind, kind.update, **_named(kind, kind.update, id), **{kind.changed: {**given, **own}})
        if kind.section == "events":
            self._aim(id, document.get("workflows", []))

    def retag(self, id: ResourceId, before: Mapping[str, str], after: Mapping[str, str]) -> None:
        added = {key: value for key, value in after.items() if before.get(key) != value}
        gone = [key for key in before if key not in after]
        kind, arn = MODELLED[id.section], self._arn(id)
        if added and kind.service == "events":
            self._call(kind, "TagResource", ResourceARN=arn, Tags=_listed(added))
        elif added:
            self._call(kind, "TagResource", ResourceArn=arn, TagsToAdd=added)
        if gone and kind.service == "events":
            self._call(kind, "UntagResource", ResourceARN=arn, TagKeys=gone)
        elif gone:
            self._call(kind, "UntagResource", ResourceArn=arn, TagsToRemove=gone)

    def _tags(self, kind: ModelKind, id: ResourceId) -> dict[str, str]:
        if kind.service == "events":
            found = self._call(kind, "ListTagsForResource", ResourceARN=self._arn(id))["Tags"]
            return {tag["Key"]: tag["Value"] for tag in found}
        return dict(self._call(kind, "GetTags", ResourceArn=self._arn(id))["Tags"])

    def switch(self, id: ResourceId, *, on: bool) -> None:
        kind = MODELLED[id.section]
        assert kind.switch is not None
        self._call(kind, kind.switch[1 if on else 2], Name=id.name)

    def delete(self, id: ResourceId) -> None:
        """One that is not there is fine."""
        kind = MODELLED[id.section]
        if kind.section == "events" and self._find(kind, kind.get, Name=id.name) is not None:
            self._aim(id, [])
        self._find(kind, kind.delete, **_named(kind, kind.delete, id))

    def _arn(self, id: ResourceId) -> str:
        kind = MODELLED[id.section]
        noun = "rule" if kind.service == "events" else kind.noun
        return f"arn:aws:{kind.service}:{self.region}:{self.account_id}:{noun}/{'/'.join(id.names)}"

    def _rule(self, id: ResourceId) -> RuleTargets:
        workflows = f"arn:aws:glue:{self.region}:{self.account_id}:workflow/"
        return RuleTargets(events=self.clients["events"], rule=id.name, workflows=workflows)

    def _targets(self, id: ResourceId) -> list[str]:
        with told("ListTargetsByRule"):
            return self._rule(id).names()

    def _aim(self, id: ResourceId, workflows: Sequence[str]) -> None:
        with told("PutTargets, RemoveTargets"):
            self._rule(id).set(workflows)

    def _call(self, kind: ModelKind, name: str, **given: Any) -> Any:
        with told(name):
            return getattr(self.clients[kind.service], xform_name(name))(**given)

    def _find(self, kind: ModelKind, name: str, **given: Any) -> Any:
        """The answer; None when there is no such thing."""
        with told(name):
            try:
                return getattr(self.clients[kind.service], xform_name(name))(**given)
            except ClientError as error:
                if error.response["Error"]["Code"] in NOT_THERE:
                    return None
                raise


_GRAPH: Mapping[str, Mapping[str, Any]] = {"workflows": {"IncludeGraph": True}}


@contextmanager
def told(what: str) -> Iterator[None]:
    """Errors of boto3 as ours."""
    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        code = str(found.get("Code"))
        raise ServerRefused(f"{what}: {code}: {found.get('Message')}", code) from error
    except BotoCoreError as error:
        raise ConnectionFailed(f"{what}: {error}") from error


def _named(kind: ModelKind, name: str, id: ResourceId) -> Document:
    """The members that say of which thing an operation is."""
    required = operation(kind.service, name).required_members
    own = next((m for m in required if m not in (kind.parent, kind.changed)), None)
    parent = {kind.parent: id.names[0]} if kind.parent else {}
    return {**parent, **({own: id.names[-1]} if own else {})}


def _named_inside(kind: ModelKind, id: ResourceId, document: Document) -> Document:
    return {member: {**inner, "Name": id.name} for member, inner in document.items()}


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As EventBridge has them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _name_of(kind: ModelKind, found: Any) -> str:
    if isinstance(found, str):
        return found
    return str(next(iter(found.values()))["Name"] if kind.named_inside else found["Name"])


def plain(value: Any) -> Any:
    """As JSON has it; times in UTC, as ISO 8601."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
