"""CSV and its kin: the dialect from a sample, the types from every row, in bounded memory."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.dialect import Dialect, Header, find_header, measured, rows_of, sniff
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.lines import sample_lines, text_lines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.texts import TextColumn
from glulam.infer.types import DataType

_BATCH = 8192
_SERDES = {"OpenCSVSerDe": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
           "LazySimpleSerDe": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"}  # fmt: skip
_MAX_FIELD = 16 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is settled beforehand, by a custom classifier; None and empty: found out."""

    classifier: str = "csv"
    delimiter: str | None = None
    quote: str | None = None
    has_header: bool | None = None
    names: Sequence[str] = ()
    types: Sequence[DataType] = ()
    trim: bool = False
    single_column: bool = False
    serde: str | None = None

    @property
    def custom(self) -> bool:
        return self != Rules()


@dataclass(slots=True)
class _Rows:
    """Counts of the rows of one file."""

    width: int
    trim: bool
    columns: list[TextColumn] = field(default_factory=list)
    records: int = 0
    ragged: int = 0
    first_ragged: tuple[int, int] | None = None
    replaced: int | None = None
    """Line of the first value with bytes that are not UTF-8."""

    def add(self, rows: Sequence[list[str]], lines: Sequence[int]) -> None:
        if not self.columns:
            self.columns = [TextColumn() for _ in range(self.width)]
        good = []
        for row, line in zip(rows, lines, strict=True):
            if len(row) != self.width:
                self.ragged += 1
                self.first_ragged = self.first_ragged or (line, len(row))
                row = row[: self.width] + [""] * (self.width - len(row))
            good.append(row)
        self.records += len(good)
        for seen, values in zip(self.columns, zip(*good, strict=True), strict=True):
            seen.add([v.strip() for v in values] if self.trim else values, lines)
        if self.replaced is None:
            self.replaced = next(
                (line for row, line in zip(good, lines, strict=True) if any("\ufffd" in v for v in row)), None
            )


def separated_answer(
    file: LocalFile, opened: Opened, head: bytes, options: LookOptions, rules: Rules
) -> Answer:
    """What a file of separated values holds. Raises UnreadableFile."""
    sample = sample_lines(head)
    dialect = _dialect(sample, rules)
    if dialect is None or (dialect.width < 2 and not rules.single_column):
        return _no(rules, "no delimiter splits its lines into the same number of values")
    if rules.names and len(rules.names) != dialect.width:
        return _no(rules, f"the classifier names {len(rules.names)} columns, the file has {dialect.width}")
    rows = rows_of(sample, dialect.delimiter, dialect.quote)
    if len(rows) < 2 and not rules.custom:
        return _no(rules, "one line of separated values only; a header or a row, that cannot be told")
    header = _header(rows, rules)
    counted, complete = _count(opened, dialect, header, options, rules)
    if not counted.records and not header.present:
        return _no(rules, "no row in it")
    found = _columns(file, rows[0], counted, header, rules, dialect.width)
    return Answer(
        classification="csv", classifier=rules.classifier, certainty=_certainty(dialect, header, counted, rules),
        parameters=_parameters(dialect, header, rules), columns=found, records=counted.records,
        complete=complete and opened.damage is None, evidence=_evidence(dialect, header, counted, found, opened),
    )  # fmt: skip


def _no(rules: Rules, why: str) -> Answer:
    return Answer(
        classification="csv", classifier=rules.classifier, certainty=0, evidence=(f"not CSV: {why}",)
    )


def _dialect(sample: Sequence[str], rules: Rules) -> Dialect | None:
    if rules.delimiter is not None:
        return measured(sample, rules.delimiter, rules.quote or '"')
    found = sniff(sample)
    if found is None and rules.single_column:
        return measured(sample, "\x01", rules.quote or '"')
    if found is not None and rules.quote is not None:
        return measured(sample, found.delimiter, rules.quote)
    return found


