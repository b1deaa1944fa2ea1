"""The gate of the AWS doors: SigV4 with the installation's keys, roles and resource policies, and the audit log.

Here `wire`, which knows signatures and no database, meets `access`, which knows keys and no protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from glulam.access.audit import AuditRow, AuditWriter
from glulam.access.keys import KeyRing
from glulam.access.policies import decide
from glulam.access.policy_store import Policies
from glulam.access.resources import Resource, resources_of
from glulam.access.roles import Role, least_role
from glulam.model.caller import Caller
from glulam.wire.door import HttpRequest
from glulam.wire.sigv4 import Request, verify


@dataclass(frozen=True, kw_only=True)
class SignedGate:
    """Implements `wire.door.Gate`."""

    keys: KeyRing
    policies: Policies
    audit: AuditWriter
    clock: Callable[[], datetime]

    def authenticate(self, request: HttpRequest, signing_name: str) -> Caller:
        signed = Request(
            method=request.method, raw_path=request.raw_path, raw_query=request.raw_query, headers=request.headers,
            body_sha256=hashlib.sha256(request.body).hexdigest(),
        )  # fmt: skip
        verified = verify(signed, self.keys.find, self.clock(), signing_name)
        self.keys.used(verified.key, verified.signed_at)
        key = verified.key
        return Caller(
            account_id=key.account_id, region=verified.region, arn=key.principal_arn, role=str(key.role),
            request_id=request.request_id,
        )  # fmt: skip

    def authorize(self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]) -> None:
        decide(
            self.policies.of(caller.account_id, caller.region),
            role_allows=Role(caller.role).includes(least_role(operation)),
            principal=caller.arn, action=f"{service}:{operation}",
            resources=_touched(caller, operation, asked),
        ).require()  # fmt: skip

    def record(
        self, request: HttpRequest, caller: Caller | None, service: str, operation: str,
        asked: Mapping[str, Any] | None, outcome: str, seconds: float,
    ) -> None:  # fmt: skip
        touched: tuple[Resource, ...] = ()
        if caller is not None and asked is not None:
            touched = _touched(caller, operation, asked)
        self.audit.record(
            AuditRow(
                at=self.clock(), request_id=request.request_id, source_ip=request.peer,
                account_id=caller.account_id if caller else "", region=caller.region if caller else "",
                principal=caller.arn if caller else "", service=service, operation=operation,
                resources=tuple(r.arn for r in touched), outcome=outcome, duration_ms=round(seconds * 1000, 3),
            )
        )  # fmt: skip


def _touched(caller: Caller, operation: str, asked: Mapping[str, Any]) -> tuple[Resource, ...]:
    return resources_of(operation, asked, account_id=caller.account_id, region=caller.region)
