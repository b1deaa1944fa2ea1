"""A server as a project sees it: things by section and name, read and written over the wire, and the project's own files.

Which operation does what is in the table of kinds (`project/kinds.py`); here it becomes calls of boto3's clients. All texts
that come out are filled ones (`project/texts.py`); what goes in was revealed by the caller."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from glulam.access import keys
from glulam.cli.rule_targets import RuleTargets
from glulam.cli.working import serving
from glulam.model.addresses import is_loopback
from glulam.model.errors import ConcurrentModification, ConnectionFailed, ServerRefused
from glulam.model.uri import S3Uri
from glulam.project.kinds import KINDS, OWNER_TAG, Document, Kind, ResourceId, identity, operation, read_back
from glulam.project.plan import Seen
from glulam.project.texts import each_text, escaped
from glulam.settings import Settings

_SERVICES = tuple(dict.fromkeys(kind.service for kind in KINDS.values()))
_NOT_THERE = ("EntityNotFoundException", "ResourceNotFoundException", "NoSuchKey", "NoSuchBucket", "404")


@contextmanager
def remote(settings: Settings, endpoint: str | None) -> Iterator[Remote]:
    """The server at the endpoint. Without one this process answers for the project's own database and lake, beside
    whatever else serves them."""
    endpoint = endpoint or settings.endpoint
    if endpoint:
        yield Remote.at(endpoint, settings, own=False)
    else:
        with serving(settings) as url:
            yield Remote.at(url, settings, own=True)


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Clients of one server."""

    clients: Mapping[str, Any]
    """By service: those of the kinds."""
    s3: Any
    account_id: str
    region: str

    @classmethod
    def at(cls, endpoint: str, settings: Settings, *, own: bool) -> Remote:
        """Keys are boto3's; on this machine, where there are none, the development key. `own`: always that one."""
        session: Any = boto3.Session(region_name=os.environ.get("AWS_REGION") or settings.region)
        if own or (session.get_credentials() is None and is_loopback(urlsplit(endpoint).hostname or "")):
            key = keys.development_key(settings.account_id)
            session = boto3.Session(
                aws_access_key_id=key.id, aws_secret_access_key=key.secret,
                region_name=settings.region if own else session.region_name,
            )  # fmt: skip
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 3}, s3={"addressing_style": "path"}
        )
        with _told(endpoint):
            account = session.client("sts", endpoint_url=endpoint, config=config).get_caller_identity()[
                "Account"
            ]
        local = {"endpoint_url": endpoint} if settings.objects == "local" else {}
        objects: Any = session if local else boto3.Session(region_name=session.region_name)
        return cls(
            clients={name: session.client(name, endpoint_url=endpoint, config=config) for name in _SERVICES},
            s3=objects.client("s3", config=config, **local),
            account_id=account, region=session.region_name,
        )  # fmt: skip

    def see(self, id: ResourceId) -> Seen:
        """The thing as it is."""
        kind = KINDS[id.section]
        answer = self._find(kind, kind.get, **_named(kind, kind.get, id), **_GRAPH.get(id.section, {}))
        if answer is None:
            return Seen(document=None)
        raw = answer[kind.answer] if kind.answer else answer
        own = {"workflows": self._targets(id)} if kind.section == "events" else {}
        document = each_text(plain(read_back(kind, {**raw, **own})), escaped)
        if not kind.tagged:
            return Seen(document=document)
        tags = dict(self._call(kind, "GetTags", ResourceArn=self._arn(id))["Tags"])
        owner = tags.pop(OWNER_TAG, None)
        if tags:
            document["Tags"] = each_text(tags, escaped)
        return Seen(document=document, owner=owner, holds=tuple(self._held(kind, id, raw)))

    def _held(self, kind: Kind, id: ResourceId, raw: Document) -> Iterator[ResourceId]:
        """What would go when it goes."""
        if kind.holds == "tables":
            yield from self.all(KINDS["tables"], id.name)
        elif kind.holds == "triggers":
            nodes = (raw.get("Graph") or {}).get("Nodes") or ()
            yield from (identity(KINDS["triggers"], n["Name"]) for n in nodes if n["Type"] == "TRIGGER")

    def all(self, kind: Kind, database: str | None = None) -> Iterator[ResourceId]:
        """The names of all things of a kind; of tables, in one database."""
        parent = {} if kind.parent is None or database is None else {kind.parent: database}
        with _told(kind.pages):
            for page in self.clients[kind.service].get_paginator(xform_name(kind.pages)).paginate(**parent):
                for found in page[kind.listed]:
                    yield identity(kind, *parent.values(), _name_of(kind, found))

    def create(self, id: ResourceId, document: Document, project: str) -> None:
        """Make it, the project's own."""
        kind = KINDS[id.section]
        beside = {member: document[member] for member in kind.beside if member in document}
        inner = {m: v for m, v in document.items() if m not in ("Tags", *kind.beside, *(kind.extra or ()))}
        tags = {"Tags": {**document.get("Tags", {}), OWNER_TAG: project}} if kind.tagged else {}
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
        kind = KINDS[id.section]
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
        if added:
            self._call(KINDS[id.section], "TagResource", ResourceArn=self._arn(id), TagsToAdd=added)
        if gone:
            self._call(KINDS[id.section], "UntagResource", ResourceArn=self._arn(id), TagsToRemove=gone)

    def switch(self, id: ResourceId, *, on: bool) -> None:
        kind = KINDS[id.section]
        assert kind.switch is not None
        self._call(kind, kind.switch[1 if on else 2], Name=id.name)

    def delete(self, id: ResourceId) -> None:
        """One that is not there is fine."""
        kind = KINDS[id.section]
        if kind.section == "events" and self._find(kind, kind.get, Name=id.name) is not None:
            self._aim(id, [])
        self._find(kind, kind.delete, **_named(kind, kind.delete, id))

    def read(self, uri: S3Uri) -> tuple[bytes, str] | None:
        """An object with its ETag; None: it is not there."""
        with _told(str(uri)):
            try:
                found = self.s3.get_object(Bucket=uri.bucket, Key=uri.key)
                return found["Body"].read(), found["ETag"]
            except ClientError as error:
                if error.response["Error"]["Code"] in _NOT_THERE:
                    return None
                raise

    def put(self, uri: S3Uri, content: bytes) -> None:
        self._put(uri, content, {})

    def replace(self, uri: S3Uri, content: bytes, tag: str | None) -> str:
        """Write it if it is still the one with that ETag (None: not there). The new ETag.

        Raises ConcurrentModification."""
        try:
            return self._put(uri, content, {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag})
        except ServerRefused as error:
            if error.answered in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"):
                raise ConcurrentModification(
                    f"{uri}: somebody else applies this project, or has; plan again"
                ) from error
            raise

    def _put(self, uri: S3Uri, content: bytes, condition: Mapping[str, str]) -> str:
        with _told(str(uri)):
            try:
                self.s3.head_bucket(Bucket=uri.bucket)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _NOT_THERE:
                    raise
                self.s3.create_bucket(Bucket=uri.bucket)
            return str(self.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content, **condition)["ETag"])

    def _arn(self, id: ResourceId) -> str:
        return f"arn:aws:glue:{self.region}:{self.account_id}:{KINDS[id.section].noun}/{'/'.join(id.names)}"

    def _rule(self, id: ResourceId) -> RuleTargets:
        workflows = f"arn:aws:glue:{self.region}:{self.account_id}:workflow/"
        return RuleTargets(events=self.clients["events"], rule=id.name, workflows=workflows)

    def _targets(self, id: ResourceId) -> list[str]:
        with _told("ListTargetsByRule"):
            return self._rule(id).names()

    def _aim(self, id: ResourceId, workflows: Sequence[str]) -> None:
        with _told("PutTargets, RemoveTargets"):
            self._rule(id).set(workflows)

    def _call(self, kind: Kind, name: str, **given: Any) -> Any:
        with _told(name):
            return getattr(self.clients[kind.service], xform_name(name))(**given)

    def _find(self, kind: Kind, name: str, **given: Any) -> Any:
        """The answer; None when there is no such thing."""
        with _told(name):
            try:
                return getattr(self.clients[kind.service], xform_name(name))(**given)
            except ClientError as error:
                if error.response["Error"]["Code"] in _NOT_THERE:
                    return None
                raise


_GRAPH: Mapping[str, Mapping[str, Any]] = {"workflows": {"IncludeGraph": True}}


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Errors of boto3 as ours."""
    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        code = str(found.get("Code"))
        raise ServerRefused(f"{what}: {code}: {found.get('Message')}", code) from error
    except BotoCoreError as error:
        raise ConnectionFailed(f"{what}: {error}") from error


def _named(kind: Kind, name: str, id: ResourceId) -> Document:
    """The members that say of which thing an operation is."""
    required = operation(kind.service, name).required_members
    own = next((m for m in required if m not in (kind.parent, kind.changed)), None)
    parent = {kind.parent: id.names[0]} if kind.parent else {}
    return {**parent, **({own: id.names[-1]} if own else {})}


def _named_inside(kind: Kind, id: ResourceId, document: Document) -> Document:
    return {member: {**inner, "Name": id.name} for member, inner in document.items()}


def _name_of(kind: Kind, found: Any) -> str:
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
