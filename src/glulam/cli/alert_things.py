"""Channels, rules and secrets of a server's alerts, read and written over its own door (`alert_door.py`), signed like a request
to Glue."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from glulam.model.errors import ConnectionFailed, ServerRefused
from glulam.project import alerts
from glulam.project.kinds import KINDS, AlertKind, Document, ResourceId, identity
from glulam.project.plan import Seen

_NOT_THERE = "EntityNotFoundException"


@dataclass(frozen=True, kw_only=True)
class AlertThings:
    """Of one server."""

    url: str
    """Of the door: everything is below."""
    credentials: Any
    """Boto3's."""
    region: str
    http: URLLib3Session

    @classmethod
    def at(cls, endpoint: str, credentials: Any, region: str) -> AlertThings:
        trusted: Any = os.environ.get("AWS_CA_BUNDLE") or True
        http = URLLib3Session(verify=trusted, proxies=get_environ_proxies(endpoint))
        return cls(url=f"{endpoint.rstrip('/')}/_glulam/", credentials=credentials, region=region, http=http)

    def see(self, id: ResourceId) -> Seen:
        """The channel or rule as it is."""
        kind = _kind(id)
        try:
            found = self._send("GET", kind.door, id.name)
        except ServerRefused as error:
            if error.answered == _NOT_THERE:
                return Seen(document=None)
            raise
        return Seen(document=alerts.received(kind, found))

    def all(self, kind: AlertKind) -> Iterator[ResourceId]:
        for name in self._send("GET", kind.door)[kind.section]:
            yield identity(kind, name)

    def put(self, id: ResourceId, document: Document) -> None:
        """Make or replace it."""
        self._send("PUT", _kind(id).door, id.name, alerts.sent(document))

    def delete(self, id: ResourceId) -> None:
        """One that is not there is fine."""
        try:
            self._send("DELETE", _kind(id).door, id.name)
        except ServerRefused as error:
            if error.answered != _NOT_THERE:
                raise

    def secrets(self) -> set[str]:
        """The names of those that the server keeps."""
        return set(self._send("GET", "alert-secrets")["secrets"])

    def keep_secret(self, name: str, value: str) -> None:
        self._send("PUT", "alert-secrets", name, {"value": value})

    def _send(self, method: str, door: str, name: str | None = None, body: Document | None = None) -> Any:
        """The answer. Raises ServerRefused with the code that it has, ConnectionFailed."""
        url = self.url + door + ("" if name is None else f"/{quote(name, safe='')}")
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
        SigV4Auth(self.credentials.get_frozen_credentials(), "glue", self.region).add_auth(request)
        try:
            answer = self.http.send(request.prepare())
        except BotoCoreError as error:
            raise ConnectionFailed(f"{method} {url}: {error}") from error
        found = _json(answer.content)
        if answer.status_code == 200 and isinstance(found, dict):
            return found
        if not isinstance(found, dict) or "code" not in found:
            raise ServerRefused(
                f"{method} {url}: found status {answer.status_code}, expected Glulam's door of alerts",
                "UnknownOperationException",
            )
        raise ServerRefused(f"{method} {door}: {found['code']}: {found.get('message')}", found["code"])


def _kind(id: ResourceId) -> AlertKind:
    kind = KINDS[id.section]
    assert isinstance(kind, AlertKind)
    return kind


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
