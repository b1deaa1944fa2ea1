"""The script of a blueprint's run: calls the blueprint's own function, and brings the workflow that it describes to the server.

Run as a job's script in a process of its own, with a job's limits and a job's key: what a blueprint's author wrote gets no more
than a job's author does. Of Glulam it imports `asking.py` alone; `awsglue.blueprint` is what the blueprint imports. The server
makes the jobs, crawlers and triggers, all of them or none.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from glulam.asking import ask

_MOST_BYTES = 100 << 20
_CONFIG = "blueprint.cfg"


def main(archive: str, parameters: str, account_id: str) -> None:
    project = _unpack(Path("script", archive))
    config = json.loads((project / _CONFIG).read_text("utf-8"))
    module, _, name = config["layoutGenerator"].rpartition(".")
    sys.path[:0] = [str(project.parent), str(project)]
    os.chdir(project)
    found = getattr(_module(project, module), name)
    system = {"region": os.environ["AWS_REGION"], "accountId": account_id}
    layout = found(json.loads(parameters), system)
    print("workflow:", layout.to_json())
    _bring(json.loads(layout.to_json()))


def _unpack(archive: Path) -> Path:
    """The folder that holds the configuration: the archive's root, or the one folder in it."""
    folder = Path(os.environ["TMPDIR"]) / "blueprint"
    with zipfile.ZipFile(archive) as packed:
        if sum(member.file_size for member in packed.infolist()) > _MOST_BYTES:
            sys.exit(f"the blueprint unpacks to more than {_MOST_BYTES >> 20} MiB")
        packed.extractall(folder)  # leaves out .. and leading slashes
    found = sorted(folder.rglob(_CONFIG), key=lambda path: len(path.parts))
    if not found:
        sys.exit(f"the blueprint holds no {_CONFIG}")
    return found[0].parent


def _module(project: Path, name: str) -> Any:
    """By its whole name, or as it is called inside the project's folder."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
        return importlib.import_module(name.rpartition(".")[2])


def _bring(layout: dict[str, Any]) -> None:
    path = f"/_glulam/blueprints/{os.environ['GLULAM_JOB_RUN_ID']}/layout"
    try:
        ask("POST", path, json.dumps(layout).encode(), timeout_s=120)
    except HTTPError as error:
        sys.exit(f"the workflow cannot be made: {json.load(error).get('message')}")


if __name__ == "__main__":
    words = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=False))
    main(words["--blueprint-archive"], words["--blueprint-parameters"], words["--blueprint-account"])
