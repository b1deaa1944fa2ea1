"""`glulam up` with alerts: a job that fails is told at a real HTTP sink; channels and rules over signed HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from glulam.access import keys
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.observe.secrets import MASK
from glulam.settings import Settings
from glulam.store.database import Database

from ..jobs.test_up import job
from ..test_server import Up, up
from ..waiting import within
from .conftest import Sink


def ask(
    server: Up,
    method: str,
    path: str,
    body: Any = None,
    key: tuple[str, str] = (DEVELOPMENT_ID, DEVELOPMENT_SECRET),
) -> Any:
    url = f"{server.url}/_glulam/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*key), "glue", "us-east-1").add_auth(request)
    with urlopen(Request(url, data=data, method=method, headers=dict(request.headers)), timeout=60) as answer:
        return json.load(answer)


def refused(server: Up, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        ask(server, method, path, body, **more)
    return caught.value.code, json.load(caught.value)["message"]


def test_a_job_that_fails_raises_an_alert_that_its_success_resolves(sink: Sink) -> None:
    with up("--workers", "1") as server:
        hook = {"type": "webhook", "url": f"{sink.url}/hook", "secret": "signing-secret"}
        assert ask(server, "PUT", "alert-channels/hook", hook) == {"changed": True}
        assert ask(server, "POST", "alert-channels/hook/test")["delivered"] is True
        same = {"source": "aws.glue", "event": "Glue Job State Change"}
        rule = {**same, "where": {"state": ["FAILED", "TIMEOUT"]}, "severity": "P1", "channels": ["hook"],
                "title": "Job {detail.jobName} {detail.state}", "message": "{detail.message}",
                "dedupe": {"key": "{detail.jobName}", "window": "1h"},
                "resolved_by": {**same, "where": {"state": "SUCCEEDED"}}}  # fmt: skip
        assert ask(server, "PUT", "alert-rules/failed", rule) == {"changed": True}
        assert ask(server, "GET", "alert-rules") == {"rules": {"failed": rule}}
        glue = server.client()
        name = job(
            server, glue, "orders", "import sys\nif '--fail' in sys.argv: raise ValueError('no orders today')"
        )
        glue.start_job_run(JobName=name, Arguments={"--fail": "1"})
        within(60, lambda: len(sink.got) == 2)
        told = sink.got[1].json
        assert told["title"] == "Job orders FAILED"
        assert "no orders today" in told["message"]
        (alert,) = ask(server, "GET", "alerts?state=OPEN")["alerts"]
        assert (alert["id"], alert["deliveries"][0]["state"]) == (told["alert"], "SENT")
        assert ask(server, "POST", f"alerts/{alert['id']}/ack") == {"changed": True}
        within(10, lambda: len(sink.got) == 3)
        assert sink.got[2].json["by"] == "arn:aws:iam::123456789012:user/development"
        glue.start_job_run(JobName=name)
        within(60, lambda: len(sink.got) == 4)
        assert sink.got[3].json["action"] == "resolve"
        assert ask(server, "GET", f"alerts/{alert['id']}")["alert"]["state"] == "RESOLVED"


def test_who_may_do_what_over_http(sink: Sink) -> None:
    with up("--workers", "0") as server:
        settings = Settings(home=server.home)
        with Database.open(settings) as database, database.transaction() as conn:
            made = keys.create(
                conn,
                SecretBox.open(settings),
                account_id="123456789012",
                user_name="v",
                role=Role.VIEWER,
                expires_at=None,
            )
        viewer = (made.id, made.secret)
        with pytest.raises(HTTPError, match="403"):
            urlopen(f"{server.url}/_glulam/alerts")
        ask(server, "PUT", "alert-secrets/TOKEN", {"value": "the-token-value"})
        channel = {
            "type": "webhook",
            "url": sink.url,
            "headers": {"Authorization": "Bearer ${secret:TOKEN}"},
            "secret": "x" * 20,
        }
        ask(server, "PUT", "alert-channels/hook", channel)
        assert ask(server, "GET", "alert-channels/hook", key=viewer) == {
            **channel,
            "url": f"{sink.url}/{MASK}",
            "secret": MASK,
        }
        assert ask(server, "GET", "alert-secrets", key=viewer) == {"secrets": ["TOKEN"]}
        assert ask(server, "GET", "alerts", key=viewer) == {"alerts": []}
        for method, path in (("PUT", "alert-channels/x"), ("DELETE", "alert-rules/x"), ("PUT", "alert-secrets/x"),
                             ("POST", "alert-channels/hook/test"), ("POST", "alerts/1/ack")):  # fmt: skip
            assert refused(server, method, path, {}, key=viewer)[0] == 403
        assert ask(server, "POST", "alert-channels/hook/test")["answer"] == "200 ok"
        assert sink.got[0].headers["authorization"] == "Bearer the-token-value"
        assert (
            refused(server, "PUT", "alert-rules/r", {"event": "e", "severity": "P1", "channels": ["no"]})[0]
            == 404
        )
        status, said = refused(server, "PUT", "alert-rules/r", {"event": "e"})
        assert (status, said) == (400, "alert rule r: severity: missing")
        assert refused(server, "DELETE", "alert-secrets/TOKEN")[0] == 409
        assert ask(server, "DELETE", "alert-channels/hook") == {}
        assert ask(server, "DELETE", "alert-secrets/TOKEN") == {}
        within(10, lambda: len(_audited(settings)) >= 14)
        assert {"PutAlertSecret", "AcknowledgeAlert", "TestAlertChannel"} <= {
            operation for operation, *_ in _audited(settings)
        }
        arn = "arn:aws:glulam:us-east-1:123456789012:alert-channels/x"
        assert ("PutAlertChannel", "AccessDeniedException", arn) in _audited(settings)


def _audited(settings: Settings) -> list[tuple[str, str, str]]:
    with Database.open(settings) as database, database.connection() as conn:
        return conn.execute(
            "SELECT operation, outcome, resources[1] FROM audit_log WHERE service = 'glulam'"
        ).fetchall()
