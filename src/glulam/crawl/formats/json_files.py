"""Findings of JSON files: pieces of many files go in, a finding comes out for each file when its last piece is counted.

Small files that look alike share their columns' findings (and so their examples, which name the first of them): a lake of
a hundred thousand files costs memory for what differs in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from glulam.crawl.findings import ColumnFinding, Example, FileFinding, Unclassified
from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions, unclassified
from glulam.crawl.formats.json_counts import LAST, cells_of, shape_of
from glulam.crawl.formats.json_scan import (
    ChunkCounts,
    Fast,
    JsonScanner,
    Seen,
    fast_schema,
    fold_maps,
    keep_widest,
)
from glulam.crawl.formats.opened import Opened
from glulam.infer.lattice import held, in_order
from glulam.infer.shape import Shape
from glulam.infer.types import Struct
from glulam.model.errors import UnreadableFile
from glulam.records.chunks import CHUNK_BYTES, Gathered
from glulam.records.framing import Framed, Lines, frame
from glulam.records.values import Reject, RejectCode

LEARN_BYTES = 128 * 1024
"""The first chunk is parsed record by record, to learn from: it is small."""
MAX_COLUMNS = 10_000
_RELEARN = 0.02
"""A chunk in which more than this part of the records was not proved teaches the next ones."""
_KEPT_REJECTS = 3
_SHARED = 200_000
"""Most findings that are kept for sharing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A parsed table, its examples with their places."""

    index: int
    """Of the schema, among those that were met."""
    fast: Fast
    examples: dict[str, list[tuple[str, Example]]]


@dataclass(slots=True, kw_only=True)
class OpenFile:
    """One JSON file on its way."""

    file: LocalFile
    compression: str
    form: str
    """How its records stand in it, in words."""
    complete: bool = True
    failure: str | None = None
    parts: list[tuple[_Part, int]] = field(default_factory=list)
    """Parsed tables that hold records of it, and its row there; folded into `seen` before they are many."""
    seen: Seen | None = None
    rejects: list[Reject] = field(default_factory=list)
    rejected: int = 0


class JsonFindings:
    """Not thread-safe: chunks are added in order by one thread."""

    def __init__(self) -> None:
        self.base: Struct | None = None
        """The schema to try on the next chunk."""
        self._learned = Shape()
        self._open: dict[int, OpenFile] = {}
        self._schemas: dict[Struct, int] = {}
        self._shared = _SharedColumns()

    def begin(self, index: int, opened: OpenFile) -> None:
        self._open[index] = opened

    def add(self, counts: ChunkCounts) -> None:
        for fast in counts.fast:
            part = self._part(fast)
            for row, index in enumerate(fast.files.tolist()):
                self._open[index].parts.append((part, row))
        for index, seen in counts.slow.items():
            opened = self._open[index]
            if opened.failure is not None:
                continue
            if opened.seen is None:
                opened.seen = seen
            else:
                opened.seen.merge(seen)
        for reject in counts.rejects:
            opened = self._open[reject.file]
            opened.rejected += 1
            if len(opened.rejects) < _KEPT_REJECTS:
                opened.rejects.append(reject)
        ends = {int(index) for fast in counts.fast for index in fast.files[[0, -1]]}
        for index in ends | counts.slow.keys():
            _fold(self._open[index])
        self._learn(counts)

    def _part(self, fast: Fast) -> _Part:
        examples = {
            key: [
                (p.kind, Example(uri=self._open[p.file].file.uri, line=p.line, text=p.text)) for p in places
            ]
            for key, places in fast.examples.items()
        }
        index = self._schemas.setdefault(fast.schema, len(self._schemas))
        return _Part(index=index, fast=fast, examples=examples)

    def _learn(self, counts: ChunkCounts) -> None:
        slow = sum(seen.records for seen in counts.slow.values())
        total = slow + sum(int(fast.cells[:, 0].sum()) for fast in counts.fast)
        if self.base is None or slow > _RELEARN * total:
            self._learned.merge(counts.shape)
            fold_maps(self._learned)
            keep_widest(self._learned)
            self.base = fast_schema(self._learned)

    def end(self, index: int) -> FileFinding | Unclassified:
        """The finding of a file, all of whose chunks were added."""
        opened = self._open.pop(index)
        _fold(opened)
        if opened.failure is not None:
            return unclassified(opened.file, opened.failure)
        return self._answer(opened).finding(opened.file, opened.compression)

    def answer(self, index: int) -> Answer:
        """The same, for who asks further classifiers. Raises UnreadableFile."""
        opened = self._open.pop(index)
        _fold(opened)
        if opened.failure is not None:
            raise UnreadableFile(opened.failure)
        return self._answer(opened)

    def _answer(self, opened: OpenFile) -> Answer:
        if opened.seen is None and len(opened.parts) == 1:
            part, row = opened.parts[0]
            records, found = int(part.fast.cells[row, 0]), self._shared.columns(part, row)
        else:
            seen = _whole(opened)
            records, found = seen.records, columns_of(seen, opened.file)
        return _answer(opened, records, found)


def json_answer(
    file: LocalFile, opened: Opened, head: bytes, options: LookOptions, scanner: JsonScanner
) -> Answer:
    """What one JSON file holds, by itself. Raises UnreadableFile."""
    findings = JsonFindings()
    state = OpenFile(file=file, compression=opened.compression, form=form_of(head))
    findings.begin(0, state)
    gathered = Gathered(number=0)
    for piece in sampled(eased(frame(0, opened, options.limits)), options.sample_records, state):
        gathered.add(piece)
        if gathered.size >= (CHUNK_BYTES if gathered.number else LEARN_BYTES):
            findings.add(scanner.scan(gathered, findings.base))
            gathered = Gathered(number=gathered.number + 1)
    if gathered.size:
        findings.add(scanner.scan(gathered, findings.base))
    return findings.answer(0)


def eased(items: Iterable[Framed]) -> Iterator[Framed]:
    """With the first lines cut short, when they are many: what is learned from them speeds up the others."""
    for position, item in enumerate(items):
        if position == 0 and isinstance(item, Lines) and len(item.buffer) > 2 * LEARN_BYTES:
            cut = item.buffer.find(b"\n", LEARN_BYTES) + 1
            if 0 < cut < len(item.buffer):
                first = _cut(item, item.buffer[:cut])
                yield first
                yield Lines(
                    file=item.file, buffer=item.buffer[cut:], first_record_no=item.first_record_no + first.records,
                    first_line=item.first_line + len(first.blank), first_offset=item.first_offset + cut,
                )  # fmt: skip
                continue
        yield item


def _cut(lines: Lines, buffer: bytes) -> Lines:
    """The first of the lines only."""
    return Lines(
        file=lines.file, buffer=buffer, first_record_no=lines.first_record_no, first_line=lines.first_line,
        first_offset=lines.first_offset,
    )  # fmt: skip


def sampled(items: Iterable[Framed], records: int | None, state: OpenFile) -> Iterator[Framed]:
    """The first records only, unless None; `state.complete` tells whether some were left."""
    left = records
    for item in items:
        if left is None:
            yield item
            continue
        if left <= 0:
            state.complete = False
            return
        if isinstance(item, Lines):
            count = item.records
            if count > left:
                yield _first(item, left)
                state.complete = False
                return
            left -= count
        elif not isinstance(item, Reject):
            left -= 1
        yield item


def _first(lines: Lines, count: int) -> Lines:
    """The first `count` records of some lines."""
    records = (~lines.blank).nonzero()[0]
    return _cut(lines, lines.buffer[: int(lines.offsets[int(records[count - 1]) + 1])])


def form_of(head: bytes) -> str:
    """How records stand in a file, in words."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        return "an array of records"
    return "records one after the other"


