"""`glulam workflow ...` and `glulam triggers`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.live import Live
from rich.text import Text

from glulam import scheduling
from glulam.app import App
from glulam.cli.drawing import table
from glulam.cli.output import facts, print_json
from glulam.model.clock import utc_now
from glulam.model.errors import EntityNotFound, InvalidInput
from glulam.model.place import Place
from glulam.orchestrate import graph, runs, triggers, workflows
from glulam.orchestrate.decide import Node
from glulam.orchestrate.definition import Condition, Kind, Trigger, TriggerType
from glulam.orchestrate.runs import WorkflowRun
from glulam.settings import Settings

_POLL_S = 0.3
_MOST = 10_000
_STYLES = {"SUCCEEDED": "green", "COMPLETED": "green", "RUNNING": "cyan", "waits": "dim", "FAILED": "red", "ERROR": "red",
           "TIMEOUT": "red"}  # fmt: skip


def show(settings: Settings, name: str, run_id: str | None, *, follow: bool, as_json: bool) -> int:
    with App(settings) as app:
        place = settings.place
        if as_json:
            with app.database.connection() as conn:
                print_json(_document(conn, place, name, run_id))
            return 0
        if follow and sys.stdout.isatty():
            with Live(refresh_per_second=8) as live:
                while not _draw_once(app, place, name, run_id, live):
                    time.sleep(_POLL_S)
            return 0
        while True:
            with app.database.connection() as conn:
                text, over = _drawn(conn, place, name, run_id)
            if over or not follow:
                Console(highlight=False, soft_wrap=True).print(text, end="")
                return 0
            time.sleep(_POLL_S)


def _draw_once(app: App, place: Place, name: str, run_id: str | None, live: Live) -> bool:
    with app.database.connection() as conn:
        text, over = _drawn(conn, place, name, run_id)
    live.update(text)
    return over


def _document(conn: psycopg.Connection, place: Place, name: str, run_id: str | None) -> dict[str, Any]:
    workflow = workflows.get(conn, place, name)
    run = _run(conn, place, name, run_id)
    found = run.triggers if run else tuple(triggers.of_workflow(conn, place, name))
    made = graph.graph_of(found)
    return {
        "workflow": workflow, "triggers": found, "edges": [[a[1], b[1]] for a, b in made.edges],
        "run": run and {"id": run.id, "status": run.status, "started_at": run.started_at, "completed_at": run.completed_at,
                        "properties": run.properties, "error": run.error, "fired": runs.fired(conn, run.id),
                        "nodes": runs.nodes(conn, run.id)},
    }  # fmt: skip


def _drawn(conn: psycopg.Connection, place: Place, name: str, run_id: str | None) -> tuple[Text, bool]:
    """The graph with the run in it, and whether the run is over."""
    workflows.get(conn, place, name)
    run = _run(conn, place, name, run_id)
    found = run.triggers if run else tuple(triggers.of_workflow(conn, place, name))
    fired = runs.fired(conn, run.id) if run else {}
    nodes = {(n.trigger, n.action): n for n in runs.nodes(conn, run.id)} if run else {}
    text = Text(f"workflow {name}", style="bold")
    if run is None:
        text.append("  has not run yet\n", style="not bold")
    else:
        text.append(f"  run {run.id[:11]}  ", style="not bold")
        text.append(run.status, style=_STYLES.get(run.status, ""))
        text.append(
            f"  started {_clock(run.started_at)}{_took(run.started_at, run.completed_at)}\n", style="not bold"
        )
        if run.error:
            text.append(f"  {run.error}\n", style="red")
    for trigger in _in_order(found):
        text.append(f"* {trigger.name}  ", style="bold")
        text.append(_why(trigger), style="not bold")
        at = fired.get(trigger.name)
        text.append(f"  fired {_clock(at)}\n" if at else "\n", style="not bold")
        for number, action in enumerate(trigger.actions):
            _append_node(text, f"{_word(action.kind)} {action.name}", nodes.get((trigger.name, number)), run)
    return text, run is None or run.status.ended


def _append_node(text: Text, what: str, node: Node | None, run: WorkflowRun | None) -> None:
    text.append(f"    {what:<28}", style="not bold")
    if node is None:
        state = "" if run is None else ("not reached" if run.status.ended else "waits")
        text.append(f"{state}\n", style=_STYLES["waits"])
        return
    state = node.state or "RUNNING"
    text.append(state, style=_STYLES.get(state, ""))
    if node.started_at is not None:
        text.append(_took(node.started_at, node.ended_at), style="not bold")
    text.append(f"  {node.error}\n" if node.error else "\n", style="not bold")


def _in_order(found: tuple[Trigger, ...]) -> Iterator[Trigger]:
    """What starts comes first, then what waits for it; a loop's members come last, by name."""
    rest = sorted(found, key=lambda t: (t.type is TriggerType.CONDITIONAL, t.name))
    reached: set[tuple[Kind, str]] = set()
    while rest:
        here = next((t for t in rest if all((c.kind, c.name) in reached for c in t.conditions)), None)
        here = here or next(
            (t for t in rest if any((c.kind, c.name) in reached for c in t.conditions)), rest[0]
        )
        reached |= {(a.kind, a.name) for a in here.actions}
        rest.remove(here)
        yield here


