"""What a run did, as the value behind `--json` and as the lines a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glulam.cli.output import facts, size
from glulam.ingest.lister import Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What the lister found."""

    found: int
    new: int
    superseded: int
    bytes: int

    @classmethod
    def of(cls, listing: Listing) -> Listed:
        return cls(
            found=listing.found, new=listing.new, superseded=listing.superseded, bytes=listing.size_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that was given up, or a batch without files of its own."""

    file: str | None
    batch: str | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The keys of `glulam run --json`."""

    pipeline: str
    engine: str
    listed: Listed | None
    batches: int
    files: int
    records_read: int
    records_written: int
    records_rejected: int
    records_rescued: int
    rejected_by_reason: Mapping[str, int]
    failed_casts: Mapping[str, int]
    partitions: int
    files_written: int
    bytes_in: int
    bytes_out: int
    seconds: float
    failures: Sequence[Failure]
    troubles: Sequence[str]
    """Errors of batches that were tried again, split, or taken over."""


def show_listed(listed: Listed) -> None:
    facts([("files found", f"{listed.found:,}  ({listed.new:,} new, {listed.superseded:,} superseded, "
                           f"{size(listed.bytes)})")])  # fmt: skip


def show(summary: RunSummary) -> None:
    s = summary
    found = (
        f"{s.listed.found:,}  ({s.listed.new:,} new, {s.listed.superseded:,} superseded)"
        if s.listed is not None
        else None
    )
    facts([
        ("pipeline", f"{s.pipeline}  (engine {s.engine})"),
        ("files found", found),
        ("files processed", f"{s.files:,}  (in {s.batches:,} {'batch' if s.batches == 1 else 'batches'})"),
        ("records read", f"{s.records_read:,}"),
        ("records written", f"{s.records_written:,}"),
        ("records rejected", f"{s.records_rejected:,}{_by(s.rejected_by_reason)}"),
        ("records rescued", f"{s.records_rescued:,}"),
        ("failed casts", _names(s.failed_casts) or None),
        ("partitions", f"{s.partitions:,}"),
        ("files written", f"{s.files_written:,}"),
        ("bytes", f"{size(s.bytes_in)} in, {size(s.bytes_out)} out"),
        ("seconds", f"{s.seconds:.2f}"),
    ])  # fmt: skip
    if not s.batches and not s.failures:
        print("nothing to do: every file that was found is accounted for")
    for failure in s.failures:
        print(f"FAILED  {failure.file or failure.batch}: {failure.error}")
    if any(f.file for f in s.failures):
        print(
            "look at them with `glulam files --status QUARANTINED`; try again with `glulam files retry KEY`"
        )


def _by(counts: Mapping[str, int]) -> str:
    return f"  ({_names(counts)})" if counts else ""


def _names(counts: Mapping[str, int]) -> str:
    found = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count:,}" for name, count in found)
