"""Tags of Glue's resources, by ARN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg.types.json import Jsonb

from glulam.model.caller import Caller
from glulam.model.errors import InvalidInput

MOST_TAGS = 50
"""As in AWS, for each resource."""

PUT = """
INSERT INTO resource_tag (arn, key, value) SELECT %s, key, value FROM jsonb_each_text(%s)
ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value
"""
COUNT = "SELECT count(*) FROM resource_tag WHERE arn = %s"
REMOVE = "DELETE FROM resource_tag WHERE arn = %s AND key = ANY(%s)"
FORGET = "DELETE FROM resource_tag WHERE arn = %s"
GET = "SELECT key, value FROM resource_tag WHERE arn = %s ORDER BY key"


def arn(caller: Caller, kind: str, *names: str) -> str:
    """`arn:aws:glue:<region>:<account>:<kind>/<name>[/<name>]`."""
    return f"arn:aws:glue:{caller.region}:{caller.account_id}:{'/'.join((kind, *names))}"


def put(conn: psycopg.Connection, resource: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change those that are there. Raises InvalidInput beyond MOST_TAGS."""
    if not tags:
        return
    conn.execute(PUT, (resource, Jsonb(dict(tags))))
    row = conn.execute(COUNT, (resource,)).fetchone()
    if row is not None and row[0] > MOST_TAGS:
        raise InvalidInput(f"{resource} would have {row[0]} tags; expected at most {MOST_TAGS}")


def remove(conn: psycopg.Connection, resource: str, keys: Sequence[str]) -> None:
    """Keys that are not there are no error, as in AWS."""
    conn.execute(REMOVE, (resource, list(keys)))


def forget(conn: psycopg.Connection, resource: str) -> None:
    """Remove all tags of a resource that is gone."""
    conn.execute(FORGET, (resource,))


def get(conn: psycopg.Connection, resource: str) -> dict[str, str]:
    return dict(conn.execute(GET, (resource,)).fetchall())
