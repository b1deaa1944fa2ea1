"""Writes raw files like those of a fleet of devices that run ML models: nested NDJSON, a few records cut off.

The same seed gives the same bytes, file by file, on any machine. Three shapes: many middling files (the default: 1,000
files of 500 records, about 185 MB), many tiny ones (`--tiny 10000`), and few big ones (`--gb 10`), all streamed, so
that memory stays flat. Used by the benchmarks, the demo and the tests.

    python -m bench.generate OUT                 # OUT/historical/..., OUT/2024/week07/...
    python -m bench.generate OUT --tiny 10000
    python -m bench.generate OUT --gb 10
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

HISTORICAL_YEAR = 2023
INCREMENTAL_YEAR = 2024
WEEKS = 52
BLOCK = 2_000
"""Records joined to one write: the most that is held in memory."""
BIG_FILE_BYTES = 96 << 20
LINE_BYTES = 371
"""Mean length of a line, newline included; a test holds it to within two percent."""
_MODES = ("train", "validate", "infer")
_TAGS = ("edge", "lab", "beta", "gpu", "arm", "retry", "night", "québec")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to write. Same plan, same bytes."""

    files: int = 1_000
    records_per_file: int = 500
    malformed_share: float = 0.0005
    """Share of the records that are cut off in the middle of the line."""
    null_share: float = 0.0
    """Share of the records whose `note`, `device.location` and `metrics.loss` are null."""
    historical_share: float = 0.4
    """Share of the files that go below `historical/`; the others go to `YYYY/weekWW`."""
    seed: int = 7
    name: str = "part"
    """First word of each file's name."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was written: `records` counts lines, the malformed among them included."""

    files: int
    records: int
    malformed: int
    size_bytes: int


def tiny(files: int = 10_000) -> Plan:
    """One record a file."""
    return Plan(files=files, records_per_file=1, malformed_share=0.0)


def big(gb: float) -> Plan:
    """`gb` times 10^9 bytes in files of about 96 MiB."""
    total = int(gb * 1e9)
    files = max(1, round(total / BIG_FILE_BYTES))
    return Plan(files=files, records_per_file=total // files // LINE_BYTES)


def generate(raw: Path, plan: Plan) -> Made:
    """Write the plan's files below `raw` (made if it is not there)."""
    made = Made(files=0, records=0, malformed=0, size_bytes=0)
    for index in range(plan.files):
        path, start = _place(raw, plan, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        malformed = size = 0
        with path.open("wb") as out:
            for block, cut in _blocks(plan, index, start):
                out.write(block)
                size += len(block)
                malformed += cut
        made = replace(
            made,
            files=made.files + 1,
            records=made.records + plan.records_per_file,
            malformed=made.malformed + malformed,
            size_bytes=made.size_bytes + size,
        )
    return made


def _place(raw: Path, plan: Plan, index: int) -> tuple[Path, datetime]:
    """The file's path, and the start of the week in which its events lie."""
    historical = int(plan.files * plan.historical_share)
    name = f"{plan.name}-{index:06d}.json"
    if index < historical:
        week = index * WEEKS // max(1, historical) + 1
        monday = date.fromisocalendar(HISTORICAL_YEAR, week, 1)
        folder = raw / "historical" / f"{HISTORICAL_YEAR}-{monday.month:02d}"
    else:
        week = (index - historical) * WEEKS // max(1, plan.files - historical) + 1
        monday = date.fromisocalendar(INCREMENTAL_YEAR, week, 1)
        folder = raw / str(INCREMENTAL_YEAR) / f"week{week:02d}"
    return folder / name, datetime(monday.year, monday.month, monday.day, tzinfo=UTC)


def _blocks(plan: Plan, index: int, start: datetime) -> Iterator[tuple[bytes, int]]:
    """Blocks of whole lines, each with the count of the lines in it that are cut off."""
    rng = random.Random(f"{plan.seed}:{index}")
    first_id = index * plan.records_per_file
    days = [(start + timedelta(days=day)).date().isoformat() for day in range(7)]
    for begin in range(0, plan.records_per_file, BLOCK):
        lines, malformed = [], 0
        for number in range(begin, min(begin + BLOCK, plan.records_per_file)):
            line = _line(rng, first_id + number, days, plan.null_share)
            if plan.malformed_share and rng.random() < plan.malformed_share:
                line = line[: rng.randrange(2, len(line) - 1)]
                malformed += 1
            lines.append(line)
        lines.append("")
        yield "\n".join(lines).encode(), malformed


def _line(rng: random.Random, number: int, days: list[str], null_share: float) -> str:
    """One record. Written by hand: json.dumps would take four times as long for 10 GB."""
    draw = rng.random
    bits = rng.getrandbits(48)
    second = bits % 86_400
    missing = null_share > 0 and draw() < null_share
    where = "null" if missing else f'{{"lat":{draw() * 180 - 90:.4f},"lon":{draw() * 360 - 180:.4f}}}'
    loss = "null" if missing else f"{draw():.6f}"
    note = "null" if missing else f'"batch {bits % 977} on \\"{bits % 53}\\""'
    hour, minute = second // 3600, second // 60 % 60
    clock = f"{days[bits % 7]}T{hour:02d}:{minute:02d}:{second % 60:02d}.{bits % 1000:03d}Z"
    readings = ",".join(f'{{"t":{step * 250},"v":{draw() * 40:.2f}}}' for step in range(3))
    return (
        f'{{"id":{number},"event_time":"{clock}","ml_mode":"{_MODES[bits % 3]}",'
        f'"ok":{"true" if bits % 10 else "false"},"note":{note},'
        f'"device":{{"id":"dev-{bits % 5000:05d}","model":"mx-{bits % 9}","location":{where}}},'
        f'"metrics":{{"loss":{loss},"accuracy":{draw():.6f},"latency_ms":{bits % 900},"bytes":{bits % 10**9}}},'
        f'"tags":["{_TAGS[bits % 8]}","{_TAGS[bits // 8 % 8]}"],"readings":[{readings}]}}'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Write deterministic raw JSON files below OUT.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--records", type=int, default=500, help="records in each file")
    parser.add_argument("--tiny", type=int, metavar="N", help="N files of one record")
    parser.add_argument("--gb", type=float, help="this many times 10^9 bytes in files of about 96 MiB")
    parser.add_argument("--malformed", type=float, default=0.0005, help="share of records that are cut off")
    parser.add_argument("--nulls", type=float, default=0.0, help="share of records with null members")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    plan = Plan(files=args.files, records_per_file=args.records)
    if args.tiny:
        plan = tiny(args.tiny)
    elif args.gb:
        plan = big(args.gb)
    if not args.tiny:
        plan = replace(plan, malformed_share=args.malformed)
    began = time.perf_counter()
    made = generate(args.out, replace(plan, null_share=args.nulls, seed=args.seed))
    print(
        f"{made.files:,} files, {made.records:,} lines of which {made.malformed:,} are cut off, "
        f"{made.size_bytes / 1e6:,.1f} MB in {time.perf_counter() - began:.1f} s"
    )


if __name__ == "__main__":
    main()
