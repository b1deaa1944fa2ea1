"""One Spark session and one server for all tests of this room; every test has a bucket of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from awsglue.context import GlueContext
from awsglue.dynamicframe import DynamicFrame
from awsglue.testing import GlueServer, glue_context, glue_server

__all__ = ["glue_context", "glue_server"]
_numbers = count(1)
Rows = list[dict[str, Any]]


@pytest.fixture
def bucket(glue_server: GlueServer) -> Path:
    """The folder of a bucket that no other test has."""
    folder = glue_server.lake / f"bucket-{next(_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture
def database(glue_context: GlueContext) -> Iterator[str]:
    name = f"db{next(_numbers)}"
    glue_context.workspace.glue.create_database(DatabaseInput={"Name": name})
    yield name
    glue_context.workspace.glue.delete_database(Name=name)


@pytest.fixture
def frame_of(glue_context: GlueContext, bucket: Path) -> Callable[..., DynamicFrame]:
    """A DynamicFrame of JSON records, as it is read from a file."""

    def make(*records: Any, **options: Any) -> DynamicFrame:
        name = f"in-{next(_numbers)}"
        (bucket / name).mkdir()
        lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
        (bucket / name / "a.json").write_text("\n".join(lines) + "\n")
        return glue_context.create_dynamic_frame.from_options(
            "s3", {"paths": [f"s3://{bucket.name}/{name}/"]}, "json", options
        )

    return make


def rows(frame: DynamicFrame) -> Rows:
    """The records as dicts, in the order of their texts."""
    found = [row.asDict(recursive=True) for row in frame.toDF().collect()]
    return sorted(found, key=lambda row: json.dumps(row, default=str, sort_keys=True))


def kinds(frame: DynamicFrame) -> dict[str, str]:
    """Field -> type, choices as `int|string`."""
    return {
        f.name: "|".join(getattr(f.dataType, "choices", [f.dataType.typeName()]))
        for f in frame.schema().fields
    }
