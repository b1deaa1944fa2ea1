"""`make demo`: a project folder, raw files shipped and generated, one run, and a look at what came out.

Uses the `glulam` command only, as a user would; starts over each time in `demo_lake`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from bench.generate import Plan, generate

LAKE = Path("demo_lake")
QUERY = (
    "select year, month, ml_mode, count(*) as records from {table} group by 1, 2, 3 order by 1, 2, 3 limit 12"
)


def glulam(*words: str, cwd: Path | None = None) -> None:
    """Run `glulam` as this Python's environment has it; ends the demo when it fails."""
    print(f"\n$ glulam {shlex.join(words)}", flush=True)
    command = Path(sys.executable).with_name("glulam")
    done = subprocess.run([str(command.absolute()), *words], cwd=cwd, env=dict(os.environ), check=False)
    if done.returncode != 0:
        sys.exit(f"demo: `glulam {shlex.join(words)}` ended with exit code {done.returncode}")


def add_raw_files(project: Path) -> None:
    """Put generated raw files below the pipeline's raw zone."""
    config = yaml.safe_load((project / "pipeline.yaml").read_text(encoding="utf-8"))
    raw = project / "lake" / str(config["zones"]["raw"]).removeprefix("s3://")
    made = generate(
        raw, Plan(files=40, records_per_file=500, malformed_share=0.002, null_share=0.01, name="demo")
    )
    print(
        f"\ngenerated {made.files} raw files with {made.records:,} lines ({made.malformed} cut off) below {raw}"
    )


def main() -> None:
    if LAKE.exists():
        if not (LAKE / "pipeline.yaml").exists():
            sys.exit(f"demo: {LAKE} is there and is not a project of ours (no pipeline.yaml); move it away")
        print(f"removing the {LAKE} of the last demo")
        shutil.rmtree(LAKE)
    glulam("init", str(LAKE))
    add_raw_files(LAKE)
    config = yaml.safe_load((LAKE / "pipeline.yaml").read_text(encoding="utf-8"))
    glulam("run", "pipeline.yaml", cwd=LAKE)
    glulam("files", "--limit", "10", cwd=LAKE)
    glulam("dlq", "list", "--limit", "10", cwd=LAKE)
    glulam("tables", cwd=LAKE)
    table = f"{config['table']['database']}.{config['table']['name']}"
    glulam("sql", QUERY.format(table=table), cwd=LAKE)


if __name__ == "__main__":
    main()
