"""What a plan says of a project and a server, and that a plan that was carried out leaves nothing to plan."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glulam.model.errors import InvalidConfig, InvalidInput
from glulam.project.diff import Difference, FieldDiff, difference, updated
from glulam.project.kinds import KINDS, Document
from glulam.project.plan import Plan, as_document, from_document
from glulam.project.record import Entry, Record
from glulam.project.texts import digest_of
from project.conftest import MakeProject, Servers, thing

JOB = {"Role": "r", "Command": {"Name": "glueetl", "ScriptLocation": "s3://a/b.py"}}
A_JOB = "Role: r, Command: {Name: glueetl, ScriptLocation: s3://a/b.py}"
WHOLE = f"""
project: shop
triggers:
  t: {{WorkflowName: w, schedule: rate(1 hour), Actions: [{{JobName: j}}, {{CrawlerName: c}}]}}
workflows:
  w: {{}}
jobs:
  j: {{{A_JOB}}}
crawlers:
  c: {{Role: r, DatabaseName: d, Targets: {{S3Targets: [{{Path: s3://a/}}]}}, Classifiers: [k]}}
classifiers:
  k: {{JsonClassifier: {{JsonPath: "$[*]"}}}}
tables:
  d.t: {{}}
databases:
  d: {{}}
"""


def said(plan: Plan) -> list[tuple[str, str]]:
    return [(str(c.action), str(c.id)) for c in plan.changes]


def test_things_are_made_in_the_order_in_which_they_name_each_other(
    project: MakeProject, servers: Servers
) -> None:
    made = project(WHOLE)
    plan = servers.plan(made)
    order = [
        "database d", "classifier k", "table d.t", "crawler c", "job j", "workflow w", "trigger t",
    ]  # fmt: skip
    assert said(plan) == [("add", name) for name in order]
    servers.done(plan)
    assert said(servers.plan(made)) == []
    nothing = servers.plan(project("project: shop\n"))
    assert said(nothing) == [("remove", name) for name in reversed(order)]
    servers.done(nothing)
    assert (servers.things, servers.record.entries) == ({}, {})


def test_only_what_the_project_made_is_removed(project: MakeProject, servers: Servers) -> None:
    servers.add(thing("jobs", "mine"), JOB, owner="shop")
    servers.add(thing("jobs", "again_by_hand"), JOB)
    servers.add(thing("jobs", "others"), JOB, owner="other")
    servers.add(thing("jobs", "found"), JOB)
    servers.add(thing("tables", "d", "mine"), {})
    servers.add(thing("tables", "d", "found"), {})
    servers.record = Record(entries={
        **{thing("jobs", n): Entry(made=True, document=JOB) for n in ("mine", "again_by_hand", "others", "gone")},
        thing("jobs", "found"): Entry(made=False, document=JOB),
        thing("tables", "d", "mine"): Entry(made=True, document={}),
        thing("tables", "d", "found"): Entry(made=False, document={}),
    })  # fmt: skip
    plan = servers.plan(project("project: shop\n"))
    assert said(plan) == [("remove", "job mine"), ("remove", "table d.mine")]
    assert plan.record.entries == {}


def test_what_would_go_along_is_not_removed_in_silence(project: MakeProject, servers: Servers) -> None:
    mine, other = thing("tables", "d", "mine"), thing("tables", "d", "other")
    servers.add(thing("databases", "d"), {}, owner="shop", holds=(mine, other))
    servers.add(mine, {})
    servers.record = Record(entries={
        thing("databases", "d"): Entry(made=True, document={}), mine: Entry(made=True, document={})
    })  # fmt: skip
    with pytest.raises(
        InvalidConfig, match=r"glulam.yaml:1: database d is no longer .* \(table d\.other\) is not"
    ):
        servers.plan(project("project: shop\n"))
    servers.add(thing("databases", "d"), {}, owner="shop", holds=(mine,))
    assert said(servers.plan(project("project: shop\n"))) == [
        ("remove", "table d.mine"),
        ("remove", "database d"),
    ]


def test_bad_references(project: MakeProject, servers: Servers) -> None:
    servers.add(thing("jobs", "there"), JOB)
    servers.add(thing("jobs", "old"), JOB, owner="shop")
    servers.record = Record(entries={thing("jobs", "old"): Entry(made=True, document=JOB)})
    made = project(f"""
        project: shop
        jobs:
          lister: {{{A_JOB}, Connections: {{Connections: [nowhere]}}}}
        tables:
          nodb.t: {{}}
        triggers:
          t:
            Type: CONDITIONAL
            WorkflowName: wf
            Actions: [{{JobName: there}}, {{CrawlerName: lister}}]
            Predicate:
              Conditions:
                - {{JobName: liste, State: SUCCEEDED}}
                - {{JobName: old, State: SUCCEEDED}}
        """)
    with pytest.raises(InvalidConfig) as caught:
        servers.plan(made)
    assert str(caught.value).splitlines() == [
        "glulam.yaml:3: jobs.lister.Connections.Connections.0: no connection nowhere in this project or on the server",
        "glulam.yaml:5: tables.nodb.t.DatabaseName: no database nodb in this project or on the server",
        "glulam.yaml:9: triggers.t.WorkflowName: no workflow wf in this project or on the server",
        "glulam.yaml:10: triggers.t.Actions.1.CrawlerName: no crawler lister in this project or on the server",
        "glulam.yaml:13: triggers.t.Predicate.Conditions.0.JobName: no job liste in this project or on the server; "
        "did you mean 'lister'?",
        "glulam.yaml:14: triggers.t.Predicate.Conditions.1.JobName: job old is no longer in this project and would be removed",
    ]


def test_what_cannot_be_changed_is_made_again_if_the_project_made_it(
    project: MakeProject, servers: Servers
) -> None:
    made = project(
        "project: shop\nworkflows: {w: {}}\ntriggers: {t: {schedule: rate(1 hour), Actions: []}}\n"
    )
    servers.done(servers.plan(made))
    manual = "project: shop\nworkflows: {w: {}}\ntriggers:\n  t:\n    Type: ON_DEMAND\n    Actions: []\n"
    plan = servers.plan(project(manual))
    assert said(plan) == [("replace", "trigger t")]
    assert plan.destructive
    servers.add(thing("triggers", "t"), servers.things[thing("triggers", "t")].document or {})
    with pytest.raises(InvalidConfig, match=r"glulam.yaml:5: trigger t: its Type cannot be changed"):
        servers.plan(project(manual))


def test_another_project_keeps_what_is_its_own(project: MakeProject, servers: Servers) -> None:
    servers.add(thing("jobs", "j"), JOB, owner="other")
    assert said(servers.plan(project(f"project: shop\njobs: {{j: {{{A_JOB}}}}}\n"))) == []
    with pytest.raises(InvalidConfig, match=r"glulam.yaml:2: job j: project 'other' made it"):
        servers.plan(project(f"project: shop\njobs: {{j: {{{A_JOB}, Timeout: 7}}}}\n"))


def diff(wanted: Document, there: Document, last: Document | None = None, **secrets: str) -> Difference:
    return difference(KINDS["jobs"], wanted, there, last or {}, secrets.get)


def test_a_project_speaks_for_what_it_names_and_named() -> None:
    there = {"Timeout": 5, "Description": "by hand", "DefaultArguments": {"--a": "1", "--b": "2", "--c": "3"}}
    wanted = {"Timeout": 6, "DefaultArguments": {"--a": "1", "--d": "4"}}
    assert diff(wanted, there).fields == (
        FieldDiff(path=("DefaultArguments", "--d"), before=None, after="4"),
        FieldDiff(path=("Timeout",), before=5, after=6),
    )
    found = diff(wanted, there, {"DefaultArguments": {"--b": "0", "--gone": "9"}, "Description": "old"})
    assert found.gone == (("DefaultArguments", "--b"), ("Description",))
    assert updated(KINDS["jobs"], wanted, there, found.gone) == {
        "Timeout": 6, "DefaultArguments": {"--a": "1", "--c": "3", "--d": "4"}
    }  # fmt: skip
    assert there["DefaultArguments"] == {"--a": "1", "--b": "2", "--c": "3"}


def test_servers_fill_in_and_keep_nothing_as_they_like() -> None:
    there = {"Items": [{"JobName": "a", "Exclusions": [], "Timeout": 5}], "Description": "", "MaxRetries": 0}
    assert diff({"Items": [{"JobName": "a"}], "Description": None, "Tags": {}}, there).fields == ()
    changed = diff({"Items": [{"JobName": "b"}]}, there).fields
    assert [(d.path, d.before, d.after) for d in changed] == [
        (("Items", "0", "JobName"), "a", "b"), (("Items", "0", "Timeout"), 5, None),
    ]  # fmt: skip  # the list is sent whole: what the server filled in goes, and that is shown
    assert diff({"Items": []}, there).fields[0].after == []


def test_what_the_server_works_out_is_not_sent_back() -> None:
    there = {**JOB, "WorkerType": "G.1X", "NumberOfWorkers": 2, "MaxCapacity": 2.0, "AllocatedCapacity": 2}
    sent = updated(KINDS["jobs"], {**JOB, "NumberOfWorkers": 3}, there, ())
    assert sent == {**JOB, "WorkerType": "G.1X", "NumberOfWorkers": 3}
    said_so = updated(KINDS["jobs"], {**JOB, "MaxCapacity": 4.0}, {**JOB, "MaxCapacity": 2.0}, ())
    assert said_so == {**JOB, "MaxCapacity": 4.0}
    both = {**JOB, "MaxCapacity": 4.0, "WorkerType": "G.1X"}  # the server's to refuse, not ours to hide
    assert updated(KINDS["jobs"], both, JOB, ()) == both


CONNECTION = """
project: p
connections:
  c:
    ConnectionType: JDBC
    ConnectionProperties: {USERNAME: me, PASSWORD: "${secret:KEY}", JDBC_CONNECTION_URL: "jdbc:x"}
    Description: ${secret:KEY} and $${secret:KEY}
"""


def test_no_secret_is_in_a_plan(project: MakeProject, servers: Servers) -> None:
    made = project(CONNECTION, environ={"KEY": "hunter2"})
    servers.secrets = {"KEY": "hunter2"}
    id = thing("connections", "c")
    for held in (
        None,
        {"PASSWORD": "swordfish"},
        {"PASSWORD": "hunter2"},
        {"ENCRYPTED_PASSWORD": "c2VhbGVk"},
    ):
        servers.things = {}
        if held is not None:
            servers.add(
                id, {"ConnectionType": "JDBC", "ConnectionProperties": {**held, "api_key": "swordfish"}}
            )
        servers.record = Record(
            entries={id: Entry(made=True, document={"ConnectionProperties": {"api_key": "x"}})}
        )
        text = json.dumps(as_document(servers.plan(made)))
        assert "${secret:KEY}" in text
        assert not any(word in text for word in ("hunter2", "swordfish", "c2VhbGVk"))


def test_a_secret_is_compared_where_it_can_be(project: MakeProject, servers: Servers) -> None:
    id, made = thing("connections", "c"), project(CONNECTION)
    document = made.resources[id].document

    def fields(password: dict[str, str], secret: str | None, digest_of_sent: str | None = None) -> list[str]:
        properties = {k: v for k, v in document["ConnectionProperties"].items() if k != "PASSWORD"} | password
        servers.secrets = {} if secret is None else {"KEY": secret}
        description = f"{secret or 'x'} and $${{secret:KEY}}"
        servers.add(id, {**document, "Description": description, "ConnectionProperties": properties})
        sent = {} if digest_of_sent is None else {"KEY": digest_of(digest_of_sent)}
        known = {id: Entry(made=True, document=document, secrets=sent)} if digest_of_sent is not None else {}
        servers.record = Record(entries=known)
        return [".".join(f.path) for c in servers.plan(made).changes for f in c.fields]

    password = ["ConnectionProperties.PASSWORD"]
    assert fields({"PASSWORD": "new"}, "new") == []
    assert fields({"PASSWORD": "old"}, "new") == password
    assert fields({"PASSWORD": "old"}, None) == []  # who does not know it cannot tell
    assert fields({"ENCRYPTED_PASSWORD": "?"}, "new") == []  # nobody recorded what was sent
    assert fields({"ENCRYPTED_PASSWORD": "?"}, "new", "new") == []
    assert fields({"ENCRYPTED_PASSWORD": "?"}, "new", "old") == password
    assert fields({"ENCRYPTED_PASSWORD": "?"}, None, "old") == []
    assert fields({}, "new", "new") == []
    assert fields({}, "new") == password


def test_a_sealed_secret_that_is_given_anew_is_not_sent_back() -> None:
    there = {"ConnectionProperties": {"ENCRYPTED_PASSWORD": "x", "ENCRYPTED_API_KEY": "y", "USERNAME": "me"}}
    wanted = {"ConnectionProperties": {"PASSWORD": "${secret:KEY}"}}
    assert updated(KINDS["connections"], wanted, there, ())["ConnectionProperties"] == {
        "PASSWORD": "${secret:KEY}", "ENCRYPTED_API_KEY": "y", "USERNAME": "me"
    }  # fmt: skip


def test_a_plan_is_the_same_from_its_file(project: MakeProject, servers: Servers) -> None:
    servers.done(servers.plan(project(WHOLE)))
    changed = (
        WHOLE.replace("Role: r", "Role: s")
        .replace("  d.t: {}", "  d.u: {}")
        .replace("rate(1 hour)", "rate(2 hours)")
    )
    changed = changed.replace("jobs:\n", "jobs:\n  k: {Role: r, script: x.py}\n")
    plan = servers.plan(project(changed, files={"x.py": "print(1)\n"}))
    assert [u.path.name for u in plan.uploads] == ["x.py"]
    assert [str(c.action) for c in plan.changes] == ["add", "change", "change", "add", "change", "remove"]
    assert from_document(json.loads(json.dumps(as_document(plan))), "x") == plan
    for wrong in (
        {},
        {"version": 2},
        {**as_document(plan), "changes": [{}]},
        {**as_document(plan), "changes": 3},
    ):
        with pytest.raises(InvalidInput, match=r"^x: "):
            from_document(wrong, "x")


documents = st.recursive(
    st.one_of(st.integers(0, 3), st.sampled_from(["", "a", "b"]), st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), documents, max_size=3)


@given(mappings, mappings, mappings)
def test_what_is_sent_ends_the_difference(wanted: Document, there: Document, last: Document) -> None:
    kind = KINDS["jobs"]
    before = copy.deepcopy((wanted, there, last))
    found = difference(kind, wanted, there, last, lambda name: None)
    after: Any = updated(kind, wanted, there, found.gone)
    assert difference(kind, wanted, after, wanted, lambda name: None).fields == ()
    assert difference(kind, wanted, after, last, lambda name: None).fields == ()
    if not found.fields:
        assert difference(kind, there, after, {}, lambda name: None).fields == ()
    assert (wanted, there, last) == before
