"""What a list shows: nothing that a resource policy keeps from the sender. The gate decides on requests by the resources
that they name; a list names none of what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from glulam.access.policies import Decision, Policy, decide
from glulam.access.policy_store import Policies
from glulam.access.resources import Resource
from glulam.model.caller import Caller

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Sight:
    policies: Policies

    def require(self, caller: Caller, action: str, arns: Sequence[str]) -> None:
        """For what a request names by an id that says nothing to the gate. Raises AccessDenied when a policy denies it."""
        _decide(self._policy(caller), caller, action, arns).require()

    def seen(
        self, caller: Caller, actions: Sequence[str], found: Iterable[T], arns: Callable[[T], Sequence[str]]
    ) -> list[T]:
        """Those of which no policy denies the sender any of the actions (`GetTables`, and `GetTable` too: a list must not
        show what cannot be asked for), on them or on what holds them (`arns`)."""
        policy = self._policy(caller)
        if policy is None:
            return list(found)
        return [
            one
            for one in found
            if all(_decide(policy, caller, action, arns(one)).allowed for action in actions)
        ]

    def _policy(self, caller: Caller) -> Policy | None:
        return self.policies.of(caller.account_id, caller.region)


def _decide(policy: Policy | None, caller: Caller, action: str, arns: Sequence[str]) -> Decision:
    return decide(
        policy, role_allows=True, principal=caller.arn, action=f"glue:{action}",
        resources=[Resource(arn=arn) for arn in arns],
    )  # fmt: skip
