"""Access keys: who may sign requests, for which account, in which role.

Secrets and session tokens are stored encrypted (`secrets.py`); a secret is shown once, when its key is made.
`KeyRing` is what a server asks: it remembers keys for a few seconds, so that a request costs no query, and a key that
another process disabled stops working within that time.
"""

from __future__ import annotations

import re
import secrets
import string
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg

from glulam.access.remembered import Remembered
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput
from glulam.store.database import Database

DEVELOPMENT_ID = "AKIAGLULAMDEVELOPKEY"
DEVELOPMENT_SECRET = "glulam/development/key/not/secret/at/all"
"""Printed in the documentation. A server accepts them on loopback only, and says so when it starts."""

TOUCH_EVERY = timedelta(minutes=1)
_ID = re.compile(r"\w{3,128}", re.ASCII)
"""Ours have twenty characters; those of other S3 servers, which `import_key` takes, from three on."""
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_USER = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key with its secret: what verification of a signature needs, and who it makes the sender."""

    id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    """Set for temporary keys: requests must carry it."""
    expires_at: datetime | None = None
    account_id: str
    user_name: str
    role: Role

    @property
    def principal_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:user/{self.user_name}"


@dataclass(frozen=True, kw_only=True)
class KeyEntry:
    """A key as a list shows it, without its secret."""

    id: str
    account_id: str
    user_name: str
    role: Role
    temporary: bool
    expires_at: datetime | None
    active: bool
    created_at: datetime
    last_used_at: datetime | None
    """To within a minute."""


CREATE = """
INSERT INTO access_key (id, account_id, user_name, role, secret, session_token, expires_at)
VALUES (%(id)s, %(account)s, %(user)s, %(role)s, %(secret)s, %(token)s, %(expires)s)
ON CONFLICT (id) DO NOTHING
"""
FIND = """
SELECT id, account_id, user_name, role, secret, session_token, expires_at FROM access_key WHERE id = %s AND active
"""
LIST = """
SELECT id, account_id, user_name, role, session_token IS NOT NULL, expires_at, active, created_at, last_used_at
FROM access_key ORDER BY created_at, id
"""
DISABLE = "UPDATE access_key SET active = false WHERE id = %s"
DELETE = "DELETE FROM access_key WHERE id = %s"
FORGET_EXPIRED = """
DELETE FROM access_key WHERE id IN (
  SELECT id FROM access_key WHERE expires_at < now() - interval '1 day' LIMIT %s FOR UPDATE SKIP LOCKED)
