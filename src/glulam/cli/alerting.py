"""`glulam alerts`, carried out. Each returns its exit code."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import yaml

from glulam.access.secrets import SecretBox
from glulam.app import App
from glulam.cli.auditing import write_down
from glulam.cli.drawing import table
from glulam.cli.output import facts, print_json
from glulam.model.clock import new_batch_id
from glulam.model.errors import InvalidInput
from glulam.model.place import Place
from glulam.observe import alerts, alerts_file, definitions, secrets, trials
from glulam.observe.alerts import Alert, Delivery
from glulam.observe.events import database_time
from glulam.observe.reach import Reach
from glulam.settings import Settings

_SECRET_BYTES = 64 << 10


def list_alerts(
    settings: Settings, *, only_open: bool, rule: str | None, severity: str | None, limit: int, as_json: bool
) -> int:
    states = ("OPEN", "ACKNOWLEDGED") if only_open else ()
    with App(settings) as app, app.database.transaction() as conn:
        found = alerts.newest(conn, settings.place, states=states, rule=rule, severity=severity, limit=limit)
        told = alerts.deliveries(conn, [alert.id for alert in found])
    if as_json:
        print_json({"alerts": [_document(alert, told[alert.id]) for alert in found]})
        return 0
    if not found:
        print("no alerts")
        return 0
    rows = [(a.id, a.severity, a.state, a.created_at, a.events, a.title, _summary(told[a.id])) for a in found]
    table(("id", "severity", "state", "raised", "events", "title", "told"), rows, ("events",))
    return 0


def show(settings: Settings, alert_id: str, *, as_json: bool) -> int:
    with App(settings) as app, app.database.transaction() as conn:
        alert = alerts.get(conn, settings.place, alert_id)
        told = alerts.deliveries(conn, [alert_id])[alert_id]
    if as_json:
        print_json({"alert": _document(alert, told)})
        return 0
    facts([
        ("alert", alert.id), ("rule", alert.rule), ("severity", alert.severity), ("state", alert.state),
        ("raised", alert.created_at), ("events", alert.events), ("last event", alert.last_at),
        ("acknowledged", _by(alert.acknowledged_at, alert.acknowledged_by)),
        ("resolved", _by(alert.resolved_at, alert.resolved_by)), ("title", alert.title),
    ])  # fmt: skip
    print(f"\n{alert.message}\n")
    rows = [
        (d.channel, d.action, d.cause, d.state, d.ended_at or d.due_at, d.attempts, d.answer or "")
        for d in told
    ]
    if rows:
        table(("channel", "action", "cause", "state", "ended or due", "tries", "answer"), rows, ("tries",))
    else:
        print("it was told to nobody: its rule names no channels, and no channel takes its severity")
    return 0


def follow(settings: Settings, alert_id: str, *, resolve: bool, as_json: bool) -> int:
    """Acknowledge or resolve."""
    place, change = settings.place, alerts.resolve if resolve else alerts.acknowledge
    with App(settings) as app, app.database.transaction() as conn:
        changed = change(conn, place, alert_id, getpass.getuser(), database_time(conn), new_batch_id)
        _audit(conn, place, "ResolveAlert" if resolve else "AcknowledgeAlert", f"alert/{alert_id}")
        alert = alerts.get(conn, place, alert_id)
    if as_json:
        print_json({"alert": {"id": alert.id, "state": alert.state, "changed": changed}})
    else:
        print(f"{alert.id} {'is' if changed else 'was already'} {alert.state}")
    return 0


def definitions_of(settings: Settings, section: str, name: str | None, *, as_json: bool) -> int:
    """`rules` or `channels`."""
    place = settings.place
    with App(settings) as app, app.database.connection() as conn:
        listed, one = (
            (definitions.list_rules, definitions.get_rule) if section == "rules"
            else (definitions.list_channels, definitions.get_channel)
        )  # fmt: skip
        found = listed(conn, place) if name is None else {name: one(conn, place, name)}
    if as_json:
        print_json({section: found})
    elif name is not None:
        ordered = {name: _in_order(found[name])}
        print(yaml.safe_dump({section: ordered}, sort_keys=False, allow_unicode=True), end="")
    elif not found:
        print(f"no {section}; `glulam alerts apply FILE` makes some")
    elif section == "rules":
        rows = [(n, d["severity"], ", ".join(d.get("channels", ())) or "by severity", d.get("description", ""))
                for n, d in found.items()]  # fmt: skip
        table(("rule", "severity", "channels", "description"), rows)
    else:
        rows = [
            (n, d["type"], ", ".join(d.get("severities", ())), d.get("description", ""))
            for n, d in found.items()
        ]
        table(("channel", "type", "severities", "description"), rows)
    return 0


def _in_order(definition: dict[str, Any]) -> dict[str, Any]:
    """What it is and whom it concerns first; JSON in the database keeps no order."""
    known = (
        "type",
        "description",
        "event",
        "source",
        "where",
        "pattern",
        "severity",
        "channels",
        "title",
        "message",
    )
    return {
        key: definition[key]
        for key in [*(k for k in known if k in definition), *sorted(definition.keys() - set(known))]
    }


def apply(settings: Settings, file: Path, *, as_json: bool) -> int:
    wanted = alerts_file.load(file)
    with App(settings) as app, app.database.transaction() as conn:
        done = alerts_file.apply(conn, settings.place, wanted, SecretBox.open(settings))
        for one in done:
            if one.changed:
                _audit(
                    conn, settings.place, f"PutAlert{one.what.capitalize()}", f"alert-{one.what}/{one.name}"
                )
    if as_json:
        print_json({"applied": done})
    for one in () if as_json else done:
        print(f"{one.what} {one.name}: {'applied' if one.changed else 'as it was'}")
    return 0


def delete(settings: Settings, rules: Sequence[str], channels: Sequence[str], *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.transaction() as conn:
        for name in rules:
            definitions.delete_rule(conn, place, name)
            _audit(conn, place, "DeleteAlertRule", f"alert-rule/{name}")
        for name in channels:
            definitions.delete_channel(conn, place, name)
            _audit(conn, place, "DeleteAlertChannel", f"alert-channel/{name}")
    if as_json:
        print_json({"deleted": {"rules": rules, "channels": channels}})
    for what, names in () if as_json else (("rule", rules), ("channel", channels)):
        for name in names:
            print(f"{what} {name} is deleted")
    return 0


def secret(settings: Settings, name: str | None, *, forget: bool, as_json: bool) -> int:
    place = settings.place
    if name is None:
        with App(settings) as app, app.database.connection() as conn:
            names = definitions.list_secrets(conn, place)
        if as_json:
            print_json({"secrets": names})
        else:
            print("\n".join(names) or "no secrets")
        return 0
    secrets.check_name(name)
    value = "" if forget else _read_secret(name)
    with App(settings) as app, app.database.transaction() as conn:
        if forget:
            definitions.delete_secret(conn, place, name)
        else:
            definitions.put_secret(conn, place, name, value, SecretBox.open(settings))
        _audit(conn, place, "DeleteAlertSecret" if forget else "PutAlertSecret", f"alert-secret/{name}")
    state = "deleted" if forget else "kept"
    if as_json:
        print_json({"secret": {"name": name, "state": state}})
    else:
        print(f"secret {name} is {state}")
    return 0


def _read_secret(name: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{name}: ")
    value = sys.stdin.read(_SECRET_BYTES + 1)
    if len(value) > _SECRET_BYTES:
        raise InvalidInput(f"secret {name}: longer than {_SECRET_BYTES} characters")
    return value.rstrip("\r\n")


def probe(settings: Settings, name: str | None, *, as_json: bool) -> int:
    """Tell every channel, or one, a test; 1 when one did not take it."""
    place, box = settings.place, SecretBox.open(settings)
    with App(settings) as app:
        with app.database.connection() as conn:
            if name is not None:
                definitions.get_channel(conn, place, name)
            names = [name] if name is not None else list(definitions.list_channels(conn, place))
        found = [
            trials.tell_test(app.database, place, one, box, os.environ, Reach.of(settings)) for one in names
        ]
    if as_json:
        print_json({"channels": found})
    elif not found:
        print("no channels; `glulam alerts apply FILE` makes some")
    else:
        rows = [(one.channel, "delivered" if one.delivered else "failed", one.answer) for one in found]
        table(("channel", "result", "answer"), rows)
    return 0 if all(one.delivered for one in found) else 1


def _audit(conn: psycopg.Connection, place: Place, operation: str, resource: str) -> None:
    write_down(conn, operation, resource, place.account_id, place.region)


def _document(alert: Alert, told: Sequence[Delivery]) -> dict[str, Any]:
    return {**vars(alert), "deliveries": told}


def _summary(told: Sequence[Delivery]) -> str:
    """`team SENT, pager PENDING`: the last word on each channel."""
    last = {d.channel: d.state for d in told}
    return ", ".join(f"{channel} {state}" for channel, state in last.items()) or "nobody"


def _by(at: object, who: str | None) -> str | None:
    return None if at is None else f"{at} by {who}"
