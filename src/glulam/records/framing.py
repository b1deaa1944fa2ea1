"""Find where each record of a file begins and ends, without parsing more than it takes.

Lines (NDJSON) come out as chunks: one buffer, many line offsets, and for each line which file, record number, line
number and byte offset it has, all as arrays, so that a million lines cost a million array cells and no objects. Records
of arrays and documents come out one by one. The rules stand in docs/json-contract.md, "Framing".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from glulam.model.errors import UnreadableFile
from glulam.records.strict import decode, skip_space, value_end
from glulam.records.values import RAW_PREFIX_BYTES, BadRecord, ReadLimits, Reject, RejectCode

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_NEWLINE = 10
_BLANKS = np.zeros(256, bool)
_BLANKS[list(_SPACE)] = True
_BLOCK = 512 * 1024
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Consecutive whole lines of one file. Where they begin is looked up when it is asked for: of a small file, by
    whoever gathers it with others (`chunks.py`)."""

    file: int
    buffer: bytes
    first_record_no: int
    first_line: int
    first_offset: int

    @cached_property
    def offsets(self) -> Ints:
        """n+1 positions in `buffer`; the first is 0, the last its length. A newline belongs to its line."""
        found = line_offsets(np.frombuffer(self.buffer, np.uint8))
        return found if self.buffer.endswith(b"\n") else np.append(found, len(self.buffer))

    @cached_property
    def blank(self) -> npt.NDArray[np.bool_]:
        """n flags: the line holds white space only and is no record."""
        return blank_lines(self.buffer, self.offsets)

    @property
    def records(self) -> int:
        return len(self.blank) - int(self.blank.sum())


def line_offsets(data: npt.NDArray[np.uint8]) -> Ints:
    """0, and the place after each newline. In blocks that fit the processor's cache."""
    blocks = range(0, len(data), _BLOCK)
    ends = [np.flatnonzero(data[at : at + _BLOCK] == _NEWLINE) + (at + 1) for at in blocks]
    return np.concatenate([np.zeros(1, np.int64), *ends])


def blank_lines(buffer: bytes, offsets: Ints) -> npt.NDArray[np.bool_]:
    """Which of the lines buffer[offsets[i]:offsets[i+1]] hold white space only."""
    blank: npt.NDArray[np.bool_] = _BLANKS[np.frombuffer(buffer, np.uint8)[offsets[:-1]]]
    for row in np.flatnonzero(blank):  # a line may start with white space and still hold a record
        blank[row] = not buffer[offsets[row] : offsets[row + 1]].strip(_SPACE)
    return blank


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One record of an array or documents file: raw bytes, not yet parsed."""

    file: int
    record_no: int
    line: int
    offset: int
    raw: bytes


Framed = Lines | Document | Reject


@dataclass(slots=True)
class _Cursor:
    """Where framing stands in one file."""

    file: int
    record_no: int = 0
    line: int = 1
    offset: int = 0
    behind: Lines | None = None
    """Lines that were framed and not passed yet: whether there is a need to count them shows when more follows."""

    def lines(self, buffer: bytes) -> Lines:
        self.catch_up()
        self.behind = Lines(file=self.file, buffer=buffer, first_record_no=self.record_no + 1,
                            first_line=self.line, first_offset=self.offset)  # fmt: skip
        return self.behind

    def catch_up(self) -> None:
        """Stand after everything that was framed. Call before looking at the numbers."""
        if self.behind is not None:
            self.record_no += self.behind.records
            self.line += len(self.behind.blank)
            self.offset += len(self.behind.buffer)
            self.behind = None

    def reject(self, raw: bytes, length: int, code: RejectCode, detail: str) -> Reject:
        self.catch_up()
        self.record_no += 1
        return Reject(file=self.file, record_no=self.record_no, line=self.line, offset=self.offset, length=length,
                      raw=raw[:RAW_PREFIX_BYTES] if length > len(raw) else raw, code=code, detail=detail)  # fmt: skip


class Expanded(Protocol):
    """The decompressed content of a file (`expand.Content`, or another that knows more compressions)."""

    @property
    def damage(self) -> str | None:
        """After the last window: what was wrong with the compressed stream."""

    def windows(self) -> Iterator[bytes]: ...


def frame(file: int, content: Expanded, limits: ReadLimits) -> Iterator[Framed]:
    """Frame one file's content. Raises UnreadableFile as the contract says."""
    cursor = _Cursor(file)
    windows = content.windows()
    head = next(windows, b"")
    while 0 < len(head) < 3 and (more := next(windows, b"")):
        head += more
    if head.startswith(_BOM):
        head, cursor.offset = head[3:], 3
    elif head.startswith(_WIDE_BOMS):
        length = len(head) + sum(len(w) for w in windows)
        yield cursor.reject(
            head[:RAW_PREFIX_BYTES], length, RejectCode.NOT_UTF8, "UTF-16 or UTF-32 byte order mark"
        )
        return
    last: Framed | None = None
    if head := _until_decided(head, windows, limits):
        for item in (_lines if _is_lines(head) else _whole)(cursor, head, windows, limits):
            if last is not None:
                yield last
            last = item
    yield from _ending(cursor, last, content.damage)


