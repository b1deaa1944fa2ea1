"""Channels and rules of alerts in a project: what is read, what is a mistake, what differs."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.model.errors import InvalidConfig
from glulam.project import alerts
from glulam.project.diff import Difference, difference
from glulam.project.export import definition, files
from glulam.project.kinds import KINDS, AlertKind, Document
from glulam.project.nodes import Problems, as_json, read
from glulam.project.plan import as_document
from glulam.project.record import Entry, Record
from glulam.project.texts import digest_of, secrets_of
from project.conftest import MakeProject, Servers, thing
from project.test_decide import said

CHANNELS, RULES = KINDS["channels"], KINDS["rules"]
ALERTS = """
channels:
  team: {type: slack, url: "${secret:SLACK}"}
  hook: {type: webhook, url: "https://hooks.example/${env:ALERT_HOOK}", headers: {X-Stage: "${var.stage} ${secret:X-1}"}}
  mail: {type: email, host: mail.example, port: 25, tls: none, from: a@example.org, to: [b@example.org]}
rules:
  failed-jobs:
    source: aws.glue
    event: Glue Job State Change
    where: {state: [FAILED, 5, true, null], jobName: {prefix: "${var.stage}-"}, nobody: null, text: "", share: {above: 0.05}}
    severity: P1
    description:
    channels: [team]
    title: "Job {detail.jobName} costs $${detail.price}"
    quiet_hours: {from: "22:00", to: "07:00", time_zone: Europe/Berlin}
    escalate: {after: 30m, channels: [mail]}
