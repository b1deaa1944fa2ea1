"""Channels: what the document of each kind holds. docs/alerts.md has each key. How they are told is in `channels/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from glulam.model.errors import InvalidInput
from glulam.observe.fields import Part, Severities
from glulam.observe.secrets import is_hidden

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {
    "host",
    "content-length",
    "content-type",
    "idempotency-key",
    "x-glulam-signature",
    "transfer-encoding",
    "connection",
}
_ADDRESS = re.compile(r"[^\s@<>,;\x00-\x1f]+@[^\s@<>,;\x00-\x1f]+")
_TOPIC = re.compile(r"arn:[a-z-]+:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_.-]+")


def _url(value: str) -> str:
    if is_hidden(value):
        return value  # looked at when it is opened
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or any(c <= " " or c == "\x7f" for c in value):
        raise ValueError("expected a URL that begins with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected a URL without user and password; a header can hold them")
    return value


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"found {value!r}, expected an address like data@example.org")
    return value


Url = Annotated[str, AfterValidator(_url)]
Mailbox = Annotated[str, AfterValidator(_address)]


class Channel(Part):
    """What all kinds have."""

    type: str
    description: str = ""
    severities: Severities = ()
    """Alerts of these severities come here when their rule names no channels."""


class LogChannel(Channel):
    type: Literal["log"]


class EmailChannel(Channel):
    type: Literal["email"]
    host: str = Field(min_length=1)
    port: int | None = Field(None, ge=1, le=65_535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: str | None = None
    from_: Mailbox = Field(alias="from")
    to: Annotated[tuple[Mailbox, ...], Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and isinstance(value.get("to"), str | list):
            to = value["to"]
            return {**value, "to": (to,) if isinstance(to, str) else tuple(to)}
        return value

    @model_validator(mode="after")
    def _password_is_protected(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together; found only one of them")
        if (
            self.password is not None
            and self.tls == "none"
            and self.host not in ("localhost", "127.0.0.1", "::1")
        ):
            raise ValueError("a password needs tls: starttls or tls")
        return self


class SlackChannel(Channel):
    type: Literal["slack"]
    url: Url


class WebhookChannel(Channel):
    type: Literal["webhook"]
    url: Url
    secret: str | None = Field(None, min_length=8)
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _headers_are_headers(self) -> Self:
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or name.lower() in _OURS:
                raise ValueError(f"headers: {name!r} cannot be set")
            if not value.isprintable() or not value.isascii():
                raise ValueError(f"headers: {name}: expected printable ASCII")
        return self


class SnsChannel(Channel):
    type: Literal["sns"]
    topic_arn: str
    endpoint: Url | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if not _TOPIC.fullmatch(self.topic_arn):
            raise ValueError(f"topic_arn: found {self.topic_arn!r}, expected arn:aws:sns:REGION:ACCOUNT:NAME")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key belong together; found only one of them")
        return self

    @property
    def region(self) -> str:
        return self.topic_arn.split(":")[3]


class PagerDutyChannel(Channel):
    type: Literal["pagerduty"]
    routing_key: str = Field(min_length=1)
    endpoint: Url = "https://events.pagerduty.com/v2/enqueue"


KINDS: Mapping[str, type[Channel]] = {
    "log": LogChannel,
    "email": EmailChannel,
    "slack": SlackChannel,
    "webhook": WebhookChannel,
    "sns": SnsChannel,
    "pagerduty": PagerDutyChannel,
}


def kind_of(what: str, document: Mapping[str, Any]) -> type[Channel]:
    """Raises InvalidInput for a type that there is not."""
    kind = KINDS.get(str(document.get("type")))
    if kind is None:
        raise InvalidInput(
            f"{what}: type: found {document.get('type')!r}, expected one of {', '.join(KINDS)}"
        )
    return kind
