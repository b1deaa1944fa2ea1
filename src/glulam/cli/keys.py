"""Access keys: create, list, disable, delete. Each change is a row of the audit log, in the same transaction."""

from __future__ import annotations

import os
from datetime import timedelta

from glulam.access import keys
from glulam.access.keys import AccessKey
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.app import App
from glulam.cli.auditing import write_down
from glulam.cli.drawing import table
from glulam.cli.output import facts, print_json
from glulam.model.clock import utc_now
from glulam.model.errors import InvalidInput
from glulam.settings import Settings


def create(
    settings: Settings, *, user: str, role: str, account: str | None, hours: float | None, as_json: bool
) -> int:
    wanted = _role(role)
    expires = None if hours is None else utc_now() + timedelta(hours=hours)
    with App(settings) as app, app.database.transaction() as conn:
        key = keys.create(conn, SecretBox.open(settings), account_id=account or settings.account_id, user_name=user,
                          role=wanted, expires_at=expires)  # fmt: skip
        write_down(conn, "CreateAccessKey", f"access-key/{key.id}", key.account_id)
    shown = {
        "aws_access_key_id": key.id, "aws_secret_access_key": key.secret, "aws_session_token": key.session_token,
        "principal": key.principal_arn, "role": key.role, "expires": key.expires_at,
    }  # fmt: skip
    if as_json:
        print_json({"key": shown})
    else:
        facts(list(shown.items()))
        print("the secret is not shown again")
    return 0


def import_(settings: Settings, *, user: str, role: str, account: str | None, as_json: bool) -> int:
    """The key that the AWS variables of this process hold."""
    pair = [os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if not all(pair):
        raise InvalidInput(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY hold the key to import; one of them is not set"
        )
    if os.environ.get("AWS_SESSION_TOKEN"):
        raise InvalidInput(
            "AWS_SESSION_TOKEN is set: a temporary key cannot be imported, as it is replaced before long"
        )
    key = AccessKey(
        id=pair[0],
        secret=pair[1],
        account_id=account or settings.account_id,
        user_name=user,
        role=_role(role),
    )
    with App(settings) as app, app.database.transaction() as conn:
        keys.import_key(conn, SecretBox.open(settings), key)
        write_down(conn, "ImportAccessKey", f"access-key/{key.id}", key.account_id)
    if as_json:
        print_json({"key": {"aws_access_key_id": key.id, "principal": key.principal_arn, "role": key.role}})
    else:
        print(f"{key.id} is accepted as {key.principal_arn}, {key.role}")
    return 0


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise InvalidInput(f"--role {role!r}: expected one of {', '.join(Role)}") from None


def list_keys(settings: Settings, *, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        found = keys.list_keys(conn)
    if as_json:
        print_json({"keys": found})
        return 0
    now = utc_now()
    rows = []
    for key in found:
        expired = key.expires_at is not None and key.expires_at <= now
        state = "disabled" if not key.active else "expired" if expired else "active"
        rows.append(
            (
                key.id,
                key.user_name,
                key.role,
                key.account_id,
                state,
                key.created_at,
                key.last_used_at or "never",
            )
        )
    if rows:
        table(("id", "user", "role", "account", "state", "created", "last used"), rows)
    else:
        print("no access keys; `glulam keys create --user NAME --role ROLE` makes one")
    return 0


def end(settings: Settings, key_id: str, *, forget: bool, as_json: bool) -> int:
    """Disable or delete a key."""
    with App(settings) as app, app.database.transaction() as conn:
        (keys.delete if forget else keys.disable)(conn, key_id)
        write_down(conn, "DeleteAccessKey" if forget else "DisableAccessKey", f"access-key/{key_id}", "")
    done = "deleted" if forget else "disabled"
    if as_json:
        print_json({"key": {"id": key_id, "state": done}})
    else:
        print(f"{key_id} is {done}; a running server follows within five seconds")
    return 0
