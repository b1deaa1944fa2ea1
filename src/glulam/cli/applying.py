"""Carries a plan out: what it says, on the state that it was made for, or nothing.

    1. the server is as the plan saw it, files and secrets are there     else nothing is done
    2. upload files; record what will be the project's                   a conditional write: two cannot apply at once
    3. make and change, in the order of the kinds; then remove, the other way
    4. record what is

It may die anywhere: the next plan shows what is left. Nothing here decides; `project/decide.py` did."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from glulam.cli.alert_things import AlertThings
from glulam.cli.glue_things import GlueThings
from glulam.cli.remote import Remote
from glulam.model.errors import ConcurrentModification, GlulamError, InvalidInput, ServerRefused
from glulam.model.failpoints import failpoint
from glulam.model.uri import S3Uri
from glulam.project.alerts import secrets_named
from glulam.project.diff import Secret, laid, updated
from glulam.project.kinds import KINDS, AlertKind, Document, ModelKind
from glulam.project.plan import Action, Change, Plan, Seen
from glulam.project.record import Record, from_json, to_json
from glulam.project.texts import digest_of, each_text, reveal, secrets_of

RECORD = "record.json"


def read_record(remote: Remote, assets: S3Uri) -> tuple[Record, str | None]:
    """What a project recorded, and the ETag of that; nothing and None before it was ever applied."""
    uri = assets.join(RECORD)
    found = remote.read(uri)
    return (Record(entries={}), None) if found is None else (from_json(found[0], str(uri)), found[1])


def apply(plan: Plan, folder: Path, remote: Remote, secret: Secret, done: Callable[[Change], None]) -> None:
    """Raises ConcurrentModification, InvalidInput before anything is done; ServerRefused where the server did not do it.

    folder: of the files to upload; done: told after each change."""
    assets = S3Uri.parse(plan.assets)
    record, tag = read_record(remote, assets)
    seen = _check_server(plan, remote, record, tag)
    _check_secrets(plan, remote, secret)
    _upload(plan, folder, remote)
    final = _final(plan, record, secret)
    if not plan.changes and record == final:
        return
    claim = _claim(plan, record, final)
    tag = remote.replace(assets.join(RECORD), to_json(claim).encode(), tag)
    failpoint("project.after_claim")
    for number, change in enumerate(plan.changes):
        try:
            _carry_out(change, seen[number], plan.project, remote, secret)
        except GlulamError as error:
            raise ServerRefused(
                f"{change.action} {change.id} ({change.place}): {error}; {number} of {len(plan.changes)} changes are done, "
                "`glulam plan` shows the others"
            ) from error
        done(change)
        failpoint("project.after_change")
    failpoint("project.after_changes")
    remote.replace(assets.join(RECORD), to_json(final).encode(), tag)


def _check_server(plan: Plan, remote: Remote, record: Record, tag: str | None) -> list[Seen]:
    if tag != plan.record_tag:
        raise ConcurrentModification(
            f"project {plan.project} was applied since this plan was made; nothing was done, plan again"
        )
    seen = [remote.see(change.id) for change in plan.changes]
    changed = [
        str(c.id) for c, now in zip(plan.changes, seen, strict=True) if now.fingerprint != c.seen
    ]  # fmt: skip
    if changed:
        raise ConcurrentModification(
            f"the server has changed since this plan was made: {', '.join(changed)}; nothing was done, plan again"
        )
    return seen


def _check_secrets(plan: Plan, remote: Remote, secret: Secret) -> None:
    of_alerts = [c for c in plan.changes if isinstance(KINDS[c.id.section], AlertKind)]
    wanted = set[str]().union(*(secrets_of(c.document) for c in plan.changes if c not in of_alerts))
    missing = {name for name in wanted if secret(name) is None}
    if missing:
        raise InvalidInput(
            f"secret {', '.join(sorted(missing))}: not set; expected an environment variable of that name (nothing was done)"
        )
    named = set[str]().union(*(secrets_named(c.document) for c in of_alerts))
    unset = {name for name in named if not secret(name)}
    if unset and (unkept := unset - remote.alerts.secrets()):
        raise InvalidInput(
            f"secret {', '.join(sorted(unkept))}: neither set nor kept by the server; expected an environment variable of that "
            "name, or what `glulam alerts secret` keeps (nothing was done)"
        )


def _upload(plan: Plan, folder: Path, remote: Remote) -> None:
    read = list(_files(plan, folder))
    for uri, content in read:
        if remote.read(uri) is None:
            remote.put(uri, content)


def _files(plan: Plan, folder: Path) -> Iterator[tuple[S3Uri, bytes]]:
    for upload in plan.uploads:
        try:
            content = (folder / upload.path).read_bytes()
        except OSError as error:
            raise InvalidInput(
                f"{upload.path}: cannot be read: {error.strerror}; nothing was done"
            ) from error
        if hashlib.sha256(content).hexdigest() != upload.digest:
            raise ConcurrentModification(
                f"{upload.path}: it has changed since this plan was made; nothing was done, plan again"
            )
        yield S3Uri.parse(upload.uri), content


def _claim(plan: Plan, record: Record, wanted: Record) -> Record:
    """What may be the project's after any part of the plan: the names before and after, with the members of both. With
    which value of a secret a thing is there, if it was there before, is not known until the end."""
    changing = {change.id for change in plan.changes if change.action is not Action.ADD}
    return Record(entries={
        **record.entries,
        **{
            id: replace(
                entry, made=entry.made or record.made(id), document=laid(entry.document, record.document(id)),
                secrets=dict.fromkeys(entry.secrets, "") if id in changing else entry.secrets,
            )
            for id, entry in wanted.entries.items()
        },
    })  # fmt: skip


def _final(plan: Plan, record: Record, secret: Secret) -> Record:
    """The record after the plan, with digests of the secrets that were sent, now or before."""
    digests = {id: entry.secrets for id, entry in record.entries.items()} | {
        c.id: {name: digest_of(value) for name in sorted(secrets_of(c.document)) if (value := secret(name)) is not None}
        for c in plan.changes
    }  # fmt: skip
    return Record(entries={
        id: replace(entry, secrets=digests.get(id, {})) for id, entry in plan.record.entries.items()
    })  # fmt: skip


def _carry_out(change: Change, seen: Seen, project: str, remote: Remote, secret: Secret) -> None:
    kind = KINDS[change.id.section]
    if isinstance(kind, ModelKind):
        _carry_out_thing(kind, change, seen, project, remote.glue, secret)
    else:
        _carry_out_alert(change, remote.alerts, secret)


def _carry_out_alert(change: Change, things: AlertThings, secret: Secret) -> None:
    if change.action is Action.REMOVE:
        things.delete(change.id)
        return
    for name in sorted(secrets_named(change.document)):
        if value := secret(name):
            things.keep_secret(name, value)
    things.put(change.id, change.document)


def _carry_out_thing(
    kind: ModelKind, change: Change, seen: Seen, project: str, things: GlueThings, secret: Secret
) -> None:
    if change.action in (Action.REMOVE, Action.REPLACE):
        things.delete(change.id)
    if change.action in (Action.ADD, Action.REPLACE):
        things.create(change.id, revealed(change.document, secret), project)
    if change.action is Action.CHANGE:
        _change(kind, change, seen, things, secret)


def _change(kind: ModelKind, change: Change, seen: Seen, things: GlueThings, secret: Secret) -> None:
    before = seen.document or {}
    after = updated(kind, change.document, before, change.gone)
    apart = {"Tags", *((kind.switch[0],) if kind.switch else ())}
    changed = {field.path[0] for field in change.fields}
    if changed - apart:
        definition = {member: value for member, value in after.items() if member not in apart}
        things.update(change.id, revealed(definition, secret))
    if "Tags" in changed:
        things.retag(
            change.id, revealed(before.get("Tags", {}), secret), revealed(after.get("Tags", {}), secret)
        )
    if kind.switch and kind.switch[0] in changed:
        things.switch(change.id, on=bool(after.get(kind.switch[0])))


def revealed(document: Any, secret: Secret) -> Document:
    """The document as it is sent."""
    found: Document = each_text(document, lambda text: reveal(text, lambda name: secret(name) or ""))
    return found
