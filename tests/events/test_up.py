"""`glulam up`: an object comes, by S3 or as a file or by word of another server, and a workflow runs."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from events.conftest import s3_pattern
from glulam.access.keys import DEVELOPMENT_ID, DEVELOPMENT_SECRET
from glulam.settings import Settings
from glulam.store.database import Database
from sqsserver import bridge_event, s3_message, s3_record

from ..test_server import Up, up
from ..waiting import within

TOKEN = "a-token-for-tests"


def _send(server: Up, body: Any, headers: dict[str, str], method: str = "POST") -> tuple[int, dict[str, Any]]:
    data = json.dumps(body).encode()
    request = Request(f"{server.url}/_glulam/events", data=data, method=method, headers=headers)
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def _signed(server: Up, body: Any, secret: str = DEVELOPMENT_SECRET) -> dict[str, str]:
    request = botocore.awsrequest.AWSRequest(
        method="POST",
        url=f"{server.url}/_glulam/events",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    credentials = botocore.credentials.Credentials(DEVELOPMENT_ID, secret)
    botocore.auth.SigV4Auth(credentials, "events", "us-east-1").add_auth(request)
    return dict(request.headers)


def _started(server: Up, count: int, seconds: float = 40) -> list[list[str]]:
    """The events of each run of the workflow, when there are so many runs."""
    glue, until = server.client(), time.monotonic() + seconds
    while True:
        runs = glue.get_workflow_runs(Name="w")["Runs"]
        if len(runs) >= count:
            return [run.get("StartingEventBatchCondition") for run in runs]
        assert time.monotonic() < until, runs
        time.sleep(0.1)


def _workflow(server: Up) -> None:
    glue, bridge = server.client(), server.client("events")
    path = server.home.parent / "lake" / "scripts" / "j.py"
    path.parent.mkdir(parents=True)
    path.write_text("print(1)")
    command = {"Name": "pythonshell", "ScriptLocation": "s3://scripts/j.py"}
    glue.create_job(Name="j", Role="r", Command=command)
    glue.create_workflow(Name="w")
    glue.create_trigger(Name="t", WorkflowName="w", Type="EVENT", Actions=[{"JobName": "j"}],
                        EventBatchingCondition={"BatchSize": 1}, StartOnCreation=True)  # fmt: skip
    pattern = s3_pattern(key=[{"suffix": ".json"}], size=[{"numeric": [">", 1]}])
    bridge.put_rule(Name="r", EventPattern=json.dumps(pattern))
    bridge.put_targets(
        Rule="r", Targets=[{"Id": "1", "Arn": "arn:aws:glue:us-east-1:123456789012:workflow/w"}]
    )


def test_objects_start_a_workflow() -> None:
    with up(GLULAM_EVENT_TOKEN=TOKEN, GLULAM_EVENT_SETTLE_MS="300") as server:
        _workflow(server)
        s3 = server.client("s3")
        s3.create_bucket(Bucket="raw")
        time.sleep(1.5)
        s3.put_object(Bucket="raw", Key="by-s3.json", Body=b"{}")
        s3.put_object(Bucket="raw", Key="too-small.json", Body=b"1")
        _started(server, 1)
        (server.home.parent / "lake" / "raw" / "dropped.json").write_text("{}")
        _started(server, 2)
        told = s3_message(s3_record("raw", "told.json", size=2, eTag="e"))
        token = {"Authorization": f"Bearer {TOKEN}"}
        assert _send(server, {}, token, "HEAD")[0] == 200
        assert _send(server, told, token) == (200, {"events": 1})
        assert _send(server, told, token) == (200, {"events": 0})
        bridged = bridge_event("raw", "bridged.json", size=2, etag="e")
        assert _send(server, bridged, _signed(server, bridged)) == (200, {"events": 1})
        _started(server, 4)
        time.sleep(1)
        assert len(_started(server, 4)) == 4
        for headers in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Bearer"}, _signed(server, told, "x" * 40),
                        _signed(server, {"other": 1})):  # fmt: skip
            assert _send(server, told, headers)[0] == 403, headers
        assert _send(server, {"x": 1}, token)[0] == 400
        assert _send(server, "x" * (5 << 20), token)[0] == 413
        with Database.open(Settings(home=server.home)) as database, database.connection() as conn:
            conn.execute(
                "UPDATE object_seen SET gone = true, seen_at = now() - interval '31 days' WHERE key = 'told.json'"
            )
            within(
                20, lambda: not conn.execute("SELECT key FROM object_seen WHERE key = 'told.json'").fetchall()
            )


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer "}, {"Authorization": "Bearer None"}, {}])
def test_without_a_token_in_the_settings_none_is_good(headers: dict[str, str]) -> None:
    with up() as server:
        assert _send(server, s3_message(s3_record("raw", "a")), headers)[0] == 403
