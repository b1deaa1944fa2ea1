"""CSV and its kin: the dialect from a sample, the types from every row, in bounded memory."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Literal

from glulam.crawl.findings import ColumnFinding
from glulam.crawl.formats import columns
from glulam.crawl.formats.dialect import Dialect, Header, find_header, measured, rows_of, sniff
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.lines import TextLines, sample_lines
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
    columns: list[TextColumn]
    records: int = 0
    ragged: int = 0
    first_ragged: tuple[int, int] | None = None
    replaced: int | None = None
    """Line of the first value with bytes that are not UTF-8."""

    def add(self, rows: Sequence[list[str]], lines: Sequence[int], *, replaced: bool) -> None:
        """`replaced`: some bytes so far were not UTF-8."""
        if set(map(len, rows)) != {self.width}:
            rows = [self._fitted(row, line) for row, line in zip(rows, lines, strict=True)]
        self.records += len(rows)
        for seen, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            seen.add([v.strip() for v in values] if self.trim else values, lines)
        if replaced and self.replaced is None:
            self.replaced = next(
                (line for row, line in zip(rows, lines, strict=True) if any("\ufffd" in v for v in row)), None
            )

    def _fitted(self, row: list[str], line: int) -> list[str]:
        if len(row) == self.width:
            return row
        self.ragged += 1
        self.first_ragged = self.first_ragged or (line, len(row))
        return row[: self.width] + [""] * (self.width - len(row))


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
    counted = _Rows(dialect.width, rules.trim, [TextColumn() for _ in range(dialect.width)])
    csv.field_size_limit(_MAX_FIELD)
    source = TextLines(opened)
    left = options.sample_records
    for rows, lines in _batches(source, dialect, skip_first=header.present):
        if left is not None and len(rows) > left:
            if left:
                counted.add(rows[:left], lines[:left], replaced=source.replaced)
            return counted, False
        counted.add(rows, lines, replaced=source.replaced)
        left = None if left is None else left - len(rows)
    return counted, True


def _batches(
    lines: Iterable[str], dialect: Dialect, *, skip_first: bool
) -> Iterator[tuple[list[list[str]], Sequence[int]]]:
    """Rows that are not blank, and the lines on which they begin. A row beyond csv's limits comes as one empty value."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
    reader = csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote or '"', quoting=quoting)
    while True:
        rows: list[list[str]] = []
        before = reader.line_num
        try:
            rows.extend(islice(reader, _BATCH))
        except csv.Error:
            rows.append([""])
        if not rows:
            return
        numbers = _line_numbers(rows, before, reader.line_num)
        if not all(rows):
            numbers = [line for row, line in zip(rows, numbers, strict=True) if row]
            rows = [row for row in rows if row]
        if skip_first and rows:
            rows, numbers, skip_first = rows[1:], numbers[1:], False
        if rows:
            yield rows, numbers


def _line_numbers(rows: Sequence[list[str]], before: int, after: int) -> Sequence[int]:
    if after - before == len(rows):
        return range(before + 1, after + 1)
    lengths = (1 + sum(value.count("\n") for value in row) for row in rows[:-1])
    return list(accumulate(lengths, initial=before + 1))


def _columns(file: LocalFile, first: Sequence[str], counted: _Rows, header: Header, rules: Rules,
             width: int) -> tuple[ColumnFinding, ...]:  # fmt: skip
    if rules.names:
        names = list(rules.names)
    elif header.present:
        names = [name.strip() for name in first[:width]] + [""] * (width - len(first))
    else:
        names = [""] * width
    names = [name or f"col{index}" for index, name in enumerate(names)]
    found = [
        columns.text_column(name, one, file.uri) for name, one in zip(names, counted.columns, strict=True)
    ]
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
