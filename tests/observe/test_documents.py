"""What people write: rules, channels, templates, times, secrets; and what they are told of their mistakes."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.model.errors import Conflict, EntityNotFound, InvalidConfig, InvalidInput
from glulam.observe import definitions, rules, templates
from glulam.observe.alerts_file import parse
from glulam.observe.secrets import MASK
from observe.conftest import PLACE, Desk, Sink, answer, hook

SECRETS = (
    "hunter2-password",
    "/services/T0/B0/slack-token",
    "bearer-token-1",
    "signing-secret",
    "kept-by-name",
    "from-env-x",
)


def rule(**given: Any) -> rules.Rule:
    return rules.read("r", {"severity": "P2", **given})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"state": "FAILED"}, {"state": ["FAILED"]}),
        ({"state": ["FAILED", "TIMEOUT"]}, {"state": ["FAILED", "TIMEOUT"]}),
        ({"jobName": {"prefix": "etl-"}}, {"jobName": [{"prefix": "etl-"}]}),
        ({"rejected": {"above": 10}}, {"rejected": [{"numeric": [">", 10]}]}),
        ({"share": {"at_most": 0.5, "above": 0}}, {"share": [{"numeric": [">", 0, "<=", 0.5]}]}),
        ({"state": {"not": ["STOPPED"]}}, {"state": [{"anything-but": ["STOPPED"]}]}),
        ({"a.b": 1, "a.c": None}, {"a": {"b": [1], "c": [None]}}),
        ({"message": {"exists": True}}, {"message": [{"exists": True}]}),
    ],
)
def test_the_readable_form_is_a_pattern(where: dict[str, Any], expected: dict[str, Any]) -> None:
    found = rule(event="e", where=where)
    assert found.as_pattern() == {"detail-type": ["e"], "detail": expected}
    assert rule(pattern=found.as_pattern()).as_pattern() == found.as_pattern()


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({}, "expected either event or source, or else a pattern"),
        ({"event": "e", "pattern": {"a": ["b"]}}, "expected either event or source, or else a pattern"),
        ({"pattern": {"a": ["b"]}, "where": {"x": 1}}, "no where beside it"),
        ({"event": "e", "where": {"a": {"like": "x"}}}, "detail.a: 'like' is no matcher"),
        ({"event": "e", "where": {"a": 1, "a.b": 2}}, "a.b lies inside of a field"),
        ({"event": "e", "where": {"a.b": 1, "a": 2}}, "a has a condition"),
        ({"event": "e", "where": {"a": {"above": 5, "below": 1}}}, "lower limit first"),
        ({"event": "e", "severity": "P9"}, "severity: found 'P9'"),
        ({"event": "e", "titel": "x"}, "titel: unknown key"),
        ({"event": "e", "title": "{detail.a.__class__}{event.x}"}, "{event.x} is no field"),
        ({"event": "e", "title": "{0}"}, "{0} is no field"),
        ({"event": "e", "title": "a } b"}, "found a } alone"),
        (
            {"event": "e", "dedupe": {"window": "5 minutes"}},
            "dedupe.window: found '5 minutes', expected a time like",
        ),
        ({"event": "e", "dedupe": {"window": 300}}, "expected a time like 90s"),
        (
            {"event": "e", "quiet_hours": {"from": "25:00", "to": "7:00", "time_zone": "Europe/Berlin"}},
            "time of the day",
        ),
        (
            {"event": "e", "quiet_hours": {"from": "22:00", "to": "07:00", "time_zone": "Berlin"}},
            "time zone like",
        ),
        ({"event": "e", "quiet_hours": {"from": "22:00", "to": "07:00"}}, "quiet_hours.time_zone: missing"),
        ({"event": "e", "escalate": {"after": "1h", "channels": []}}, "escalate.0.channels"),
        ({"event": "e", "resolved_by": {"event": "f"}}, "resolved_by needs dedupe.key"),
        ({"event": "e", "channels": "team"}, "channels"),
    ],
)
def test_mistakes_in_rules_are_named(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rule(**given_)
    assert said in str(caught.value)
    assert str(caught.value).startswith("alert rule r: ")


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"type": "pigeon"}, "type: found 'pigeon', expected one of log, email"),
        ({}, "type: found None"),
        ({"type": "slack"}, "url: missing"),
        ({"type": "slack", "url": "file:///etc/passwd"}, "expected a URL that begins with https://"),
        ({"type": "webhook", "url": "https://u:pw-in-url@h/"}, "without user and password"),
        ({"type": "webhook", "url": "https://h/", "headers": {"Host": "x"}}, "'Host' cannot be set"),
        ({"type": "webhook", "url": "https://h/", "headers": {"X": "a\r\nb"}}, "printable ASCII"),
        ({"type": "webhook", "url": "https://h/", "secret": "short"}, "at least 8 characters"),
        ({"type": "webhook", "url": "https://h/${vault:x}"}, "${vault:x} is no reference"),
        ({"type": "webhook", "url": "https://h/", "secret": "${env:GLULAM_SECRET_KEY}"}, "begin with ALERT_"),
        (
            {"type": "webhook", "url": "https://h/", "secret": "${secret:nothing}"},
            "there is no secret nothing",
        ),
        ({"type": "webhook", "url": MASK}, "stands for a secret that is not kept here"),
        ({"type": "email", "host": "h", "from": "a@b", "to": ["x y"]}, "expected an address"),
        ({"type": "email", "host": "h", "from": "a@b", "to": "c@d", "user": "u"}, "belong together"),
        (
            {
                "type": "email",
                "host": "h",
                "from": "a@b",
                "to": "c@d",
                "user": "u",
                "password": "pw",
                "tls": "none",
            },
            "needs tls",
        ),
        ({"type": "email", "host": "h", "from": "a@b", "to": "c@d", "port": "25"}, "port"),
        ({"type": "sns", "topic_arn": "arn:aws:sqs:x"}, "expected arn:aws:sns:REGION:ACCOUNT:NAME"),
    ],
)
def test_mistakes_in_channels_are_named_without_their_secrets(
    desk: Desk, given_: dict[str, Any], said: str
) -> None:
    with desk.database.transaction() as conn, pytest.raises((InvalidInput, EntityNotFound)) as caught:
        definitions.put_channel(conn, PLACE, "c", given_, desk.box)
    assert said in str(caught.value)
    assert "pw-in-url" not in str(caught.value)
    assert "short" not in str(caught.value)


def test_a_file_says_line_and_field() -> None:
    text = """\
