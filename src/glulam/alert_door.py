"""Alerts over HTTP, for the console and for projects: JSON, signed like a request to Glue, in the account and region that it is
signed for. Each request is in the audit log.

    GET    /_glulam/alerts?state=OPEN&rule=&severity=&limit=   {"alerts": [...]}, the newest first
    GET    /_glulam/alerts/<id>                                {"alert": {..., "deliveries": [...]}}
    POST   /_glulam/alerts/<id>/ack, /resolve                  {"changed"}
    GET    /_glulam/alert-channels, /_glulam/alert-rules       {"channels": {name: document}}; secrets are masked
    GET, PUT, DELETE  .../<name>                               the document itself; PUT: {"changed"}
    POST   /_glulam/alert-channels/<name>/test                 {"delivered", "answer"}
    GET    /_glulam/alert-secrets                              {"secrets": [names]}
    PUT, DELETE       .../<name>                               {"value"}; a value is never given back
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from glulam.access.resources import Demand, Resource
from glulam.access.roles import least_role
from glulam.gate import SignedGate
from glulam.model.caller import Caller
from glulam.model.clock import new_batch_id
from glulam.model.errors import GlulamError, InvalidInput
from glulam.model.place import Place
from glulam.observe import alerts, definitions, trials
from glulam.observe.events import database_time
from glulam.observe.reach import Reach
from glulam.observe.secrets import Box
from glulam.signed_http import answer, document, refusal, signed, too_long
from glulam.store.database import Database
from glulam.wire.door import HttpRequest

BASE = "/_glulam/"
MAX_BYTES = 1 << 20
MOST = 1000


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request that was let in."""

    caller: Caller
    place: Place
    path: dict[str, str]
    query: dict[str, str]
    body: bytes


