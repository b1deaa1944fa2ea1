"""Text in columns of fixed width: values padded with blanks, so that columns of blanks run through all
lines."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from glulam.crawl.formats import columns
from glulam.crawl.formats.dialect import find_header
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.lines import TextLines, sample_lines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.texts import TextColumn

_MIN_LINES = 4
_SAMPLE = 500
_BATCH = 8192


def fixed_width_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions) -> Answer | None:
    """What such a text holds; None when the lines of the head are not built that way."""
    sample = [line for line in sample_lines(head)[:_SAMPLE] if line.strip()]
    spans = find_spans(sample)
    if len(spans) < 2:
        return None
    header = find_header([_cut(line, spans) for line in sample])
    names = _cut(sample[0], spans) if header.present else [""] * len(spans)
    seen = [TextColumn() for _ in spans]
    most = options.sample_records
    records, strange, width, complete = 0, 0, max(map(len, sample)), True
    lines = enumerate(TextLines(opened), 1)
    if header.present:
        next(lines, None)
    while batch := list(islice(lines, _BATCH)):
        texts = [(number, raw.rstrip("\r\n")) for number, raw in batch if raw.strip()]
        strange += sum(len(text) > width for _, text in texts)
        if most is not None and records + len(texts) > most:
            complete, texts = False, texts[: most - records]
        records += len(texts)
        for column, values in zip(seen, zip(*(_cut(t, spans) for _, t in texts), strict=True), strict=False):
            column.add(values, [number for number, _ in texts])
        if not complete:
            break
    found = columns.named(
        columns.text_column(name or f"col{index}", one, file.uri)
        for index, (name, one) in enumerate(zip(names, seen, strict=True))
    )
    evidence = [f"blanks run through all lines: columns at characters {spans}",
                f"{'the first line is the header' if header.present else 'no header'}: {header.why}"]  # fmt: skip
    evidence += [f"{strange} lines are longer"] if strange else []
    regex = "".join(f"(.{{{end - start}}})" for start, end in spans[:-1]) + "(.*)"
    parameters = {"input.regex": regex, **({"skip.header.line.count": "1"} if header.present else {})}
    return Answer(
        classification="fixedwidth", classifier="fixedwidth", certainty=0.8 * (1 - strange / max(records, 1)),
        parameters=parameters, columns=found, records=records,
        complete=complete and not opened.damage,
        evidence=evidence + columns.nothing_seen(found),
    )  # fmt: skip


def find_spans(lines: Sequence[str]) -> list[tuple[int, int]]:
    """The (start, end) of each column, padding included; fewer than two when there are no columns."""
    if len(lines) < _MIN_LINES or any("\t" in line for line in lines):
        return []
    width = max(map(len, lines))
    if sum("  " in line.strip() for line in lines) * 2 < len(lines):
        return []  # nothing is padded: words that happen to stand below each other
    blank = [all(index >= len(line) or line[index] == " " for line in lines) for index in range(width)]
    starts = [i for i in range(width) if not blank[i] and (i == 0 or blank[i - 1])]
    if not starts or width < 2 * len(starts):
        return []
    starts[0] = 0
    return [(start, end) for start, end in zip(starts, [*starts[1:], width], strict=True)]


def _cut(line: str, spans: Sequence[tuple[int, int]]) -> list[str]:
    return [line[start:end].strip() for start, end in spans]