channels:
  team:
    type: slack
    url: https://hooks.example.org/x
  pager: {type: pagerduty, key: abc-secret}
rules:
  late:
    event: Glue Job Run Status
    severity: P7
    quiet_hours: {from: 22:00, to: 6:30, time_zone: Europe/Berlin}
    dedupe:
      window: soon
extra: 1
"""
    with pytest.raises(InvalidConfig) as caught:
        parse(text, "alerts.yaml")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"alerts.yaml:{n}" for n in (13, 5, 5, 9, 12)]
    assert lines[0] == "alerts.yaml:13: extra: unknown key"
    assert lines[1] == "alerts.yaml:5: channels.pager.routing_key: missing"
    assert lines[3].startswith("alerts.yaml:9: rules.late.severity: found 'P7': ")
    with pytest.raises(InvalidConfig, match=r"alerts.yaml:2: channels.team: expected a name"):
        parse("channels:\n  team: slack\n", "alerts.yaml")


def test_a_bad_reference_says_line_too(desk: Desk) -> None:
    text = (
        "channels:\n  log: {type: log}\nrules:\n\n  r:\n    {event: e, severity: P1, channels: [log, gone]}\n"
    )
    with pytest.raises(
        InvalidConfig, match=r"alerts\.yaml:5: rules\.r: alert rule r: there is no channel gone; found log"
    ):
        desk.apply(text)
    with desk.database.connection() as conn:
        assert definitions.list_channels(conn, PLACE) == {}, "all or nothing"


@pytest.mark.parametrize(
    "value", ['"a\\0b"', ".inf", "2027-01-01", "{7: x}", "123456789012345678901234567890"]
)
def test_what_json_cannot_hold_is_refused(desk: Desk, value: str) -> None:
    text = f"rules:\n  r:\n    event: e\n    severity: P1\n    where: {{a: {{exists: true}}, b: {value}}}\n"
    with pytest.raises(InvalidConfig, match=r"^alerts\.yaml:\d: rules\.r"):
        desk.apply(text)


def test_applying_the_same_again_changes_nothing(desk: Desk, sink: Sink) -> None:
    document = hook(sink)
    document["channels"]["hook"]["secret"] = "signing-secret"
    assert desk.apply(document) == {"channel hook": True, "rule bad-file": True}
    assert desk.apply(document) == {"channel hook": False, "rule bad-file": False}
    with desk.database.connection() as conn:
        shown = definitions.get_channel(conn, PLACE, "hook")
        assert shown == {"type": "webhook", "url": f"{sink.url}/{MASK}", "secret": MASK}
        assert definitions.get_rule(conn, PLACE, "bad-file") == document["rules"]["bad-file"]
    assert desk.apply({"channels": {"hook": shown}}) == {"channel hook": False}, "a mask is what it was"
    assert desk.apply({"channels": {"hook": {**shown, "description": "d"}}}) == {"channel hook": True}
    with desk.database.connection() as conn:
        opened = definitions.open_channel(conn, PLACE, "hook", desk.box, {})
    assert (opened.channel.secret, opened.channel.url) == ("signing-secret", sink.url)  # type: ignore[attr-defined]


def test_what_is_referred_to_cannot_be_deleted(desk: Desk, sink: Sink) -> None:
    with desk.database.transaction() as conn:
        definitions.put_secret(conn, PLACE, "KEY", "some-secret-value", desk.box)
    document = hook(sink)
    document["channels"]["hook"]["secret"] = "${secret:KEY}"
    desk.apply(document)
    desk.tell()
    desk.route()
    with desk.database.transaction() as conn:
        with pytest.raises(Conflict, match="rule bad-file sends to it"):
            definitions.delete_channel(conn, PLACE, "hook")
        with pytest.raises(Conflict, match="channel hook refers to it"):
            definitions.delete_secret(conn, PLACE, "KEY")
        definitions.delete_rule(conn, PLACE, "bad-file")
        definitions.delete_channel(conn, PLACE, "hook")
        definitions.delete_secret(conn, PLACE, "KEY")
        for forget in (definitions.delete_rule, definitions.delete_channel, definitions.delete_secret):
            with pytest.raises(EntityNotFound):
                forget(conn, PLACE, "hook")
    assert [(d.state, d.answer) for d in desk.deliveries()] == [("CANCELLED", "the channel was deleted")]


def test_no_secret_is_in_the_log_the_tables_or_an_answer(
    desk: Desk, sink: Sink, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with desk.database.transaction() as conn:
        definitions.put_secret(conn, PLACE, "NAMED", "kept-by-name", desk.box)
    desk.env["ALERT_X"] = "from-env-x"
    document = hook(sink, channels=["hook", "slack", "named", "mail", "pager"])
    document["channels"] |= {
        "hook": {"type": "webhook", "url": sink.url, "secret": "signing-secret", "headers": {"A": "bearer-token-1"}},
        "slack": {"type": "slack", "url": sink.url + "/services/T0/B0/slack-token"},
        "named": {"type": "webhook", "url": sink.url + "/${env:ALERT_X}", "headers": {"A": "Bearer ${secret:NAMED}"}},
        "mail": {"type": "email", "host": "localhost", "port": 1, "tls": "none", "user": "u", "password": "hunter2-password",
                 "from": "a@example.org", "to": ["b@example.org"]},
        "pager": {"type": "pagerduty", "routing_key": "kept-by-name", "endpoint": sink.url},
    }  # fmt: skip

    def repeats(handler: Any) -> None:
        """A sink that answers with all that it was sent."""
        answer(500, f"{handler.path} {handler.headers} {handler.taken.decode()}")(handler)

    sink.behaviours += [repeats] * 4
    with caplog.at_level(logging.DEBUG):
        desk.apply(document)
        desk.tell()
        desk.work()
        desk.clock.turn(minutes=5)
        desk.env.clear()
        desk.send()
    assert len(sink.got) >= 4
    with desk.database.connection() as conn:
        said = json.dumps([definitions.list_channels(conn, PLACE), definitions.list_secrets(conn, PLACE)])
        tables = [name for (name,) in conn.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()]  # fmt: skip
        dump = [str(conn.execute(f"SELECT t::text FROM {name} t").fetchall()) for name in tables]  # noqa: S608
    everything = {
        "answers": said,
        "log": caplog.text,
        "database": "\n".join(dump),
        "repr": repr(desk.deliveries()),
    }
    assert "given up" not in caplog.text
    assert caplog.text.count("try 1 failed") == 5
    assert "ALERT_X" in caplog.text
    for place, text in everything.items():
        assert [secret for secret in SECRETS if secret in text] == [], place
    assert len(tables) > 20


QUIET = {"from": "22:00", "to": "07:00", "time_zone": "Europe/Berlin", "pass": ["P0"]}


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ({}, "2027-01-15T12:00", None),
        ({}, "2027-01-15T21:00", "2027-01-16T06:00"),  # 22:00 in Berlin: the first moment
        ({}, "2027-01-15T20:59", None),
        ({}, "2027-01-15T05:59", "2027-01-15T06:00"),
        ({}, "2027-01-15T06:00", None),
        ({}, "2027-07-15T23:00", "2027-07-16T05:00"),  # summer time
        (
            {"from": "02:30", "to": "04:00"},
            "2027-03-28T01:30",
            "2027-03-28T02:00",
        ),  # 02:30 is skipped that night
        (
            {"from": "01:00", "to": "02:30"},
            "2027-10-31T00:15",
            "2027-10-31T00:30",
        ),  # 02:30 comes twice: the first
        ({"from": "09:00", "to": "17:00"}, "2027-01-15T12:00", "2027-01-15T16:00"),
        (
            {"days": ["sat", "sun"], "from": "00:00", "to": "00:00"},
            "2027-01-16T12:00",
            "2027-01-17T23:00",
        ),  # a weekend
        ({"days": "fri"}, "2027-01-16T02:00", "2027-01-16T06:00"),  # Friday's night
        ({"days": "fri"}, "2027-01-15T02:00", None),
        ({"from": 1320, "to": 420}, "2027-01-15T21:00", "2027-01-16T06:00"),  # YAML's 22:00
    ],
)
def test_quiet_hours_end_when_they_end_there(hours: dict[str, Any], now: str, until: str | None) -> None:
    read = rule(event="e", quiet_hours={**QUIET, **hours}).quiet_hours
    assert read is not None
    found = read.hours().until(datetime.fromisoformat(now).replace(tzinfo=UTC), "P1")
    assert found == (None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC))
    assert read.hours().until(datetime.fromisoformat(now).replace(tzinfo=UTC), "P0") is None


@given(st.text(max_size=40), st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                                          lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3)))  # fmt: skip
def test_what_a_template_may_be_can_be_rendered(template: str, detail: Any) -> None:
    try:
        templates.check(template)
    except InvalidInput:
        return
    assert len(templates.render(template, {"detail": detail, "source": "s"}, 30)) <= 30


def test_templates_say_fields_and_nothing_else() -> None:
    fields = {"detail": {"a": {"b": 1.5}, "n": None, "t": True, "x": "{source}"}, "source": "s"}
    assert (
        templates.render("{detail.a.b} {detail.n} {detail.t} {detail.x} {detail.a}", fields, 99)
        == '1.5 - true {source} {"b":1.5}'
    )
    assert templates.render("{{{source}}}", fields, 99) == "{s}"
    assert templates.render("{detail.a.b.c}{detail.zz}", fields, 99) == "--"
    assert templates.line("a\r\n\tb\x00c\u2028d") == "a b c d"
