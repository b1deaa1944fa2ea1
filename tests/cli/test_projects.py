"""`glulam plan`, `apply` and `export` against a real server over HTTP: its Glue, its S3, its STS."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli.conftest import Cli
from cli.sites import Site, site
from conftest import TestServer
from glulam.cli.remote import Remote
from glulam.cli.working import serving
from glulam.model.errors import ConcurrentModification
from glulam.model.uri import S3Uri
from glulam.settings import Settings

__all__ = ["site"]

WHOLE = """
project: shop
variables: {workers: "2"}
environments:
  prod:
    variables: {workers: "10"}
    triggers:
      hourly: {StartOnCreation: false}
databases:
  sales: {Description: what we sell, Parameters: {a: 1}, Tags: {team: blue}}
connections:
  db:
    ConnectionType: JDBC
    ConnectionProperties:
      JDBC_CONNECTION_URL: jdbc:postgresql://localhost:5432/x
      USERNAME: me
      PASSWORD: ${secret:DB_PASSWORD}
classifiers:
  lines: {JsonClassifier: {JsonPath: "$[*]"}}
  logs: {GrokClassifier: {Classification: log, GrokPattern: "%{NUMBER:n} $${x}"}}
tables:
  sales.customers:
    StorageDescriptor: {Location: s3://curated/customers/, Columns: [{Name: id, Type: bigint}, {Name: at, Type: date}]}
    PartitionKeys: [{Name: year, Type: int}]
    LastAccessTime: 2024-01-31T12:00:00Z
crawlers:
  orders:
    Role: arn:aws:iam::123456789012:role/service/crawls
    DatabaseName: sales
    Schedule: cron(0 2 * * ? *)
    Classifiers: [lines]
    Targets: {S3Targets: [{Path: s3://raw/orders/, Exclusions: ["**.tmp"]}]}
    Configuration: '{"Version": 1.0}'
jobs:
  nightly:
    Role: r
    script: nightly.py
    GlueVersion: 5.0
    WorkerType: G.1X
    NumberOfWorkers: ${var.workers}
    Connections: {Connections: [db]}
    DefaultArguments: {--day: 2024-01-31, --literal: "$${not.a.reference}"}
    Tags: {team: blue, cost: low}
  shell: {Role: r, script: nightly.py, Command: {Name: pythonshell, PythonVersion: 3.9}, Timeout: 5}
workflows:
  w: {Description: all of it, DefaultRunProperties: {a: b}, MaxConcurrentRuns: 1}
triggers:
  hourly: {WorkflowName: w, schedule: "cron(0 * * * ? *)", Actions: [{JobName: nightly, Arguments: {--x: 1}}], Tags: {a: b}}
  after:
    WorkflowName: w
    Type: CONDITIONAL
    Predicate: {Logical: AND, Conditions: [{LogicalOperator: EQUALS, JobName: nightly, State: SUCCEEDED}]}
    Actions: [{CrawlerName: orders}, {JobName: shell, Timeout: 3}]
  manual: {Type: ON_DEMAND, Actions: [{JobName: shell}]}
"""


def test_a_project_is_made_and_then_there_is_nothing_to_do(site: Site) -> None:
    site.write(WHOLE)
    assert [action for action, _ in site.plan()] == ["add"] * 12
    with pytest.raises(Exception, match="not found"):
        site.client().get_database(Name="sales")  # a plan changes nothing
    said = site.apply().out
    assert said.endswith("applied 12 changes\n")
    assert site.plan() == []
    assert site.apply().out == "project shop: the server has it all as it is declared\n"
    glue = site.client()
    job = glue.get_job(JobName="nightly")["Job"]
    assert (job["GlueVersion"], job["NumberOfWorkers"]) == ("5.0", 2)
    assert job["DefaultArguments"] == {"--day": "2024-01-31", "--literal": "${not.a.reference}"}
    tags = glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:job/nightly")["Tags"]
    assert tags == {"team": "blue", "cost": "low", "glulam:project": "shop"}
    bucket, _, key = job["Command"]["ScriptLocation"].removeprefix("s3://").partition("/")
    assert site.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"print(1)\n"
    assert glue.get_trigger(Name="hourly")["Trigger"]["State"] == "ACTIVATED"
    assert glue.get_trigger(Name="after")["Trigger"]["State"] == "ACTIVATED"
    assert glue.get_connection(Name="db")["Connection"]["ConnectionProperties"]["USERNAME"] == "me"


def test_changes_of_every_kind_are_shown_and_made(site: Site) -> None:
    site.write(WHOLE)
    site.apply()
    after = (
        WHOLE.replace("what we sell, Parameters: {a: 1}, Tags: {team: blue}", "what we sold, Tags: {team: red, new: x}")
        .replace("USERNAME: me", "USERNAME: you")
        .replace('JsonPath: "$[*]"', 'JsonPath: "$.a"')
        .replace("{Name: at, Type: date}", "{Name: at, Type: timestamp}")
        .replace("    Schedule: cron(0 2 * * ? *)\n", "")
        .replace("Exclusions", "SampleSize: 3, Exclusions")
        .replace("--day: 2024-01-31, ", "")
        .replace("    Tags: {team: blue, cost: low}\n", "    Description: every night\n")
        .replace("DefaultRunProperties: {a: b}", "DefaultRunProperties: {c: d}")
        .replace("cron(0 * * * ? *)", "cron(5 * * * ? *)")
        .replace("State: SUCCEEDED", "State: FAILED")
        .replace("manual: {Type: ON_DEMAND", "manual: {Type: SCHEDULED, Schedule: 'cron(0 1 * * ? *)', StartOnCreation: false")
        .replace("logs: {GrokClassifier: {Classification: log, GrokPattern: \"%{NUMBER:n} $${x}\"}}",
                 "logs: {XMLClassifier: {Classification: log, RowTag: r}}")
    )  # fmt: skip
    site.write(after, **{"nightly.py": "print(2)\n"})
    assert {change for change in site.plan() if change[0] != "change"} == {
        ("replace", "classifiers/logs"), ("replace", "triggers/manual"),
    }  # fmt: skip
    assert len(site.plan()) == 12
    fields = site.fields()
    assert fields["Parameters.a"] == ("1", None)
    assert fields["Tags.team"] == ("blue", None)  # the job's, the last one
    assert fields["StorageDescriptor.Columns.1.Type"] == ("date", "timestamp")
    assert fields["DefaultArguments.--day"] == ("2024-01-31", None)
    assert fields["Schedule"] == (None, "cron(0 1 * * ? *)")
    assert site.say("apply").code == 2  # it replaces something, and nobody said yes
    assert len(site.plan()) == 12
    site.apply("--yes")
    assert site.plan() == []
    glue = site.client()
    assert "Schedule" not in glue.get_crawler(Name="orders")["Crawler"]
    assert glue.get_classifier(Name="logs")["Classifier"]["XMLClassifier"]["RowTag"] == "r"
    tags = glue.get_tags(ResourceArn="arn:aws:glue:us-east-1:123456789012:database/sales")["Tags"]
    assert tags == {"team": "red", "new": "x", "glulam:project": "shop"}
    shown = glue.get_trigger(Name="hourly")["Trigger"]
    assert (shown["State"], shown["Schedule"]) == ("ACTIVATED", "cron(5 * * * ? *)")


RULE = """
project: rules
workflows: {w: {}, x: {}}
events:
  files:
    Description: raw files
    Tags: {team: blue, old: x}
    EventPattern: {source: [aws.s3], detail: {bucket: {name: [raw]}, object: {size: [{numeric: [">", 0]}]}}}
    workflows: [w]
"""


def test_event_rules(site: Site, tmp_path: Path) -> None:
    site.write(RULE)
    site.apply()
    assert site.plan() == []
    site.write(
        RULE.replace("[raw]", "[new]").replace("[w]", "[x]").replace("    Description: raw files\n", "")
        .replace("blue, old: x", "red, new: y")
    )  # fmt: skip
    fields = site.fields()
    assert fields.keys() == {
        "Description",
        "EventPattern",
        "workflows.0",
        "Tags.team",
        "Tags.old",
        "Tags.new",
    }
    assert fields["workflows.0"] == ("w", "x")
    site.apply()
    assert site.plan() == []
    rules = site.client("events")
    targets = rules.list_targets_by_rule(Rule="files")["Targets"]
    assert [t["Arn"] for t in targets] == ["arn:aws:glue:us-east-1:123456789012:workflow/x"]
    tags = rules.list_tags_for_resource(ResourceARN="arn:aws:events:us-east-1:123456789012:rule/files")[
        "Tags"
    ]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "team": "red",
        "new": "y",
        "glulam:project": "rules",
    }
    copy = replace(site, cli=replace(site.cli, folder=tmp_path / "copy"))
    assert site.cli.look("export", str(copy.cli.folder), "--endpoint", site.url).code == 0
    assert copy.plan() == []
    rules.put_rule(Name="by_hand", EventPattern='{"source": ["x"]}')
    site.write("project: rules\n")
    assert site.plan() == [("remove", "events/files"), ("remove", "workflows/w"), ("remove", "workflows/x")]
    site.apply("--yes")
    assert [rule["Name"] for rule in rules.list_rules()["Rules"]] == ["by_hand"]
    assert site.plan() == []


def test_an_environment_over_the_same_server(site: Site) -> None:
    site.write(WHOLE)
    site.apply()
    assert site.fields("--env", "prod") == {"NumberOfWorkers": (2, 10), "StartOnCreation": (True, False)}
    site.apply("--env", "prod")
    assert site.plan("--env", "prod") == []
    assert site.client().get_trigger(Name="hourly")["Trigger"]["State"] == "DEACTIVATED"
    assert site.fields("--var", "workers=3")["NumberOfWorkers"] == (10, 3)
    site.apply()
    assert site.client().get_trigger(Name="hourly")["Trigger"]["State"] == "ACTIVATED"


def test_what_others_made_stays(site: Site) -> None:
    site.write(WHOLE)
    site.apply()
    glue = site.client()
    glue.create_job(Name="by_hand", Role="r", Command={"Name": "glueetl", "ScriptLocation": "s3://a/b"})
    glue.create_trigger(Name="foreign", Type="CONDITIONAL", WorkflowName="w", Actions=[{"JobName": "by_hand"}], Predicate={
        "Conditions": [{"LogicalOperator": "EQUALS", "JobName": "by_hand", "State": "SUCCEEDED"}]})  # fmt: skip
    glue.delete_job(JobName="shell")
    glue.create_job(Name="shell", Role="mine", Command={"Name": "glueetl", "ScriptLocation": "s3://a/b"})
    site.write("project: shop\n")
    refused = site.say("plan")
    assert refused.code == 2
    assert "workflow w is no longer in this project" in refused.err
    assert "(trigger foreign)" in refused.err
    glue.delete_trigger(Name="foreign")
    assert [name for _, name in site.plan()] == [
        "triggers/after", "triggers/hourly", "triggers/manual", "workflows/w", "jobs/nightly", "crawlers/orders",
        "tables/sales/customers", "classifiers/lines", "classifiers/logs", "connections/db", "databases/sales",
    ]  # fmt: skip
    site.apply("--yes")
    assert site.plan() == []
    assert sorted(job["Name"] for job in glue.get_jobs()["Jobs"]) == ["by_hand", "shell"]
    assert glue.get_databases()["DatabaseList"] == []


def test_a_plan_file_is_done_exactly_or_not_at_all(site: Site) -> None:
    site.write(WHOLE)
    file = str(site.cli.folder / "the.plan")
    site.plan("--out", file)
    site.write("project: shop\n")  # what the folder says since does not matter
    site.apply("--plan", file)
    again = site.say("apply", "--plan", file)
    assert again.code == 1
    assert "was applied since this plan was made; nothing was done" in again.err
    site.write(WHOLE.replace("Timeout: 5}", "Timeout: 6}").replace("all of it", "some of it"))
    assert site.plan("--out", file) == [("change", "jobs/shell"), ("change", "workflows/w")]
    glue = site.client()
    before = glue.get_job(JobName="shell")["Job"]
    glue.update_job(JobName="shell", JobUpdate={"Role": "r", "Command": before["Command"], "Timeout": 9})
    changed = site.say("apply", "--plan", file)
    assert (changed.code, "the server has changed since this plan was made: job shell" in changed.err) == (
        1,
        True,
    )
    assert glue.get_workflow(Name="w")["Workflow"]["Description"] == "all of it"
    site.write(WHOLE.replace("Timeout: 5}", "Timeout: 6}"), **{"nightly.py": "print(3)\n"})
    site.plan("--out", file)
    site.write(WHOLE, **{"nightly.py": "print(4)\n"})
    script = site.say("apply", "--plan", file)
    assert (script.code, "nightly.py: it has changed since this plan was made" in script.err) == (1, True)
    assert glue.get_job(JobName="shell")["Job"]["Timeout"] == 9


@pytest.mark.parametrize("point", ["after_claim", "after_change:5", "after_changes"])
def test_killed_in_the_middle_the_next_one_does_the_rest(site: Site, point: str) -> None:
    site.write(WHOLE)
    words = ("apply", "--yes", "--endpoint", site.url)
    killed = site.cli(*words, GLULAM_FAILPOINT=f"project.{point}")
    assert killed.code == -9
    left = site.plan()
    done = {"after_claim": 0, "after_change:5": 5}.get(point, 12)
    assert len(left) == 12 - done
    assert all(action == "add" for action, _ in left)
    site.write("project: shop\n")
    assert len(site.plan()) == done  # what was made is known to be the project's, whenever it died
    site.write(WHOLE)
    site.apply()
    assert site.plan() == []
    site.write("project: shop\n")
    assert site.cli(*words, GLULAM_FAILPOINT=f"project.{point}").code == -9
    assert len(site.plan()) == 12 - done
    site.apply("--yes")
    assert site.plan() == []
    assert site.client().get_databases()["DatabaseList"] == []


def test_two_cannot_apply_at_once(site: Site) -> None:
    server = Remote.at(site.url, Settings(), own=True)
    place = S3Uri.parse("s3://glulam/projects/p/record.json")
    with pytest.raises(ConcurrentModification):
        server.replace(place, b"x", '"a tag of old"')
    first = server.replace(place, b"a", None)
    for tag in (None, '"another"'):
        with pytest.raises(ConcurrentModification, match="somebody else applies this project"):
            server.replace(place, b"b", tag)
    assert server.read(place) == (b"a", first)
    second = server.replace(place, b"c", first)
    assert server.read(place) == (b"c", second)


def test_an_error_in_the_middle_says_how_far_it_came(site: Site) -> None:
    site.write(WHOLE.replace("Timeout: 5}", "Timeout: 5, WorkerType: G.1X, MaxCapacity: 1}"))
    failed = site.say("apply")
    assert failed.code == 1
    assert "add job shell (glulam.yaml:" in failed.err
    assert "found both; 7 of 12 changes are done" in failed.err
    site.write(WHOLE)
    assert len(site.plan()) == 5
    site.apply()
    assert site.plan() == []


def test_no_secret_is_printed_or_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(WHOLE)
    file = site.cli.folder / "the.plan"
    texts = [site.say("plan", "--out", str(file)).out, file.read_text(), site.apply().out]
    monkeypatch.setenv("DB_PASSWORD", "swordfish")  # it was rotated
    texts += [site.say("plan", *words).out for words in ((), ("--json",))]
    assert site.plan() == [("change", "connections/db")]
    texts.append(site.apply("--json").out)
    assert site.plan() == []
    monkeypatch.delenv("DB_PASSWORD")
    assert site.plan() == []
    site.write(WHOLE.replace("USERNAME: me", "USERNAME: you"))
    refused = site.say("apply")
    assert (refused.code, "secret DB_PASSWORD: not set" in refused.err) == (2, True)
    found = (
        site.client("s3").get_object(Bucket="glulam", Key="projects/shop/record.json")["Body"].read().decode()
    )
    assert json.loads(found)["version"] == 1
    for text in (*texts, found, refused.err):
        assert "hunter2" not in text
        assert "swordfish" not in text
    assert "${secret:DB_PASSWORD}" in texts[0]


def test_an_export_has_an_empty_plan_and_makes_the_same_elsewhere(
    site: Site, tmp_path: Path, database_server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write(WHOLE)
    site.apply()
    copy = replace(site, cli=replace(site.cli, folder=tmp_path / "copy"))
    assert site.cli.look("export", str(copy.cli.folder), "--endpoint", site.url, "--name", "copy").code == 0
    assert copy.plan() == []
    assert site.cli.look("export", str(copy.cli.folder), "--endpoint", site.url).code == 3
    texts = "".join(p.read_text() for p in copy.cli.folder.rglob("*.yaml"))
    assert "hunter2" not in texts
    assert "glulam:project" not in texts
    assert "team: blue" in texts
    other = Settings(
        home=tmp_path / "b" / "home",
        lake=tmp_path / "b" / "lake",
        database_url=database_server.create("migrated"),
    )
    with serving(other) as url:
        elsewhere = replace(copy, url=url)
        assert [action for action, _ in elsewhere.plan()] == ["add"] * 12
        elsewhere.apply()
        assert elsewhere.plan() == []
        again = tmp_path / "again"
        assert site.cli.look("export", str(again), "--endpoint", url, "--name", "copy").code == 0
        first, second = (
            {p.relative_to(f).as_posix(): p.read_text() for p in f.rglob("*.yaml")}
            for f in (copy.cli.folder, again)
        )
        assert first == second


def test_without_a_server_the_projects_own_database(project: Cli) -> None:
    """What `glulam init` made, applied with nothing running."""
    assert [c["section"] for c in project("plan", "--json").json["plan"]["changes"]] == [
        *["jobs"] * 2, *["workflows"] * 2, *["triggers"] * 5, "events", "channels", *["rules"] * 3,
    ]  # fmt: skip
    done = project("apply")
    assert "done: + alert rule bad-records  (alerts.yaml:15)\n" in done.out
    assert (done.code, done.out.splitlines()[-1]) == (0, "applied 14 changes"), done.err
    assert project("plan").out == "project ml_events: the server has it all as it is declared\n"
    again = project("alerts", "apply", "alerts.yaml").out  # both mean the same
    assert again.count("as it was") == 4
    assert project("plan", "--env", "staging").code == 2


def test_a_server_that_is_not_there(site: Site) -> None:
    site.write(WHOLE)
    answer = site.cli.look("plan", "--endpoint", "http://127.0.0.1:9", "--project", str(site.cli.folder))
    assert answer.code == 4
    assert "127.0.0.1:9" in answer.err