def _why(trigger: Trigger) -> str:
    """What a trigger waits for."""
    if trigger.type is TriggerType.CONDITIONAL:
        return "when " + (" or " if trigger.any_of_them else " and ").join(
            _said(c) for c in trigger.conditions
        )
    if trigger.type is TriggerType.SCHEDULED:
        return str(trigger.document["Schedule"])
    if trigger.type is TriggerType.EVENT:
        return f"on {trigger.batch_size} events, or after {trigger.batch_window_s} s"
    return "on demand"


def _said(condition: Condition) -> str:
    return f"{_word(condition.kind)} {condition.name} {condition.state}"


def _word(kind: Kind) -> str:
    return "job" if kind is Kind.JOB else "crawler"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _took(begin: datetime, end: datetime | None) -> str:
    took: timedelta = (end or utc_now()) - begin
    return f"  {max(0.0, took.total_seconds()):.1f} s"


def _run(conn: psycopg.Connection, place: Place, name: str, text: str | None) -> WorkflowRun | None:
    """The run whose id begins so, or the last one. Raises EntityNotFound, InvalidInput when several begin so."""
    found = runs.page(conn, place, name, limit=1 if text is None else _MOST)
    if text is None:
        return found[0] if found else None
    matching = [run for run in found if run.id.startswith(text)]
    if not matching:
        raise EntityNotFound(
            f"run {text!r} of workflow {name!r} not found; `glulam workflow runs {name}` lists them"
        )
    if len(matching) > 1:
        raise InvalidInput(f"run {text!r}: several runs begin so; give more of the id")
    return matching[0]


def list_all(settings: Settings, *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.connection() as conn:
        found = workflows.page(conn, place, limit=_MOST)
        last = runs.last(conn, place, [workflow.name for workflow in found])
    if as_json:
        print_json(
            {
                "workflows": [
                    {"name": w.name, **w.document, "last_run": _brief(last.get(w.name))} for w in found
                ]
            }
        )
        return 0
    if not found:
        print("no workflows yet; `glulam apply` makes those of a project")
        return 0
    rows = [(w.name, *_cells(last.get(w.name)), w.document.get("Description") or "") for w in found]
    table(("workflow", "last run", "status", "started", "description"), rows)
    return 0


def _cells(run: WorkflowRun | None) -> tuple[object, ...]:
    return (
        ("", "", "")
        if run is None
        else (run.id[:11], run.status.value, run.started_at.replace(microsecond=0))
    )


def _brief(run: WorkflowRun | None) -> dict[str, Any] | None:
    if run is None:
        return None
    return {"id": run.id, "status": run.status, "started_at": run.started_at, "completed_at": run.completed_at,
            "error": run.error}  # fmt: skip


def list_runs(settings: Settings, name: str, limit: int, *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.connection() as conn:
        workflows.get(conn, place, name)
        found = runs.page(conn, place, name, limit=limit)
    if as_json:
        print_json({"runs": [_brief(run) for run in found]})
    elif not found:
        print(f"workflow {name} has not run yet; `glulam workflow start {name}` starts a run")
    else:
        rows = [
            (*_cells(run), run.completed_at and run.completed_at.replace(microsecond=0), run.error or "")
            for run in found
        ]
        table(("run", "status", "started", "ended", "why"), rows)
    return 0


def start(settings: Settings, name: str, given: list[str], *, as_json: bool) -> int:
    properties = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput(f"--property {text!r}: expected NAME=VALUE")
        properties[key] = value
    with App(settings) as app, app.database.transaction() as conn:
        run = scheduling.firing().start_workflow(conn, settings.place, name, properties)
    return _answer(run.id, as_json)


def stop(settings: Settings, name: str, run_id: str, *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.transaction() as conn:
        found = _run(conn, place, name, run_id)
        assert found is not None  # or it was not found
        scheduling.firing().stop_workflow(conn, place, name, found.id)
    return _answer(found.id, as_json)


def resume(settings: Settings, name: str, run_id: str, names: list[str], *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.transaction() as conn:
        found = _run(conn, place, name, run_id)
        assert found is not None  # or it was not found
        known = {
            node.name: graph.node_id(name, (node.kind, node.name)) for node in runs.nodes(conn, found.id)
        }
        for one in names:
            if one not in known:
                raise InvalidInput(
                    f"--node {one!r} did not run in {found.id[:11]}; found {', '.join(sorted(known))}"
                )
        run = scheduling.firing().resume_workflow(conn, place, name, found.id, [known[one] for one in names])
    return _answer(run.id, as_json)


def _answer(run_id: str, as_json: bool) -> int:
    if as_json:
        print_json({"run": run_id})
    else:
        facts([("run", run_id)])
    return 0


def list_triggers(settings: Settings, *, as_json: bool) -> int:
    place = settings.place
    with App(settings) as app, app.database.connection() as conn:
        found = triggers.page(conn, place, limit=_MOST)
        due = triggers.next_ticks(conn, place)
    if as_json:
        print_json({"triggers": [{
            "name": t.name, "type": t.type, "state": t.state, "workflow": t.workflow or None, "due": due.get(t.name),
            **t.document,
        } for t in found]})  # fmt: skip
        return 0
    if not found:
        print("no triggers yet; `glulam apply` makes those of a project")
        return 0
    rows = [
        (t.name, t.workflow, t.state.value, _why(t), ", ".join(a.name for a in t.actions), due.get(t.name) or "") for t in found
    ]  # fmt: skip
    table(("trigger", "workflow", "state", "fires", "starts", "due"), rows)
    return 0
