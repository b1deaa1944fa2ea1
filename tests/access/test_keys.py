"""Access keys in a real database: the secret is not there to read, and a key that ended stops working."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from glulam.access import keys
from glulam.access.keys import KeyRing, development_key
from glulam.access.roles import Role
from glulam.access.secrets import SecretBox, new_key
from glulam.model.clock import utc_now
from glulam.model.errors import EncryptionFailed, EntityNotFound, InvalidInput
from glulam.settings import Settings
from glulam.store.database import Database

ACCOUNT = "123456789012"
BOX = SecretBox.open(Settings(secret_key=new_key()))


class Time:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def make(database: Database, user: str = "ann", role: Role = Role.AUTHOR) -> keys.AccessKey:
    with database.connection() as conn:
        return keys.create(conn, BOX, account_id=ACCOUNT, user_name=user, role=role)


def test_a_key_is_found_as_it_was_made(database: Database) -> None:
    made = make(database)
    assert made.id.startswith("AKIA")
    assert (len(made.id), len(made.secret)) == (20, 40)
    assert made.principal_arn == "arn:aws:iam::123456789012:user/ann"
    with database.connection() as conn:
        assert keys.find(conn, BOX, made.id) == made
        assert keys.find(conn, BOX, "AKIA" + "A" * 16) is None
        assert keys.find(conn, BOX, "'; DROP TABLE access_key; --") is None


def test_the_database_alone_gives_no_secret_away(database: Database) -> None:
    expires = utc_now() + timedelta(hours=1)
    with database.connection() as conn:
        made = keys.create(
            conn, BOX, account_id=ACCOUNT, user_name="ann", role=Role.ADMIN, expires_at=expires
        )
        assert made.id.startswith("ASIA")
        assert made.session_token
        dump = conn.execute("SELECT secret, session_token, k::text FROM access_key k").fetchone()
        assert dump is not None
        for stored in (dump[0], dump[1], dump[2].encode(), repr(made).encode()):
            assert made.secret.encode() not in stored
            assert made.session_token.encode() not in stored
        assert keys.find(conn, BOX, made.id) == made
        with pytest.raises(EncryptionFailed, match="not among"):
            keys.find(conn, SecretBox.open(Settings(secret_key=new_key())), made.id)


def test_a_secret_moved_to_another_key_does_not_open(database: Database) -> None:
    weak, strong = make(database, "eve", Role.VIEWER), make(database, "root", Role.ADMIN)
    with database.connection() as conn:
        conn.execute(
            "UPDATE access_key SET secret = (SELECT secret FROM access_key WHERE id = %s) WHERE id = %s",
            (weak.id, strong.id),
        )
        with pytest.raises(EncryptionFailed):
            keys.find(conn, BOX, strong.id)


def test_disabled_and_deleted_keys_are_not_found(database: Database) -> None:
    one, two = make(database), make(database, "bob")
    with database.connection() as conn:
        keys.disable(conn, one.id)
        keys.delete(conn, two.id)
        assert keys.find(conn, BOX, one.id) is keys.find(conn, BOX, two.id) is None
        assert [(k.id, k.active) for k in keys.list_keys(conn)] == [(one.id, False)]
        for change in (keys.disable, keys.delete):
            with pytest.raises(EntityNotFound, match=two.id):
                change(conn, two.id)


@pytest.mark.parametrize(
    ("account", "user"), [("12345", "ann"), ("123456789012", ""), ("123456789012", "a b")]
)
def test_odd_names_are_refused(database: Database, account: str, user: str) -> None:
    with database.connection() as conn, pytest.raises(InvalidInput, match="expected"):
        keys.create(conn, BOX, account_id=account, user_name=user, role=Role.VIEWER)


def test_the_ring_remembers_for_five_seconds(database: Database) -> None:
    clock = Time()
    ring = KeyRing(database, BOX, monotonic=clock)
    assert ring.find("AKIA" + "A" * 16) is None
    made = make(database)
    assert ring.find(made.id) == made
    with database.connection() as conn:
        keys.disable(conn, made.id)
    clock.seconds += 4.9
    assert ring.find(made.id) == made
    clock.seconds += 0.2
    assert ring.find(made.id) is None


def test_use_is_written_down_once_a_minute(database: Database) -> None:
    ring = KeyRing(database, BOX, monotonic=Time())
    made, now = make(database), utc_now().replace(microsecond=0)

    def last() -> object:
        with database.connection() as conn:
            return keys.list_keys(conn)[0].last_used_at

    assert last() is None
    for seconds, expected in ((0, now), (59, now), (60, now + timedelta(seconds=60))):
        ring.used(made, now + timedelta(seconds=seconds))
        assert last() == expected


def test_the_development_key_is_good_only_where_the_server_says_so(database: Database) -> None:
    known = development_key(ACCOUNT)
    assert KeyRing(database, BOX, monotonic=Time()).find(known.id) is None
    open_ring = KeyRing(database, BOX, monotonic=Time(), development=known)
    assert open_ring.find(known.id) is known
    open_ring.used(known, utc_now())


def test_the_table_takes_no_other_role(database: Database) -> None:
    made = make(database)
    with database.connection() as conn, pytest.raises(psycopg.errors.CheckViolation):
        conn.execute("UPDATE access_key SET role = 'root' WHERE id = %s", (made.id,))
