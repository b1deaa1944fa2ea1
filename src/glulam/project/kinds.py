"""What a project can hold: a table of kinds, each with how its things are made, changed, removed and read.

Most have operations of an AWS service, whose members come from botocore's model; here stands only what the model does not
say. Alerts have none: their documents are those of `observe/` (`alerts.py`), and their door is our own. The order of the
table is the order in which things are made, as each names only kinds above it; they are removed in the opposite one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape, StructureShape

from glulam.project.texts import OF_CHANNELS, SECRETS

Document = dict[str, Any]
Path = tuple[str, ...]
OWNER_TAG = "glulam:project"
"""The tag that says which project made a thing."""


@dataclass(frozen=True, kw_only=True, order=True)
class ResourceId:
    """A thing by its section and its names: one, and before it the database's if it lies in one."""

    section: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join(self.names)

    def __str__(self) -> str:
        return f"{KINDS[self.section].noun} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One section of a project."""

    section: str
    noun: str
    folder: str = ""
    """Where export writes its things; the section's name, unless given."""
    parent: str | None = None
    """Member that names the database that it lies in."""
    folds: bool = False
    """Whether the server makes names lower case."""
    tagged: bool = True
    fixed: tuple[str, ...] = ()
    """Members that no update changes: another value needs another thing."""
    holds: str | None = None
    """The section of the things that go when it goes."""
    refers: Mapping[str, str] | None = None
    """Members (`*`: any item or member) that hold the name of a thing of another section."""
    staying: re.Pattern[str] = SECRETS
    """References in its texts that stay when the project is read."""


@dataclass(frozen=True, kw_only=True)
class AlertKind(Kind):
    """Channels or rules of alerts. A definition is a whole: what it does not name, its thing has not."""

    door: str
    """Below `/_glulam/`."""
    tagged: bool = False
    folder: str = "alerts"


@dataclass(frozen=True, kw_only=True)
class ModelKind(Kind):
    """Things of an AWS service."""

    service: str = "glue"
    create: str
    update: str
    delete: str
    get: str
    answer: str | None
    """Member of get's answer that holds the thing; None: the answer is it."""
    pages: str
    listed: str
    """Member of list's answer: the things, or their names."""
    input: str | None = None
    """Member of create that holds the definition; None: create's own members are the definition."""
    changed: str | None = None
    """The same of update."""
    partial: bool = False
    """Whether members that an update does not give stay as they are."""
    derived: Mapping[str, tuple[str, ...]] | None = None
    """Members that the server works out (when any of these is given; without any: always): never sent back."""
    unseen: tuple[str, ...] = ()
    """Members, at any depth, that no answer shows."""
    shortened: tuple[str, ...] = ()
    """Members of which the server keeps what stands behind `:role/`."""
    switch: tuple[str, str, str] | None = None
    """A member that is on or off, with the operations for it."""
    left_out: tuple[str, ...] = ("CatalogId",)
    """Members of the definition that a project does not say."""
    extra: Mapping[str, str] | None = None
    """Members that are a project's own, with the shape (of Glue's model) that they have."""
    named_inside: bool = False
    """Whether the definition is one member of several, and the name a member of that."""
    observed: Callable[[Document], Document] | None = None
    """From the answer's shape to create's, where members differ."""

    @property
    def name_member(self) -> str:
        """Of delete and get, besides the parent's."""
        required = operation(self.service, self.get).required_members
        return next((m for m in required if m != self.parent), "Name")

    @property
    def shape(self) -> StructureShape:
        """Of the definition."""
        found = operation(self.service, self.create)
        inner = found.members[self.input] if self.input else found
        assert isinstance(inner, StructureShape)
        return inner

    def members(self) -> dict[str, Shape]:
        """Those that a project may say, by name; the name itself and the parent are not among them."""
        without = ("Name", self.parent, *self.left_out)
        own = {m: s for m, s in self.shape.members.items() if m not in without}
        beside = operation(self.service, self.create).members
        more = {m: beside[m] for m in (*(("Tags",) if self.tagged else ()), *self.beside) if m in beside}
        return {**own, **more, **{m: model("glue").shape_for(s) for m, s in (self.extra or {}).items()}}

    @property
    def beside(self) -> tuple[str, ...]:
        """Members that create takes beside the definition."""
        return (
            tuple(m for m in self.unseen if m in operation(self.service, self.create).members)
            if self.input
            else ()
        )


