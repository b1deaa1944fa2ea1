"""Which Glue resources a request touches, as ARNs: for policies and for the audit log.

Rules are data: which member of a request names what, wherever it stands. A name in the catalog brings its ancestors (a
table its database, and that the catalog); a delete brings what lies below. A request that names nothing touches
`arn:aws:glue:<region>:<account>:*`. Names of databases, tables and functions are in lower case, as the catalog holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glulam.access.roles import Role, verb

FOLDED = frozenset({"database", "table", "userdefinedfunction"})
"""Kinds, in lower case, whose names know no upper case."""

MEMBERS = {
    "DatabaseName": "database",
    "DatabaseInput.Name": "database",
    "TableName": "table",
    "TableInput.Name": "table",
    "TablesToDelete": "table",
    "FunctionName": "userDefinedFunction",
    "FunctionInput.FunctionName": "userDefinedFunction",
    "ConnectionName": "connection",
    "ConnectionInput.Name": "connection",
    "ConnectionNameList": "connection",
    "CrawlerName": "crawler",
    "CrawlerNames": "crawler",
    "CrawlerNameList": "crawler",
    "JobName": "job",
    "JobNames": "job",
    "TriggerNames": "trigger",
    "WorkflowName": "workflow",
    "BlueprintName": "blueprint",
    "EndpointName": "devEndpoint",
    "DevEndpointNames": "devEndpoint",
    "TransformId": "mlTransform",
    "SessionId": "session",
    "RulesetName": "dataQualityRuleset",
    "RulesetNames": "dataQualityRuleset",
    "RegistryName": "registry",
    "RegistryId.RegistryName": "registry",
    "SchemaId.RegistryName": "registry",
    "SchemaName": "schema",
    "SchemaId.SchemaName": "schema",
}
"""Members whose name says what they name. Some of Glue's begin with a small letter: that is no matter."""

SUBJECTS = {
    "Database": "database",
    "Table": "table",
    "UnfilteredTableMetadata": "table",
    "Connection": "connection",
    "Crawler": "crawler",
    "Job": "job",
    "Trigger": "trigger",
    "Workflow": "workflow",
    "WorkflowRun": "workflow",
    "WorkflowRunProperties": "workflow",
    "Blueprint": "blueprint",
    "CustomEntityType": "customEntityType",
    "DataQualityRuleset": "dataQualityRuleset",
    "UsageProfile": "usageProfile",
    "Session": "session",
    "SystemLogsForSession": "session",
}
"""What `Name`, `Names` and `Id` name, by what the operation is about (its name without verb and plural)."""

PLACES = ("", "DataSource.GlueTable", "TargetTable", "Entries")
"""Where in a request its members may stand."""

ARNS = ("ResourceArn", "RegistryId.RegistryArn", "SchemaId.SchemaArn")
"""Members that are ARNs."""

PARENTS = {"table": "database", "userDefinedFunction": "database", "schema": "registry"}
BELOW = {"DeleteDatabase": ("table", "userDefinedFunction"), "DeleteRegistry": ("schema",)}
IN_CATALOG = frozenset({"database", "connection"})
"""Kinds that lie directly in the catalog."""

OF_CATALOG = frozenset({
    "Database", "Table", "UserDefinedFunction", "Connection", "Catalog", "CatalogImportStatu", "CatalogToGlue",
    "DataCatalogEncryptionSetting", "DataCatalogExportConfiguration", "ResourcePolicy", "ResourcePolicie",
})  # fmt: skip
"""Subjects (the plural's s cut off) whose operations touch the catalog even when they name nothing in it."""

