"""From a project and what a server has to a plan. Pure: the same in, the same out.

not there                    add
there, differs               change; replace when what differs cannot be changed
there, made by the project,
  no longer declared         remove; nothing that it did not make is ever removed
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from glulam.project.diff import Difference, Secret, difference, leaves
from glulam.project.folder import Project
from glulam.project.kinds import KINDS, ORDER, AlertKind, Kind, ResourceId, references
from glulam.project.nodes import Problems, did_you_mean
from glulam.project.plan import Action, Change, Plan, Seen
from glulam.project.record import Entry, Record
from glulam.project.resources import Resource
from glulam.project.texts import is_digest_of, secrets_of


def to_look_at(project: Project, record: Record) -> list[ResourceId]:
    """All things whose state on the server a decision needs."""
    named = (target for r in project.resources.values() for _, target in _references(r))
    return sorted({*project.resources, *record.entries, *named})


def decide(
    project: Project, seen: Mapping[ResourceId, Seen], record: Record, record_tag: str | None, secret: Secret
) -> Plan:
    """Raises InvalidConfig, with a line for each, for names of things that are nowhere and for what may not be done."""
    problems = Problems()
    _check_references(project, seen, record, problems)
    changes = [
        c
        for r in project.resources.values()
        for c in _declared(project, r, seen[r.id], record, secret, problems)
    ]
    removals = list(_removals(project, seen, record, problems))
    problems.refuse()
    changes.sort(key=lambda c: (ORDER[c.id.section], c.id))
    removals.sort(key=lambda c: (-ORDER[c.id.section], c.id))
    added = {c.id for c in changes if c.action in (Action.ADD, Action.REPLACE)}
    entries = {
        r.id: Entry(
            made=r.id in added or _ours(project, r.id, seen[r.id], record), document=r.document,
        )
        for r in project.resources.values()
    }  # fmt: skip
    used = {u for c in changes for u in project.resources[c.id].uploads}
    return Plan(
        project=project.name, environment=project.environment, endpoint=project.endpoint,
        assets=str(project.assets.join(project.name)),
        changes=(*changes, *removals), uploads=tuple(sorted(used, key=lambda u: u.uri)), record_tag=record_tag,
        record=Record(entries=entries),
    )  # fmt: skip


def _references(resource: Resource) -> Iterator[tuple[tuple[str, ...], ResourceId]]:
    yield from references(KINDS[resource.id.section], resource.id.names, resource.document)


def _check_references(
    project: Project, seen: Mapping[ResourceId, Seen], record: Record, problems: Problems
) -> None:
    for resource in project.resources.values():
        for path, target in _references(resource):
            if target in project.resources:
                continue
            found = seen[target]
            where = ".".join((resource.id.section, resource.id.name, *path))
            known = [id.name for id in project.resources if id.section == target.section]
            if found.document is None:
                hint = did_you_mean(target.name, known)
                text = f"no {target} in this project or on the server{hint}"
            elif _ours(project, target, found, record):
                text = f"{target} is no longer in this project and would be removed"
            else:
                continue
            problems.add(resource.place(path), f"{where}: {text}")


def _declared(
    project: Project, resource: Resource, seen: Seen, record: Record, secret: Secret, problems: Problems
) -> Iterator[Change]:
    """What is to be done for one thing that the project declares; nothing when the server has it so."""
    kind = KINDS[resource.id.section]
    place = resource.place()
    if seen.document is None:
        fields = tuple(leaves(resource.document))
        yield _change(resource, Action.ADD, seen, Difference(fields=fields, gone=()))
        return
    last, rotated = record.document(resource.id), _rotated(kind, resource, record, secret)
    found = difference(kind, resource.document, seen.document, last, secret, rotated)
    if not found.fields:
        return
    if seen.owner not in (None, project.name):
        problems.add(
            place, f"{resource.id}: project {seen.owner!r} made it; it is for that project to change"
        )
        return
    fixed = _fixed(kind, found)
    if not fixed:
        yield _change(resource, Action.CHANGE, seen, found)
    elif _ours(project, resource.id, seen, record):
        yield _change(resource, Action.REPLACE, seen, found)
    else:
        problems.add(
            resource.place((fixed,)), f"{resource.id}: its {fixed} cannot be changed, only the whole made again, and this "
            "project did not make it; remove it first, or take another name"
        )  # fmt: skip


def _rotated(kind: Kind, resource: Resource, record: Record, secret: Secret) -> set[str]:
    """The secrets that were sent with another value than they have now. Those of alerts have a place of their own on the
    server: there, one that was never sent is one of them."""
    sent = record.entries[resource.id].secrets if resource.id in record.entries else {}
    names = secrets_of(resource.document) if isinstance(kind, AlertKind) else set(sent)
    now = {name: secret(name) for name in names}
    return {
        name
        for name, value in now.items()
        if value is not None and not (name in sent and is_digest_of(sent[name], value))
    }


def _fixed(kind: Kind, found: Difference) -> str | None:
    """The member that makes a change impossible."""
    return next((d.path[0] for d in found.fields if len(d.path) == 1 and d.path[0] in kind.fixed), None)


def _change(resource: Resource, action: Action, seen: Seen, found: Difference) -> Change:
    return Change(
        id=resource.id, action=action, fields=found.fields, document=resource.document, gone=found.gone,
        seen=seen.fingerprint, place=str(resource.place()),
    )  # fmt: skip


def _removals(
    project: Project, seen: Mapping[ResourceId, Seen], record: Record, problems: Problems
) -> Iterator[Change]:
    old = [id for id in record.entries if id not in project.resources]
    going = {id for id in old if _ours(project, id, seen[id], record)}
    for id in going:
        kept = sorted(str(inner) for inner in seen[id].holds if inner not in going)
        if kept:
            few = ", ".join(kept[:5]) + (", ..." if len(kept) > 5 else "")
            problems.add(
                project.header, f"{id} is no longer in this project, but what would go with it ({few}) is not the "
                "project's to remove; remove that first, or declare it again"
            )  # fmt: skip
        yield Change(
            id=id, action=Action.REMOVE, fields=(), document={}, gone=(), seen=seen[id].fingerprint, place="recorded"
        )  # fmt: skip


def _ours(project: Project, id: ResourceId, seen: Seen, record: Record) -> bool:
    """Whether the thing that is there was made by the project."""
    if seen.document is None:
        return False
    return seen.owner == project.name if KINDS[id.section].tagged else record.made(id)
