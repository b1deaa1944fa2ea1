"""Channels, rules and secrets as the database keeps them. The caller's transaction holds what several calls change.

Documents are dicts exactly as in `glulam alerts apply`'s YAML. What is put is checked first; putting the same again changes
nothing and says so, which is what a plan wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from psycopg import sql

from glulam.model.errors import Conflict, EntityNotFound, InvalidInput
from glulam.model.place import Place
from glulam.observe import rules, secrets
from glulam.observe.channel_kinds import Channel, kind_of
from glulam.observe.rules import Rule, read_as
from glulam.observe.secrets import HIDDEN_KEYS, Box, Sealed
from glulam.store.documents import document

MOST_NAME = 255
_EMPTY = Sealed(document={}, secrets={})
_AT = "account_id = %(account)s AND region = %(region)s"
FIND_CHANNEL = f"SELECT document, sealed FROM alert_channel WHERE {_AT} AND name = %(name)s FOR UPDATE"  # noqa: S608
PUT_CHANNEL = """
INSERT INTO alert_channel AS c (account_id, region, name, document, sealed)
VALUES (%(account)s, %(region)s, %(name)s, %(document)s, %(sealed)s)
ON CONFLICT (account_id, region, name) DO UPDATE
SET document = excluded.document, sealed = excluded.sealed, updated_at = now()
"""
PUT_RULE = """
INSERT INTO alert_rule AS r (account_id, region, name, document)
VALUES (%(account)s, %(region)s, %(name)s, %(document)s)
ON CONFLICT (account_id, region, name) DO UPDATE SET document = excluded.document, updated_at = now()
WHERE r.document <> excluded.document
"""
PUT_SECRET = """
INSERT INTO alert_secret (account_id, region, name, sealed) VALUES (%(account)s, %(region)s, %(name)s, %(sealed)s)
ON CONFLICT (account_id, region, name) DO UPDATE SET sealed = excluded.sealed, updated_at = now()
"""
SECRETS = f"SELECT name, sealed FROM alert_secret WHERE {_AT} ORDER BY name"  # noqa: S608
CANCEL_CHANNEL = """
UPDATE alert_delivery d SET state = 'CANCELLED', ended_at = now(), answer = 'the channel was deleted'
FROM alert a WHERE a.id = d.alert_id AND a.account_id = %(account)s AND a.region = %(region)s AND d.channel = %(name)s
  AND d.state = 'PENDING'
