"""What a crawler looks at, as values: read from the Targets of Glue's crawler and checked when they are set.

Left to others: reading it (`listing.py` for files, `databases.py` for connections, `lakehouse.py` for Iceberg and Delta).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.crawl import globs
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.model.uri import S3Uri


@dataclass(frozen=True, kw_only=True)
class EventSource:
    """Queues, as ARNs, for crawls by events."""

    queue: str
    dead_letters: str | None = None
    """Takes the messages that are no events."""


@dataclass(frozen=True, kw_only=True)
class S3Target:
    """An include path: a folder (its key ends with a slash, or is empty) or one object."""

    path: S3Uri
    exclusions: tuple[str, ...] = ()
    sample_size: int | None = None
    """Look into so many files of each folder; None: all."""
    events: EventSource | None = None


@dataclass(frozen=True, kw_only=True)
class JdbcTarget:
    connection: str
    path: str
    """`database/schema/table`, or `database/table` where there are no schemas; `%` stands for any characters."""
    exclusions: tuple[str, ...] = ()
    comments: bool = False
    """Bring over the comments of tables and columns."""


@dataclass(frozen=True, kw_only=True)
class CatalogTarget:
    database: str
    tables: tuple[str, ...]
    events: EventSource | None = None


@dataclass(frozen=True, kw_only=True)
class IcebergTarget:
    path: S3Uri
    exclusions: tuple[str, ...] = ()
    depth: int = 10
    """Folders down from the path in which tables are looked for."""


@dataclass(frozen=True, kw_only=True)
class DeltaTarget:
    path: S3Uri
    """The table's own folder."""


Target = S3Target | JdbcTarget | CatalogTarget | IcebergTarget | DeltaTarget

_QUEUE = re.compile(r"arn:aws[\w-]*:sqs:[\w-]+:\d{12}:[\w.-]+")
_UNSUPPORTED = ("MongoDBTargets", "DynamoDBTargets", "HudiTargets")


def parse_targets(given: Mapping[str, Any]) -> tuple[Target, ...]:
    """Raises InvalidInput (nothing to crawl, no such path, a bad exclusion) and OperationNotSupported."""
    for member in _UNSUPPORTED:
        if given.get(member):
            raise OperationNotSupported(
                f"{member} is not implemented; expected S3Targets, JdbcTargets, CatalogTargets, IcebergTargets or DeltaTargets"
            )
    found: list[Target] = [_s3(one) for one in given.get("S3Targets") or ()]
    found += [_jdbc(one) for one in given.get("JdbcTargets") or ()]
    found += [
        CatalogTarget(database=one["DatabaseName"], tables=tuple(one["Tables"]), events=_events(one))
        for one in given.get("CatalogTargets") or ()
    ]
    for one in given.get("IcebergTargets") or ():
        found += [
            IcebergTarget(
                path=folder(path), exclusions=_exclusions(one), depth=one.get("MaximumTraversalDepth") or 10
            )
            for path in one.get("Paths") or ()
        ]
    for one in given.get("DeltaTargets") or ():
        found += [DeltaTarget(path=folder(path)) for path in one.get("DeltaTables") or ()]
    if not found:
        raise InvalidInput("Targets: found nothing to crawl; expected at least one target with its path")
    if given.get("CatalogTargets") and not all(isinstance(t, CatalogTarget) for t in found):
        raise InvalidInput("CatalogTargets cannot be mixed with other targets in one crawler")
    return tuple(found)


def folder(path: str) -> S3Uri:
    """The folder of that path, with its slash. Raises InvalidInput."""
    uri = S3Uri.parse(path if "://" in path else f"s3://{path}")
    return S3Uri(uri.bucket, uri.key if not uri.key or uri.key.endswith("/") else f"{uri.key}/")


def _s3(given: Mapping[str, Any]) -> S3Target:
    path = given.get("Path") or ""
    size = given.get("SampleSize")
    if size is not None and not 1 <= size <= 249:
        raise InvalidInput(f"S3 target {path!r}: SampleSize is {size}; expected 1 to 249")
    return S3Target(
        path=folder(path),
        exclusions=_exclusions(given),
        sample_size=size,
        events=_events(given),
    )


def _events(given: Mapping[str, Any]) -> EventSource | None:
    queue, dead = given.get("EventQueueArn"), given.get("DlqEventQueueArn")
    for member, arn in (("EventQueueArn", queue), ("DlqEventQueueArn", dead)):
        if arn and not _QUEUE.fullmatch(arn):
            raise InvalidInput(f"{member} is {arn!r}; expected arn:aws:sqs:region:account:name")
    if dead and not queue:
        raise InvalidInput(f"DlqEventQueueArn is {dead!r} without an EventQueueArn")
    return EventSource(queue=queue, dead_letters=dead or None) if queue else None


def _jdbc(given: Mapping[str, Any]) -> JdbcTarget:
    name, path = given.get("ConnectionName") or "", (given.get("Path") or "").strip("/")
    if not name:
        raise InvalidInput("a JDBC target needs a ConnectionName; found none")
    if not path or path.count("/") > 2:
        raise InvalidInput(
            f"JDBC target of {name}: Path is {path!r}; expected <database>/<schema>/<table> or <database>/<table>, with %"
        )
    return JdbcTarget(
        connection=name, path=path, exclusions=_exclusions(given),
        comments=bool({"COMMENTS", "RAWTYPES"} & set(given.get("EnableAdditionalMetadata") or ())),
    )  # fmt: skip


def _exclusions(given: Mapping[str, Any]) -> tuple[str, ...]:
    found = tuple(given.get("Exclusions") or ())
    for pattern in found:
        globs.check(pattern)
    return found
