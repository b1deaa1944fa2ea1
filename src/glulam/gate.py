"""The gate of the AWS doors: SigV4 with the installation's keys, roles and resource policies, and the audit log.

Here `wire`, which knows signatures and no database, meets `access`, which knows keys and no protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from glulam.access.audit import AuditRow, AuditWriter
from glulam.access.keys import AccessKey, KeyRing
from glulam.access.policies import Decision, Policy, decide
from glulam.access.policy_store import Policies
from glulam.access.resources import Demand, Resource, event_resource, resources_of
from glulam.access.roles import Role, least_role
from glulam.access.s3_actions import s3_demands
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied
from glulam.wire import s3_presigned_v2, s3_signing
from glulam.wire.door import HttpRequest
from glulam.wire.s3_signing import Payload
from glulam.wire.sigv4 import Request, Verified, verify

_BUCKET = "arn:aws:s3:::"
_Kind = tuple[str, Role, str | None]
"""What is decided in one go: action, least role, and the bucket, if it is one whose policy counts."""


def no_policy(bucket: str) -> Policy | None:
    """Where there are no buckets."""
    return None


@dataclass(frozen=True, kw_only=True)
class SignedGate:
    """Implements `wire.door.Gate` and `wire.rest_door.StreamGate`."""

    keys: KeyRing
    policies: Policies
    audit: AuditWriter
    clock: Callable[[], datetime]
    bucket_policy: Callable[[str], Policy | None] = no_policy

    def authenticate(self, request: HttpRequest, signing_name: str) -> Caller:
        signed = _signed(request, hashlib.sha256(request.body).hexdigest())
        return self._caller(request, verify(signed, self.keys.find, self.clock(), signing_name))

    def authenticate_stream(self, request: HttpRequest, host_bucket: str | None) -> tuple[Caller, Payload]:
        signed, now = _signed(request, ""), self.clock()
        if s3_presigned_v2.is_presigned_v2(signed):
            verified, payload = s3_presigned_v2.verify(signed, host_bucket, self.keys.find, now)
        else:
            verified, payload = s3_signing.verify(signed, self.keys.find, now)
        return self._caller(request, verified), payload

    def _caller(self, request: HttpRequest, verified: Verified[AccessKey]) -> Caller:
        key = verified.key
        self.keys.used(key, self.clock())
        return Caller(
            account_id=key.account_id, region=verified.region, arn=key.principal_arn, role=str(key.role),
            request_id=request.request_id, temporary=key.session_token is not None,
        )  # fmt: skip

    def touched(
        self, caller: Caller, service: str, operation: str, asked: Mapping[str, Any]
    ) -> tuple[Demand, ...]:
        if service == "s3":
            for member in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
                if asked.get(member, caller.account_id) != caller.account_id:
                    raise AccessDenied(f"{member} {asked[member]} is not the account {caller.account_id}")
            return s3_demands(operation, asked)
        role, action = least_role(operation), f"{service}:{operation}"
        resources: tuple[Resource, ...] = (Resource(arn="*"),)
        if service == "glue":
            resources = resources_of(operation, asked, account_id=caller.account_id, region=caller.region)
        elif service == "events":
            resources = (
                event_resource(operation, asked, account_id=caller.account_id, region=caller.region),
            )
        return tuple(Demand(action=action, resource=resource, role=role) for resource in resources)

    def authorize(self, caller: Caller, touched: tuple[Demand, ...]) -> None:
        for kind, demands in groupby(touched, key=_kind_of):
            self._decide(caller, kind, [demand.resource for demand in demands]).require()

    def sift(
        self, caller: Caller, touched: tuple[Demand, ...], asked: dict[str, Any]
    ) -> tuple[tuple[Demand, ...], tuple[Demand, ...]]:
        """`asked` gets the ARNs that are refused alone as `Refused`."""
        self.authorize(caller, tuple(demand for demand in touched if not demand.each))
        refused = tuple(
            demand for demand in touched
            if demand.each and not self._decide(caller, _kind_of(demand), [demand.resource]).allowed
        )  # fmt: skip
        if not refused:
            return touched, ()
        asked["Refused"] = frozenset(demand.resource.arn for demand in refused)
        return tuple(demand for demand in touched if demand.resource.arn not in asked["Refused"]), refused

    def _decide(self, caller: Caller, kind: _Kind, resources: Sequence[Resource]) -> Decision:
        action, least, bucket = kind
        policy = (
            self.policies.of(caller.account_id, caller.region)
            if bucket is None
            else self.bucket_policy(bucket)
        )
        return decide(
            policy, role_allows=Role(caller.role).includes(least), principal=caller.arn, action=action, resources=resources
        )  # fmt: skip

    def record(
        self, request: HttpRequest, caller: Caller | None, service: str, operation: str,
        touched: tuple[Demand, ...] | None, outcome: str, seconds: float,
    ) -> None:  # fmt: skip
        self.audit.record(
            AuditRow(
                at=self.clock(), request_id=request.request_id, source_ip=request.peer,
                account_id=caller.account_id if caller else "", region=caller.region if caller else "",
                principal=caller.arn if caller else "", service=service, operation=operation,
                resources=tuple(d.resource.arn for d in touched or ()), outcome=outcome, duration_ms=round(seconds * 1000, 3),
            )
        )  # fmt: skip


def _signed(request: HttpRequest, body_sha256: str) -> Request:
    return Request(method=request.method, raw_path=request.raw_path, raw_query=request.raw_query,
                   headers=request.headers, body_sha256=body_sha256)  # fmt: skip


def _kind_of(demand: Demand) -> _Kind:
    arn = demand.resource.arn
    bucket = arn.removeprefix(_BUCKET).partition("/")[0] if arn.startswith(_BUCKET) else None
    return demand.action, demand.role, bucket
