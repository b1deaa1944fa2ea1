"""STS: who the sender is, and temporary keys for the same sender."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from glulam.access import keys
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.model.caller import Caller
from glulam.model.errors import AccessDenied, OperationNotSupported
from glulam.store.database import Database

DEFAULT_SECONDS = 12 * 3600


@dataclass(frozen=True, kw_only=True)
class SecurityTokens:
    """GetCallerIdentity and GetSessionToken."""

    database: Database
    box: SecretBox
    clock: Callable[[], datetime]

    def get_caller_identity(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The user's id is made of its ARN: AWS's are random, and as stable."""
        hashed = base64.b32encode(hashlib.sha256(caller.arn.encode()).digest()).decode()
        return {"UserId": f"AIDA{hashed[:17]}", "Account": caller.account_id, "Arn": caller.arn}

    def get_session_token(self, caller: Caller, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A temporary key of the sender's role. Raises AccessDenied for one who has no other himself."""
        if caller.temporary:
            raise AccessDenied("Cannot call GetSessionToken with session credentials")
        if "SerialNumber" in asked or "TokenCode" in asked:
            raise OperationNotSupported("GetSessionToken: SerialNumber and TokenCode (MFA) are not supported")
        seconds = asked.get("DurationSeconds", DEFAULT_SECONDS)
        expires_at = (self.clock() + timedelta(seconds=seconds)).replace(microsecond=0)
        with self.database.transaction() as conn:
            key = keys.create(
                conn, self.box, account_id=caller.account_id, user_name=caller.arn.rpartition("/")[2],
                role=Role(caller.role), expires_at=expires_at,
            )  # fmt: skip
        return {
            "Credentials": {
                "AccessKeyId": key.id, "SecretAccessKey": key.secret, "SessionToken": key.session_token,
                "Expiration": expires_at,
            }
        }  # fmt: skip
