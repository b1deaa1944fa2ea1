"""Gather framed lines of many files into chunks of a few megabytes, so that a thousand tiny files cost like one.

A chunk is columnar: one buffer, and for each line its file, record number, line number and byte offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from glulam.records.framing import Document, Framed, Ints, Lines, blank_lines, line_offsets
from glulam.records.values import Reject

CHUNK_BYTES = 8 * 1024 * 1024
FIRST_BYTES = 512 * 1024
"""The first chunk is small: whoever learns a schema from it keeps the others waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Row i is buffer[offsets[i]:offsets[i+1]], newline included. `is_record` is False for blank lines."""

    number: int
    buffer: bytes
    offsets: Ints
    is_record: npt.NDArray[np.bool_]
    file: npt.NDArray[np.int32]
    record_no: Ints
    line: Ints
    offset: Ints
    documents: tuple[Document, ...]
    rejects: tuple[Reject, ...]


@dataclass(slots=True, kw_only=True)
class Gathered:
    """What will be one chunk."""

    number: int
    lines: list[Lines] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0

    def add(self, item: Framed) -> None:
        if isinstance(item, Lines):
            self.lines.append(item)
            self.size += len(item.buffer) + 64
            return
        (self.documents if isinstance(item, Document) else self.rejects).append(item)  # type: ignore[arg-type]
        self.size += len(item.raw) + 512

    def chunk(self) -> Chunk:
        """Joined, and every line found: the part that takes time, for whichever thread works on the chunk."""
        parts = [p.buffer if p.buffer.endswith(b"\n") else p.buffer + b"\n" for p in self.lines]
        buffer = parts[0] if len(parts) == 1 else b"".join(parts)
        offsets = line_offsets(np.frombuffer(buffer, np.uint8))
        begin = np.cumsum([0, *map(len, parts)])  # of each part in the buffer
        first_row = np.searchsorted(offsets, begin)
        rows = np.diff(first_row)
        is_record = ~blank_lines(buffer, offsets)
        count: Ints = np.zeros(len(offsets), np.int64)  # records before each row
        np.cumsum(is_record, out=count[1:])

        def of(values: list[int], less: Ints) -> Ints:
            """For each row, the number that its part has, less what the running number had reached there."""
            return np.repeat(np.array(values, np.int64) - less, rows)

        return Chunk(
            number=self.number, buffer=buffer, offsets=offsets, is_record=is_record,
            file=np.repeat(np.array([p.file for p in self.lines], np.int32), rows),
            record_no=count[1:] + of([p.first_record_no - 1 for p in self.lines], count[first_row[:-1]]),
            line=np.arange(len(is_record)) + of([p.first_line for p in self.lines], first_row[:-1]),
            offset=offsets[:-1] + of([p.first_offset for p in self.lines], begin[:-1]),
            documents=tuple(self.documents), rejects=tuple(self.rejects),
        )  # fmt: skip


def gather(framed: Iterable[Framed], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Gathered]:
    """Chunks in the order of the input, each closed as soon as it holds `chunk_bytes`."""
    now = Gathered(number=0)
    for item in framed:
        now.add(item)
        if now.size >= (chunk_bytes if now.number else FIRST_BYTES):
            yield now
            now = Gathered(number=now.number + 1)
    if now.size:
        yield now
