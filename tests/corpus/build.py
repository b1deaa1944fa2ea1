"""All hostile files, and a command that writes them to a folder with what is expected of each.

PYTHONPATH=tests python -m corpus.build OUT
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path

from corpus import files, framing, limits, lines, numbers
from corpus.case import Case

CASES: tuple[Case, ...] = (
    *files.cases(),
    *framing.cases(),
    *lines.cases(),
    *numbers.cases(),
    *limits.cases(),
)


def expected_count(case: Case) -> int:
    """How many records the file holds."""
    return case.records if isinstance(case.records, int) else len(case.records)


def write(case: Case, folder: Path, number: int = 0) -> Path:
    """Write the file under a name made of its number and the case's name."""
    slug = re.sub(r"[^a-z0-9]+", "-", case.name.lower()).strip("-")[:60]
    path = folder / f"{number:03d}-{slug}{case.suffix}"
    path.write_bytes(case.content())
    return path


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, case in enumerate(CASES):
        path = write(case, folder, number)
        answer = {
            "case": case.name,
            "file": path.name,
            "limits": asdict(case.limits),
            "unreadable": case.unreadable,
            "records": expected_count(case),
            "rejects": [asdict(reject) for reject in case.rejects],
        }
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