"""
TOUCH = "UPDATE access_key SET last_used_at = greatest(last_used_at, %(at)s) WHERE id = %(id)s"


def create(
    conn: psycopg.Connection,
    box: SecretBox,
    *,
    account_id: str,
    user_name: str,
    role: Role,
    expires_at: datetime | None = None,
) -> AccessKey:
    """Make a key. With `expires_at` it is a temporary one (ASIA...) with a session token. Raises InvalidInput."""
    prefix = "AKIA" if expires_at is None else "ASIA"
    alphabet = string.ascii_uppercase + "234567"
    key = AccessKey(
        id=prefix + "".join(secrets.choice(alphabet) for _ in range(16)),
        secret=secrets.token_urlsafe(30),
        session_token=None if expires_at is None else secrets.token_urlsafe(96),
        expires_at=expires_at,
        account_id=account_id,
        user_name=user_name,
        role=role,
    )
    _save(conn, box, key)
    return key


def import_key(conn: psycopg.Connection, box: SecretBox, key: AccessKey) -> None:
    """Accept a key that another service made, so that one pair is good for both. Raises InvalidInput, AlreadyExists."""
    if not _ID.fullmatch(key.id):
        raise InvalidInput("the access key's id: expected 3 to 128 letters, digits or _")
    if len(key.secret) < 8:
        raise InvalidInput(f"the secret of access key {key.id}: expected at least 8 characters")
    if key.id == DEVELOPMENT_ID:
        raise InvalidInput(f"{DEVELOPMENT_ID} is the key that everybody knows")
    _save(conn, box, key)


def _save(conn: psycopg.Connection, box: SecretBox, key: AccessKey) -> None:
    if not _ACCOUNT.fullmatch(key.account_id):
        raise InvalidInput(f"account {key.account_id!r}: expected 12 digits")
    if not _USER.fullmatch(key.user_name):
        raise InvalidInput(f"user name {key.user_name!r}: expected 1 to 64 letters, digits or any of _+=,.@-")
    given = {
        "id": key.id, "account": key.account_id, "user": key.user_name, "role": str(key.role), "expires": key.expires_at,
        "secret": box.encrypt(key.secret.encode(), _context(key.id)),
        "token": key.session_token and box.encrypt(key.session_token.encode(), _context(key.id)),
    }  # fmt: skip
    if conn.execute(CREATE, given).rowcount != 1:
        raise AlreadyExists(f"access key {key.id} exists already")


def find(conn: psycopg.Connection, box: SecretBox, key_id: str) -> AccessKey | None:
    """The active key of that id. Raises EncryptionFailed when its secret cannot be read."""
    if not _ID.fullmatch(key_id):
        return None
    row = conn.execute(FIND, (key_id,)).fetchone()
    if row is None:
        return None
    found_id, account_id, user_name, role, secret, token, expires_at = row
    return AccessKey(
        id=found_id,
        secret=box.decrypt(secret, _context(key_id)).decode(),
        session_token=None if token is None else box.decrypt(token, _context(key_id)).decode(),
        expires_at=expires_at,
        account_id=account_id,
        user_name=user_name,
        role=Role(role),
    )


def list_keys(conn: psycopg.Connection) -> list[KeyEntry]:
    """All, oldest first."""
    return [_entry(row) for row in conn.execute(LIST).fetchall()]


def disable(conn: psycopg.Connection, key_id: str) -> None:
    """Refuse the key from now on. Raises EntityNotFound."""
    _one(conn.execute(DISABLE, (key_id,)).rowcount, key_id)


def delete(conn: psycopg.Connection, key_id: str) -> None:
    """Forget the key. Raises EntityNotFound."""
    _one(conn.execute(DELETE, (key_id,)).rowcount, key_id)


def forget_expired(conn: psycopg.Connection, limit: int) -> int:
    """Remove so many temporary keys that ended a day ago (until then their users hear why they are refused)."""
    return conn.execute(FORGET_EXPIRED, (limit,)).rowcount


def development_key(account_id: str) -> AccessKey:
    """The key that everybody knows."""
    return AccessKey(id=DEVELOPMENT_ID, secret=DEVELOPMENT_SECRET, account_id=account_id, user_name="development",
                     role=Role.ADMIN)  # fmt: skip


class KeyRing:
    """The keys as a server's requests ask for them. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        *,
        monotonic: Callable[[], float],
        development: AccessKey | None = None,
    ) -> None:
        """`development`: accepted besides those in the database; None unless the server is for its own machine only."""
        self._database, self._box, self._development = database, box, development
        self._known: Remembered[str, AccessKey] = Remembered(monotonic)
        self._lock = threading.Lock()
        self._touched: dict[str, datetime] = {}

    def find(self, key_id: str) -> AccessKey | None:
        """The active key of that id, at most a few seconds old."""
        if self._development is not None and key_id == self._development.id:
            return self._development
        return self._known.get(key_id, self._load)

    def forget_all(self) -> None:
        """Ask for each key again next time."""
        self._known.forget_all()

    def used(self, key: AccessKey, at: datetime) -> None:
        """Write down that a good signature of this key was seen; once a minute is enough."""
        with self._lock:
            before = self._touched.get(key.id)
            if before is not None and at - before < TOUCH_EVERY:
                return
            self._touched[key.id] = at
        if key is not self._development:
            with self._database.connection() as conn:
                conn.execute(TOUCH, {"id": key.id, "at": at})

    def _load(self, key_id: str) -> AccessKey | None:
        with self._database.connection() as conn:
            return find(conn, self._box, key_id)


def _entry(row: tuple[Any, ...]) -> KeyEntry:
    return KeyEntry(id=row[0], account_id=row[1], user_name=row[2], role=Role(row[3]), temporary=row[4], expires_at=row[5],
                    active=row[6], created_at=row[7], last_used_at=row[8])  # fmt: skip


def _context(key_id: str) -> str:
    return f"access_key/{key_id}"


def _one(count: int, key_id: str) -> None:
    if count != 1:
        raise EntityNotFound(f"access key {key_id!r} not found; `glulam keys list` shows those there are")
