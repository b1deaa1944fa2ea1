"""A crawl's plan for a person: each table with what becomes of it, its columns with what was seen, and why."""

from __future__ import annotations

from collections import Counter

from glulam.cli.drawing import table
from glulam.cli.output import size
from glulam.crawl.plan import Action, Evidence, Plan, TableChange

_FEW = 5
_EXAMPLE = 60


def show_plan(plan: Plan, *, full: bool) -> None:
    """`full`: every example and every odd file."""
    for at, change in enumerate(plan.tables):
        if at:
            print()
        _show_table(change, full)
    _show_list("in no table", [f"{o.path or '...'}: {o.reason} ({o.files:,})" for o in plan.odd], full)
    _show_list("notes", list(plan.notes), full)
    actions = Counter(t.action for t in plan.tables)
    said = ", ".join(f"{n:,} {action.lower()}" for action, n in sorted(actions.items())) or "no table changes"
    partitions = Counter(p.action for t in plan.tables for p in t.partitions)
    said += "".join(f", {n:,} partitions {action.lower()}" for action, n in sorted(partitions.items()))
    print(f"\nplan: {said}")


def _show_table(change: TableChange, full: bool) -> None:
    files = (
        f", {change.files:,} files, {change.records:,} records, {size(change.size_bytes)}"
        if change.files
        else ""
    )
    breaking = "  BREAKING" if change.breaking else ""
    print(
        f"{change.action}  {change.database}.{change.name}  {change.classification}{files}  {change.location}{breaking}"
    )
    for reason in change.reasons:
        print(f"  because {reason}")
    if change.files and not change.complete:
        print("  a sample: not every record was read")
    if change.used_by:
        print(f"  named by {', '.join(change.used_by)}")
    for c in change.changes:
        kind = "compatible" if c.compatible else "breaking"
        print(f"  change {c.name}: {c.what} ({kind}{'' if c.applied else '; only logged, by the policy'})")
    if change.action is not Action.DELETE and change.columns:
        rows = [(c.name, c.type, _seen(c), _examples(c, full)) for c in change.columns]
        rows += [(name, kind, "partition key", "") for name, kind in change.partition_keys]
        table(("column", "type", "seen", "for example"), rows)
    _show_list(
        "partitions",
        [f"{p.action.lower()} {'/'.join(p.values)}  {p.location}" for p in change.partitions],
        full,
    )
    _show_list("drift", [f"{'/'.join(values)}: {'; '.join(said)}" for values, said in change.drift], full)
    _show_list("odd", [f"{o.path}: {o.reason}" for o in change.odd], full)


def _seen(c: Evidence) -> str:
    return (
        ", ".join(f"{n:,} {kind}" for kind, n in sorted(c.counts.items(), key=lambda pair: -pair[1]))
        or "not counted"
    )


def _examples(c: Evidence, full: bool) -> str:
    shown = c.examples if full else c.examples[:1]
    return "; ".join(
        f"{e.uri.key.rpartition('/')[2]}{'' if e.line is None else f':{e.line}'} {e.text[:_EXAMPLE]}"
        for e in shown
    )


def _show_list(title: str, lines: list[str], full: bool) -> None:
    shown = lines if full else lines[:_FEW]
    for line in shown:
        print(f"  {title}: {line}")
    if len(lines) > len(shown):
        print(f"  {title}: and {len(lines) - len(shown):,} more (--full)")