@cache
def model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def operation(service: str, name: str) -> StructureShape:
    """What an operation takes."""
    found = model(service).operation_model(name).input_shape
    assert found is not None
    return found


def _crawler(document: Document) -> Document:
    schedule = document.pop("Schedule", None) or {}
    expression = schedule.get("ScheduleExpression")
    return {**document, **({"Schedule": expression} if expression else {})}


def _trigger(document: Document) -> Document:
    if document.get("Type") != "ON_DEMAND":
        document["StartOnCreation"] = document.get("State") in ("ACTIVATED", "ACTIVATING")
    return document


def _classifier(document: Document) -> Document:
    read_only = ("Name", "CreationTime", "LastUpdated", "Version")
    return {member: {k: v for k, v in d.items() if k not in read_only} for member, d in document.items()}


def _rule(document: Document) -> Document:
    return {**document, "EventPattern": same_json(json.loads(document.get("EventPattern") or "null"))}


def same_json(value: Any) -> str:
    """The one text of a JSON value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


MODELLED: Mapping[str, ModelKind] = {
    kind.section: kind
    for kind in (
        ModelKind(
            section="databases", noun="database", create="CreateDatabase", update="UpdateDatabase",
            delete="DeleteDatabase", get="GetDatabase", answer="Database", pages="GetDatabases", listed="DatabaseList",
            input="DatabaseInput", changed="DatabaseInput", folds=True, holds="tables",
        ),
        ModelKind(
            section="connections", noun="connection", create="CreateConnection", update="UpdateConnection",
            delete="DeleteConnection", get="GetConnection", answer="Connection", pages="GetConnections",
            listed="ConnectionList", input="ConnectionInput", changed="ConnectionInput",
            unseen=("ValidateCredentials", "ValidateForComputeEnvironments", "BasicAuthenticationCredentials",
                    "CustomAuthenticationCredentials", "OAuth2Credentials", "AuthorizationCodeProperties"),
        ),
        ModelKind(
            section="classifiers", noun="classifier", create="CreateClassifier", update="UpdateClassifier",
            delete="DeleteClassifier", get="GetClassifier", answer="Classifier", pages="GetClassifiers",
            listed="Classifiers", tagged=False, partial=True, named_inside=True, observed=_classifier,
            fixed=("GrokClassifier", "XMLClassifier", "JsonClassifier", "CsvClassifier"),
        ),
        ModelKind(
            section="tables", noun="table", create="CreateTable", update="UpdateTable", delete="DeleteTable",
            get="GetTable", answer="Table", pages="GetTables", listed="TableList", input="TableInput",
            changed="TableInput", parent="DatabaseName", folds=True, tagged=False,
            unseen=("PartitionIndexes", "OpenTableFormatInput"), refers={"DatabaseName": "databases"},
        ),
        ModelKind(
            section="crawlers", noun="crawler", create="CreateCrawler", update="UpdateCrawler",
            delete="DeleteCrawler", get="GetCrawler", answer="Crawler", pages="GetCrawlers", listed="Crawlers",
            partial=True, shortened=("Role",), observed=_crawler,
            refers={"Classifiers.*": "classifiers", "Targets.*.*.ConnectionName": "connections"},
        ),
        ModelKind(
            section="jobs", noun="job", create="CreateJob", update="UpdateJob", delete="DeleteJob", get="GetJob",
            answer="Job", pages="GetJobs", listed="Jobs", changed="JobUpdate",
            derived={"AllocatedCapacity": (), "MaxCapacity": ("WorkerType", "NumberOfWorkers")},
            refers={"Connections.Connections.*": "connections"},
        ),
        ModelKind(
            section="workflows", noun="workflow", create="CreateWorkflow", update="UpdateWorkflow",
            delete="DeleteWorkflow", get="GetWorkflow", answer="Workflow", pages="ListWorkflows", listed="Workflows",
            partial=True, holds="triggers",
        ),
        ModelKind(
            section="triggers", noun="trigger", create="CreateTrigger", update="UpdateTrigger",
            delete="DeleteTrigger", get="GetTrigger", answer="Trigger", pages="GetTriggers", listed="Triggers",
            changed="TriggerUpdate", partial=True, fixed=("Type", "WorkflowName"), observed=_trigger,
            switch=("StartOnCreation", "StartTrigger", "StopTrigger"),
            refers={
                "WorkflowName": "workflows", "Actions.*.JobName": "jobs", "Actions.*.CrawlerName": "crawlers",
                "Predicate.Conditions.*.JobName": "jobs", "Predicate.Conditions.*.CrawlerName": "crawlers",
            },
        ),
        ModelKind(
            section="events", noun="event rule", service="events", create="PutRule", update="PutRule",
            delete="DeleteRule", get="DescribeRule", answer=None, pages="ListRules", listed="Rules",
            left_out=("Tags", "EventBusName", "ScheduleExpression"),
            extra={"workflows": "WorkflowNames", "Tags": "TagsMap"}, observed=_rule, refers={"workflows.*": "workflows"},
        ),
    )
}  # fmt: skip
KINDS: Mapping[str, ModelKind | AlertKind] = {
    **MODELLED,
    "channels": AlertKind(section="channels", noun="alert channel", door="alert-channels", staying=OF_CHANNELS),
    "rules": AlertKind(
        section="rules", noun="alert rule", door="alert-rules",
        refers=dict.fromkeys(("channels.*", "escalate.channels.*", "escalate.*.channels.*"), "channels"),
    ),
}  # fmt: skip
ORDER: Mapping[str, int] = {section: place for place, section in enumerate(KINDS)}


def identity(kind: Kind, *names: str) -> ResourceId:
    return ResourceId(
        section=kind.section, names=tuple(n.strip().lower() for n in names) if kind.folds else names
    )


def read_back(kind: ModelKind, answer: Document) -> Document:
    """What get answered, in the shape of a definition: members that create has, and nothing that the server works out."""
    found = kind.observed(dict(answer)) if kind.observed else dict(answer)
    known = kind.members()
    found = {member: value for member, value in found.items() if member in known and not empty(value)}
    for member in kind.shortened:
        if isinstance(found.get(member), str):
            found[member] = found[member].rpartition(":role/")[2]
    return underived(kind, found, ())


def underived(kind: ModelKind, document: Document, said: Mapping[str, Any] | tuple[()]) -> Document:
    """Without what the server works out by itself, but for the members that were `said`."""
    gone = {
        member
        for member, given in (kind.derived or {}).items()
        if member not in said and (not given or any(g in document for g in given))
    }
    return {member: value for member, value in document.items() if member not in gone}


def empty(value: Any) -> bool:
    """Nothing, an empty text, list or mapping are one: servers keep them as they like."""
    return value is None or value == "" or value == [] or value == {}


def references(kind: Kind, names: tuple[str, ...], document: Document) -> Iterator[tuple[Path, ResourceId]]:
    """The things that a definition names, and where."""
    for pattern, section in (kind.refers or {}).items():
        target = KINDS[section]
        if pattern == kind.parent:
            yield (pattern,), identity(target, names[0])
            continue
        for path, name in _matches(document, tuple(pattern.split(".")), ()):
            yield path, identity(target, name)


def _matches(value: Any, pattern: Path, path: Path) -> Iterator[tuple[Path, str]]:
    if not pattern:
        if isinstance(value, str):
            yield path, value
        return
    step, rest = pattern[0], pattern[1:]
    if isinstance(value, list) and step == "*":
        for at, item in enumerate(value):
            yield from _matches(item, rest, (*path, str(at)))
    elif isinstance(value, Mapping):
        for key in value if step == "*" else (step,) if step in value else ():
            yield from _matches(value[key], rest, (*path, key))
