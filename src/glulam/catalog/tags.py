"""Tags of Glue's resources, by ARN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import psycopg
from psycopg.types.json import Jsonb

from glulam.catalog.scope import Scope
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
FORGET_BELOW = "DELETE FROM resource_tag WHERE starts_with(arn, %s)"
GET = "SELECT key, value FROM resource_tag WHERE arn = %s ORDER BY key"


def arn(caller: Caller, kind: str, *names: str) -> str:
    """`arn:aws:glue:<region>:<account>:<kind>/<name>[/<name>]`."""
    return f"arn:aws:glue:{caller.region}:{caller.account_id}:{'/'.join((kind, *names))}"


def scoped_arn(scope: Scope, kind: str, *names: str) -> str:
    """The same for what lies in a catalog: `<kind>/<catalog>/<name>` in a named one, `<kind>/<name>` in the default one."""
    account, _, catalog = scope.catalog_id.partition(":")
    path = "/".join((kind, *([catalog] if catalog else []), *names))
    return f"arn:aws:glue:{scope.region}:{account}:{path}"


def put(conn: psycopg.Connection, resource: str, tags: Mapping[str, str]) -> None:
    """Add tags, or change those that are there. Raises InvalidInput for AWS's own names, and beyond MOST_TAGS."""
    if not tags:
        return
    for key in tags:
        if key.lower().startswith("aws:"):
            raise InvalidInput(f"tag {key!r}: names that begin with aws: are AWS's own")
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


def forget_below(conn: psycopg.Connection, resource: str) -> None:
    """Remove all tags of what lies below a resource that is gone (`<resource>/...`)."""
    conn.execute(FORGET_BELOW, (f"{resource}/",))


def get(conn: psycopg.Connection, resource: str) -> dict[str, str]:
    return dict(conn.execute(GET, (resource,)).fetchall())
