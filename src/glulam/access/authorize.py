"""May this key do that to these? The role's word and the resource policy's, put together."""

from __future__ import annotations

from collections.abc import Iterable

from glulam.access.keys import AccessKey
from glulam.access.policies import Decision, Policy, decide
from glulam.access.resources import Resource
from glulam.access.roles import least_role


def authorize(
    key: AccessKey, operation: str, resources: Iterable[Resource], policy: Policy | None
) -> Decision:
    """The decision for one request; `.require()` raises AccessDenied. Also for one item of a list: whether the sender
    may see it (`GetTables` shows the tables on which the policy does not deny it)."""
    return decide(
        policy,
        role_allows=key.role.includes(least_role(operation)),
        principal=key.principal_arn,
        action=f"glue:{operation}",
        resources=resources,
    )
