"""Resource policies: what is read, what is refused, who may do what."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glulam.access.globs import compile_glob, overlaps
from glulam.access.policies import Decision, decide, parse_policy
from glulam.access.resources import resources_of
from glulam.model.errors import AccessDenied, InvalidInput

ACCOUNT, REGION = "123456789012", "us-east-1"
PREFIX = f"arn:aws:glue:{REGION}:{ACCOUNT}:"
ANN, BOB = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("ann", "bob"))
EVERYTHING = PREFIX + "*"


def statement(**members: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": ANN},
        "Action": "glue:GetTable",
        "Resource": EVERYTHING,
        **members,
    }


def policy_text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def asks(
    *statements: dict[str, Any], who: str = ANN, operation: str = "GetTable", role: bool = False, **asked: Any
) -> Decision:
    policy = parse_policy(policy_text(*statements), account_id=ACCOUNT, region=REGION)
    request = asked or {"DatabaseName": "sales", "Name": "orders"}
    touched = resources_of(operation, request, account_id=ACCOUNT, region=REGION)
    return decide(policy, role_allows=role, principal=who, action=f"glue:{operation}", resources=touched)


def test_the_default_is_no() -> None:
    denied = decide(None, role_allows=False, principal=ANN, action="glue:GetTable",
                    resources=resources_of("GetTables", {"DatabaseName": "d"}, account_id=ACCOUNT, region=REGION))  # fmt: skip
    assert denied.reason == (
        f"User: {ANN} is not authorized to perform: glue:GetTable on resource: {PREFIX}database/d because no "
        "identity-based policy allows the glue:GetTable action"
    )
    with pytest.raises(AccessDenied, match="not authorized") as refused:
        denied.require()
    assert refused.value.code == "AccessDeniedException"


def test_the_role_or_the_policy_suffices_and_a_deny_wins() -> None:
    deny = statement(Effect="Deny")
    for role, statements, allowed in (
        (False, [statement()], True),
        (True, [statement(Principal={"AWS": BOB})], True),
        (True, [deny], False),
        (False, [statement(), deny], False),
        (False, [deny, statement()], False),
        (True, [statement(), deny], False),
    ):
        decision = asks(*statements, role=role)
        assert decision.allowed is allowed, (role, statements)
    assert "with an explicit deny in a resource-based policy" in asks(deny, role=True).reason


def test_every_resource_needs_its_allow() -> None:
    parts = [PREFIX + "catalog", PREFIX + "database/sales", PREFIX + "table/sales/orders"]
    assert asks(statement(Resource=parts)).allowed
    assert asks(*(statement(Resource=part) for part in parts)).allowed
    for missing in parts:
        decision = asks(statement(Resource=[p for p in parts if p != missing]))
        assert not decision.allowed
        assert f"on resource: {missing} " in decision.reason


def test_a_deny_of_one_resource_is_enough() -> None:
    deny = statement(Effect="Deny", Resource=PREFIX + "table/*/secret", Action="glue:*")
    request = {"DatabaseName": "sales", "TablesToDelete": ["orders", "Secret"]}
    assert not asks(deny, operation="BatchDeleteTable", role=True, **request).allowed
    assert asks(
        deny, operation="BatchDeleteTable", role=True, DatabaseName="sales", TablesToDelete=["orders"]
    ).allowed


@pytest.mark.parametrize(
    "pattern",
    ["table/sales/secret", "table/sales/*", "table/*", "*", "t*", "table/?ales/s*t", "table/Sales/Secret"],
)  # fmt: skip
def test_a_database_is_not_deleted_over_the_head_of_a_table_that_may_not_be(pattern: str) -> None:
    deny = statement(Effect="Deny", Resource=PREFIX + pattern, Action="glue:DeleteDatabase")
    assert not asks(deny, operation="DeleteDatabase", role=True, Name="Sales").allowed
    if pattern not in ("*", "t*", "table/*"):
        assert asks(deny, operation="DeleteDatabase", role=True, Name="other").allowed


def test_an_allow_of_some_tables_does_not_delete_them_all() -> None:
    rest = [PREFIX + p for p in ("catalog", "database/sales", "userDefinedFunction/sales/*")]

    def may(**resource: Any) -> bool:
        chosen = statement(Action="glue:DeleteDatabase")
        del chosen["Resource"]
        return asks(
            {**chosen, "Resource": rest}, {**chosen, **resource}, operation="DeleteDatabase", Name="sales"
        ).allowed

    assert may(Resource=PREFIX + "table/sales/*")
    assert not may(Resource=PREFIX + "table/sales/o*")
    assert not may(NotResource=PREFIX + "table/sales/secret")
    assert may(NotResource=PREFIX + "table/other/secret")


@pytest.mark.parametrize(
    ("principal", "ann", "bob"),
    [
        ({"AWS": ANN}, True, False),
        ({"AWS": [ANN, BOB]}, True, True),
        ("*", True, True),
        ({"AWS": "*"}, True, True),
        ({"AWS": ACCOUNT}, True, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, True, True),
        ({"AWS": "arn:aws:iam::210987654321:root"}, False, False),
    ],
)
def test_principals(principal: Any, ann: bool, bob: bool) -> None:
    assert asks(statement(Principal=principal), who=ANN).allowed is ann
    assert asks(statement(Principal=principal), who=BOB).allowed is bob
    turned = statement(NotPrincipal=principal)
    del turned["Principal"]
    assert asks(turned, who=ANN).allowed is not ann


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("glue:GetTable", True), ("glue:gettable", True), ("glue:Get*", True), ("glue:*", True), ("*", True),
        ("glue:GetTabl?", True), ("glue:GetTables", False), ("glue:Get", False), ("glue:*Partition", False),
        (["glue:CreateTable", "glue:GetTable"], True),
    ],
)  # fmt: skip
def test_actions(action: Any, allowed: bool) -> None:
    assert asks(statement(Action=action)).allowed is allowed
    turned = statement(NotAction=action)
    del turned["Action"]
    assert asks(turned).allowed is not allowed


def test_catalog_names_are_compared_without_case_and_others_with_it() -> None:
    deny = statement(
        Effect="Deny", Action="*", Resource=[PREFIX + "table/Sales/Orders", PREFIX + "job/Nightly"]
    )
    assert not asks(deny, role=True, DatabaseName="SALES", Name="orders").allowed
    assert not asks(deny, role=True, operation="StartJobRun", JobName="Nightly").allowed
    assert asks(deny, role=True, operation="StartJobRun", JobName="nightly").allowed


def test_a_deny_of_everything_holds_for_requests_that_name_nothing() -> None:
    deny = statement(Effect="Deny", Action="*", Resource=EVERYTHING)
    assert not asks(deny, role=True, operation="ListJobs", MaxResults=1).allowed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"Statement": []}', "no Statement"),
        ('{"Version": "2012-10-17"}', "no Statement"),
        ('{"Version": "2025-01-01", "Statement": [{}]}', "Version '2025-01-01'"),
        ('{"Statement": [{}], "Statement": [{}]}', "given twice"),
        (policy_text(statement(Condition={"Bool": {}})), "Statement 1: 'Condition' is not supported"),
        (policy_text(statement(), statement(Effect="Maybe")), "Statement 2: Effect 'Maybe'"),
        (policy_text(statement(Principal={"Service": "x"})), "Statement 1: Principal: 'Service' is not supported"),
        (policy_text(statement(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/*"})), "Principal 'arn"),
        (policy_text(statement(NotAction="glue:*")), "one of Action and NotAction, found Action and NotAction"),
        (policy_text({"Effect": "Allow", "Action": "*", "Resource": EVERYTHING}), "Principal and NotPrincipal, found neither"),
        (policy_text(statement(Action="s3:GetObject")), "Action 's3:GetObject'"),
        (policy_text(statement(Action=[])), "Action: expected a text"),
        (policy_text(statement(Action=[1])), "Action: expected a text"),
        (policy_text(statement(Resource="*")), "Resource '*'"),
        (policy_text(statement(Resource=EVERYTHING.replace("us-east-1", "eu-west-1"))), "this account and region"),
        (policy_text(statement(Resource=EVERYTHING.replace(ACCOUNT, "210987654321"))), "this account and region"),
        (policy_text(statement(Resource=PREFIX + "table/${aws:username}/*")), "policy variables are not supported"),
        (policy_text(statement(Sid="x" * 10240)), "expected at most 10240"),
    ],
)  # fmt: skip
def test_a_policy_that_is_not_understood_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        parse_policy(text, account_id=ACCOUNT, region=REGION)


GLOBS = st.text("ab*?", max_size=8)


@settings(max_examples=500, deadline=None)
@given(GLOBS, st.text("ab", max_size=8))
def test_globs_mean_what_the_plain_regex_means(pattern: str, text: str) -> None:
    plain = re.fullmatch(pattern.replace("?", ".").replace("*", ".*"), text) if "**" not in pattern else None
    if "**" not in pattern:
        assert bool(compile_glob(pattern).fullmatch(text)) is bool(plain)


@settings(max_examples=300, deadline=None)
@given(GLOBS, st.text("ab", max_size=4))
def test_overlap_is_found_when_some_text_shows_it(pattern: str, prefix: str) -> None:
    witness = prefix + pattern.replace("?", "a").replace("*", "")
    tails = {pattern[n:].replace("?", "a").replace("*", "") for n in range(len(pattern) + 1)} | {witness}
    shown = any(compile_glob(pattern).fullmatch(prefix + tail) for tail in tails)
    assert overlaps(pattern, prefix) is shown


def test_a_hostile_pattern_costs_no_time() -> None:
    began = time.perf_counter()
    assert not compile_glob("a*" * 30 + "b").fullmatch("a" * 5000)
    assert time.perf_counter() - began < 0.5
