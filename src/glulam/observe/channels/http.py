"""One POST of one JSON document, within limits of time and size. No redirect is followed and no proxy is asked."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from glulam import __version__
from glulam.model.errors import NotDelivered
from glulam.observe.reach import WHOLE_S, over_tls, within

MOST_ANSWER = 64 << 10
READ_S = 10.0


class Connector(Protocol):
    """`Reach`, to those who only connect."""

    def connect(self, host: str, port: int) -> socket.socket: ...


class _Connection(http.client.HTTPConnection):
    """Over a socket that is connected already."""

    def __init__(self, host: str, port: int, made: socket.socket) -> None:
        super().__init__(host, port)
        self.sock = made

    def connect(self) -> None:
        raise NotDelivered("the connection was lost")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    text: str
    """Its body, on one line."""

    def __str__(self) -> str:
        return f"{self.status} {self.text}".strip()


def post(url: str, body: bytes, headers: Mapping[str, str], reach: Connector) -> Answer:
    """Raises NotDelivered: not reached, no answer in time, or an answer other than 2xx."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sent = {
        "Content-Type": "application/json",
        "User-Agent": f"Glulam/{__version__}",
        "Connection": "close",
        **headers,
    }
    made = reach.connect(host, port)
    try:
        with within(WHOLE_S, lambda: made):
            made.settimeout(READ_S)
            if parts.scheme == "https":
                made = over_tls(made, host)
                made.do_handshake()
            return _exchange(_Connection(host, port, made), parts, body, sent)
    except TimeoutError as error:
        raise NotDelivered(f"{host}: no answer in time: {error}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NotDelivered(f"{host}: {type(error).__name__}: {error}") from error
    finally:
        made.close()


def _exchange(connection: _Connection, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> Answer:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        text = response.read(MOST_ANSWER).decode("utf-8", "replace")
    finally:
        connection.close()
    answer = Answer(status=response.status, text=" ".join(text.split()))
    if not 200 <= response.status < 300:
        raise NotDelivered(
            f"{parts.hostname} answered {answer}", retry_after_s=_seconds(response.getheader("Retry-After"))
        )
    return answer


def _seconds(header: str | None) -> float | None:
    return float(header) if header is not None and header.isascii() and header.isdigit() else None
