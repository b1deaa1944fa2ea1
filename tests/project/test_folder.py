"""What a project folder says, with every mistake named by its file and line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from glulam.model.errors import EntityNotFound, GlulamError, InvalidConfig, InvalidInput
from glulam.project.folder import load, parse_variables
from project.conftest import MakeProject, thing

JOB = "Role: r, Command: {Name: glueetl, ScriptLocation: s3://a/b.py}"
MISTAKES = {
    "unknown section": ("jbos:\n  a: {}", "glulam.yaml:2: jbos: unknown section; did you mean 'jobs'?"),
    "unknown key": (
        f"jobs:\n  a: {{{JOB}, Timeoutt: 3}}",
        "glulam.yaml:3: jobs.a.Timeoutt: unknown key; did you mean 'Timeout'?",
    ),
    "unknown key inside": (
        "jobs:\n  a:\n    Role: r\n    Command:\n      Nam: x",
        "glulam.yaml:6: jobs.a.Command.Nam: unknown key; did you mean 'Name'?",
    ),
    "a comfort, misspelt": (
        "jobs:\n  a:\n    Role: r\n    scripts: x.py",
        "glulam.yaml:5: jobs.a.scripts: unknown key; did you mean 'script'?",
    ),
    "missing": ("jobs:\n  a: {Role: r}", "glulam.yaml:3: jobs.a.Command: missing"),
    "missing inside": (
        "triggers:\n  t:\n    Type: CONDITIONAL\n    Actions: []\n    Predicate:\n      Conditions:\n"
        "      - {JobName: [j]}",
        "glulam.yaml:8: triggers.t.Predicate.Conditions.0.JobName: found a list, expected a text",
    ),
    "not a number": (
        f"jobs:\n  a: {{{JOB}, Timeout: 1h}}",
        "glulam.yaml:3: jobs.a.Timeout: found '1h', expected a whole number",
    ),
    "too small": (f"jobs:\n  a: {{{JOB}, Timeout: 0}}", "glulam.yaml:3: jobs.a.Timeout: found 0, expected at least 1"),
    "not a truth": (
        f"jobs:\n  a: {{{JOB}, JobRunQueuingEnabled: maybe}}",
        "glulam.yaml:3: jobs.a.JobRunQueuingEnabled: found 'maybe', expected true or false",
    ),
    "not one of them": (
        f"jobs:\n  a: {{{JOB}, ExecutionClass: FLEXX}}",
        "glulam.yaml:3: jobs.a.ExecutionClass: found 'FLEXX', expected FLEX, STANDARD; did you mean 'FLEX'?",
    ),
    "a list for a mapping": (
        "jobs:\n  a: [1]",
        "glulam.yaml:3: jobs.a: found a list, expected its members",
    ),
    "a mapping for a text": (
        "databases:\n  d:\n    Description: {a: b}",
        "glulam.yaml:4: databases.d.Description: found a mapping, expected a text",
    ),
    "a section that is a list": ("jobs: [a]", "glulam.yaml:2: jobs: found a list, expected names with their definitions"),
    "twice in a file": ("databases:\n  d: {}\n  d: {}", "glulam.yaml:4: d: it stands in line 3 already"),
    "the same name folded": ("databases:\n  d: {}\n  D: {}", "glulam.yaml:4: databases.D: glulam.yaml:3 has the same name"),
    "not YAML": ("jobs: {a", "glulam.yaml:3: not YAML that can be used: expected ',' or '}', but got '<stream end>'"),
    "no variable": (
        "databases:\n  d: {Description: '${var.stag}'}\nvariables: {stage: x}",
        "glulam.yaml:3: no variable 'stag' in glulam.yaml; did you mean 'stage'?",
    ),
    "a variable without value": (
        "databases:\n  d: {Description: '${var.stage}'}\nvariables: {stage: }",
        "glulam.yaml:3: variable stage has no value; expected --var stage=VALUE, or one in glulam.yaml",
    ),
    "no such environment variable": (
        "databases:\n  d: {Description: '${env.NOWHERE}'}",
        "glulam.yaml:3: the environment has no NOWHERE",
    ),
    "an unknown reference": (
        "databases:\n  d: {Description: '${bundle.name}'}",
        "glulam.yaml:3: found ${bundle.name}, expected ${var.name}, ${env.NAME} or ${secret:NAME}, or $${ for ${",
    ),
    "a reference without end": (
        "databases:\n  d: {Description: '${var.stage'}",
        "glulam.yaml:3: '${var.stage' has no end; expected }, or $${ for the characters themselves",
    ),
    "a password in a file": (
        "connections:\n  c:\n    ConnectionType: JDBC\n    ConnectionProperties: {PASSWORD: hunter2}",
        "glulam.yaml:5: connections.c.ConnectionProperties.PASSWORD: a secret stands here; expected ${secret:NAME}",
    ),
    "a script that is not there": (
        "jobs:\n  a: {Role: r, script: no.py}",
        "glulam.yaml:3: jobs.a.script: no file 'no.py' in the project's folder",
    ),
    "a script from outside": (
        "jobs:\n  a: {Role: r, script: ../../etc/passwd}",
        "glulam.yaml:3: jobs.a.script: '../../etc/passwd' lies outside of the project's folder",
    ),
    "a table without database": (
        "tables:\n  customers: {}",
        "glulam.yaml:3: tables.customers: expected database.table, or DatabaseName among its members",
    ),
    "two kinds of classifier": (
        "classifiers:\n  c: {JsonClassifier: {JsonPath: a}, XMLClassifier: {Classification: x}}",
        "glulam.yaml:3: classifiers.c: expected exactly one of GrokClassifier, XMLClassifier, JsonClassifier, CsvClassifier",
    ),
    "an environment's key": (
        "environments:\n  dev:\n    job: {}",
        "glulam.yaml:4: environments.dev.job: unknown key; did you mean 'jobs'?",
    ),
    "an environment's variable": (
        "variables: {stage: a}\nenvironments:\n  dev:\n    variables: {stag: b}",
        "glulam.yaml:5: variables.stag: it is not among `variables`; did you mean 'stage'?",
    ),
    "a pattern that is no JSON": (
        "events:\n  e:\n    EventPattern: '{'",
        "glulam.yaml:4: events.e.EventPattern: not JSON: Expecting property name enclosed in double quotes: "
        "line 1 column 2 (char 1)",
    ),
    "assets": ("assets: /tmp", "glulam.yaml:2: assets: not an object URI: '/tmp'; expected s3://bucket/key"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_has_its_file_and_line(project: MakeProject, name: str) -> None:
    text, said = MISTAKES[name]
    with pytest.raises(InvalidConfig) as caught:
        project(f"project: p\n{text}\n", env="dev" if "environments:" in text else None)
    assert said in str(caught.value).splitlines()


def test_all_mistakes_of_all_files_are_told_at_once(project: MakeProject) -> None:
    with pytest.raises(InvalidConfig) as caught:
        project(
            "projekt: p\n",
            files={
                "jobs/a.yaml": f"jobs:\n  a: {{{JOB}, Timeout: x}}\n  b: {{}}\n",
                "triggers/deep/t.yml": "project: q\ntriggers:\n  t: {Type: SOMETIMES, Actions: []}\n",
                "jobs/b.yaml": f"jobs:\n  b: {{{JOB}}}\n",
                "scripts/x.yaml": "is not looked at\n",
            },
        )
    assert str(caught.value).splitlines() == [
        "glulam.yaml:1: project: missing; expected the project's name",
        "glulam.yaml:1: projekt: unknown section; did you mean 'project'?",
        "jobs/a.yaml:2: jobs.a.Timeout: found 'x', expected a whole number",
        "jobs/b.yaml:2: jobs.b: it stands in jobs/a.yaml:3 already",
        "triggers/deep/t.yml:1: project: unknown section; it belongs into glulam.yaml",
        "triggers/deep/t.yml:3: triggers.t.Type: found 'SOMETIMES', expected SCHEDULED, CONDITIONAL, ON_DEMAND, EVENT",
    ]


def test_mistakes_of_the_call(project: MakeProject, tmp_path: Path) -> None:
    with pytest.raises(EntityNotFound, match=r"no glulam\.yaml"):
        load(tmp_path, None, {}, {})
    text = "project: p\nvariables: {stage: a}\nenvironments: {prod: {}}\n"
    with pytest.raises(InvalidConfig, match=r"--env prd: .* did you mean 'prod'"):
        project(text, env="prd")
    with pytest.raises(InvalidInput, match=r"--var stag: .* did you mean 'stage'"):
        project(text, variables={"stag": "x"})
    with pytest.raises(InvalidInput, match="expected NAME=VALUE"):
        parse_variables(["x"])


def test_a_text_is_what_its_member_wants(project: MakeProject) -> None:
    """YAML 1.1 would make 5.0 a number, `on` a truth and 1_000 a thousand."""
    made = project(
        """
        project: p
        jobs:
          a:
            Role: on
            GlueVersion: 5.0
            Timeout: 30
            MaxCapacity: 2
            Command: {Name: pythonshell, PythonVersion: 3.9, ScriptLocation: s3://a/b.py}
            DefaultArguments: {--n: 1_000, --day: 2024-01-31, --flag: true, --no: ~}
            JobRunQueuingEnabled: TRUE
            Description:
        """
    )
    assert made.resources[thing("jobs", "a")].document == {
        "Role": "on", "GlueVersion": "5.0", "Timeout": 30, "MaxCapacity": 2.0,
        "Command": {"Name": "pythonshell", "PythonVersion": "3.9", "ScriptLocation": "s3://a/b.py"},
        "DefaultArguments": {"--n": "1_000", "--day": "2024-01-31", "--flag": "true"}, "JobRunQueuingEnabled": True,
    }  # fmt: skip


ENVIRONMENTS = """
project: shop
variables: {stage: dev, workers: "2", owner: }
environments:
  prod:
    project: shop_${var.stage}
    endpoint: https://glue.example.com
    variables: {stage: prod, workers: "10"}
    jobs:
      nightly:
        Timeout: 30
        Description:
        DefaultArguments: {--day: }
        Connections: {Connections: [c]}
      only_prod: {Role: r, Command: {Name: glueetl, ScriptLocation: "s3://${var.stage}/x.py"}}
      not_in_prod:
jobs:
  not_in_prod: {Role: r, Command: {Name: glueetl, ScriptLocation: s3://a/x.py}}
  nightly:
    Role: r
    Description: every night
    Command: {Name: glueetl, ScriptLocation: s3://a/x.py}
    WorkerType: G.1X
    NumberOfWorkers: ${var.workers}
    Connections: {Connections: [a, b]}
    DefaultArguments: {--day: today, "--${var.stage}": "$${x} ${env.USER_NAME} ${secret:KEY} ${var.stage}"}
"""


def test_an_environment_is_laid_over(project: MakeProject) -> None:
    environ = {"USER_NAME": "me ${var.stage}", "KEY": "hunter2"}
    base, prod = project(ENVIRONMENTS, environ=environ), project(ENVIRONMENTS, env="prod", environ=environ)
    assert (base.name, base.endpoint, prod.name, prod.endpoint) == (
        "shop",
        None,
        "shop_prod",
        "https://glue.example.com",
    )
    assert [id.name for id in prod.resources] == ["nightly", "only_prod"]
    before, after = (p.resources[thing("jobs", "nightly")].document for p in (base, prod))
    assert before == {
        "Role": "r", "Description": "every night", "WorkerType": "G.1X", "NumberOfWorkers": 2,
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/x.py"}, "Connections": {"Connections": ["a", "b"]},
        "DefaultArguments": {"--day": "today", "--dev": "$${x} me $${var.stage} ${secret:KEY} dev"},
    }  # fmt: skip
    assert after == {
        "Role": "r", "WorkerType": "G.1X", "NumberOfWorkers": 10, "Timeout": 30,
        "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/x.py"}, "Connections": {"Connections": ["c"]},
        "DefaultArguments": {"--prod": "$${x} me $${var.stage} ${secret:KEY} prod"},
    }  # fmt: skip
    given = project(ENVIRONMENTS, env="prod", environ=environ, variables={"workers": "3"})
    assert given.resources[thing("jobs", "nightly")].document["NumberOfWorkers"] == 3
    assert prod.resources[thing("jobs", "nightly")].place(("Timeout",)).line == 10
    assert base.resources[thing("jobs", "nightly")].place(("WorkerType",)).line == 22


def test_comforts(project: MakeProject) -> None:
    made = project(
        """
        project: p
        assets: s3://mine/x
        jobs:
          a: {Role: r, script: scripts/a.py, Command: {PythonVersion: 3}}
          b: {Role: r, script: b.yaml}
          c: {Role: r, script: scripts/a.py, Command: {Name: pythonshell}}
        triggers:
          t: {schedule: rate(5 minutes), Actions: [{JobName: a}]}
          off: {schedule: rate(5 minutes), Actions: [{JobName: a}], StartOnCreation: false}
          manual: {Type: ON_DEMAND, Actions: [{JobName: a}]}
        """,
        files={"scripts/a.py": "print(1)\n", "b.yaml": "pipeline: x\n"},
    )
    uploads = {r.id.name: u for r in made.resources.values() for u in r.uploads}
    assert uploads["a"].uri.startswith("s3://mine/x/p/files/")
    assert uploads["a"].uri.endswith("/a.py")
    commands = {id.name: r.document["Command"] for id, r in made.resources.items() if id.section == "jobs"}
    assert commands == {
        "a": {"Name": "glueetl", "PythonVersion": "3", "ScriptLocation": uploads["a"].uri},
        "b": {"Name": "glulam", "ScriptLocation": uploads["b"].uri},
        "c": {"Name": "pythonshell", "ScriptLocation": uploads["a"].uri},
    }
    triggers = {id.name: r.document for id, r in made.resources.items() if id.section == "triggers"}
    assert (triggers["t"]["Type"], triggers["t"]["Schedule"], triggers["t"]["StartOnCreation"]) == (
        "SCHEDULED", "rate(5 minutes)", True,
    )  # fmt: skip
    assert triggers["off"]["StartOnCreation"] is False
    assert "StartOnCreation" not in triggers["manual"]


def test_an_event_pattern_may_be_a_mapping(project: MakeProject) -> None:
    made = project(
        """
        project: p
        events:
          a:
            EventPattern: {source: [aws.s3], detail: {size: [{numeric: [">", 0]}], n: ["5", 5, true, null]}}
            workflows: [w, b]
          b: {EventPattern: '{"source": ["x"], "a": [1.5]}'}
        """
    )
    assert made.resources[thing("events", "a")].document == {
        "EventPattern": '{"detail": {"n": ["5", 5, true, null], "size": [{"numeric": [">", 0]}]}, "source": ["aws.s3"]}',
        "workflows": ["b", "w"],
    }
    assert made.resources[thing("events", "b")].document == {"EventPattern": '{"a": [1.5], "source": ["x"]}'}


def test_names(project: MakeProject) -> None:
    made = project(
        """
        project: p
        databases: {Sales: {}, x: {Name: With.Dot}}
        tables:
          Sales.Orders.old: {}
          sales.b: {Name: c}
          other: {DatabaseName: With.Dot, Name: t}
        """
    )
    assert [(id.section, id.names) for id in sorted(made.resources)] == [
        ("databases", ("sales",)), ("databases", ("with.dot",)), ("tables", ("sales", "c")),
        ("tables", ("sales", "orders.old")), ("tables", ("with.dot", "t")),
    ]  # fmt: skip


def test_anchors_and_merge_keys(project: MakeProject) -> None:
    made = project(
        f"""
        project: p
        jobs:
          a: &base {{{JOB}, Timeout: 5}}
          b:
            <<: *base
            Timeout: 7
        """
    )
    timeouts = [r.document["Timeout"] for r in made.resources.values()]
    assert timeouts == [5, 7]


def test_yaml_that_is_too_much(project: MakeProject) -> None:
    aliases = "".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]\n" for n in range(1, 10))
    for text, said in (
        ("project: p\njobs: &a {a: *a}\n", "more than 50 levels"),
        ("project: p\njobs: {a: " + "[" * 60 + "]" * 60 + "}\n", "more than 50 levels"),
        ("project: p\nx0: &x0 [1]\n" + aliases, "more than 100,000 pieces"),
    ):
        with pytest.raises(GlulamError, match=rf"glulam\.yaml:\d+: not YAML that can be used: {said}"):
            project(text)
