"""Channels and rules of alerts in `glulam plan`, `apply` and `export`, against a real server over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.sites import Site, site
from glulam.cli.alert_things import AlertThings
from glulam.cli.remote import Remote
from glulam.model.errors import ServerRefused
from glulam.project.kinds import KINDS, AlertKind, ResourceId
from glulam.settings import Settings
from observe.conftest import Sink, sink

__all__ = ["sink", "site"]

CHANNELS = KINDS["channels"]
assert isinstance(CHANNELS, AlertKind)
ALERTS = """
channels:
  log: {type: log}
  team a/b: {type: slack, url: "${secret:SLACK}", description: "costs $${5}"}
rules:
  late:
    event: Glue Job State Change
    where: {state: [FAILED], jobName: {prefix: "${var.stage}-"}}
    severity: P1
    channels: ["team a/b"]
    escalate: {after: 30m, channels: [log]}
"""
STAGED = "project: told\nvariables: {stage: dev}\nenvironments: {prod: {rules: {late: {severity: P0}}}}\n"


def test_alerts(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(STAGED, **{"alerts.yaml": ALERTS})
    refused = site.say("apply")
    assert (refused.code, "secret SLACK: neither set nor kept by the server" in refused.err) == (2, True)
    site.client("events").list_rules()
    monkeypatch.setenv("SLACK", "https://hooks.example/hunter2")
    made = [("add", "channels/log"), ("add", "channels/team a/b"), ("add", "rules/late")]
    assert site.plan() == made
    site.apply()
    assert site.plan() == []
    monkeypatch.delenv("SLACK")  # the server has it now
    assert site.plan() == []
    site.write(
        STAGED,
        **{"alerts.yaml": ALERTS.replace("[FAILED]", "[FAILED, TIMEOUT]").replace("    escalate", "    #")},
    )
    assert site.fields() == {
        "escalate": ({"after": "30m", "channels": ["log"]}, None), "where.state": (["FAILED"], ["FAILED", "TIMEOUT"]),
    }  # fmt: skip
    assert site.fields("--env", "prod")["severity"] == ("P1", "P0")
    site.apply("--var", "stage=test")
    there = _alerts(site).see(ResourceId(section="rules", names=("late",))).document
    assert there is not None
    assert there["where"] == {"state": ["FAILED", "TIMEOUT"], "jobName": {"prefix": "test-"}}
    assert "escalate" not in there
    site.write("project: told\n", **{"alerts.yaml": ""})
    _alerts(site).put(ResourceId(section="channels", names=("by hand",)), {"type": "log"})
    assert site.plan() == [
        ("remove", "rules/late"),
        ("remove", "channels/log"),
        ("remove", "channels/team a/b"),
    ]
    site.apply("--yes")
    assert site.plan() == []
    assert [id.name for id in _alerts(site).all(CHANNELS)] == ["by hand"]


def _alerts(site: Site) -> AlertThings:
    return Remote.at(site.url, Settings(), own=True).alerts


def test_a_plan_file_of_alerts_is_done_exactly_or_not_at_all(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK", "https://hooks.example/hunter2")
    site.write(STAGED, **{"alerts.yaml": ALERTS})
    file = str(site.cli.folder / "the.plan")
    site.plan("--out", file)
    site.apply("--plan", file)
    assert site.plan() == []
    site.write(STAGED, **{"alerts.yaml": ALERTS.replace("P1", "P2")})
    assert site.plan("--out", file) == [("change", "rules/late")]
    late = ResourceId(section="rules", names=("late",))
    there = _alerts(site).see(late).document
    assert there is not None
    _alerts(site).put(late, {**there, "severity": "P3"})
    changed = site.say("apply", "--plan", file)
    assert (
        changed.code,
        "the server has changed since this plan was made: alert rule late" in changed.err,
    ) == (1, True)
    assert site.fields() == {"severity": ("P3", "P2")}


def test_no_secret_of_alerts_is_printed_or_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK", "https://hooks.example/hunter2")
    site.write(STAGED, **{"alerts.yaml": ALERTS})
    file = site.cli.folder / "the.plan"
    texts = [site.say("plan", "--out", str(file)).out, file.read_text(), site.apply().out]
    monkeypatch.setenv("SLACK", "https://hooks.example/swordfish")  # it was rotated
    assert site.fields() == {"url": ("(hidden)", "${secret:SLACK}")}
    texts += [site.say("plan", "--json").out, site.apply("--json").out]
    assert site.plan() == []
    record = (
        site.client("s3").get_object(Bucket="glulam", Key="projects/told/record.json")["Body"].read().decode()
    )
    copy = site.cli.folder.parent / "copy"
    _alerts(site).put(
        ResourceId(section="channels", names=("mine",)),
        {"type": "slack", "url": "https://h.example/swordfish"},
    )
    assert site.cli.look("export", str(copy), "--endpoint", site.url).code == 0
    exported = "".join(path.read_text() for path in copy.rglob("*.yaml"))
    assert "${secret:MINE_URL}" in exported
    for text in (*texts, record, exported):
        assert "hunter2" not in text
        assert "swordfish" not in text
    copied = replace(site, cli=replace(site.cli, folder=copy))
    monkeypatch.delenv("SLACK")
    assert copied.plan() == []
    monkeypatch.setenv("MINE_URL", "https://h.example/swordfish")
    assert copied.plan() == [("change", "channels/mine")]
    copied.apply()
    assert copied.plan() == []
    assert _alerts(site).secrets() == {"SLACK", "MINE_URL"}


@pytest.mark.parametrize("point", ["after_claim", "after_changes"])
def test_a_secret_is_sent_by_the_next_one_when_the_first_was_killed(
    site: Site, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    site.write(STAGED, **{"alerts.yaml": ALERTS})
    monkeypatch.setenv("SLACK", "https://hooks.example/hunter2")
    site.apply()
    monkeypatch.setenv("SLACK", "https://hooks.example/swordfish")
    words = ("apply", "--endpoint", site.url)
    assert site.cli(*words, GLULAM_FAILPOINT=f"project.{point}").code == -9
    assert site.plan() == [("change", "channels/team a/b")]
    site.apply()
    assert site.plan() == []


def test_a_server_without_alerts(site: Site, sink: Sink) -> None:
    with pytest.raises(ServerRefused, match="expected Glulam's door of alerts") as caught:
        list(replace(_alerts(site), url=f"{sink.url}/").all(CHANNELS))
    assert caught.value.answered == "UnknownOperationException"