def _ending(cursor: _Cursor, last: Framed | None, damage: str | None) -> Iterator[Framed]:
    """The last item; of a damaged stream, what follows the last whole record as one TRUNCATED_STREAM reject."""
    if damage is None:
        if last is not None:
            yield last
        return
    if isinstance(last, Lines) and not last.buffer.endswith(b"\n"):
        cut = last.buffer.rfind(b"\n") + 1
        raw = last.buffer[cut:]
        before = _Cursor(last.file, last.first_record_no - 1, last.first_line, last.first_offset)
        if cut:
            yield before.lines(last.buffer[:cut])
        yield before.reject(raw, len(raw), RejectCode.TRUNCATED_STREAM, damage)
    elif isinstance(last, Reject) and last.code in (RejectCode.MALFORMED, RejectCode.NOT_UTF8):
        yield replace(last, code=RejectCode.TRUNCATED_STREAM, detail=damage)
    else:
        if last is not None:
            yield last
        yield cursor.reject(b"", 0, RejectCode.TRUNCATED_STREAM, damage)


def _until_decided(head: bytes, windows: Iterator[bytes], limits: ReadLimits) -> bytes:
    """Read on until two non-blank lines are there (or the end, or the document limit). Empty: only white space."""
    while len(_first_lines(head)) < 2 and len(head) <= limits.max_document_bytes:
        more = next(windows, b"")
        if not more:
            break
        head += more
    return head if head.strip(_SPACE) else b""


def _first_lines(head: bytes) -> list[bytes]:
    """The first two non-blank lines that are complete for certain (the last line of `head` may go on)."""
    found: list[bytes] = []
    at = 0
    while len(found) < 2:
        end = head.find(b"\n", at)
        if end < 0:
            break
        line = head[at:end]
        if line.strip(_SPACE):
            found.append(line)
        at = end + 1
    return found


def _is_lines(head: bytes) -> bool:
    lines = _first_lines(head if head.endswith(b"\n") else head + b"\n")
    first = lines[0].rstrip(_SPACE)
    complete = _complete(first)
    if first.lstrip(_SPACE).startswith(b"["):
        return complete and len(lines) > 1
    if complete:
        return True
    return len(lines) > 1 and lines[1].startswith(b"{") and first.startswith(b"{") and len(first) > 1


def _complete(line: bytes) -> bool:
    """Whether a line is one JSON value by itself, by syntax alone."""
    text = line.decode("utf-8", "replace")
    start = skip_space(text, 0)
    try:
        return skip_space(text, value_end(text, start)) == len(text)
    except BadRecord:
        return False


def _lines(cursor: _Cursor, head: bytes, windows: Iterator[bytes], limits: ReadLimits) -> Iterator[Framed]:
    pending = head
    while True:
        cut = pending.rfind(b"\n") + 1
        if cut:
            yield from _chunk(cursor, pending[:cut], limits)
            pending = pending[cut:]
        if len(pending) > limits.max_record_bytes:
            reject, pending = _skip_long_line(cursor, pending, windows)
            yield reject
        more = next(windows, b"")
        if not more:
            break
        pending = pending + more if pending else more
    if pending:
        yield from _chunk(cursor, pending, limits)


def _chunk(cursor: _Cursor, buffer: bytes, limits: ReadLimits) -> Iterator[Framed]:
    """Whole lines as Lines, cut at each line that is too large."""
    start = 0
    if len(buffer) > limits.max_record_bytes:
        offsets = cursor.lines(buffer).offsets
        cursor.behind = None
        for row in np.flatnonzero(np.diff(offsets) > limits.max_record_bytes):
            begin, end = int(offsets[row]), int(offsets[row + 1])
            raw = buffer[begin:end].rstrip(b"\r\n")
            if len(raw) > limits.max_record_bytes:
                if begin > start:
                    yield cursor.lines(buffer[start:begin])
                yield _too_large(cursor, raw, len(raw))
                cursor.offset += end - begin
                cursor.line += 1
                start = end
    if start < len(buffer):
        yield cursor.lines(buffer[start:] if start else buffer)


def _too_large(cursor: _Cursor, prefix: bytes, length: int) -> Reject:
    return cursor.reject(
        prefix[:RAW_PREFIX_BYTES], length, RejectCode.TOO_LARGE, f"{length} bytes on one line"
    )


