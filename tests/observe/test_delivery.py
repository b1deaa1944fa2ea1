"""From an event to a sink: routing, retries, a killed sender, several senders, acknowledgement, escalation, quiet hours."""

from __future__ import annotations

import hmac
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from glulam.model.errors import NotDelivered
from glulam.observe import upkeep
from glulam.observe.channels import http
from glulam.observe.reach import Reach
from glulam.observe.sender import FIRST_S, LONGEST_S, pause_s
from observe.conftest import RULE, Behaviour, Desk, Sink, answer, drip, hang, hook


def states(desk: Desk) -> list[tuple[str, str, str]]:
    return [(d.channel, d.action, d.state) for d in desk.deliveries()]


def test_an_event_is_told_once_and_ticked_off(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink, title="File {detail.file}", message="{detail.message} ({detail.nothing})"))
    desk.tell()
    desk.tell("batch.committed", {"read": 1})
    desk.work()
    desk.work()
    (got,) = sink.got
    assert got.json["title"] == "File s3://raw/x.json"
    assert got.json["message"] == "bad (-)"
    assert (got.json["action"], got.json["severity"], got.json["rule"]) == ("trigger", "P1", "bad-file")
    assert got.json["event"]["detail-type"] == "file.quarantined"
    (delivery,) = desk.deliveries()
    assert (delivery.state, delivery.attempts, delivery.answer) == ("SENT", 1, "200 ok")
    assert got.headers["idempotency-key"] == delivery.id == got.json["delivery"]
    with desk.database.connection() as conn:
        assert conn.execute("SELECT count(*) FROM outbox WHERE NOT alerted").fetchone() == (0,)


