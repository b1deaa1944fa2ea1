"""`glulam init`: a project folder with a commented pipeline, a workflow around it, sample raw files and a database."""

from __future__ import annotations

import gzip
import json
from importlib import resources
from pathlib import Path

from glulam.cli.output import print_json
from glulam.cli.project import PIPELINE
from glulam.model.errors import AlreadyExists
from glulam.settings import Settings
from glulam.store.database import Database

DECLARED = ("glulam.yaml", "workflows/elt.yaml", "alerts.yaml")
"""What `glulam apply` brings to a server."""
_MODES = ("train", "validate", "infer")


def template(name: str = PIPELINE) -> str:
    """A commented file of a new project."""
    return resources.files("glulam.cli").joinpath("template", *name.split("/")).read_text("utf-8")


def init(folder: Path, settings: Settings, *, as_json: bool) -> int:
    """Make the project. Raises AlreadyExists when there is a pipeline.yaml; other files stay as they are."""
    target = folder / PIPELINE
    if target.exists():
        raise AlreadyExists(f"{target} is there already; expected a folder without one")
    local = settings.objects == "local"  # sample files are no business of somebody's bucket
    samples = {
        settings.lake_root / "raw" / "ml" / name: content for name, content in sample_files().items() if local
    }
    for path, content in samples.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(template(), "utf-8")
    if not (folder / DECLARED[0]).exists():
        for name in DECLARED:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(template(name), "utf-8")
    Database.open(settings).close()
    if as_json:
        print_json({"project": folder, "pipeline": target, "lake": settings.lake_root, "home": settings.home,
                    "samples": sorted(samples), "declared": DECLARED})  # fmt: skip
    else:
        print(f"made {target} and {len(samples)} sample raw files below {settings.lake_root}\n"
              f"next: cd {folder} && glulam run {PIPELINE}\n"
              f"or:   glulam up, and there glulam apply: the workflow elt of {DECLARED[0]} does it from then on")  # fmt: skip
    return 0


def sample_files() -> dict[str, bytes]:
    """By path below the raw zone: lines, gzip, a pretty-printed document, an array; a few records are bad."""
    lines = [_json(n, f"2024-12-{n % 28 + 1:02d}") for n in range(1, 41)]
    lines[10] = lines[10][:70]  # cut off in the middle, as by a full disk
    lines[20] = "null"
    week = [_json(n, f"2025-02-{n % 7 + 10:02d}", battery=n % 100) for n in range(101, 131)]
    week[5] = _json(106, "yesterday")
    late = [_record(n, f"2025-02-{n % 7 + 17:02d}") for n in range(201, 211)]
    late[3]["device"] = "unknown"  # a text where the others have an object: rescued, not lost
    return {
        "historical/2024/events.ndjson": "\n".join(lines).encode() + b"\n",
        "historical/2024/one-event.json": json.dumps(_record(99, "2024-11-30"), indent=2).encode(),
        "2025/week07/events.json.gz": gzip.compress("\n".join(week).encode(), mtime=0),
        "2025/week08/events.json": json.dumps(late).encode(),
        "2025/week08/empty.json": b"",
    }


def _record(number: int, day: str, **more: object) -> dict[str, object]:
    where = {"lat": round(45 + number / 7, 4), "lon": round(8 + number / 11, 4)}
    return {
        "id": number, "event_time": f"{day}T08:{number % 60:02d}:00Z" if day[0].isdigit() else day,
        "ml_mode": _MODES[number % 3], "score": round(number / 250, 3),
        "device": {"id": f"dev-{number % 9}", "location": where}, "tags": ["edge", "lab"][: number % 3], **more,
    }  # fmt: skip


def _json(number: int, day: str, **more: object) -> str:
    return json.dumps(_record(number, day, **more))
