"""Resource policies in IAM's JSON: read strictly, decided plainly.

    an explicit deny wins; else the role or any allow of the policy suffices (one account); else no

A policy that says something which is not understood here (a Condition, a policy variable, an unknown member) is refused
when it is set, by name: half a policy is worse than none. Every resource that a request touches needs its allow; a deny
of one of them is enough.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from glulam.access.globs import compile_glob, overlaps
from glulam.access.resources import FOLDED, Resource
from glulam.model.errors import AccessDenied, InvalidInput

MAX_BYTES = 10 * 1024
BUCKET_MAX_BYTES = 20 * 1024
_VERSIONS = ("2012-10-17", "2008-10-17")
_POLICY_MEMBERS = {"Version", "Id", "Statement"}
_STATEMENT_MEMBERS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
}
_ACTION = re.compile(r"glue:[A-Za-z0-9*?]+|\*", re.IGNORECASE)
_S3_ACTION = re.compile(r"s3:[A-Za-z0-9*?]+|\*", re.IGNORECASE)
_PRINCIPAL = re.compile(r"arn:aws[\w-]*:(?:iam|sts)::\d{12}:[^*?]+|\d{12}|\*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Element:
    """`Action` or `NotAction`, and so on: patterns, and whether they are what is meant or all that is not."""

    patterns: tuple[str, ...]
    negated: bool


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy."""

    allow: bool
    principal: Element
    action: Element
    resource: Element

    def concerns(self, principal: str, action: str) -> bool:
        """Whether it speaks of this sender and action, on whatever resource."""
        return _met(
            self.principal, any(_is_principal(p, principal) for p in self.principal.patterns)
        ) and _met(
            self.action, any(compile_glob(p.lower()).fullmatch(action.lower()) for p in self.action.patterns)
        )

    def covers(self, resource: Resource) -> bool:
        """Whether it speaks of all of the resource."""
        if resource.below and self.resource.negated:
            return not any(_overlaps(p, resource.arn[:-1]) for p in self.resource.patterns)
        return _met(self.resource, any(_matches(p, resource.arn) for p in self.resource.patterns))

    def touches(self, resource: Resource) -> bool:
        """Whether it speaks of the resource, or of anything below it when that is meant."""
        if resource.below and not self.resource.negated:
            return any(_overlaps(p, resource.arn[:-1]) for p in self.resource.patterns)
        return _met(self.resource, any(_matches(p, resource.arn) for p in self.resource.patterns))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A resource policy, understood."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether a request may go on, and why not."""

    allowed: bool
    reason: str = ""
    """In AWS's words, for the sender; empty when allowed."""

    def require(self) -> None:
        """Raises AccessDenied when the decision is no."""
        if not self.allowed:
            raise AccessDenied(self.reason)


def decide(
    policy: Policy | None, *, role_allows: bool, principal: str, action: str, resources: Iterable[Resource]
) -> Decision:
    """`action` is `glue:GetTable`; `role_allows` is what the sender's role grants, on everything."""
    told = [s for s in policy.statements if s.concerns(principal, action)] if policy is not None else []
    missing = ""
    for resource in resources:
        what = f"User: {principal} is not authorized to perform: {action} on resource: {resource.arn}"
        if any(not s.allow and s.touches(resource) for s in told):
            return Decision(allowed=False, reason=f"{what} with an explicit deny in a resource-based policy")
        if not missing and not role_allows and not any(s.allow and s.covers(resource) for s in told):
            missing = f"{what} because no identity-based policy allows the {action} action"
    return Decision(allowed=not missing, reason=missing)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a policy is about, and which actions and resources it may therefore name."""

    name: str
    """For errors: `resource policy`."""
    action: re.Pattern[str]
    expected_action: str
    resource: re.Pattern[str]
    expected_resource: str
    max_bytes: int


def parse_policy(text: str, *, account_id: str, region: str) -> Policy:
    """Understand the policy of this account's catalog in this region. Raises InvalidInput that says what it is not."""
    home = rf"arn:aws[\w-]*:glue:{re.escape(region)}:{re.escape(account_id)}:(?:\*|[A-Za-z*]+(?:/.*)?)"
    return _parse(text, Subject(
        name="resource policy", max_bytes=MAX_BYTES, action=_ACTION, expected_action="glue:<operation>",
        resource=re.compile(home),
        expected_resource="ARNs of this account and region, arn:aws:glue:REGION:ACCOUNT:...",
    ))  # fmt: skip


