"""Repeats, medians and ratios: the one way in which every benchmark prints what it found."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Measured

Run = Callable[[Path], tuple[Measured, int]]
"""One measured run in a fresh folder; answers the measurement and the records written."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    name: str
    run: Run
    times: int = 3


def contest(contenders: Sequence[Contender], work: Path, expected: int) -> dict[str, float]:
    """Run each in turn, round by round, so that what else the machine does hits all alike. Prints each run; a wrong
    count of records ends the benchmark. Returns the median seconds by name."""
    seconds: dict[str, list[float]] = {c.name: [] for c in contenders}
    for turn in range(max(c.times for c in contenders)):
        for contender in contenders:
            if turn >= contender.times:
                continue
            measured, records = contender.run(work / f"{contender.name.replace(' ', '_')}_{turn}")
            if records != expected:
                sys.exit(
                    f"{contender.name} wrote {records:,} records, expected {expected:,}\n{measured.output[-2000:]}"
                )
            seconds[contender.name].append(measured.seconds)
            print(f"  {contender.name:16} run {turn + 1}: {measured.seconds:7.2f} s", flush=True)
    return {name: statistics.median(found) for name, found in seconds.items()}


def ratio(label: str, value: float, target: str, kept: bool) -> bool:
    print(f"{label}: {value:.2f}  (target {target}) {'met' if kept else 'MISSED'}")
    return kept
