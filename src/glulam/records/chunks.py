"""Gather framed lines of many files into chunks of a few megabytes, so that a thousand tiny files cost like one.

A chunk is columnar: one buffer, and for each line its file, record number, line number and byte offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glulam.records.framing import Document, Framed, Lines
from glulam.records.values import Reject

CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Row i is buffer[offsets[i]:offsets[i+1]]. `is_record` is False for blank lines."""

    number: int
    buffer: bytes
    offsets: npt.NDArray[np.int64]
    is_record: npt.NDArray[np.bool_]
    file: npt.NDArray[np.int32]
    record_no: npt.NDArray[np.int64]
    line: npt.NDArray[np.int64]
    offset: npt.NDArray[np.int64]
    documents: tuple[Document, ...]
    rejects: tuple[Reject, ...]


def chunks(framed: Iterable[Framed], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Chunks in the order of the input, each closed as soon as it holds `chunk_bytes`."""
    lines: list[Lines] = []
    documents: list[Document] = []
    rejects: list[Reject] = []
    size = number = 0
    for item in framed:
        if isinstance(item, Lines):
            lines.append(item)
            size += len(item.buffer) + 64
        elif isinstance(item, Document):
            documents.append(item)
            size += len(item.raw) + 512
        else:
            rejects.append(item)
            size += len(item.raw) + 512
        if size >= chunk_bytes:
            yield _close(number, lines, documents, rejects)
            lines, documents, rejects, size = [], [], [], 0
            number += 1
    if lines or documents or rejects:
        yield _close(number, lines, documents, rejects)


def _close(number: int, lines: list[Lines], documents: list[Document], rejects: list[Reject]) -> Chunk:
    parts: list[bytes] = []
    starts: list[npt.NDArray[np.int64]] = []
    base = 0
    for part in lines:
        parts.append(part.buffer)
        starts.append(part.offsets[:-1] + base)
        base += len(part.buffer)
        if not part.buffer.endswith(b"\n"):  # the last line of a file without a final newline
            parts.append(b"\n")
            base += 1
    counts = np.array([len(p.blank) for p in lines], np.int64)
    empty: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    blank = np.concatenate([p.blank for p in lines]) if lines else np.zeros(0, bool)
    return Chunk(
        number=number,
        buffer=parts[0] if len(parts) == 1 else b"".join(parts),
        offsets=np.concatenate([*starts, np.array([base], np.int64)]),
        is_record=~blank,
        file=np.repeat(np.array([p.file for p in lines], np.int32), counts),
        record_no=np.concatenate([p.first_record_no - 1 + np.cumsum(~p.blank) for p in lines])
        if lines
        else empty,
        line=np.concatenate([p.first_line + np.arange(len(p.blank)) for p in lines]) if lines else empty,
        offset=np.concatenate([p.first_offset + p.offsets[:-1] for p in lines]) if lines else empty,
        documents=tuple(documents),
        rejects=tuple(rejects),
    )
