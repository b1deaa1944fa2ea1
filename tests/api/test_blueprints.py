"""Blueprints as boto3 sees them; what a run's script brings is handed over here as the script would."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from awsglue.blueprint.crawler import Crawler
from awsglue.blueprint.job import Job
from awsglue.blueprint.workflow import Entities, Workflow
from glulam.api.blueprints import make_workflow, note_refusal
from glulam.jobs import claims
from glulam.jobs.claims import Outcome
from glulam.jobs.states import RunState
from glulam.model.errors import AlreadyExists
from glulam.model.place import Place

from .conftest import ACCOUNT, OBJECTS, Server

CONFIG = {
    "layoutGenerator": "demo.layout.generate_layout",
    "parameterSpec": {
        "WorkflowName": {"type": "String", "collection": False},
        "Workers": {"type": "Integer", "defaultValue": 2, "allowedValues": [2, 4]},
        "Paths": {"type": "S3Uri", "collection": True, "defaultValue": []},
    },
}
ROLE = "arn:aws:iam::123456789012:role/r"
LOCATION = "s3://blueprints/demo.zip"


def packed(config: Any = CONFIG, **more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("demo/blueprint.cfg", json.dumps(config))
        for name, text in more.items():
            archive.writestr(f"demo/{name}.py", text)
    return made.getvalue()


@pytest.fixture
def blueprint(glue: Any) -> str:
    OBJECTS[LOCATION] = packed()
    glue.create_blueprint(Name="demo", BlueprintLocation=LOCATION, Description="d", Tags={"a": "b"})
    return "demo"


def layout(schedule: str | None = None) -> Workflow:
    command = {"Name": "pythonshell", "ScriptLocation": "s3://s/a.py", "PythonVersion": "3.9"}
    crawl = Crawler(Name="look", Role=ROLE, DatabaseName="d", Targets={"S3Targets": [{"Path": "s3://b/x"}]})
    first = Job(Name="first", Role=ROLE, Command=command)
    both = Job(Name="both", Role=ROLE, Command=command, DependsOn={crawl: "SUCCEEDED", first: "SUCCEEDED"},
               WaitForDependencies="AND")  # fmt: skip
    mend = Job(Name="mend", Role=ROLE, Command=command, DependsOn={first: "FAILED"}, MaxRetries=1)
    return Workflow(Name="flow", Entities=Entities(Jobs=[first, both, mend], Crawlers=[crawl]), OnSchedule=schedule,
                    DefaultRunProperties={"k": "v"})  # fmt: skip


def place(glue: Any) -> Place:
    return Place(account_id=ACCOUNT, region=glue.meta.region_name)


def job_run_of(server: Server, glue: Any) -> str:
    with server.database.connection() as conn:
        row = conn.execute("SELECT job_run_id FROM blueprint_run WHERE region = %s ORDER BY seq DESC LIMIT 1",
                           (glue.meta.region_name,)).fetchone()  # fmt: skip
    assert row is not None
    return str(row[0])


def end(server: Server, run_id: str, state: RunState = RunState.SUCCEEDED, error: str | None = None) -> None:
    with server.database.transaction() as conn:
        [run] = claims.claim(conn, worker="test", limit=1, lease_s=60, only=run_id)
        claims.settle(conn, run.id, run.epoch, Outcome(state=state, error=error))


def test_a_blueprint_is_read_back(glue: Any, blueprint: str, refused: Callable[..., str]) -> None:
    found = glue.get_blueprint(Name="demo", IncludeBlueprint=True, IncludeParameterSpec=True)["Blueprint"]
    assert (found["Status"], found["Description"], found["BlueprintLocation"]) == ("ACTIVE", "d", LOCATION)
    assert json.loads(found["ParameterSpec"]) == CONFIG["parameterSpec"]
    assert "ParameterSpec" not in glue.get_blueprint(Name="demo")["Blueprint"]
    refused("AlreadyExistsException", glue.create_blueprint, Name="demo", BlueprintLocation=LOCATION)
    assert (
        glue.list_blueprints()["Blueprints"]
        == glue.list_blueprints(Tags={"a": "b"})["Blueprints"]
        == ["demo"]
    )
    assert glue.list_blueprints(Tags={"a": "c"})["Blueprints"] == []
    batch = glue.batch_get_blueprints(Names=["demo", "x"])
    assert ([b["Name"] for b in batch["Blueprints"]], batch["MissingBlueprints"]) == (["demo"], ["x"])
    OBJECTS[LOCATION] = packed({**CONFIG, "parameterSpec": {}})
    glue.update_blueprint(Name="demo", BlueprintLocation=LOCATION)
    found = glue.get_blueprint(Name="demo", IncludeParameterSpec=True)["Blueprint"]
    assert (found["ParameterSpec"], "Description" in found) == ("{}", False)
    assert glue.delete_blueprint(Name="demo")["Name"] == glue.delete_blueprint(Name="demo")["Name"] == "demo"
    refused("EntityNotFoundException", glue.get_blueprint, Name="demo")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "ZIP archive"), (packed("text"), "layoutGenerator"),
        (packed({"layoutGenerator": "f"}), "module.function"),
        (packed({"layoutGenerator": "a.b", "parameterSpec": {"x": {"type": "Thing"}}}), "parameter x: type is 'Thing'"),
    ],
    ids=["no archive", "no object", "no module", "no type"],
)  # fmt: skip
def test_what_is_no_blueprint_is_refused(
    glue: Any, refused: Callable[..., str], content: bytes, said: str
) -> None:
    OBJECTS["s3://blueprints/bad.zip"] = content
    text = refused(
        "InvalidInputException",
        glue.create_blueprint,
        Name="bad",
        BlueprintLocation="s3://blueprints/bad.zip",
    )
    assert said in text


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("{}", "'WorkflowName' is missing"), ('{"WorkflowName": 3}', "expected String"), ("[]", "not a JSON object"),
        ('{"WorkflowName": "w", "Workers": 3}', "expected one of 2, 4"),
        ('{"WorkflowName": "w", "Zoo": 1}', "'Zoo' is not one"),
        ('{"WorkflowName": "w", "Paths": "s3://a"}', "expected a list"),
        ('{"WorkflowName": "w", "Paths": ["a"]}', "expected S3Uri"),
    ],
)  # fmt: skip
def test_parameters(
    glue: Any, blueprint: str, refused: Callable[..., str], parameters: str, said: str
) -> None:
    text = refused(
        "InvalidInputException",
        glue.start_blueprint_run,
        BlueprintName="demo",
        Parameters=parameters,
        RoleArn=ROLE,
    )
    assert said in text


def test_a_run_makes_the_workflow(glue: Any, server: Server, blueprint: str) -> None:
    run_id = glue.start_blueprint_run(
        BlueprintName="demo", Parameters='{"WorkflowName": "flow"}', RoleArn=ROLE
    )["RunId"]
    run = glue.get_blueprint_run(BlueprintName="demo", RunId=run_id)["BlueprintRun"]
    assert (run["State"], json.loads(run["Parameters"])) == (
        "RUNNING",
        {"WorkflowName": "flow", "Workers": 2, "Paths": []},
    )
    with server.database.transaction() as conn:
        make_workflow(
            conn, place(glue), job_run_of(server, glue), json.loads(layout("cron(0 * * * ? *)").to_json())
        )
    end(server, job_run_of(server, glue))
    [run] = glue.get_blueprint_runs(BlueprintName="demo")["BlueprintRuns"]
    assert (run["State"], run["WorkflowName"], run["RunId"]) == ("SUCCEEDED", "flow", run_id)
    workflow = glue.get_workflow(Name="flow", IncludeGraph=True)["Workflow"]
    assert workflow["BlueprintDetails"] == {"BlueprintName": "demo", "RunId": run_id}
    assert workflow["DefaultRunProperties"] == {"k": "v"}
    suffix = f"_{run_id[-8:]}"
    names = {n["UniqueId"]: n["Name"].replace(suffix, "") for n in workflow["Graph"]["Nodes"]}
    edges = sorted((names[e["SourceId"]], names[e["DestinationId"]]) for e in workflow["Graph"]["Edges"])
    assert edges == [
        ("first", "flow_1"), ("first", "flow_2"), ("flow_0", "first"), ("flow_0", "look"), ("flow_1", "both"),
        ("flow_2", "mend"), ("look", "flow_1"),
    ]  # fmt: skip
    start = glue.get_trigger(Name=f"flow{suffix}_0")["Trigger"]
    assert (start["Type"], start["State"], start["Schedule"]) == (
        "SCHEDULED",
        "ACTIVATED",
        "cron(0 * * * ? *)",
    )
    assert glue.get_job(JobName=f"mend{suffix}")["Job"]["MaxRetries"] == 1


def test_a_layout_that_cannot_be_made_leaves_nothing(glue: Any, server: Server, blueprint: str) -> None:
    glue.create_workflow(Name="flow")
    run_id = glue.start_blueprint_run(
        BlueprintName="demo", Parameters='{"WorkflowName": "flow"}', RoleArn=ROLE
    )["RunId"]
    job_run = job_run_of(server, glue)
    with pytest.raises(AlreadyExists), server.database.transaction() as conn:
        make_workflow(conn, place(glue), job_run, json.loads(layout().to_json()))
    with server.database.transaction() as conn:
        note_refusal(conn, job_run, "Workflow flow already exists.")
    end(server, job_run, RunState.FAILED, "exit code 1")
    run = glue.get_blueprint_run(BlueprintName="demo", RunId=run_id)["BlueprintRun"]
    assert (run["State"], run["ErrorMessage"], "WorkflowName" in run) == (
        "FAILED",
        "Workflow flow already exists.",
        False,
    )
    assert glue.get_jobs()["Jobs"] == glue.get_crawlers()["Crawlers"] == glue.get_triggers()["Triggers"] == []


def test_what_no_layout_could_be_is_said_to_its_author() -> None:
    command = {"Name": "pythonshell", "ScriptLocation": "s3://s/a.py"}
    job = Job(Name="a", Role="r", Command=command)
    other = Job(Name="b", Role="r", Command=command, DependsOn={job: "SUCCEEDED"})
    for wrong, said in (
        (Job(Name="a", Role="r"), "Command is missing"),
        (Crawler(Name="c", Role="r"), "Targets is missing"),
        (Job(Name="a", Role="r", Command=command, DependsOn={job: "DONE"}), "DependsOn wants a 'DONE'"),
        (Job(Name="a", Role="r", Command=command, WaitForDependencies="OR"), "'OR'; expected AND or ANY"),
        (Workflow(Name="w", Entities=Entities()), "neither jobs nor crawlers"),
        (Workflow(Name="w", Entities=Entities(Jobs=[job, job])), "there twice"),
        (Workflow(Name="w", Entities=Entities(Jobs=[other])), "not among the Entities"),
    ):
        with pytest.raises(ValueError, match=said):
            wrong.to_json()
