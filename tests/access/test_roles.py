"""Every role against every operation of Glue's model, and that no operation is unclassed."""

from __future__ import annotations

import botocore.session
import pytest

from glulam.access.policies import decide
from glulam.access.resources import resources_of
from glulam.access.roles import NAMED, VERBS, Role, changes_something, least_role, verb

OPERATIONS, LOGS, EVENTS = (
    botocore.session.get_session().get_service_model(name).operation_names
    for name in ("glue", "logs", "events")
)
VIEWS = ("Get", "List", "Search", "Query", "Describe", "Check", "BatchGet")
RUNS = ("Start", "Stop", "Run", "Cancel", "Resume", "Reset", "Test", "BatchStop")


PRINCIPAL = "arn:aws:iam::123456789012:user/ann"


def test_every_operation_is_of_a_class() -> None:
    known = set().union(*VERBS.values())
    assert [name for name in OPERATIONS if verb(name) not in known] == []
    assert sorted(NAMED.keys() - set(OPERATIONS) - set(LOGS) - set(EVENTS)) == []
    assert sum(len(verbs) for verbs in VERBS.values()) == len(known)


def test_a_verb_that_nobody_knows_is_the_admins() -> None:
    assert least_role("FrobnicateTable") is Role.ADMIN
    assert changes_something("FrobnicateTable")


@pytest.mark.parametrize("role", Role)
def test_every_role_against_every_operation(role: Role) -> None:
    allowed = set()
    for name in OPERATIONS:
        touched = resources_of(name, {}, account_id="123456789012", region="us-east-1")
        decision = decide(None, role_allows=role.includes(least_role(name)), principal=PRINCIPAL, action=f"glue:{name}",
                          resources=touched)  # fmt: skip
        assert decision.allowed is bool(not decision.reason)
        if decision.allowed:
            allowed.add(name)
        else:
            assert (
                f"not authorized to perform: glue:{name} on resource: arn:aws:glue:us-east-1:"
                in decision.reason
            )
    looks = {n for n in OPERATIONS if n.startswith(VIEWS)} - {"GetSessionEndpoint", "GetEntityRecords"}
    runs = {n for n in OPERATIONS if n.startswith(RUNS)} - {"RunStatement"} | {"GetEntityRecords"}
    admins = {n for n, r in NAMED.items() if r is Role.ADMIN}
    expected = {
        Role.VIEWER: looks,
        Role.OPERATOR: looks | runs,
        Role.AUTHOR: set(OPERATIONS) - admins,
        Role.ADMIN: set(OPERATIONS),
    }
    assert allowed == expected[role]
    assert not any(changes_something(n) for n in looks)


@pytest.mark.parametrize(
    ("operation", "role"),
    [
        ("GetTable", Role.VIEWER),
        ("BatchGetPartition", Role.VIEWER),
        ("CheckSchemaVersionValidity", Role.VIEWER),
        ("StartJobRun", Role.OPERATOR),
        ("BatchStopJobRun", Role.OPERATOR),
        ("CreateTable", Role.AUTHOR),
        ("BatchCreatePartition", Role.AUTHOR),
        ("BatchDeleteTable", Role.AUTHOR),
        ("UntagResource", Role.AUTHOR),
        ("RunStatement", Role.AUTHOR),
        ("PutResourcePolicy", Role.ADMIN),
        ("PutDataCatalogEncryptionSettings", Role.ADMIN),
    ],
)
def test_the_least_role(operation: str, role: Role) -> None:
    assert least_role(operation) is role


def test_roles_include_those_before_them() -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.AUTHOR, Role.ADMIN]
    assert list(Role) == order
    for number, role in enumerate(order):
        assert [role.includes(other) for other in order] == [at <= number for at in range(4)]
