"""The resource policy of each account's catalog in a region: stored as it was given, replaced under conditions.

A door asks `Policies`, which remembers them for a few seconds, understood.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg

from glulam.access.policies import Policy, parse_policy
from glulam.access.remembered import Remembered
from glulam.model.errors import ConditionCheckFailed, EntityNotFound, InvalidInput
from glulam.store.database import Database

Exists = Literal["MUST_EXIST", "NOT_EXIST", "NONE"]

GET = """
SELECT document, hash, created_at, updated_at FROM resource_policy WHERE account_id = %(account)s AND region = %(region)s
"""
CREATE = """
INSERT INTO resource_policy (account_id, region, document, hash)
VALUES (%(account)s, %(region)s, %(document)s, %(hash)s) ON CONFLICT DO NOTHING
"""
UPDATE = """
UPDATE resource_policy SET document = %(document)s, hash = %(hash)s, updated_at = now()
WHERE account_id = %(account)s AND region = %(region)s AND hash = coalesce(%(expected)s, hash)
"""
DELETE = """
DELETE FROM resource_policy
WHERE account_id = %(account)s AND region = %(region)s AND hash = coalesce(%(expected)s, hash)
"""


@dataclass(frozen=True, kw_only=True)
class StoredPolicy:
    """A policy as it was set."""

    document: str
    hash: str
    created_at: datetime
    updated_at: datetime


def get_policy(conn: psycopg.Connection, account_id: str, region: str) -> StoredPolicy | None:
    """The catalog's policy; None when none was set."""
    row = conn.execute(GET, {"account": account_id, "region": region}).fetchone()
    if row is None:
        return None
    return StoredPolicy(document=row[0], hash=row[1], created_at=row[2], updated_at=row[3])


def put_policy(
    conn: psycopg.Connection,
    account_id: str,
    region: str,
    document: str,
    *,
    expected_hash: str | None = None,
    exists: Exists = "NONE",
) -> str:
    """Set the policy; returns its hash.

    Raises InvalidInput (a policy that is not understood; a hash together with NOT_EXIST) or ConditionCheckFailed
    (`exists` is not so, or there is another policy than that of `expected_hash`)."""
    if exists == "NOT_EXIST" and expected_hash is not None:
        raise InvalidInput("PolicyHashCondition: expected none together with PolicyExistsCondition NOT_EXIST")
    parse_policy(document, account_id=account_id, region=region)
    given = {"account": account_id, "region": region, "document": document, "hash": _hash(document),
             "expected": expected_hash}  # fmt: skip
    done = exists != "NOT_EXIST" and conn.execute(UPDATE, given).rowcount == 1
    if not done and exists != "MUST_EXIST" and expected_hash is None:
        done = conn.execute(CREATE, given).rowcount == 1 or (
            exists == "NONE" and conn.execute(UPDATE, given).rowcount == 1
        )
    if not done:
        raise ConditionCheckFailed(_unmet(conn, account_id, region, expected_hash, exists))
    return str(given["hash"])


def delete_policy(
    conn: psycopg.Connection, account_id: str, region: str, *, expected_hash: str | None = None
) -> None:
    """Remove the policy. Raises EntityNotFound, or ConditionCheckFailed when it is another one."""
    given = {"account": account_id, "region": region, "expected": expected_hash}
    if conn.execute(DELETE, given).rowcount == 1:
        return
    if get_policy(conn, account_id, region) is None:
        raise EntityNotFound(f"the catalog of account {account_id} in {region} has no resource policy")
    raise ConditionCheckFailed(_unmet(conn, account_id, region, expected_hash, "NONE"))


class Policies:
    """The policies as a server's requests ask for them. Safe to share between threads."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float]) -> None:
        self._database = database
        self._known: Remembered[tuple[str, str], _Understood] = Remembered(monotonic)

    def of(self, account_id: str, region: str) -> Policy | None:
        """The catalog's policy, at most a few seconds old."""
        found = self._known.get((account_id, region), self._load)
        return None if found is None else found.policy

    def forget(self, account_id: str, region: str) -> None:
        """Call it after a change in this process, once it is committed."""
        self._known.forget((account_id, region))

    def forget_all(self) -> None:
        self._known.forget_all()

    def _load(self, place: tuple[str, str]) -> _Understood:
        with self._database.connection() as conn:
            stored = get_policy(conn, *place)
        if stored is None:
            return _Understood(policy=None)
        return _Understood(policy=parse_policy(stored.document, account_id=place[0], region=place[1]))


@dataclass(frozen=True, kw_only=True)
class _Understood:
    """That there is no policy is worth remembering, too."""

    policy: Policy | None


def _hash(document: str) -> str:
    return base64.b64encode(hashlib.sha256(document.encode()).digest()[:16]).decode()


def _unmet(
    conn: psycopg.Connection, account_id: str, region: str, expected: str | None, exists: Exists
) -> str:
    found = get_policy(conn, account_id, region)
    if found is None:
        return f"PolicyExistsCondition {exists}, PolicyHashCondition {expected}: there is no resource policy"
    if exists == "NOT_EXIST":
        return "PolicyExistsCondition NOT_EXIST: there is a resource policy already"
    return f"PolicyHashCondition {expected!r}: the policy's hash is {found.hash!r}; somebody changed it: read it again"
