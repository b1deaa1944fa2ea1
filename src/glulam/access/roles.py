"""Four roles, and the least of them that each operation needs. A role may do what the ones before it may.

    viewer    looks                    Get, List, Search, Query, Describe, Check
    operator  runs what is there       Start, Stop, Run, Cancel, Resume, Reset, Test, Enable, Disable, Acknowledge, Resolve
    author    changes what is there    Create, Update, Delete, Put, Register, Import, Tag, ...
    admin     decides who may          policies, encryption, profiles: those that are named below

The verb decides, after `Batch`. A verb that is not listed is the admin's, so that a new one is never open by mistake.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Role(StrEnum):
    """In ascending order."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    AUTHOR = "author"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        return _ORDER[self] >= _ORDER[other]


_ORDER = {role: number for number, role in enumerate(Role)}

VERBS = {
    Role.VIEWER: {"Get", "List", "Search", "Query", "Describe", "Check"},
    Role.OPERATOR: {"Start", "Stop", "Run", "Cancel", "Resume", "Reset", "Test", "Enable", "Disable", "Acknowledge", "Resolve"},
    Role.AUTHOR: {
        "Create", "Update", "Delete", "Put", "Register", "Remove", "Modify", "Publish", "Import", "Associate",
        "Disassociate", "Tag", "Untag",
    },
}  # fmt: skip

NAMED = {
    # who may do what, and how secrets are kept
    "PutResourcePolicy": Role.ADMIN,
    "DeleteResourcePolicy": Role.ADMIN,
    "PutDataCatalogEncryptionSettings": Role.ADMIN,
    "PutDataCatalogExportConfiguration": Role.ADMIN,
    "CreateSecurityConfiguration": Role.ADMIN,
    "DeleteSecurityConfiguration": Role.ADMIN,
    "CreateUsageProfile": Role.ADMIN,
    "UpdateUsageProfile": Role.ADMIN,
    "DeleteUsageProfile": Role.ADMIN,
    "CreateGlueIdentityCenterConfiguration": Role.ADMIN,
    "UpdateGlueIdentityCenterConfiguration": Role.ADMIN,
    "DeleteGlueIdentityCenterConfiguration": Role.ADMIN,
    # runs code that its sender wrote: no less than writing a job
    "RunStatement": Role.AUTHOR,
    "GetSessionEndpoint": Role.AUTHOR,
    # starts what a rule says, and changes no rule
    "PutEvents": Role.OPERATOR,
    # looks through the logs of runs
    "FilterLogEvents": Role.VIEWER,
    # reads rows from a foreign system with a stored password: more than looking at the catalog
    "GetEntityRecords": Role.OPERATOR,
}

_WORD = re.compile(r"[A-Z][a-z]+")


def verb(operation: str) -> str:
    """`BatchGetPartition` -> `Get`."""
    found = _WORD.match(operation.removeprefix("Batch"))
    return found.group() if found else ""


def least_role(operation: str) -> Role:
    """The least role that may call the operation."""
    if operation in NAMED:
        return NAMED[operation]
    return next((role for role, verbs in VERBS.items() if verb(operation) in verbs), Role.ADMIN)


def changes_something(operation: str) -> bool:
    """Whether the operation does more than look."""
    return verb(operation) not in VERBS[Role.VIEWER]