"""


@dataclass(frozen=True, kw_only=True)
class OpenChannel:
    """A channel that is ready to be told something."""

    name: str
    channel: Channel
    hidden: list[str] = field(repr=False)
    """Texts that no message and no log may hold."""


def put_channel(
    conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any], box: Box
) -> bool:
    """Make or replace a channel; whether anything changed. Raises InvalidInput, EntityNotFound (a secret)."""
    _check_name("channel", name)
    _check_json("channel", name, given)
    _check_channel(name, given)
    named = {n for kind, n in secrets.references(given) if kind == "secret"}
    for missing in sorted(named - stored_secrets(conn, place).keys()):
        raise EntityNotFound(
            f"alert channel {name}: there is no secret {missing}; `glulam alerts secret {missing}` makes it"
        )
    row = conn.execute(FIND_CHANNEL, _at(place, name)).fetchone()
    before = _EMPTY if row is None else Sealed(document=row[0], secrets=row[1])
    context = _context(place, f"channel/{name}")
    try:
        fresh = secrets.seal(given, before, box, context)
    except InvalidInput as error:
        raise InvalidInput(f"alert channel {name}: {error}") from None
    if row is not None and secrets.unseal(before, box, context) == secrets.unseal(fresh, box, context):
        return False
    values = {"document": document(fresh.document), "sealed": document(fresh.secrets)}
    conn.execute(PUT_CHANNEL, {**_at(place, name), **values})
    return True


def put_rule(conn: psycopg.Connection, place: Place, name: str, given: Mapping[str, Any]) -> bool:
    """Make or replace a rule; whether anything changed. Raises InvalidInput, EntityNotFound (a channel)."""
    _check_name("rule", name)
    _check_json("rule", name, given)
    rule = rules.read(name, given)
    known = list_channels(conn, place)
    for missing in [channel for channel in rule.named_channels if channel not in known]:
        raise EntityNotFound(
            f"alert rule {name}: there is no channel {missing}; found {', '.join(known) or 'none'}"
        )
    return conn.execute(PUT_RULE, {**_at(place, name), "document": document(given)}).rowcount == 1


def put_secret(conn: psycopg.Connection, place: Place, name: str, value: str, box: Box) -> None:
    """Keep a value that channels refer to as ${secret:NAME}. Raises InvalidInput."""
    secrets.check_name(name)
    if not value or "\x00" in value:
        raise InvalidInput(f"secret {name}: found no value")
    sealed = box.encrypt(value.encode(), f"{_context(place, 'secret')}/{name}")
    conn.execute(PUT_SECRET, {**_at(place, name), "sealed": sealed})


def list_channels(conn: psycopg.Connection, place: Place) -> dict[str, dict[str, Any]]:
    """By name: as given, with secrets masked."""
    return _list(conn, "alert_channel", place)


def list_rules(conn: psycopg.Connection, place: Place) -> dict[str, dict[str, Any]]:
    """By name: as given."""
    return _list(conn, "alert_rule", place)


def list_secrets(conn: psycopg.Connection, place: Place) -> list[str]:
    """Their names."""
    return list(stored_secrets(conn, place))


def get_channel(conn: psycopg.Connection, place: Place, name: str) -> dict[str, Any]:
    """As given, with secrets masked. Raises EntityNotFound."""
    return _get(list_channels(conn, place), "channel", name)


def get_rule(conn: psycopg.Connection, place: Place, name: str) -> dict[str, Any]:
    """As given. Raises EntityNotFound."""
    return _get(list_rules(conn, place), "rule", name)


def delete_channel(conn: psycopg.Connection, place: Place, name: str) -> None:
    """Raises EntityNotFound, and Conflict while a rule names it. What it was still to be told is cancelled."""
    for rule, stored in list_rules(conn, place).items():
        if name in rules.read(rule, stored).named_channels:
            raise Conflict(f"alert channel {name}: rule {rule} sends to it; change or delete the rule first")
    _delete(conn, "alert_channel", "channel", place, name)
    conn.execute(CANCEL_CHANNEL, _at(place, name))


def delete_rule(conn: psycopg.Connection, place: Place, name: str) -> None:
    """Its alerts stay. Raises EntityNotFound."""
    _delete(conn, "alert_rule", "rule", place, name)


def delete_secret(conn: psycopg.Connection, place: Place, name: str) -> None:
    """Raises EntityNotFound, and Conflict while a channel refers to it."""
    for channel, stored in list_channels(conn, place).items():
        if ("secret", name) in secrets.references(stored):
            raise Conflict(
                f"secret {name}: channel {channel} refers to it; change or delete the channel first"
            )
    _delete(conn, "alert_secret", "secret", place, name)


def open_channel(
    conn: psycopg.Connection, place: Place, name: str, box: Box, env: Mapping[str, str]
) -> OpenChannel:
    """A channel with its secrets. Raises EntityNotFound, EncryptionFailed, InvalidInput (what a reference led to)."""
    found = conn.execute(FIND_CHANNEL.removesuffix(" FOR UPDATE"), _at(place, name)).fetchone()
    if found is None:
        raise EntityNotFound(f"there is no alert channel {name}")
    stored = Sealed(document=found[0], secrets=found[1])
    hidden: list[str] = []
    find = secrets.look_up(env, stored_secrets(conn, place), box, _context(place, "secret"))

    def noted(kind: str, reference: str) -> str:
        hidden.append(find(kind, reference))
        return hidden[-1]

    opened = secrets.resolve(secrets.unseal(stored, box, _context(place, f"channel/{name}")), noted)
    hidden += secrets.texts(opened)
    return OpenChannel(name=name, channel=_check_channel(name, opened), hidden=hidden)


def stored_secrets(conn: psycopg.Connection, place: Place) -> dict[str, bytes]:
    """Sealed, by name."""
    return {name: bytes(sealed) for name, sealed in conn.execute(SECRETS, _at(place)).fetchall()}


def loaded_rules(conn: psycopg.Connection, place: Place) -> dict[str, Rule | InvalidInput]:
    """By name; in the place of a rule that this version cannot read, what is wrong with it."""
    found: dict[str, Rule | InvalidInput] = {}
    for name, stored in list_rules(conn, place).items():
        try:
            found[name] = rules.read(name, stored)
        except InvalidInput as error:
            found[name] = error
    return found


def _check_channel(name: str, given: Mapping[str, Any]) -> Channel:
    what = f"alert channel {name}"
    return read_as(kind_of(what, given), what, given, HIDDEN_KEYS)


def _check_name(what: str, name: str) -> None:
    if not name or len(name) > MOST_NAME or not name.isprintable() or name != name.strip():
        raise InvalidInput(f"alert {what} {name!r}: expected a name of 1 to {MOST_NAME} printable characters")


def _check_json(what: str, name: str, given: Mapping[str, Any]) -> None:
    """YAML can say more than JSON holds: dates, infinities, characters that no text in the database may have."""
    try:
        kept = orjson.loads(orjson.dumps(given, option=orjson.OPT_PASSTHROUGH_DATETIME)) == given
    except (orjson.JSONEncodeError, TypeError):
        kept = False
    if not kept or any("\x00" in text for text in _texts(given)):
        raise InvalidInput(
            f"alert {what} {name}: expected texts, numbers, true, false, lists and mappings only"
        )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from (key, *_texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _list(conn: psycopg.Connection, table: str, place: Place) -> dict[str, dict[str, Any]]:
    query = sql.SQL("SELECT name, document FROM {} WHERE {} ORDER BY name").format(
        sql.Identifier(table), sql.SQL(_AT)
    )
    return dict(conn.execute(query, _at(place)).fetchall())


def _get(found: Mapping[str, dict[str, Any]], what: str, name: str) -> dict[str, Any]:
    if name not in found:
        raise EntityNotFound(f"there is no alert {what} {name}; found {', '.join(found) or 'none'}")
    return found[name]


def _delete(conn: psycopg.Connection, table: str, what: str, place: Place, name: str) -> None:
    query = sql.SQL("DELETE FROM {} WHERE {} AND name = %(name)s").format(sql.Identifier(table), sql.SQL(_AT))
    if conn.execute(query, _at(place, name)).rowcount != 1:
        raise EntityNotFound(f"there is no alert {what} {name}")


def _context(place: Place, what: str) -> str:
    return f"alert/{place.account_id}/{place.region}/{what}"


def _at(place: Place, name: str = "") -> dict[str, Any]:
    return {"account": place.account_id, "region": place.region, "name": name}