def _fold(opened: OpenFile) -> None:
    """Merge what was counted of a file that goes on and on."""
    if len(opened.parts) > 1:
        opened.seen = _whole(opened)
        opened.parts.clear()
    if opened.seen is not None:
        fold_maps(opened.seen.shape)
        if len(opened.seen.shape.members) > MAX_COLUMNS:
            opened.failure = (
                f"its records have more than {MAX_COLUMNS} different keys: no table has so many columns"
            )
            opened.seen = None


def _whole(opened: OpenFile) -> Seen:
    seen = opened.seen or Seen()
    for part, row in opened.parts:
        seen.merge(_as_seen(part, row, opened.file))
    return seen


def _as_seen(part: _Part, row: int, file: LocalFile) -> Seen:
    fields = part.fast.schema.fields
    nulls = part.fast.cells[row].tolist()[-len(fields) :]
    cells = iter(part.fast.cells[row].tolist())
    records = next(cells)
    shape = Shape()
    shape.add("struct", None, records)
    seen = Seen(shape=shape, records=records)
    for index, f in enumerate(fields):
        member = shape_of(f.type, cells, (LAST, LAST, index))
        if not member.counts and not nulls[index]:
            continue
        shape.members[f.key] = member
        for kind, example in part.examples.get(f.key, ()):
            if example.uri == file.uri:
                seen.examples.setdefault(f.key, {})[kind] = [(example.line, example.text)]
    return seen