def parse_bucket_policy(text: str, bucket: str) -> Policy:
    """Understand the policy of a bucket. Raises InvalidInput that says what it is not."""
    return _parse(text, Subject(
        name="bucket policy", max_bytes=BUCKET_MAX_BYTES, action=_S3_ACTION, expected_action="s3:<action>",
        resource=re.compile(rf"arn:aws[\w-]*:s3:::{re.escape(bucket)}(?:/.*)?", re.DOTALL),
        expected_resource=f"arn:aws:s3:::{bucket} and arn:aws:s3:::{bucket}/...",
    ))  # fmt: skip


def _parse(text: str, subject: Subject) -> Policy:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > subject.max_bytes:
        raise InvalidInput(f"{subject.name}: {size} bytes; expected at most {subject.max_bytes}")
    try:
        document = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{subject.name}: not JSON: {error}") from error
    _known_members(document, _POLICY_MEMBERS, subject.name)
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise InvalidInput(
            f"{subject.name}: Version {document['Version']!r}; expected {' or '.join(_VERSIONS)}"
        )
    found = document.get("Statement")
    statements = found if isinstance(found, list) else [found]
    if not statements or found is None:
        raise InvalidInput(f"{subject.name}: no Statement")
    return Policy(
        statements=tuple(_statement(s, f"Statement {n}", subject) for n, s in enumerate(statements, 1))
    )


def _statement(found: Any, where: str, subject: Subject) -> Statement:
    _known_members(found, _STATEMENT_MEMBERS, where)
    if found.get("Effect") not in ("Allow", "Deny"):
        raise InvalidInput(f"{where}: Effect {found.get('Effect')!r}; expected Allow or Deny")
    resource = _element(found, "Resource", where)
    for pattern in resource.patterns:
        if "${" in pattern:
            raise InvalidInput(f"{where}: policy variables are not supported: {pattern!r}")
        if not subject.resource.fullmatch(pattern):
            raise InvalidInput(f"{where}: Resource {pattern!r}; expected {subject.expected_resource}")
    action = _element(found, "Action", where)
    for pattern in action.patterns:
        if not subject.action.fullmatch(pattern):
            raise InvalidInput(
                f"{where}: Action {pattern!r}; expected {subject.expected_action}, with * and ? as wildcards"
            )
    return Statement(allow=found["Effect"] == "Allow", principal=_principals(found, where), action=action,
                     resource=resource)  # fmt: skip


def _principals(found: dict[str, Any], where: str) -> Element:
    for name in ("Principal", "NotPrincipal"):
        if isinstance(found.get(name), dict):
            _known_members(found[name], {"AWS"}, f"{where}: {name}")
            found = {**found, name: found[name].get("AWS")}
    element = _element(found, "Principal", where)
    for principal in element.patterns:
        if not _PRINCIPAL.fullmatch(principal):
            raise InvalidInput(
                f"{where}: Principal {principal!r}; expected the ARN of a user, role or account root, an account id, or *"
            )
    return element


def _element(found: dict[str, Any], name: str, where: str) -> Element:
    """The texts of `name` or `Not<name>`; exactly one of these must be there."""
    given = [n for n in (name, f"Not{name}") if n in found]
    if len(given) != 1:
        raise InvalidInput(
            f"{where}: expected one of {name} and Not{name}, found {' and '.join(given) or 'neither'}"
        )
    value = found[given[0]]
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
        raise InvalidInput(f"{where}: {given[0]}: expected a text or a list of texts")
    return Element(patterns=tuple(texts), negated=given[0] != name)


def _known_members(found: Any, known: set[str], where: str) -> None:
    if not isinstance(found, dict):
        raise InvalidInput(f"{where}: expected a JSON object")
    for name in found:
        if name not in known:
            raise InvalidInput(f"{where}: {name!r} is not supported; expected {', '.join(sorted(known))}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a member is given twice among {', '.join(name for name, _ in pairs)}")
    return found


def _met(element: Element, found: bool) -> bool:
    return found is not element.negated


def _is_principal(pattern: str, principal: str) -> bool:
    """An account, or its root, stands for all who are of it."""
    account = principal.split(":")[4]
    return pattern in ("*", principal, account) or (
        pattern.endswith(":root") and pattern.split(":")[4] == account
    )


def _matches(pattern: str, arn: str) -> bool:
    pattern, arn = _folded(pattern, arn)
    return compile_glob(pattern).fullmatch(arn) is not None


def _overlaps(pattern: str, prefix: str) -> bool:
    pattern, prefix = _folded(pattern, prefix)
    return overlaps(pattern, prefix)


def _folded(pattern: str, arn: str) -> tuple[str, str]:
    """Names that know no upper case are compared without it, however the policy writes them."""
    *_, service, _, _, rest = arn.split(":", 5)
    kind = rest.partition("/")[0].lower()
    return (pattern.lower(), arn.lower()) if service == "glue" and kind in FOLDED else (pattern, arn)