Work = Callable[[Asked], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AlertDoor:
    """The routes' handlers. The names of operations decide which role they need (access/roles.py)."""

    gate: SignedGate
    database: Database
    box: Box
    reach: Reach

    def routes(self) -> list[Route]:
        table: list[tuple[str, str, str, Work]] = [
            ("GET", "alerts", "ListAlerts", self._list),
            ("GET", "alerts/{id}", "GetAlert", self._get),
            ("POST", "alerts/{id}/ack", "AcknowledgeAlert", self._acknowledge),
            ("POST", "alerts/{id}/resolve", "ResolveAlert", self._resolve),
            ("GET", "alert-channels", "ListAlertChannels", self._channels),
            ("GET", "alert-channels/{name:path}", "GetAlertChannel", self._channel),
            ("PUT", "alert-channels/{name:path}", "PutAlertChannel", self._put_channel),
            ("DELETE", "alert-channels/{name:path}", "DeleteAlertChannel", self._delete_channel),
            ("POST", "alert-channels/{name:path}/test", "TestAlertChannel", self._test),
            ("GET", "alert-rules", "ListAlertRules", self._rules),
            ("GET", "alert-rules/{name:path}", "GetAlertRule", self._rule),
            ("PUT", "alert-rules/{name:path}", "PutAlertRule", self._put_rule),
            ("DELETE", "alert-rules/{name:path}", "DeleteAlertRule", self._delete_rule),
            ("GET", "alert-secrets", "ListAlertSecrets", self._secrets),
            ("PUT", "alert-secrets/{name:path}", "PutAlertSecret", self._put_secret),
            ("DELETE", "alert-secrets/{name:path}", "DeleteAlertSecret", self._delete_secret),
        ]
        return [
            Route(BASE + path, self._handler(operation, work), methods=[method])
            for method, path, operation, work in table
        ]

    def _handler(self, operation: str, work: Work) -> Callable[[Request], Any]:
        async def handle(request: Request) -> Response:
            body = await request.body()
            if len(body) > MAX_BYTES:
                return too_long(MAX_BYTES)
            return await run_in_threadpool(self._carry_out, operation, work, request, signed(request, body))

        return handle

    def _carry_out(self, operation: str, work: Work, request: Request, given: HttpRequest) -> Response:
        caller, outcome, began = None, "OK", time.monotonic()
        touched: tuple[Demand, ...] | None = None
        try:
            caller = self.gate.authenticate(given, "glue")
            place = Place(account_id=caller.account_id, region=caller.region)
            arn = f"arn:aws:glulam:{place.region}:{place.account_id}:{given.raw_path.removeprefix(BASE)}"
            touched = (
                Demand(action=f"glulam:{operation}", resource=Resource(arn=arn), role=least_role(operation)),
            )
            self.gate.authorize(caller, touched)
            query, path = dict(request.query_params), dict(request.path_params)
            return answer(
                200, work(Asked(caller=caller, place=place, path=path, query=query, body=given.body))
            )
        except GlulamError as error:
            outcome = error.code
            return refusal(error)
        finally:
            seconds = time.monotonic() - began
            self.gate.record(given, caller, "glulam", operation, touched, outcome, seconds)

    def _list(self, asked: Asked) -> dict[str, Any]:
        limit = asked.query.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST:
            raise InvalidInput(f"limit={limit}: expected a number from 1 to {MOST}")
        states = [asked.query["state"]] if "state" in asked.query else []
        with self.database.transaction() as conn:
            found = alerts.newest(conn, asked.place, states=states, rule=asked.query.get("rule"),
                                  severity=asked.query.get("severity"), limit=int(limit))  # fmt: skip
            told = alerts.deliveries(conn, [one.id for one in found])
        return {"alerts": [{**vars(one), "deliveries": [vars(d) for d in told[one.id]]} for one in found]}

    def _get(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            found = alerts.get(conn, asked.place, asked.path["id"])
            told = alerts.deliveries(conn, [found.id])[found.id]
        return {"alert": {**vars(found), "deliveries": [vars(d) for d in told]}}

    def _acknowledge(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            now = database_time(conn)
            return {
                "changed": alerts.acknowledge(
                    conn, asked.place, asked.path["id"], asked.caller.arn, now, new_batch_id
                )
            }

    def _resolve(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            now = database_time(conn)
            return {
                "changed": alerts.resolve(
                    conn, asked.place, asked.path["id"], asked.caller.arn, now, new_batch_id
                )
            }

    def _channels(self, asked: Asked) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"channels": definitions.list_channels(conn, asked.place)}

    def _channel(self, asked: Asked) -> dict[str, Any]:
        with self.database.connection() as conn:
            return definitions.get_channel(conn, asked.place, asked.path["name"])

    def _put_channel(self, asked: Asked) -> dict[str, Any]:
        given = document(asked.body)
        with self.database.transaction() as conn:
            return {
                "changed": definitions.put_channel(conn, asked.place, asked.path["name"], given, self.box)
            }

    def _delete_channel(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            definitions.delete_channel(conn, asked.place, asked.path["name"])
        return {}

    def _test(self, asked: Asked) -> dict[str, Any]:
        name = asked.path["name"]
        with self.database.connection() as conn:
            definitions.get_channel(conn, asked.place, name)
        return vars(trials.tell_test(self.database, asked.place, name, self.box, os.environ, self.reach))

    def _rules(self, asked: Asked) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"rules": definitions.list_rules(conn, asked.place)}

    def _rule(self, asked: Asked) -> dict[str, Any]:
        with self.database.connection() as conn:
            return definitions.get_rule(conn, asked.place, asked.path["name"])

    def _put_rule(self, asked: Asked) -> dict[str, Any]:
        given = document(asked.body)
        with self.database.transaction() as conn:
            return {"changed": definitions.put_rule(conn, asked.place, asked.path["name"], given)}

    def _delete_rule(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            definitions.delete_rule(conn, asked.place, asked.path["name"])
        return {}

    def _secrets(self, asked: Asked) -> dict[str, Any]:
        with self.database.connection() as conn:
            return {"secrets": definitions.list_secrets(conn, asked.place)}

    def _put_secret(self, asked: Asked) -> dict[str, Any]:
        value = document(asked.body).get("value")
        if not isinstance(value, str):
            raise InvalidInput('"value" is missing, or not a text')
        with self.database.transaction() as conn:
            definitions.put_secret(conn, asked.place, asked.path["name"], value, self.box)
        return {}

    def _delete_secret(self, asked: Asked) -> dict[str, Any]:
        with self.database.transaction() as conn:
            definitions.delete_secret(conn, asked.place, asked.path["name"])
        return {}
