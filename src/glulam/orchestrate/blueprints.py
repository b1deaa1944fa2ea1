"""Blueprints: a project of a layout script with parameters, and its runs, each of which makes a workflow.

Left to others: running the script (a job run does), making what it describes (`api/blueprints.py`)."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.model.place import Place

CONFIG = "blueprint.cfg"
_MOST_CONFIG = 1 << 20
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "String": lambda v: isinstance(v, str),
    "Integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "Double": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "Boolean": lambda v: isinstance(v, bool),
    "Date": lambda v: isinstance(v, str),
    "S3Uri": lambda v: isinstance(v, str) and v.startswith("s3://"),
    "S3Bucket": lambda v: isinstance(v, str) and "/" not in v,
    "IAMRoleArn": lambda v: isinstance(v, str) and v.startswith("arn:"),
    "IAMRoleName": lambda v: isinstance(v, str) and "/" not in v,
}

_COLUMNS = "id, seq, blueprint, parameters, role_arn, job_run_id, workflow, error, started_at"
_HERE = "account_id = %(account_id)s AND region = %(region)s AND blueprint = %(blueprint)s"
INSERT = """
INSERT INTO blueprint_run (id, account_id, region, blueprint, parameters, role_arn, job_run_id)
VALUES (%(id)s, %(account_id)s, %(region)s, %(blueprint)s, %(parameters)s, %(role_arn)s, %(job_run_id)s)
"""
PAGE = f"""
SELECT {_COLUMNS} FROM blueprint_run WHERE {_HERE} AND (%(before)s::bigint IS NULL OR seq < %(before)s)
  AND (%(id)s::text IS NULL OR id = %(id)s) ORDER BY seq DESC LIMIT %(limit)s
"""  # noqa: S608
OF_JOB_RUN = f"SELECT {_COLUMNS} FROM blueprint_run WHERE job_run_id = %s FOR UPDATE"  # noqa: S608
MADE = "UPDATE blueprint_run SET workflow = %s WHERE id = %s"
REFUSED = "UPDATE blueprint_run SET error = %s WHERE id = %s"


@dataclass(frozen=True, kw_only=True)
class BlueprintRun:
    id: str
    seq: int
    blueprint: str
    parameters: Mapping[str, Any]
    role_arn: str
    job_run_id: str
    workflow: str | None
    """The workflow that it made."""
    error: str | None
    started_at: datetime


def read_spec(archive: bytes) -> dict[str, Any]:
    """The `parameterSpec` of a blueprint's archive. Raises InvalidInput."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            named = [
                m
                for m in packed.infolist()
                if m.filename.rpartition("/")[2] == CONFIG and m.file_size <= _MOST_CONFIG
            ]
            if not named:
                raise InvalidInput(f"the archive holds no {CONFIG}")
            config = json.loads(packed.read(min(named, key=lambda m: m.filename.count("/"))))
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise InvalidInput(
            f"the blueprint cannot be read: {error}; expected a ZIP archive with a {CONFIG}"
        ) from None
    generator = config.get("layoutGenerator") if isinstance(config, dict) else None
    if not isinstance(generator, str) or "." not in generator:
        raise InvalidInput(f"{CONFIG}: layoutGenerator is {generator!r}; expected module.function")
    spec = config.get("parameterSpec") or {}
    if not isinstance(spec, dict) or not all(isinstance(one, dict) for one in spec.values()):
        raise InvalidInput(f"{CONFIG}: parameterSpec is not an object of objects")
    for name, one in spec.items():
        if one.get("type") not in _TYPES:
            raise InvalidInput(
                f"{CONFIG}: parameter {name}: type is {one.get('type')!r}; expected one of {', '.join(_TYPES)}"
            )
    return spec


def checked(spec: Mapping[str, Mapping[str, Any]], text: str | None) -> dict[str, Any]:
    """The parameters of a run with their defaults. Raises InvalidInput that names the parameter."""
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidInput(f"Parameters is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInput("Parameters is not a JSON object")
    unknown = sorted(given.keys() - spec.keys())
    if unknown:
        raise InvalidInput(
            f"parameter {unknown[0]!r} is not one of the blueprint's: {', '.join(sorted(spec))}"
        )
    return {name: _value(name, one, given) for name, one in spec.items()}


def _value(name: str, spec: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    value = given.get(name, spec.get("defaultValue"))
    if value is None:
        raise InvalidInput(f"parameter {name!r} is missing, and has no default")
    collection = bool(spec.get("collection"))
    if collection != isinstance(value, list):
        raise InvalidInput(
            f"parameter {name!r} is {value!r}; expected {'a list' if collection else 'a single value'}"
        )
    for one in value if collection else [value]:
        if not _TYPES[spec["type"]](one):
            raise InvalidInput(f"parameter {name!r} is {one!r}; expected {spec['type']}")
        allowed = spec.get("allowedValues")
        if allowed and one not in allowed:
            raise InvalidInput(
                f"parameter {name!r} is {one!r}; expected one of {', '.join(map(str, allowed))}"
            )
    return value


def new_id() -> str:
    return "bpr_" + secrets.token_hex(16)


def insert(
    conn: psycopg.Connection, place: Place, blueprint: str, run_id: str, parameters: Mapping[str, Any], role_arn: str,
    job_run_id: str,
) -> None:  # fmt: skip
    conn.execute(INSERT, {
        "id": run_id, "account_id": place.account_id, "region": place.region, "blueprint": blueprint,
        "parameters": Jsonb(dict(parameters)), "role_arn": role_arn, "job_run_id": job_run_id,
    })  # fmt: skip


def page(
    conn: psycopg.Connection, place: Place, blueprint: str, *, before: int | None = None, limit: int, run_id: str | None = None
) -> list[BlueprintRun]:  # fmt: skip
    """The newest first."""
    given = {"account_id": place.account_id, "region": place.region, "blueprint": blueprint, "before": before,
             "limit": limit, "id": run_id}  # fmt: skip
    return [_run(row) for row in conn.execute(PAGE, given).fetchall()]


def get(conn: psycopg.Connection, place: Place, blueprint: str, run_id: str) -> BlueprintRun:
    """Raises EntityNotFound."""
    found = page(conn, place, blueprint, limit=1, run_id=run_id)
    if not found:
        raise EntityNotFound(f"Run {run_id} of blueprint {blueprint} not found.")
    return found[0]


def of_job_run(conn: psycopg.Connection, job_run_id: str) -> BlueprintRun:
    """The run whose script this is, locked. Raises EntityNotFound."""
    row = conn.execute(OF_JOB_RUN, (job_run_id,)).fetchone()
    if row is None:
        raise EntityNotFound(f"Job run {job_run_id} is no blueprint's.")
    return _run(row)


def made(conn: psycopg.Connection, run_id: str, workflow: str) -> None:
    conn.execute(MADE, (workflow, run_id))


def refused(conn: psycopg.Connection, run_id: str, error: str) -> None:
    conn.execute(REFUSED, (error, run_id))


def _run(row: tuple[Any, ...]) -> BlueprintRun:
    return BlueprintRun(
        id=row[0], seq=row[1], blueprint=row[2], parameters=row[3], role_arn=row[4], job_run_id=row[5], workflow=row[6],
        error=row[7], started_at=row[8],
    )  # fmt: skip
