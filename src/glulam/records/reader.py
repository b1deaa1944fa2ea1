"""Read files by the contract, all in one go: for tools, tests and small inputs. Engines use the parts instead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glulam.records.expand import Content
from glulam.records.framing import Framed, frame
from glulam.records.strict import decode
from glulam.records.values import BadRecord, ReadLimits, Reject


def frame_file(index: int, path: Path, name: str, limits: ReadLimits) -> Iterator[Framed]:
    """Frame one local file. Raises UnreadableFile that names the file."""
    with path.open("rb", buffering=0) as file:
        yield from frame(index, Content(file, name, limits), limits)


def read_all(path: Path, limits: ReadLimits) -> tuple[list[tuple[int, dict[str, Any]]], list[Reject]]:
    """Every record (number and decoded value) and every reject of one file, by the strict parser alone."""
    records: list[tuple[int, dict[str, Any]]] = []
    rejects: list[Reject] = []
    for item in frame_file(0, path, path.name, limits):
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        for place in _places(item):
            number, line, offset, raw = place
            try:
                records.append((number, decode(raw, limits.max_depth)))
            except BadRecord as bad:
                rejects.append(Reject(file=0, record_no=number, line=line, offset=offset, length=len(raw), raw=raw,
                                      code=bad.code, detail=bad.detail))  # fmt: skip
    return records, sorted(rejects, key=lambda r: r.record_no)


def _places(item: Any) -> Iterator[tuple[int, int, int, bytes]]:
    if not hasattr(item, "offsets"):
        yield item.record_no, item.line, item.offset, item.raw
        return
    number = item.first_record_no
    for row in range(len(item.blank)):
        if not item.blank[row]:
            start, end = int(item.offsets[row]), int(item.offsets[row + 1])
            yield (
                number,
                item.first_line + row,
                item.first_offset + start,
                item.buffer[start:end].rstrip(b"\r\n"),
            )
            number += 1
