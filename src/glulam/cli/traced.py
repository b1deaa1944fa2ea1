"""A trace as lines for a person."""

from __future__ import annotations

from glulam.cli.letters import show_one
from glulam.cli.output import cell, facts
from glulam.ingest.trace import MOST, FileTrace, RecordTrace, Trace


def show(found: Trace) -> None:
    """Files, then records, then dead letters, a blank line between them."""
    first = True
    for file in found.files:
        first = _gap(first)
        if found.kind == "file":
            _file(file)
        else:
            facts([("file", file.entry.uri), ("version", f"{file.entry.id}  (etag {file.entry.etag})"),
                   ("status", file.entry.status), ("batch", file.entry.batch_id)])  # fmt: skip
    for record in found.records:
        first = _gap(first)
        _record(record)
    for letter in found.dead_letters:
        first = _gap(first)
        print("a dead letter:" if found.kind == "record" else "a dead letter whose text contains it:")
        show_one(letter)


def _gap(first: bool) -> bool:
    if not first:
        print()
    return False


def _file(file: FileTrace) -> None:
    e, b = file.entry, file.batch
    facts([
        ("file", e.uri), ("version", f"{e.id}  (etag {e.etag})"), ("pipeline", e.pipeline), ("status", e.status),
        ("error", e.error_message), ("retries", e.retry_count or None), ("processed at", e.processed_at),
        ("records", f"{e.records_read:,} read, {e.records_written:,} written, {e.records_rejected:,} rejected, "
                    f"{e.records_rescued:,} rescued"),
        ("batch", f"{b.id}  ({b.state}, attempt {b.attempts}, worker {b.worker})" if b else None),
        ("archived as", file.archive),
    ])  # fmt: skip
    for holder in file.holders:
        print(f"  {holder.records:>9,} records of {holder.table} in {holder.uri}")
    for letter in file.dead_letters:
        print(f"  dead letter {letter.id}: line {letter.line}, {letter.reason_code}: {letter.reason}"
              + (f"; settled by {letter.settled_by}" if letter.settled_by else ""))  # fmt: skip
    if len(file.dead_letters) == MOST:
        print(f"  the first {MOST} dead letters; all of them: glulam dlq list --file {e.uri} --limit 0")


def _record(found: RecordTrace) -> None:
    facts([("table", found.table), ("in file", found.uri), ("row", found.row)])
    width = max(len(name) for name in found.record)
    for name, value in found.record.items():
        print(f"  {name:<{width}}  {cell(value)}")
