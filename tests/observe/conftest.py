"""Alerts on a real database, told to real sinks: an HTTP server that does what a test says, an SMTP server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg
import pytest
import yaml

from glulam.access.secrets import SecretBox
from glulam.ledger.outbox import announce
from glulam.model.clock import new_batch_id
from glulam.model.place import Place
from glulam.observe import alerts, alerts_file
from glulam.observe.alerts import Alert, Delivery
from glulam.observe.events import database_time
from glulam.observe.reach import Reach
from glulam.observe.router import AlertRouter
from glulam.observe.sender import AlertSender
from glulam.store.database import Database

PLACE = Place(account_id="123456789012", region="us-east-1")
MASTER = b"k" * 32


@dataclass
class TurnedClock:
    """The database's, with hands that a test moves."""

    ahead: timedelta = timedelta(0)

    def __call__(self, conn: psycopg.Connection) -> datetime:
        return database_time(conn) + self.ahead

    def turn(self, **by: float) -> None:
        self.ahead += timedelta(**by)

    def turn_to(self, conn: psycopg.Connection, at: datetime) -> None:
        self.ahead = at - database_time(conn)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An installation that only has alerts."""

    database: Database
    box: SecretBox
    clock: TurnedClock
    env: dict[str, str]

    def apply(self, document: str | dict[str, Any]) -> dict[str, bool]:
        text = document if isinstance(document, str) else yaml.safe_dump(document)
        with self.database.transaction() as conn:
            done = alerts_file.apply(conn, PLACE, alerts_file.parse(text, "alerts.yaml"), self.box)
        return {f"{one.what} {one.name}": one.changed for one in done}

    def tell(
        self, name: str = "file.quarantined", detail: dict[str, Any] | None = None, source: str = "glulam"
    ) -> None:
        with self.database.transaction() as conn:
            announce(conn, name, detail or {"file": "s3://raw/x.json", "message": "bad"}, source=source)

    def route(self) -> None:
        router = AlertRouter(database=self.database, home=PLACE, clock=self.clock)
        while router.step():
            pass

    def sender(self, reach: Reach | None = None) -> AlertSender:
        return AlertSender(
            database=self.database, box=self.box, reach=reach or Reach(private=True), clock=self.clock,
            chance=lambda: 1.0, env=self.env,
        )  # fmt: skip

    def send(self) -> None:
        sender = self.sender()
        while sender.step():
            pass

    def work(self) -> None:
        self.route()
        self.send()

    def alerts(self) -> list[Alert]:
        """The oldest first."""
        with self.database.connection() as conn:
            return alerts.newest(conn, PLACE, limit=1000)[::-1]

    def deliveries(self) -> list[Delivery]:
        found = [alert.id for alert in self.alerts()]
        with self.database.connection() as conn:
            told = alerts.deliveries(conn, found)
        return [delivery for alert_id in found for delivery in told[alert_id]]

    def acknowledge(self, alert_id: str) -> bool:
        with self.database.transaction() as conn:
            return alerts.acknowledge(conn, PLACE, alert_id, "ann", self.clock(conn), new_batch_id)

    def resolve(self, alert_id: str) -> bool:
        with self.database.transaction() as conn:
            return alerts.resolve(conn, PLACE, alert_id, "ann", self.clock(conn), new_batch_id)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database=database, box=SecretBox([MASTER]), clock=TurnedClock(), env={})


@dataclass(frozen=True, kw_only=True)
class Got:
    """One request that a sink took."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Sink:
    """An HTTP server; what it does with the next requests is in `behaviours`, with all after them `answer(200)`."""

    url: str
    got: list[Got] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def answer(status: int, text: str = "ok", **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return behave


def hang(seconds: float) -> Behaviour:
    return lambda handler: time.sleep(seconds)


def drip(seconds: float) -> Behaviour:
    """A byte now and then, for ever."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        until = time.monotonic() + seconds
        handler.wfile.write(b"HTTP/1.1 200 OK")
        while time.monotonic() < until:
            try:
                handler.wfile.write(b".")
            except OSError:
                return
            time.sleep(0.1)

    return behave


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink(url="")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.taken = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append(
                Got(path=self.path, headers={k.lower(): v for k, v in self.headers.items()}, body=body)
            )
            (made.behaviours.pop(0) if made.behaviours else answer(200))(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield made
        server.shutdown()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


RULE: dict[str, Any] = {
    "event": "file.quarantined",
    "severity": "P1",
    "channels": ["hook"],
    "dedupe": {"window": "0s"},
}


def hook(sink: Sink, **rule: Any) -> dict[str, Any]:
    """A document with one webhook and one rule."""
    return {
        "channels": {"hook": {"type": "webhook", "url": sink.url}},
        "rules": {"bad-file": {**RULE, **rule}},
    }