_DEFAULT_REGISTRY = "default-registry"
_BY_FIRST: dict[str, list[tuple[str, str]]] = {}
for _path, _kind in MEMBERS.items():
    _BY_FIRST.setdefault(_path.partition(".")[0], []).append((_path.partition(".")[2], _kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One thing that a request touches."""

    arn: str
    below: bool = False
    """The ARN ends with `/*` and means all that lies there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One thing that must be allowed for a request."""

    action: str
    """In IAM's words: `glue:GetTable`, `s3:PutObject`."""
    resource: Resource
    role: Role
    """The least role that may do so on everything."""
    each: bool = False
    """Refused alone: the rest of the request goes on."""


def resources_of(
    operation: str, asked: Mapping[str, Any], *, account_id: str, region: str
) -> tuple[Resource, ...]:
    """All that the request touches, each once, the most particular first."""
    prefix = f"arn:aws:glue:{region}:{account_id}:"
    named: dict[str, Resource] = {}
    for path in PLACES:
        for place in _at(asked, path):
            for kind, name in _names(operation, place):
                _add(named, prefix, kind, name, operation)
    for path in ARNS:
        for arn in _at(asked, path):
            if isinstance(arn, str):
                named.setdefault(arn, Resource(arn=arn))
    kinds = {arn.removeprefix(prefix).partition("/")[0] for arn in named}
    if kinds & IN_CATALOG or _subject(operation) in OF_CATALOG:
        named[prefix + "catalog"] = Resource(arn=prefix + "catalog")
    return tuple(named.values()) or (Resource(arn=prefix + "*"),)


def event_resource(operation: str, asked: Mapping[str, Any], *, account_id: str, region: str) -> Resource:
    """What a request to EventBridge touches: the rule that it names, the bus that it sends to, or all rules."""
    if asked.get("ResourceARN"):
        return Resource(arn=str(asked["ResourceARN"]))
    kind, name = "rule", asked.get("Rule") or asked.get("Name") or "*"
    if operation == "PutEvents":
        kind, name = "event-bus", "default"
    return Resource(arn=f"arn:aws:events:{region}:{account_id}:{kind}/{name}")


def _names(operation: str, place: Any) -> Iterator[tuple[str, str]]:
    """(kind, name within its parent) of all that the members of one place name."""
    if not isinstance(place, Mapping):
        return
    found: list[tuple[str, str]] = []
    subject = SUBJECTS.get(_subject(operation)) or SUBJECTS.get(_bare(operation))
    for member, value in place.items():
        name = member[:1].upper() + member[1:]
        for rest, kind in _BY_FIRST.get(name, ()):
            found += ((kind, text) for text in _texts(value, rest))
        if subject is not None and name in ("Name", "Names", "Id"):
            found += ((subject, text) for text in _texts(value, ""))
    parents = dict(reversed(found))
    for kind, name in found:
        parent = PARENTS.get(kind)
        if parent is None:
            yield kind, name
        elif parent in parents or parent == "registry":
            yield kind, f"{parents.get(parent, _DEFAULT_REGISTRY)}/{name}"


def _add(named: dict[str, Resource], prefix: str, kind: str, name: str, operation: str) -> None:
    if kind.lower() in FOLDED:
        name = name.strip().lower()
    for child in BELOW.get(operation, ()):
        if PARENTS[child] == kind:
            arn = f"{prefix}{child}/{name}/*"
            named[arn] = Resource(arn=arn, below=True)
    arn = f"{prefix}{kind}/{name}"
    named.setdefault(arn, Resource(arn=arn))


def _texts(value: Any, path: str) -> Iterator[str]:
    for found in _at(value, path):
        if isinstance(found, str):
            yield found


def _at(value: Any, path: str) -> Iterator[Any]:
    """What stands at `A.B`; lists on the way, and at its end, are walked through."""
    if isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping):
        first, _, rest = path.partition(".")
        if first in value:
            yield from _at(value[first], rest)


@lru_cache(maxsize=1024)
def _bare(operation: str) -> str:
    """`BatchGetPartition` -> `Partition`."""
    return operation.removeprefix("Batch").removeprefix(verb(operation))


def _subject(operation: str) -> str:
    """The same in the singular: `GetTables` -> `Table`."""
    return _bare(operation).removesuffix("s")
