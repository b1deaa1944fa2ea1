"""`glulam plan`, `glulam apply`, `glulam export`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from glulam.cli.applying import apply as carry_out
from glulam.cli.applying import read_record
from glulam.cli.output import print_json
from glulam.cli.planshown import line, show_plan
from glulam.cli.remote import Remote, remote
from glulam.model.errors import AlreadyExists, EntityNotFound, InvalidInput, ServerRefused
from glulam.project import export as exporting
from glulam.project.decide import decide, to_look_at
from glulam.project.folder import FILE, Project, load, parse_variables
from glulam.project.kinds import KINDS, AlertKind, ModelKind, ResourceId
from glulam.project.plan import Change, Plan, Seen, as_document, from_document
from glulam.settings import Settings

_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to plan: which folder, and how its variables stand."""

    folder: Path
    environment: str | None
    variables: Sequence[str]
    endpoint: str | None


def plan(settings: Settings, asked: Asked, *, out: Path | None, as_json: bool) -> int:
    project = _load(asked)
    with remote(settings, project.endpoint) as server:
        made = _decide(project, server)
    if out is not None:
        out.write_text(json.dumps(as_document(made), ensure_ascii=False, indent=1), "utf-8")
    if as_json:
        print_json({"plan": as_document(made)})
        return 0
    show_plan(made)
    if out is not None:
        print(f"`glulam apply --plan {out}` does exactly this")
    return 0


def apply(settings: Settings, asked: Asked, *, file: Path | None, yes: bool, as_json: bool) -> int:
    found = _load(asked) if file is None else _read_plan(file)
    with remote(settings, asked.endpoint or found.endpoint) as server:
        made = found if isinstance(found, Plan) else _decide(found, server)
        if not as_json:
            show_plan(made)
        if made.destructive and not yes and file is None:
            _confirm(as_json)

        def done(change: Change) -> None:
            if not as_json:
                print(f"done: {line(change)}", flush=True)

        carry_out(made, asked.folder, server, os.environ.get, done)
    if as_json:
        print_json({"applied": as_document(made)})
        return 0
    if made.changes:
        print(f"applied {len(made.changes)} change{'' if len(made.changes) == 1 else 's'}")
    return 0


def _load(asked: Asked) -> Project:
    found = load(asked.folder, asked.environment, parse_variables(asked.variables))
    return replace(found, endpoint=asked.endpoint or found.endpoint)


def _decide(project: Project, server: Remote) -> Plan:
    record, tag = read_record(server, project.assets.join(project.name))
    seen = _see(server, to_look_at(project, record))
    return decide(project, seen, record, tag, os.environ.get)


def _see(server: Remote, ids: Sequence[ResourceId]) -> dict[ResourceId, Seen]:
    """Several at a time: a server may be far away."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(ids, pool.map(server.see, ids), strict=True))


def _read_plan(file: Path) -> Plan:
    try:
        return from_document(json.loads(file.read_text("utf-8")), str(file))
    except OSError as error:
        raise EntityNotFound(f"--plan {file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"--plan {file}: not JSON: {error}") from error


def _confirm(as_json: bool) -> None:
    """Raises InvalidInput unless somebody says yes."""
    if as_json or not sys.stdin.isatty():
        raise InvalidInput(
            "this plan removes or replaces something; say --yes, or apply a plan file that somebody read (--plan FILE)"
        )
    if input("This plan removes or replaces something. Go on? [y/N] ").strip().lower() not in ("y", "yes"):
        raise InvalidInput("not confirmed; nothing was done")


def export(
    settings: Settings,
    folder: Path,
    *,
    name: str | None,
    endpoint: str | None,
    sections: Sequence[str],
    as_json: bool,
) -> int:
    """Raises AlreadyExists when there is a project in the folder."""
    if (folder / FILE).exists():
        raise AlreadyExists(f"{folder / FILE} is there already; expected a folder without one")
    if unknown := [s for s in sections if s not in KINDS]:
        raise InvalidInput(f"--only {unknown[0]!r}: expected any of {', '.join(KINDS)}")
    with remote(settings, endpoint) as server:
        found = _see(server, _everything(server, sections))
    documents = {id: seen.document for id, seen in found.items() if seen.document is not None}
    files = exporting.files(name or folder.absolute().name, documents)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    if as_json:
        print_json({"project": folder, "files": sorted(files)})
    else:
        print(f"wrote {len(documents)} definitions into {folder}")
    return 0


def _everything(server: Remote, sections: Sequence[str]) -> list[ResourceId]:
    """All things of these sections; without any, of all that the server knows of."""
    found: list[ResourceId] = []
    for section in sections or KINDS:
        try:
            found += _all_of(server, KINDS[section])
        except ServerRefused as error:
            if sections or error.answered != "UnknownOperationException":
                raise
    return found


def _all_of(server: Remote, kind: ModelKind | AlertKind) -> Iterator[ResourceId]:
    if kind.parent is None:
        yield from server.all(kind)
    else:
        for database in server.all(KINDS["databases"]):
            yield from server.all(kind, database.name)
