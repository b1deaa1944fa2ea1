"""Fetch pieces of a file's decompressed content by offset and length: the raw text of records rejected late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from glulam.records.expand import Content
from glulam.records.values import ReadLimits


def slices(path: Path, name: str, wanted: Sequence[tuple[int, int]], limits: ReadLimits) -> Iterator[bytes]:
    """The bytes of each (offset, length), which must be ascending and not overlap. Memory: a window and one piece."""
    with path.open("rb", buffering=0) as file:
        windows = Content(file, name, limits).windows()
        buffer, base = b"", 0
        for offset, length in wanted:
            while base + len(buffer) < offset + length:
                if base + len(buffer) <= offset:
                    base, buffer = base + len(buffer), b""
                elif base < offset:
                    base, buffer = offset, buffer[offset - base :]
                more = next(windows, b"")
                if not more:
                    break
                buffer += more
            yield buffer[offset - base : offset - base + length]
