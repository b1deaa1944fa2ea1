"""The catalog's policy: conditions of PutResourcePolicy and DeleteResourcePolicy, and how soon a change is seen."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from glulam.access.policy_store import Policies, delete_policy, get_policy, put_policy
from glulam.model.errors import ConditionCheckFailed, EntityNotFound, InvalidInput
from glulam.store.database import Database

ACCOUNT, REGION = "123456789012", "us-east-1"


def text(action: str) -> str:
    return json.dumps({
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": f"arn:aws:glue:{REGION}:{ACCOUNT}:*"}
    })  # fmt: skip


ONE, TWO = text("glue:GetTable"), text("glue:GetTables")


def test_it_is_read_back_as_it_was_set(database: Database) -> None:
    with database.connection() as conn:
        assert get_policy(conn, ACCOUNT, REGION) is None
        first = put_policy(conn, ACCOUNT, REGION, ONE)
        stored = get_policy(conn, ACCOUNT, REGION)
        assert stored is not None
        assert (stored.document, stored.hash) == (ONE, first)
        second = put_policy(conn, ACCOUNT, REGION, TWO)
        changed = get_policy(conn, ACCOUNT, REGION)
        assert changed is not None
        assert (changed.document, changed.hash, changed.created_at) == (TWO, second, stored.created_at)
        assert second != first
        assert get_policy(conn, ACCOUNT, "eu-west-1") is None
        assert get_policy(conn, "210987654321", REGION) is None


def test_the_conditions_of_a_change(database: Database) -> None:
    with database.connection() as conn:
        for conditions in ({"exists": "MUST_EXIST"}, {"expected_hash": "x"}):
            with pytest.raises(ConditionCheckFailed, match="there is no resource policy"):
                put_policy(conn, ACCOUNT, REGION, ONE, **conditions)  # type: ignore[arg-type]
        first = put_policy(conn, ACCOUNT, REGION, ONE, exists="NOT_EXIST")
        with pytest.raises(ConditionCheckFailed, match="already"):
            put_policy(conn, ACCOUNT, REGION, TWO, exists="NOT_EXIST")
        with pytest.raises(ConditionCheckFailed, match="somebody changed it"):
            put_policy(conn, ACCOUNT, REGION, TWO, expected_hash="x")
        with pytest.raises(InvalidInput, match="NOT_EXIST"):
            put_policy(conn, ACCOUNT, REGION, TWO, expected_hash=first, exists="NOT_EXIST")
        with pytest.raises(InvalidInput, match="not JSON"):
            put_policy(conn, ACCOUNT, REGION, "no")
        second = put_policy(conn, ACCOUNT, REGION, TWO, expected_hash=first, exists="MUST_EXIST")
        with pytest.raises(ConditionCheckFailed):
            delete_policy(conn, ACCOUNT, REGION, expected_hash=first)
        delete_policy(conn, ACCOUNT, REGION, expected_hash=second)
        with pytest.raises(EntityNotFound, match="no resource policy"):
            delete_policy(conn, ACCOUNT, REGION)


def test_of_many_that_create_it_one_wins(database: Database) -> None:
    def create(number: int) -> bool:
        with database.connection() as conn:
            try:
                put_policy(conn, ACCOUNT, REGION, text(f"glue:Get{'x' * number}"), exists="NOT_EXIST")
            except ConditionCheckFailed:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(create, range(12))) == 1


def test_a_change_is_seen_within_five_seconds_or_at_once_where_it_was_made(database: Database) -> None:
    seconds = 0.0
    policies = Policies(database, monotonic=lambda: seconds)
    assert policies.of(ACCOUNT, REGION) is None
    with database.connection() as conn:
        put_policy(conn, ACCOUNT, REGION, ONE)
    assert policies.of(ACCOUNT, REGION) is None
    seconds = 5.1
    assert policies.of(ACCOUNT, REGION) is not None
    with database.connection() as conn:
        delete_policy(conn, ACCOUNT, REGION)
    policies.forget(ACCOUNT, REGION)
    assert policies.of(ACCOUNT, REGION) is None