"""
WHOLE = "project: p\nvariables: {stage: dev}\n"


def test_documents_are_as_alerts_have_them(project: MakeProject) -> None:
    found = project(WHOLE, files={"alerts.yaml": ALERTS}).resources
    sent = {id.name: alerts.sent(resource.document) for id, resource in found.items()}
    assert sent["team"] == {"type": "slack", "url": "${secret:SLACK}"}
    assert sent["hook"]["url"] == "https://hooks.example/${env:ALERT_HOOK}"
    assert sent["hook"]["headers"] == {"X-Stage": "dev ${secret:X-1}"}
    assert sent["mail"]["port"] == 25
    rule = sent["failed-jobs"]
    assert rule["where"] == {
        "state": ["FAILED", 5, True, None], "jobName": {"prefix": "dev-"}, "nobody": None, "text": "",
        "share": {"above": 0.05},
    }  # fmt: skip
    assert rule["title"] == "Job {detail.jobName} costs ${detail.price}"
    assert "description" not in rule


def test_they_may_stand_in_any_file_and_differ_by_environment(project: MakeProject) -> None:
    text = WHOLE + "environments:\n  prod:\n    rules: {r: {severity: P0, channels: [a]}}\n"
    more = {"alerts/deep/x.yaml": "rules:\n  r: {event: e, severity: P3, channels: [a, b]}\n"}
    found = project(text, env="prod", files=more).resources[thing("rules", "r")]
    assert found.document == {"event": "e", "severity": "P0", "channels": ["a"]}
    assert str(found.place(("event",))) == "alerts/deep/x.yaml:2"


MISTAKES = {
    "an unknown key": (
        "channels:\n  team:\n    type: log\n    ulr: x",
        "alerts.yaml:4: channels.team.ulr: unknown key",
    ),
    "a type": (
        "channels:\n  team:\n    type: pigeon",
        "alerts.yaml:3: channels.team.type: found 'pigeon', expected one of log, email, slack, webhook, sns, pagerduty",
    ),
    "something missing": (
        "rules:\n  r: {event: e}",
        "alerts.yaml:2: rules.r.severity: missing",
    ),
    "inside of a step": (
        "rules:\n  r:\n    event: e\n    severity: P1\n    escalate:\n      after: soon\n      channels: [a]",
        "alerts.yaml:5: rules.r.escalate.0.after: found 'soon', expected a time like 90s, 15m, 2h or 1d",
    ),
    "a pattern": (
        "rules:\n  r: {event: e, severity: P1, where: {x: {above: many}}}",
        "alerts.yaml:2: rules.r: ",
    ),
    "a secret": (
        "channels:\n  team:\n    type: slack\n    url: https://hooks.example/hunter2",
        "alerts.yaml:4: channels.team.url: a secret stands here; expected ${secret:NAME}, or ${env:ALERT_NAME} of the "
        "server's environment",
    ),
    "a secret among headers": (
        "channels:\n  h:\n    type: webhook\n    url: ${secret:URL}\n    headers:\n      Authorization: Bearer hunter2",
        "alerts.yaml:6: channels.h.headers.Authorization: a secret stands here; expected ${secret:NAME}, or "
        "${env:ALERT_NAME} of the server's environment",
    ),
    "a secret that is no text": (
        "channels:\n  h:\n    type: slack\n    url: 7777777",
        "alerts.yaml:4: channels.h.url: Input should be a valid string",
    ),
    "a variable of the server": (
        "channels:\n  team: {type: slack, url: '${env:HOME}'}",
        "alerts.yaml:2: channels.team.url: ${env:HOME}: names of variables that channels may read begin with ALERT_",
    ),
    "a secret of a rule": (
        "rules:\n  r: {event: e, severity: P1, where: {x: '${secret:X}'}}",
        "alerts.yaml:2: rules.r.where.x: a reference to a secret; only channels can have one",
    ),
    "a reference of channels elsewhere": (
        "rules:\n  r: {event: e, severity: P1, description: '${env:ALERT_X}'}",
        "alerts.yaml:2: found ${env:ALERT_X}, expected ${var.name}, ${env.NAME} or ${secret:NAME}, or $${ for ${",
    ),
    "a number": (
        "rules:\n  r: {event: e, severity: P1, where: {x: .inf}}",
        "alerts.yaml:2: rules.r.where.x: found inf, expected a number that JSON can hold",
    ),
    "an unknown variable": (
        "channels:\n  team: {type: log, description: '${var.stag}'}",
        "alerts.yaml:2: no variable 'stag' in glulam.yaml; did you mean 'stage'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_file_and_line(project: MakeProject, name: str) -> None:
    text, expected = MISTAKES[name]
    with pytest.raises(InvalidConfig) as caught:
        project(WHOLE, files={"alerts.yaml": text.lstrip("\n")})
    assert any(line.startswith(expected) for line in str(caught.value).splitlines()), str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "7777777" not in str(caught.value)


def test_made_and_removed_in_order_and_bad_references(project: MakeProject, servers: Servers) -> None:
    made = project(WHOLE, files={"alerts.yaml": ALERTS})
    plan = servers.plan(made)
    order = [*(f"alert channel {n}" for n in ("hook", "mail", "team")), "alert rule failed-jobs"]
    assert said(plan) == [("add", name) for name in order]
    servers.done(plan)
    assert said(servers.plan(made)) == []
    with pytest.raises(InvalidConfig) as caught:
        servers.plan(project(WHOLE, files={"alerts.yaml": ALERTS.replace("  team: {", "  # team: {")}))
    assert str(caught.value) == (
        "alerts.yaml:12: rules.failed-jobs.channels.0: alert channel team is no longer in this project and would be removed"
    )
    wrong = ALERTS.replace("[team]", "[taem]").replace("channels: [mail]", "channels: [nobody]")
    with pytest.raises(InvalidConfig) as caught:
        servers.plan(project(WHOLE, files={"alerts.yaml": wrong}))
    assert str(caught.value).splitlines() == [
        "alerts.yaml:12: rules.failed-jobs.channels.0: no alert channel taem in this project or on the server; "
        "did you mean 'team'?",
        "alerts.yaml:15: rules.failed-jobs.escalate.channels.0: no alert channel nobody in this project or on the server",
    ]
    servers.add(thing("channels", "by-hand"), {"type": "log"})
    nothing = servers.plan(project(WHOLE, files={"alerts.yaml": ""}))
    assert said(nothing) == [("remove", name) for name in (order[3], *order[:3])]


def diff(wanted: Document, there: Document, *rotated: str) -> dict[str, tuple[Any, Any]]:
    found: Difference = difference(CHANNELS, wanted, there, {}, lambda name: None, rotated)
    return {".".join(f.path): (f.before, f.after) for f in found.fields}


def test_a_definition_is_a_whole() -> None:
    assert diff({"a": "x"}, {"a": "x", "b": {"c": 1}}) == {"b": ({"c": 1}, None)}
    assert diff({"w": {"a": 1, "b": ""}}, {"w": {"a": 1}}) == {"w.b": (None, "")}
    assert diff({"w": {"a": True}}, {"w": {"a": 1}}) == {"w.a": (1, True)}
    assert diff({"w": {"a": None}}, {"w": {}}) == {"w": ({}, {"a": None})}
    assert diff({"to": ["a", "b"]}, {"to": ["a"]}) == {"to": (["a"], ["a", "b"])}


def test_what_is_hidden_there_is_the_secret_until_it_has_another_value() -> None:
    wanted = {"url": "${secret:SLACK}"}
    assert diff(wanted, {"url": "https://hooks.example/********"}) == {}
    assert diff(wanted, wanted) == {}
    assert diff(wanted, wanted, "SLACK") == {"url": ("(hidden)", "${secret:SLACK}")}
    assert diff({"url": "${env:ALERT_X}"}, {"url": "https://hooks.example/********"}).keys() == {"url"}
    assert diff(wanted, {"url": "${secret:OTHER}"}) == {"url": ("(hidden)", "${secret:SLACK}")}


def test_a_secret_is_sent_when_it_is_new_or_has_another_value(project: MakeProject, servers: Servers) -> None:
    made = project("project: p\nchannels:\n  team: {type: slack, url: '${secret:SLACK}'}\n")
    team = made.resources[thing("channels", "team")]
    servers.add(team.id, team.document)
    assert said(servers.plan(made)) == []
    servers.secrets["SLACK"] = "hunter2"
    plan = servers.plan(made)
    assert said(plan) == [("change", "alert channel team")]
    assert "hunter2" not in json.dumps(as_document(plan))
    sent = Entry(made=True, document=team.document, secrets={"SLACK": digest_of("hunter2")})
    servers.record = Record(entries={team.id: sent})
    assert said(servers.plan(made)) == []
    servers.secrets["SLACK"] = "swordfish"
    assert said(servers.plan(made)) == [("change", "alert channel team")]


def test_export_has_references_where_the_server_hides_values(project: MakeProject) -> None:
    there = {
        "type": "webhook",
        "url": "https://hooks.example/********",
        "headers": {"X-Key": "********", "X-B": "${secret:B}"},
    }
    found = definition(thing("channels", "my hook"), there)
    assert found["url"] == "${secret:MY_HOOK_URL}"
    assert found["headers"] == {"X-Key": "${secret:MY_HOOK_X_KEY}", "X-B": "${secret:B}"}
    assert diff(found, there) == {}


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
awkward = st.sampled_from(["${x}", "${secret:A}", "$${y}", "22:00", "1e3", "on", "", "null"])
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts | awkward,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc-", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["event", "where", "title", "severity"]), json_values.filter(lambda v: v is not None)
    )
)
def test_any_rule_that_is_exported_is_read_as_it_was(there: Document) -> None:
    """What is read from the file that an export wrote is what the server sent."""
    assert isinstance(RULES, AlertKind)
    received = alerts.received(RULES, there)
    assert alerts.sent(received) == there
    assert secrets_of(received) == set()  # it looks like one, and is none
    problems = Problems()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.yaml"
        path.write_text(files("p", {thing("rules", "r"): received})["alerts/r.yaml"], "utf-8")
        found = as_json(read(path, "r.yaml", problems))
    problems.refuse()
    assert found == {"rules": {"r": received}}
