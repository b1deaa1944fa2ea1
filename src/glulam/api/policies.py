"""Operations on the catalog's resource policy. There is one, the account's in the region: policies on single resources are
what AWS's Resource Access Manager makes for other accounts, and there are none here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from glulam.access import policy_store
from glulam.access.policy_store import Policies, StoredPolicy
from glulam.catalog import tags
from glulam.model.caller import Caller
from glulam.model.errors import EntityNotFound, OperationNotSupported
from glulam.store.database import Database


@dataclass(frozen=True, kw_only=True)
class ResourcePolicies:
    database: Database
    policies: Policies
    """What the gate decides by: told of each change, so that it holds from the next request on."""

    def put_resource_policy(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_catalog(caller, asked)
        if asked.get("EnableHybrid") == "TRUE":
            raise OperationNotSupported(
                "EnableHybrid TRUE is not implemented: there is no Lake Formation here"
            )
        with self.database.transaction() as conn:
            made = policy_store.put_policy(
                conn, caller.account_id, caller.region, asked["PolicyInJson"],
                expected_hash=asked.get("PolicyHashCondition"), exists=asked.get("PolicyExistsCondition", "NONE"),
            )  # fmt: skip
        self.policies.forget(caller.account_id, caller.region)
        return {"PolicyHash": made}

    def delete_resource_policy(self, caller: Caller, asked: Mapping[str, Any]) -> None:
        _require_catalog(caller, asked)
        with self.database.transaction() as conn:
            policy_store.delete_policy(
                conn, caller.account_id, caller.region, expected_hash=asked.get("PolicyHashCondition")
            )
        self.policies.forget(caller.account_id, caller.region)

    def get_resource_policy(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        _require_catalog(caller, asked)
        found = self._find(caller)
        if found is None:
            raise EntityNotFound("Policy not found")
        return _shown(found)

    def get_resource_policies(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """At most one, so that there is never a next page."""
        found = self._find(caller)
        return {"GetResourcePoliciesResponseList": [] if found is None else [_shown(found)]}

    def _find(self, caller: Caller) -> StoredPolicy | None:
        with self.database.connection() as conn:
            return policy_store.get_policy(conn, caller.account_id, caller.region)


def _require_catalog(caller: Caller, asked: Mapping[str, Any]) -> None:
    catalog = tags.arn(caller, "catalog")
    if asked.get("ResourceArn", catalog) != catalog:
        raise OperationNotSupported(
            f"ResourceArn {asked['ResourceArn']!r}: policies of single resources are not implemented; "
            f"expected none, or {catalog}"
        )


def _shown(found: StoredPolicy) -> dict[str, Any]:
    return {
        "PolicyInJson": found.document,
        "PolicyHash": found.hash,
        "CreateTime": found.created_at,
        "UpdateTime": found.updated_at,
    }
