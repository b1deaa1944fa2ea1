"""What `glulam crawl`, `crawls` and `partitions repair` do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glulam.app import App
from glulam.catalog import resources
from glulam.catalog.tables import get_table
from glulam.cli.drawing import table
from glulam.cli.output import facts, print_json
from glulam.cli.planned import show_plan
from glulam.cli.profiling import after_crawl
from glulam.crawl import crawlers, plan_json, runs
from glulam.crawl.partition_repair import differences
from glulam.crawl.partition_repair import repair as repair_partitions
from glulam.crawl.plan import Plan
from glulam.model.clock import new_batch_id
from glulam.model.errors import InvalidInput
from glulam.settings import Settings


def options(
    path: str,
    database: str,
    exclude: Sequence[str],
    prefix: str,
    combine: bool,
    level: int | None,
    sample: int | None,
) -> dict[str, Any]:
    """A crawler's members for a crawl that has no crawler."""
    grouping: dict[str, Any] = {"TableGroupingPolicy": "CombineCompatibleSchemas"} if combine else {}
    if level is not None:
        grouping["TableLevelConfiguration"] = level
    target: dict[str, Any] = {"Path": path, "Exclusions": list(exclude)}
    if sample is not None:
        target["SampleSize"] = sample
    configuration = json.dumps({"Version": 1.0, "Grouping": grouping})
    return {
        "DatabaseName": database,
        "TablePrefix": prefix,
        "Targets": {"S3Targets": [target]},
        "Configuration": configuration,
    }


def path(
    settings: Settings, spec: Mapping[str, Any], *, apply: bool, profile: bool, full: bool, as_json: bool
) -> int:
    with App(settings) as app:
        with app.database.transaction() as conn:
            crawl = runs.start(conn, app.scope, new_batch_id(), "", spec, _worker())
        plan = app.crawls.run(crawl, dry_run=not apply)
        profiles = after_crawl(app, plan) if profile else None
    _show(crawl.id, plan, applied=apply, full=full, as_json=as_json, profiles=profiles)
    return 0


def crawler(
    settings: Settings,
    name: str,
    *,
    dry_run: bool,
    keys: Path | None,
    profile: bool,
    full: bool,
    as_json: bool,
) -> int:
    """Run a crawler in this process."""
    changed = (
        None
        if keys is None
        else [line.strip() for line in keys.read_text("utf-8").splitlines() if line.strip()]
    )
    with App(settings) as app:
        with app.database.transaction() as conn:
            found = resources.get(conn, crawlers.shelf(app.scope), name)
            crawl = runs.start(conn, app.scope, new_batch_id(), name, found.document, _worker())
        plan = app.crawls.run(crawl, dry_run=dry_run, keys=changed)
        profiles = after_crawl(app, plan) if profile else None
    _show(crawl.id, plan, applied=not dry_run, full=full, as_json=as_json, profiles=profiles)
    return 0


def apply_planned(settings: Settings, crawl_id: str, *, full: bool, as_json: bool) -> int:
    with App(settings) as app:
        with app.database.connection() as conn:
            crawl = runs.get(conn, app.scope, crawl_id)
        plan = app.crawls.apply_plan(crawl, _worker())
    _show(crawl_id, plan, applied=True, full=full, as_json=as_json)
    return 0


def history(settings: Settings, name: str | None, limit: int, *, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        found = runs.page(conn, app.scope, name, [], None, limit)
    if as_json:
        print_json({"crawls": found})
        return 0
    rows = [
        (c.id, c.crawler or "(command line)", c.state, c.started_at or c.created_at,
         "" if c.ended_at is None else f"{(c.ended_at - (c.started_at or c.created_at)).total_seconds():.1f}",
         c.error or _counts(c.summary))
        for c in found
    ]  # fmt: skip
    if rows:
        table(("id", "crawler", "state", "started", "seconds", ""), rows, ("seconds",))
    else:
        print("no crawls yet")
    return 0


def show(settings: Settings, crawl_id: str, *, full: bool, as_json: bool) -> int:
    with App(settings) as app, app.database.connection() as conn:
        crawl = runs.get(conn, app.scope, crawl_id)
        plan, log = runs.content(conn, crawl_id)
    if as_json:
        print_json({"crawl": crawl, "plan": plan, "log": log.splitlines()})
        return 0
    facts([("id", crawl.id), ("crawler", crawl.crawler or None), ("state", crawl.state), ("started", crawl.started_at),
           ("ended", crawl.ended_at), ("error", crawl.error)])  # fmt: skip
    if plan is not None:
        print()
        show_plan(plan_json.from_json(plan), full=full)
    print(f"\n{log}", end="")
    return 0


def repair(settings: Settings, name: str, *, apply: bool, as_json: bool) -> int:
    database, dot, short = name.partition(".")
    if not dot:
        raise InvalidInput(f"table {name!r}: expected database.table")
    with App(settings) as app, app.database.transaction() as conn:
        found = get_table(conn, database, short, scope=app.scope, for_update=apply)
        different = differences(conn, found)
        if apply:
            repair_partitions(conn, found, [values for values, _ in different])
    if as_json:
        said = [{"values": values, "differences": why} for values, why in different]
        print_json({"table": name, "partitions": said, "repaired": apply})
        return 0
    for values, why in different:
        print(f"{'/'.join(values)}: {'; '.join(why)}")
    done = "repaired" if apply else "differ from their table (--apply repairs them)"
    print(f"{len(different):,} partitions {done}")
    return 0


def _show(
    crawl_id: str,
    plan: Plan,
    *,
    applied: bool,
    full: bool,
    as_json: bool,
    profiles: Mapping[str, Any] | None = None,
) -> None:
    if as_json:
        more = {} if profiles is None else {"profiles": profiles}
        print_json({"crawl": crawl_id, "applied": applied, "plan": plan_json.to_json(plan), **more})
        return
    show_plan(plan, full=full)
    if applied:
        print(f"\napplied by crawl {crawl_id}")
        for name, found in (profiles or {}).items():
            tagged = [c for c, seen in found.get("columns", {}).items() if seen["personal"]]
            print(
                f"{name}: {found.get('error') or 'profiled'}{'; looks personal: ' if tagged else ''}{', '.join(tagged)}"
            )
    else:
        print(f"\nnothing was changed; to apply this plan: glulam crawls {crawl_id} --apply")


def _counts(summary: Mapping[str, Any]) -> str:
    said = [f"tables {word}: {n:,}" for word, key in (("made", "CREATE"), ("changed", "UPDATE"), ("deprecated", "DEPRECATE"),
            ("deleted", "DELETE")) if (n := summary.get("counts", {}).get(key))]  # fmt: skip
    said += [f"partitions {word}: {n:,}" for word, key in (("added", "ADD"), ("recounted", "RECOUNT"), ("deleted", "DELETE"))
             if (n := summary.get("partitions", {}).get(key))]  # fmt: skip
    return ", ".join(said) or "nothing changed"


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