def test_events_of_another_account_are_not_ours(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    with desk.database.transaction() as conn:
        conn.execute("INSERT INTO outbox (topic, payload, account_id, region) VALUES "
                     "('file.quarantined', '{}', '999999999999', 'us-east-1'), "
                     "('file.quarantined', '{}', '123456789012', 'eu-west-1')")  # fmt: skip
    desk.work()
    assert desk.alerts() == []
    with desk.database.connection() as conn:
        assert conn.execute("SELECT count(*) FROM outbox WHERE NOT alerted").fetchone() == (0,)


def test_a_sink_that_fails_gets_it_again_under_the_same_id(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    sink.behaviours += [answer(500, "broken"), answer(429, "slow down" * 1000, Retry_After="700")]
    desk.tell()
    desk.work()
    (first,) = desk.deliveries()
    assert (first.state, first.attempts, first.answer) == ("PENDING", 1, "127.0.0.1 answered 500 broken")
    desk.send()
    assert len(sink.got) == 1, "not before its time"
    desk.clock.turn(seconds=FIRST_S + 1)
    desk.send()
    assert len(sink.got) == 2
    desk.clock.turn(seconds=60)
    desk.send()
    assert len(sink.got) == 2, "the sink asked for 700 seconds"
    assert len(desk.deliveries()[0].answer or "") == 500
    desk.clock.turn(seconds=700)
    desk.send()
    assert len({got.headers["idempotency-key"] for got in sink.got}) == 1
    assert [(d.state, d.attempts) for d in desk.deliveries()] == [("SENT", 3)]


def test_pauses_double_up_to_half_an_hour() -> None:
    assert [pause_s(n, 1.0) for n in (1, 2, 3, 30)] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, LONGEST_S]
    assert pause_s(1, 0.0) == FIRST_S / 2
    assert pause_s(1, 0.0, 60) == 60
    assert pause_s(1, 0.0, 1e9) == LONGEST_S


def test_it_is_given_up_after_a_day_and_the_log_says_so(
    desk: Desk, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    desk.apply(hook(sink))
    desk.tell()
    desk.route()
    tries = 0
    while desk.deliveries()[0].state == "PENDING":
        sink.behaviours.append(answer(503, "away"))
        desk.send()
        tries += 1
        desk.clock.turn(seconds=LONGEST_S)
        assert tries < 100
    assert tries >= 48
    (given_up,) = desk.deliveries()
    assert (given_up.state, given_up.answer) == ("GIVEN_UP", "127.0.0.1 answered 503 away")
    (line,) = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert f"given up after {tries} tries" in line
    assert desk.alerts()[0].id in line


def test_a_server_that_was_off_for_days_tries_all_the_same(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    desk.tell()
    desk.route()
    desk.clock.turn(days=4)
    desk.send()
    assert states(desk) == [("hook", "TRIGGER", "SENT")]


@pytest.mark.parametrize("behaviour", [hang(3), drip(3)])
def test_a_sink_that_hangs_or_drips_is_left(
    desk: Desk, sink: Sink, monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour
) -> None:
    monkeypatch.setattr(http, "READ_S", 0.5)
    monkeypatch.setattr(http, "WHOLE_S", 1.0)
    desk.apply(hook(sink))
    sink.behaviours.append(behaviour)
    desk.tell()
    desk.route()
    began = time.monotonic()
    desk.send()
    assert time.monotonic() - began < 2.5
    (delivery,) = desk.deliveries()
    assert (delivery.state, delivery.attempts) == ("PENDING", 1)


def test_a_channel_that_hangs_holds_up_no_other(desk: Desk, sink: Sink) -> None:
    document = hook(sink)
    document["channels"]["gone"] = {"type": "webhook", "url": "http://127.0.0.1:1/"}
    document["rules"]["many"] = {**RULE, "event": "other", "channels": ["gone"]}
    desk.apply(document)
    for _ in range(20):
        desk.tell("other")
    desk.tell()
    desk.route()
    desk.sender().step()
    assert len(sink.got) == 1, "it was the last one in"
    assert {d.state for d in desk.deliveries() if d.channel == "gone"} == {"PENDING"}


def test_a_signature_proves_who_sent_it(desk: Desk, sink: Sink) -> None:
    document = hook(sink)
    document["channels"]["hook"] |= {
        "secret": "a long secret",
        "headers": {"Authorization": "Bearer ${env:ALERT_TOKEN}"},
    }
    desk.env["ALERT_TOKEN"] = "tok-123456"
    desk.apply(document)
    desk.tell()
    desk.work()
    (got,) = sink.got
    at, tag = (part.partition("=")[2] for part in got.headers["x-glulam-signature"].split(","))
    assert abs(int(at) - time.time()) < 60
    expected = hmac.digest(b"a long secret", at.encode() + b"." + got.body, "sha256").hex()
    assert hmac.compare_digest(tag, expected)
    assert got.headers["authorization"] == "Bearer tok-123456"


def test_the_same_again_is_counted(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink, dedupe={"key": "{detail.file}", "window": "10m"}))
    for name in ("a", "b", "a", "a"):
        desk.tell(detail={"file": name})
    desk.work()
    assert [(a.dedupe_key, a.events) for a in desk.alerts()] == [("a", 3), ("b", 1)]
    assert len(sink.got) == 2
    desk.clock.turn(minutes=9)
    desk.tell(detail={"file": "a"})
    desk.work()
    desk.clock.turn(minutes=2)  # the window is the first event's
    desk.tell(detail={"file": "a"})
    desk.work()
    assert [(a.dedupe_key, a.events) for a in desk.alerts()] == [("a", 4), ("b", 1), ("a", 1)]
    desk.resolve(desk.alerts()[2].id)
    desk.tell(detail={"file": "a"})
    desk.work()
    assert len(desk.alerts()) == 4, "what was resolved is new when it happens again"


def test_quiet_hours_hold_what_does_not_pass(desk: Desk, sink: Sink) -> None:
    quiet = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin", "pass": ["P0"]}
    document = hook(sink, quiet_hours=quiet)
    document["rules"]["grave"] = {**RULE, "severity": "P0", "quiet_hours": quiet}
    desk.apply(document)
    night = datetime(2027, 1, 15, 1, 30, tzinfo=UTC)  # 02:30 in Berlin
    with desk.database.connection() as conn:
        desk.clock.turn_to(conn, night)
    desk.tell()
    desk.work()
    assert [got.json["rule"] for got in sink.got] == ["grave"]
    held = next(d for d in desk.deliveries() if d.cause == "QUIET_HOURS")
    assert held.due_at == datetime(2027, 1, 15, 6, 0, tzinfo=UTC)
    desk.clock.turn(hours=4.4)
    desk.send()
    assert len(sink.got) == 1
    desk.clock.turn(hours=0.2)
    desk.send()
    assert [got.json["rule"] for got in sink.got] == ["grave", "bad-file"]


def escalating(sink: Sink) -> dict[str, Any]:
    document = hook(
        sink, escalate=[{"after": "30m", "channels": ["pager"]}, {"after": "2h", "channels": ["pager"]}]
    )
    document["channels"]["pager"] = {
        "type": "pagerduty",
        "routing_key": "R" * 32,
        "endpoint": f"{sink.url}/v2/enqueue",
    }
    return document


def test_what_nobody_acknowledges_escalates(desk: Desk, sink: Sink) -> None:
    desk.apply(escalating(sink))
    desk.tell()
    desk.work()
    desk.clock.turn(minutes=29)
    desk.send()
    assert len(sink.got) == 1
    desk.clock.turn(minutes=2)
    desk.send()
    page = sink.got[1]
    assert page.path == "/v2/enqueue"
    (alert,) = desk.alerts()
    assert (page.json["event_action"], page.json["dedup_key"]) == ("trigger", alert.id)
    assert page.json["payload"]["severity"] == "error"
    assert "nobody has acknowledged this" in page.json["payload"]["summary"]
    assert desk.acknowledge(alert.id)
    assert not desk.acknowledge(alert.id)
    desk.clock.turn(hours=3)
    desk.send()
    assert sorted((g.path, g.json.get("event_action") or g.json["action"]) for g in sink.got[2:]) == [
        ("/", "acknowledge"), ("/v2/enqueue", "acknowledge")
    ]  # fmt: skip
    assert [d.state for d in desk.deliveries()].count("CANCELLED") == 1
    assert desk.resolve(alert.id)
    desk.send()
    pages = [g.json for g in sink.got if g.path != "/"]
    assert [page["event_action"] for page in pages] == ["trigger", "acknowledge", "resolve"]
    assert {page["dedup_key"] for page in pages} == {alert.id}


def test_an_acknowledged_alert_does_not_escalate(desk: Desk, sink: Sink) -> None:
    desk.apply(escalating(sink))
    desk.tell()
    desk.work()
    desk.acknowledge(desk.alerts()[0].id)
    desk.clock.turn(hours=5)
    desk.send()
    assert [g.path for g in sink.got] == ["/", "/"]
    assert sink.got[1].json["by"] == "ann"


def test_an_event_resolves_what_another_raised(desk: Desk, sink: Sink) -> None:
    job = {"source": "aws.glue", "event": "Glue Job State Change"}
    document = hook(sink, **job, where={"state": ["FAILED", "TIMEOUT"]}, dedupe={"key": "{detail.jobName}", "window": "1d"},
                    resolved_by={**job, "where": {"state": "SUCCEEDED"}}, title="{detail.jobName} {detail.state}")  # fmt: skip
    desk.apply(document)
    for name, state in (("a", "FAILED"), ("b", "FAILED"), ("a", "SUCCEEDED")):
        desk.tell("Glue Job State Change", {"jobName": name, "state": state}, source="aws.glue")
    desk.work()
    assert [(a.title, a.state) for a in desk.alerts()] == [("a FAILED", "RESOLVED"), ("b FAILED", "OPEN")]
    assert [(g.json["title"], g.json["action"]) for g in sink.got if "a " in g.json["title"]] == [
        ("a FAILED", "trigger"), ("a FAILED", "resolve")
    ]  # fmt: skip


def test_what_follows_waits_for_what_was_first(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    sink.behaviours.append(answer(500))
    desk.tell()
    desk.work()
    desk.resolve(desk.alerts()[0].id)
    desk.send()
    assert len(sink.got) == 1, "the resolution does not overtake the alert"
    desk.clock.turn(minutes=1)
    desk.send()
    assert [got.json["action"] for got in sink.got] == ["trigger", "trigger", "resolve"]


def test_without_channels_the_severity_decides(desk: Desk, sink: Sink) -> None:
    document = hook(sink)
    del document["rules"]["bad-file"]["channels"]
    document["rules"]["low"] = {**document["rules"]["bad-file"], "severity": "P3"}
    document["channels"]["hook"]["severities"] = ["P0", "P1"]
    desk.apply(document)
    desk.tell()
    desk.work()
    assert [got.json["rule"] for got in sink.got] == ["bad-file"]
    assert len(desk.alerts()) == 2


def test_many_events_many_routers_and_senders_each_once(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink, channels=["hook", "other"], title="{detail.n}")
               | {"channels": {n: {"type": "webhook", "url": f"{sink.url}/{n}"} for n in ("hook", "other")}})  # fmt: skip
    for n in range(60):
        desk.tell(detail={"n": n})
    threads = [threading.Thread(target=work) for work in (desk.route, desk.route, desk.route)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.route()
    threads = [threading.Thread(target=desk.send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    desk.send()
    assert sorted((got.path, int(got.json["title"])) for got in sink.got) == sorted(
        (f"/{name}", n) for name in ("hook", "other") for n in range(60)
    )
    assert {d.state for d in desk.deliveries()} == {"SENT"}


SENDER = """
import sys
from observe.conftest import MASTER, PLACE
from glulam.access.secrets import SecretBox
from glulam.observe.reach import Reach
from glulam.observe.router import AlertRouter
from glulam.observe.sender import AlertSender
from glulam.settings import Settings
from glulam.store.database import Database
with Database.open(Settings(database_url=sys.argv[1])) as database:
    AlertRouter(database=database, home=PLACE).step()
    AlertSender(database=database, box=SecretBox([MASTER]), reach=Reach(private=True)).step()
"""


@pytest.mark.crash
@pytest.mark.parametrize(
    ("point", "sent_before"),
    [("alert.route.before_commit", 0), ("alert.after_claim", 0), ("alert.after_send", 1)],
)
def test_a_killed_sender_loses_nothing(
    desk: Desk, sink: Sink, database_url: str, point: str, sent_before: int
) -> None:
    desk.apply(hook(sink))
    desk.tell()
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root / 'tests'}", "GLULAM_FAILPOINT": point}
    ended = subprocess.run([sys.executable, "-c", SENDER, database_url], env=env, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(sink.got) == sent_before
    desk.work()
    if point != "alert.route.before_commit":
        assert len(sink.got) == sent_before, "its lease is not over"
        desk.clock.turn(seconds=121)
        desk.send()
    assert len(sink.got) == sent_before + 1
    assert len({got.headers["idempotency-key"] for got in sink.got}) == 1
    assert states(desk) == [("hook", "TRIGGER", "SENT")]


def test_a_sender_that_lost_its_lease_changes_nothing(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    desk.tell()
    desk.route()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        desk.clock.turn(seconds=200)
        desk.send()  # another sender takes it over, and is done
        answer(500)(handler)

    sink.behaviours.append(slow)
    desk.send()
    assert [(d.state, d.attempts, d.answer) for d in desk.deliveries()] == [("SENT", 2, "200 ok")]


def test_private_addresses_need_the_word_of_the_settings(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    desk.tell()
    desk.route()
    desk.sender(Reach()).step()
    (delivery,) = desk.deliveries()
    assert sink.got == []
    assert (
        delivery.answer
        == "127.0.0.1 is at 127.0.0.1, which is not public; GLULAM_ALERT_HOSTS can allow channels to go there"
    )


@pytest.mark.parametrize(
    ("text", "private", "host", "open_"),
    [
        ("", False, "127.0.0.1", False), ("", True, "127.0.0.1", True), ("", True, "10.1.2.3", True),
        ("", True, "::1", True), ("", True, "169.254.169.254", False), ("", True, "fe80::1", False),
        ("", True, "0.0.0.0", False), ("", True, "224.0.0.1", False), ("", False, "::ffff:127.0.0.1", False),
        ("", False, "8.8.8.8", True), ("10.0.0.0/8", True, "127.0.0.1", False), ("10.0.0.0/8", False, "10.9.9.9", True),
        ("169.254.169.254", False, "169.254.169.254", True), ("localhost", False, "localhost", True),
    ],
)  # fmt: skip
def test_where_channels_may_go(text: str, private: bool, host: str, open_: bool) -> None:
    reach = Reach.parse(text, private=private)
    if open_:
        assert reach.addresses(host, 80)
    else:
        with pytest.raises(NotDelivered, match="GLULAM_ALERT_HOSTS"):
            reach.addresses(host, 80)


def test_old_events_and_alerts_are_forgotten(desk: Desk, sink: Sink) -> None:
    desk.apply(hook(sink))
    desk.tell()
    desk.work()
    desk.tell()
    desk.route()
    with desk.database.transaction() as conn:
        conn.execute("UPDATE outbox SET created_at = created_at - interval '8 days', routed = (id = 1)")
        conn.execute("UPDATE alert SET last_at = last_at - interval '91 days'")
        assert upkeep.step(conn, 100, event_days=7, alert_days=90) == 2
        assert upkeep.step(conn, 100, event_days=7, alert_days=90) == 0
        assert conn.execute("SELECT id FROM outbox").fetchall() == [(2,)]
    assert [d.state for d in desk.deliveries()] == ["PENDING"]