def _skip_long_line(cursor: _Cursor, pending: bytes, windows: Iterator[bytes]) -> tuple[Reject, bytes]:
    """Read past a line that will not fit; memory stays bounded."""
    prefix, length, rest, tail = pending[:RAW_PREFIX_BYTES], len(pending), b"", pending[-1:]
    newline = 0
    for window in windows:
        end = window.find(b"\n")
        if end >= 0:
            tail = window[end - 1 : end] if end else tail
            length, rest, newline = length + end, window[end + 1 :], 1
            break
        length += len(window)
        tail = window[-1:]
    carriage = 1 if newline and tail == b"\r" else 0
    reject = _too_large(cursor, prefix, length - carriage)
    cursor.offset += length + newline
    cursor.line += 1
    return reject, rest


def _whole(cursor: _Cursor, head: bytes, windows: Iterator[bytes], limits: ReadLimits) -> Iterator[Framed]:
    parts, size = [head], len(head)
    for window in windows:
        parts.append(window)
        size += len(window)
        if size > limits.max_document_bytes:
            break
    if size > limits.max_document_bytes:
        raise UnreadableFile(
            f"an array or documents file of more than max_document_bytes={limits.max_document_bytes} bytes; "
            "write one record a line to read it in bounded memory"
        )
    raw = b"".join(parts)
    walk = _array if raw.lstrip(_SPACE).startswith(b"[") else _documents
    yield from walk(_Text(cursor, raw, limits))


class _Text:
    """A whole file as text, that knows the byte offset and line of each character it is asked for, in order.

    Bytes that are not UTF-8 become lone surrogates, so that they survive into the raw text of their own record only."""

    def __init__(self, cursor: _Cursor, raw: bytes, limits: ReadLimits) -> None:
        self.cursor, self.limits = cursor, limits
        self.text = raw.decode("utf-8", "surrogateescape")
        self._at = 0

    def move(self, at: int) -> None:
        passed = self.text[self._at : at]
        self.cursor.offset += (
            len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogateescape"))
        )
        self.cursor.line += passed.count("\n")
        self._at = at

    def raw(self, start: int, end: int) -> bytes:
        return self.text[start:end].encode("utf-8", "surrogateescape")

    def reject(self, start: int, end: int, bad: BadRecord) -> Reject:
        self.move(start)
        raw = self.raw(start, end).rstrip(_SPACE)
        code, detail = bad.code, bad.detail
        if code is RejectCode.MALFORMED and any("\udc80" <= c <= "\udcff" for c in self.text[start:end]):
            code, detail = RejectCode.NOT_UTF8, "holds bytes that are not UTF-8"
        return self.cursor.reject(raw, len(raw), code, detail)

    def record(self, start: int, end: int) -> Framed:
        self.move(start)
        raw = self.raw(start, end)
        if len(raw) > self.limits.max_record_bytes:
            return _too_large(self.cursor, raw, len(raw))
        self.cursor.record_no += 1
        return Document(file=self.cursor.file, record_no=self.cursor.record_no, line=self.cursor.line,
                        offset=self.cursor.offset, raw=raw)  # fmt: skip


def _documents(source: _Text) -> Iterator[Framed]:
    text, at = source.text, skip_space(source.text, 0)
    while at < len(text):
        try:
            end = value_end(text, at)
            yield source.record(at, end)
        except BadRecord as bad:
            resync = text.find("\n{", at)
            end = len(text) if resync < 0 else resync + 1
            yield source.reject(at, end, bad)
        at = skip_space(text, end)


def _array(source: _Text) -> Iterator[Framed]:
    text = source.text
    at = skip_space(text, skip_space(text, 0) + 1)
    if text[at : at + 1] == "]":
        yield from _after_array(source, at + 1)
        return
    while True:
        try:
            end = value_end(text, at)
        except BadRecord as bad:
            yield source.reject(at, len(text), bad)
            return
        yield source.record(at, end)
        after = skip_space(text, end)
        if text[after : after + 1] == "]":
            yield from _after_array(source, after + 1)
            return
        if text[after : after + 1] != ",":
            found = repr(text[after : after + 20]) if after < len(text) else "the end of the file"
            misfit = BadRecord(
                RejectCode.MALFORMED, f"after an array element: found {found}, expected , or ]"
            )
            yield source.reject(after, len(text), misfit)
            return
        at = skip_space(text, after + 1)


def _after_array(source: _Text, at: int) -> Iterator[Framed]:
    at = skip_space(source.text, at)
    if at < len(source.text):
        yield source.reject(
            at, len(source.text), BadRecord(RejectCode.MALFORMED, "content after the array's end")
        )


def decoded(document: Document, limits: ReadLimits) -> dict[str, Any] | Reject:
    """The record's value, or why it is none."""
    try:
        return decode(document.raw, limits.max_depth)
    except BadRecord as bad:
        return Reject(file=document.file, record_no=document.record_no, line=document.line, offset=document.offset,
                      length=len(document.raw), raw=document.raw, code=bad.code, detail=bad.detail)  # fmt: skip
