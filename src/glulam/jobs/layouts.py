"""The job run that carries out a blueprint's script (`layout.py`): a run of no job, as a session's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import psycopg

from glulam.jobs import definitions, runs
from glulam.jobs.runs import JobRun
from glulam.model.place import Place

LAYOUT = "glulam:layout"
"""The ScriptLocation of such a run."""
_MINUTES = 15


def start_layout(
    conn: psycopg.Connection, place: Place, blueprint: str, archive: str, parameters: Mapping[str, Any]
) -> JobRun:
    """`archive`: the blueprint's ZIP file, s3://bucket/key."""
    spec = definitions.completed(
        {"Command": {"Name": "pythonshell", "ScriptLocation": LAYOUT}, "Timeout": _MINUTES}
    )
    return runs.insert_alone(conn, place, f"blueprint {blueprint}", spec, {
        "--extra-files": archive, "--blueprint-archive": archive.rpartition("/")[2],
        "--blueprint-account": place.account_id, "--blueprint-parameters": orjson.dumps(dict(parameters)).decode(),
    })  # fmt: skip
