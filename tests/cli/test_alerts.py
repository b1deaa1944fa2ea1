"""`glulam alerts`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cli.conftest import Cli
from glulam.alerting import parts
from glulam.ledger.outbox import announce
from glulam.observe.secrets import MASK
from glulam.settings import Settings
from glulam.store.database import Database
from observe.conftest import Sink, answer, sink

__all__ = ["sink"]

ALERTS = """\
channels:
  team: {{type: slack, url: "${{secret:SLACK}}", description: the data team}}
  hook: {{type: webhook, url: "{url}/hook", severities: [P0, P1]}}
rules:
  bad-file:
    event: file.quarantined
    severity: P1
    title: "{{detail.file}} was given up"
"""


@pytest.fixture
def applied(project: Cli, sink: Sink) -> Cli:
    (project.folder / "alerts.yaml").write_text(ALERTS.format(url=sink.url))
    done = project("alerts", "secret", "SLACK", stdin=f"{sink.url}/services/the-slack-token\n")
    assert (done.code, done.out) == (0, "secret SLACK is kept\n"), done.err
    done = project.look("alerts", "apply", str(project.folder / "alerts.yaml"))
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "channel team: applied",
        "channel hook: applied",
        "rule bad-file: applied",
    ]
    return project


def work(project: Cli) -> None:
    """What `glulam up` does beside."""
    settings = Settings(home=project.folder / ".glulam", database_url=project.database_url)
    with Database.open(settings) as database:
        for attended in parts(settings, database).values():
            step = attended.args[2]  # type: ignore[attr-defined]
            while step():
                pass


def test_a_quarantined_file_is_told_listed_acknowledged_and_resolved(applied: Cli, sink: Sink) -> None:
    with (
        Database.open(Settings(database_url=applied.database_url)) as database,
        database.transaction() as conn,
    ):
        announce(conn, "file.quarantined", {"file": "s3://raw/x.json", "message": "not JSON"})
    work(applied)
    assert [got.json["title"] for got in sink.got] == ["s3://raw/x.json was given up"]
    listed = applied.look("alerts", "list")
    assert "s3://raw/x.json was given up" in listed.out
    assert "hook SENT" in listed.out
    (alert,) = applied.look("alerts", "list", "--json").json["alerts"]
    assert (alert["rule"], alert["severity"], alert["state"], alert["events"]) == (
        "bad-file",
        "P1",
        "OPEN",
        1,
    )
    assert applied.look("alerts", "list", "--severity", "P0").out == "no alerts\n"
    assert applied.look("alerts", "ack", alert["id"]).out == f"{alert['id']} is ACKNOWLEDGED\n"
    assert applied.look("alerts", "ack", alert["id"]).out == f"{alert['id']} was already ACKNOWLEDGED\n"
    assert applied.look("alerts", "resolve", alert["id"], "--json").json["alert"]["state"] == "RESOLVED"
    assert applied.look("alerts", "list", "--open", "--rule", "bad-file").out == "no alerts\n"
    work(applied)
    assert [got.json["action"] for got in sink.got] == ["trigger", "acknowledge", "resolve"]
    shown = applied.look("alerts", "show", alert["id"])
    assert "not JSON" in shown.out
    assert "RESOLVE" in shown.out
    assert applied.look("alerts", "show", "nothing").code == 3
    log = [(row["operation"], row["resources"][0]) for row in applied.look("audit", "--json").json["rows"]]
    assert log[0] == ("ResolveAlert", f"alert/{alert['id']}")
    assert {("PutAlertSecret", "alert-secret/SLACK"), ("PutAlertChannel", "alert-channel/team"),
            ("PutAlertRule", "alert-rule/bad-file"), ("AcknowledgeAlert", f"alert/{alert['id']}")} <= set(log)  # fmt: skip


def test_the_test_button_shows_what_each_channel_answered(applied: Cli, sink: Sink) -> None:
    sink.behaviours += [answer(200, "fine"), answer(404, f"no /services/the-slack-token here {sink.url}")]
    found = applied.look("alerts", "test")
    assert found.code == 1
    assert {got.path for got in sink.got} == {"/hook", "/services/the-slack-token"}
    assert "200 fine" in found.out
    assert f"answered 404 no /{MASK} here" in found.out
    one = applied.look("alerts", "test", "team", "--json")
    assert one.code == 0
    assert one.json == {"channels": [{"channel": "team", "delivered": True, "answer": "200 ok"}]}
    assert applied.look("alerts", "test", "nobody").code == 3


def test_definitions_are_listed_shown_and_deleted(applied: Cli, sink: Sink) -> None:
    assert "the data team" in applied.look("alerts", "channels").out
    assert "by severity" in applied.look("alerts", "rules").out
    shown = applied.look("alerts", "rules", "bad-file").out
    assert yaml.safe_load(shown) == {"rules": yaml.safe_load(ALERTS.format(url=""))["rules"]}
    assert (
        applied.look("alerts", "channels", "hook", "--json").json["channels"]["hook"]["url"]
        == f"{sink.url}/{MASK}"
    )
    assert applied.look("alerts", "secret").out == "SLACK\n"
    again = applied.look("alerts", "apply", str(applied.folder / "alerts.yaml"), "--json").json["applied"]
    assert not any(one["changed"] for one in again)
    refused = applied.look("alerts", "secret", "SLACK", "--delete")
    assert (refused.code, "channel team refers to it" in refused.err) == (1, True)
    done = applied.look("alerts", "delete", "--rule", "bad-file", "--channel", "team", "--channel", "hook")
    assert done.out.splitlines() == [
        "rule bad-file is deleted",
        "channel team is deleted",
        "channel hook is deleted",
    ]
    assert applied.look("alerts", "secret", "SLACK", "--delete").code == 0
    assert applied.look("alerts", "delete", "--rule", "bad-file").code == 3
    assert applied.look("alerts", "delete").code == 2
    assert "no channels" in applied.look("alerts", "channels").out
    assert applied.look("alerts", "rules", "gone").code == 3


def test_mistakes_are_said_with_file_and_line(applied: Cli, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("channels:\n  a: {type: log}\n  b: {type: email, password: hunter2-secret, hosst: h}\n")
    found = applied.look("alerts", "apply", str(file))
    assert found.code == 2
    assert f"{file}:3: channels.b.hosst: unknown key" in found.err
    assert "hunter2" not in found.err + found.out
    assert "cannot be read" in applied.look("alerts", "apply", str(tmp_path / "nothing.yaml")).err
    names = applied.look("alerts", "channels", "--json").json["channels"]
    assert "a" not in names, json.dumps(names)