def columns_of(seen: Seen, file: LocalFile) -> tuple[ColumnFinding, ...]:
    """The columns of what a strict look saw of a file."""
    found = []
    for key, member in in_order(seen.shape):
        counts = columns.kind_counts(member, seen.records)
        examples = columns.examples(file.uri, seen.examples.get(key, {}), member.counts)
        found.append(columns.column(key, held(member), counts, examples))
    return columns.named(found)


class _SharedColumns:
    """Columns of files whose records were all parsed by one schema: one value for all files with the same counts."""

    def __init__(self) -> None:
        self._files: dict[tuple[int, bytes], tuple[ColumnFinding, ...]] = {}
        self._columns: dict[tuple[int, int, int, str, bytes], ColumnFinding] = {}
        self._names: dict[tuple[int, bytes], tuple[str, ...]] = {}
        self._starts: dict[int, tuple[int, ...]] = {}

    def columns(self, part: _Part, row: int) -> tuple[ColumnFinding, ...]:
        cells = part.fast.cells[row]
        key = (part.index, cells.tobytes())
        if (found := self._files.get(key)) is None:
            if len(self._files) > _SHARED:
                self._files.clear()
            found = self._files[key] = self._made(part, row)
        return found

    def _made(self, part: _Part, row: int) -> tuple[ColumnFinding, ...]:
        cells, schema = part.fast.cells[row], part.fast.schema
        if part.index not in self._starts:
            self._starts[part.index] = tuple(accumulate((cells_of(f.type) for f in schema.fields), initial=1))
        starts = self._starts[part.index]
        has = (cells[list(starts[:-1])] > 0) | (cells[starts[-1] :] > 0)
        present = has.nonzero()[0].tolist()
        mark = (part.index, has.tobytes())
        if (names := self._names.get(mark)) is None:
            plain = columns.named(
                columns.column(schema.fields[i].key, schema.fields[i].type) for i in present
            )
            names = self._names[mark] = tuple(c.name for c in plain)
        records = int(cells[0])
        found = []
        for name, i in zip(names, present, strict=True):
            mine = cells[starts[i] : starts[i + 1]]
            key = (part.index, i, records, name, mine.tobytes())
            if (one := self._columns.get(key)) is None:
                if len(self._columns) > _SHARED:
                    self._columns.clear()
                one = self._columns[key] = _column(part, i, name, records, mine.tolist())
            found.append(one)
        return tuple(found)


def _column(part: _Part, index: int, name: str, records: int, cells: list[int]) -> ColumnFinding:
    f = part.fast.schema.fields[index]
    seen = shape_of(f.type, iter(cells), (index,))
    return ColumnFinding(
        name=name, source_name=f.key, type=held(seen), counts=columns.kind_counts(seen, records),
        examples=tuple(example for kind, example in part.examples.get(f.key, ()) if kind in seen.counts),
    )  # fmt: skip


def _answer(opened: OpenFile, records: int, found: tuple[ColumnFinding, ...]) -> Answer:
    rejected = opened.rejected
    if not records:
        why = _first_reject(opened.rejects) if opened.rejects else "no record in it"
        return Answer(classification="json", classifier="json", certainty=0, evidence=(f"not JSON: {why}",))
    evidence = [f"JSON, {opened.form}: {records} records" if opened.complete else
                f"JSON, {opened.form}: the first {records} records were read"]  # fmt: skip
    if rejected:
        evidence.append(f"{rejected} rejected; {_first_reject(opened.rejects)}")
    evidence += columns.nothing_seen(found)
    return Answer(
        classification="json", classifier="json", certainty=records / (records + rejected), columns=found,
        records=records, complete=opened.complete and not _cut_off(opened.rejects), evidence=evidence,
    )  # fmt: skip


def _first_reject(rejects: Sequence[Reject]) -> str:
    first = min(rejects, key=lambda r: r.record_no)
    return f"line {first.line}: {first.code}, {first.detail}"


def _cut_off(rejects: Sequence[Reject]) -> bool:
    return any(reject.code is RejectCode.TRUNCATED_STREAM for reject in rejects)