def _header(rows: Sequence[Sequence[str]], rules: Rules) -> Header:
    if rules.has_header is not None:
        return Header(present=rules.has_header, why="as the classifier says")
    if rules.names:
        first = [value.strip().lower() for value in rows[0]]
        same = first == [name.strip().lower() for name in rules.names]
        return Header(
            present=same, why="the first row is the classifier's header" if same else "as the classifier says"
        )
    return find_header(rows)


def _count(
    opened: Opened, dialect: Dialect, header: Header, options: LookOptions, rules: Rules
) -> tuple[_Rows, bool]:
    """Counts of all rows (or of the sample asked for), and whether all were read."""
    counted = _Rows(dialect.width, rules.trim)
    csv.field_size_limit(_MAX_FIELD)
    rows = _numbered(text_lines(opened), dialect)
    if header.present:
        next(rows, None)
    left = options.sample_records
    while batch := list(islice(rows, _BATCH if left is None else min(_BATCH, left))):
        counted.add([row for row, _ in batch], [line for _, line in batch])
        if left is not None and (left := left - len(batch)) <= 0:
            return counted, next(rows, None) is None
    return counted, True


def _numbered(lines: Iterator[str], dialect: Dialect) -> Iterator[tuple[list[str], int]]:
    """Rows that are not blank, and the line on which each begins. A row beyond csv's limits is left out."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote or '"', quoting=quoting)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = []
            yield row, line
            continue
        if row:
            yield row, line


def _columns(file: LocalFile, first: Sequence[str], counted: _Rows, header: Header, rules: Rules,
             width: int) -> tuple[ColumnFinding, ...]:  # fmt: skip
    if rules.names:
        names = list(rules.names)
    elif header.present:
        names = [name.strip() for name in first[:width]] + [""] * (width - len(first))
    else:
        names = [""] * width
    names = [name or f"col{index}" for index, name in enumerate(names)]
    seen = counted.columns or [TextColumn() for _ in range(width)]
    found = [columns.text_column(name, one, file.uri) for name, one in zip(names, seen, strict=True)]
    for index, kind in enumerate(rules.types[:width]):
        found[index] = columns.column(names[index], kind, found[index].counts, found[index].examples)
    return columns.named(found)


def _certainty(dialect: Dialect, header: Header, counted: _Rows, rules: Rules) -> float:
    if not counted.records:
        return 1.0 if rules.custom else 0.5
    regular = 1 - counted.ragged / counted.records
    if rules.custom:
        return 1.0 if regular >= 0.9 else regular
    return regular * (1.0 if header.certain else 0.9)


def _parameters(dialect: Dialect, header: Header, rules: Rules) -> dict[str, str]:
    found = {
        "delimiter": dialect.delimiter, "columnsOrdered": "true", "typeOfData": "file",
        "areColumnsQuoted": "true" if dialect.quoted else "false",
    }  # fmt: skip
    if header.present:
        found["skip.header.line.count"] = "1"
    if dialect.quoted or rules.quote:
        found["quoteChar"] = dialect.quote or '"'
    if rules.serde in _SERDES:
        found["serializationLib"] = _SERDES[rules.serde]
    return found


def _evidence(dialect: Dialect, header: Header, counted: _Rows, found: Sequence[ColumnFinding],
              opened: Opened) -> list[str]:  # fmt: skip
    share = f"{dialect.regularity:.0%} of the sampled rows have {dialect.width} values"
    said = [f"separated by {dialect.delimiter!r}: {share}"]
    said.append(f"{'the first row is the header' if header.present else 'no header'}: {header.why}")
    if counted.first_ragged is not None:
        line, width = counted.first_ragged
        said.append(
            f"{counted.ragged} rows have another number of values; the first on line {line} has {width}"
        )
    if counted.replaced is not None:
        said.append(f"line {counted.replaced} holds bytes that are not UTF-8")
    if opened.damage:
        said.append(opened.damage)
    kinds = Counter(str(c.type) for c in found)
    if not counted.records:
        said.append("no row below the header")
    elif kinds.get("string") == len(found) and not header.certain:
        said.append("set ContainsHeader in a classifier to say which it is")
    return said + columns.odd_texts(found, counted.columns) + columns.nothing_seen(found)
