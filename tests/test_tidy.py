"""The house rules that a machine can check. A new upward import is a decision: write it into ALLOWED, with its reason.

Prints the room graph (`pytest tests/test_tidy.py -s`).
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from glulam.settings import Settings

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"

LEVELS = (
    ("awsgluedq",),
    ("awsglue",),
    ("cli",),
    ("project",),
    ("worker", "jobhost"),
    ("app", "server", "crawls", "alerting", "eventing"),
    ("doors", "run_door", "alert_door", "event_door"),
    ("signed_http",),
    ("scheduling",),
    ("gate",),
    ("console",),
    ("wire",),
    ("api",),
    ("iceberg",),
    (
        "access",
        "buckets",
        "catalog",
        "schemas",
        "crawl",
        "ingest",
        "orchestrate",
        "events",
        "jobs",
        "observe",
    ),
    ("quality", "streams"),
    ("ledger",),
    ("store",),
    ("engine",),
    ("records",),
    ("infer",),
    ("objects",),
    ("settings", "asking"),
    ("model",),
)
"""Top to bottom. A room may import the rooms below its level, never one beside or above it."""

ALLOWED = {
    ("ingest", "catalog"): "the commit's one transaction writes files, catalog and outbox together",
    (
        "crawl",
        "catalog",
    ): "a plan is applied in the catalog's own transaction, on the versions that it was made for",
}
"""Imports between rooms of one level or upwards that were decided on."""

CATCH_ALL = {"utils", "util", "common", "helpers", "helper", "misc", "shared", "tools"}
MAX_FUNCTION_LINES = 80
MAX_FILE_LINES = 450


def room_of(module: str) -> str:
    """`glulam.engine.duckdb` -> `engine`; `awsglue.context` -> `awsglue`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "glulam" and len(parts) > 1 else parts[0]


def modules(src: Path) -> dict[str, Path]:
    found = {}
    for path in sorted(src.rglob("*.py")):
        parts = list(path.relative_to(src).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, known: set[str]) -> set[str]:
    """Modules of ours that this module imports, anywhere in it (inside functions too), but not for types alone."""
    found: set[str] = set()
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names}
    return {module for module in found if module in known and module != name}


def graph(src: Path) -> dict[str, set[str]]:
    known = modules(src)
    return {name: imports_of(name, path, set(known)) for name, path in known.items()}


def upward_imports(edges: dict[str, set[str]]) -> list[str]:
    level = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
    found = []
    for module, targets in edges.items():
        for target in sorted(targets):
            above, below = room_of(module), room_of(target)
            if above == below or "glulam" in (above, below) or (above, below) in ALLOWED:
                continue
            if above not in level or below not in level:
                found.append(f"{module} -> {target}: a room that LEVELS does not know")
            elif level[above] >= level[below]:
                found.append(f"{module} -> {target}: {above} may not import {below}")
    return found


def cycle(edges: dict[str, set[str]]) -> list[str]:
    """One cycle between modules as a path, or an empty list."""
    done: set[str] = set()
    trail: list[str] = []

    def visit(module: str) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        trail.append(module)
        for target in sorted(edges[module]):
            if found := visit(target):
                return found
        trail.pop()
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := visit(module))), [])


def our_python() -> Iterator[Path]:
    for folder in ("src", "bench", "demo", "tests"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def committed() -> list[Path]:
    """Files that git tracks; without git (a source archive), every file that is not hidden."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        return [ROOT / name for name in git.stdout.split("\0") if name and (ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and not any(s.startswith(".") for s in p.parts)]


def test_rooms_import_downwards_only() -> None:
    edges = graph(SRC)
    rooms: dict[str, set[str]] = {}
    for module, targets in edges.items():
        rooms.setdefault(room_of(module), set()).update(room_of(t) for t in targets)
    for room, below in sorted(rooms.items()):
        print(f"{room:12} -> {', '.join(sorted(below - {room})) or '-'}")
    assert upward_imports(edges) == []


def test_no_import_cycles() -> None:
    assert cycle(graph(SRC)) == []


def test_server_and_runtime_meet_on_the_shared_floor_only() -> None:
    server = {
        "cli",
        "worker",
        "app",
        "console",
        "wire",
        "api",
        "access",
        "buckets",
        "catalog",
        "schemas",
        "crawl",
        "iceberg",
        "ingest",
        "orchestrate",
        "jobs",
        "observe",
        "store",
    }
    wrong = [
        f"{module} -> {target}"
        for module, targets in graph(SRC).items()
        for target in targets
        if room_of(module) in ("awsglue", "awsgluedq", "quality", "streams") and room_of(target) in server
    ]
    assert wrong == []


def test_functions_and_files_are_of_a_readable_size() -> None:
    long = []
    for path in our_python():
        text = path.read_text(encoding="utf-8")
        if (count := text.count("\n")) > MAX_FILE_LINES:
            long.append(f"{path.relative_to(ROOT)}: {count} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or 0) - node.lineno + 1
                if size > MAX_FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {size} lines")
    assert long == []


def test_no_catch_all_modules() -> None:
    scripts_import = ROOT / "src" / "awsglue" / "utils.py"  # a name of AWS's, not ours
    names = {p.relative_to(ROOT): {p.stem, p.parent.name} for p in our_python() if p != scripts_import}
    assert [str(path) for path, words in names.items() if words & CATCH_ALL] == []


def test_nothing_committed_names_a_package_index_or_a_machine() -> None:
    index = r"(?:extra-)?index-url|find-links|/simple\b|pythonhosted|artifactory|pypi-more"
    place = r"(?<![\w.])/(?:home|Users)/[a-z]\w*/|(?<![\w.])/root/|(?<![\w.])/work/|(?<![\w.])/opt/(?:pypi|wheels)"
    pattern = re.compile(f"{index}|{place}".encode())
    found = []
    for path in committed():
        if path == Path(__file__) or path.suffix in (".png", ".parquet", ".gz", ".zst"):
            continue
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {match.group().decode()}")
    assert found == []


def test_every_setting_is_documented_with_its_default() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(GLULAM_\w+)` \| (.+?) \|", page, re.MULTILINE))
    expected = {f"GLULAM_{field.name.upper()}": field.default for field in fields(Settings)}
    assert sorted(rows) == sorted(expected)
    for name, default in expected.items():
        if default is not None:
            assert rows[name] == f"`{default}`", f"docs/settings.md: {name} has another default"


def test_the_checks_can_fail(tmp_path: Path) -> None:
    """A tree with one upward import, one import between siblings and one cycle is refused."""
    for name, text in {
        "glulam/__init__.py": "",
        "glulam/model/__init__.py": "",
        "glulam/model/uri.py": "def f():\n    from glulam.infer import types\n",
        "glulam/infer/__init__.py": "",
        "glulam/infer/types.py": "from glulam.model import uri\n",
        "glulam/jobs/__init__.py": "",
        "glulam/jobs/run.py": "import glulam.crawl.plan\n",
        "glulam/crawl/__init__.py": "",
        "glulam/crawl/plan.py": "from ..model.uri import f\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    edges = graph(tmp_path)
    assert upward_imports(edges) == [
        "glulam.jobs.run -> glulam.crawl.plan: jobs may not import crawl",
        "glulam.model.uri -> glulam.infer.types: model may not import infer",
    ]
    assert set(cycle(edges)) == {"glulam.infer.types", "glulam.model.uri"}
