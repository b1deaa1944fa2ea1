"""Logs that name their own columns: W3C extended logs (CloudFront, IIS) in a `#Fields:` line, VPC flow logs in a header."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.lines import TextLines, sample_lines
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.texts import TextColumn

_FIELDS = "#Fields:"
_BATCH = 8192
_FLOW_FIELDS = {"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
                "bytes", "start", "end", "action", "log-status", "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type",
                "pkt-srcaddr", "pkt-dstaddr", "region", "az-id", "flow-direction", "traffic-path"}  # fmt: skip


def headed_log_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions) -> Answer | None:
    """What such a log holds; None when the head has no line that names columns."""
    sample = sample_lines(head)
    for above, line in enumerate(sample, 1):
        if line.startswith(_FIELDS):
            names = line.removeprefix(_FIELDS).split()
            below = next((text for text in sample[above:] if text and not text.startswith("#")), "")
            delimiter = "\t" if "\t" in below else " "
            name = "cloudfront" if "x-edge-location" in names else "microsoft_log"
            return _read(file, opened, options, names, delimiter, above, name)
        if not line.startswith("#"):
            break
    first = sample[0].split(" ")
    if len(first) > 2 and _FLOW_FIELDS.issuperset(first):
        return _read(file, opened, options, first, " ", 1, "vpcflow")
    return None


def _read(file: LocalFile, opened: Opened, options: LookOptions, names: Sequence[str], delimiter: str, above: int,
          name: str) -> Answer:  # fmt: skip
    seen = [TextColumn() for _ in names]
    records, strange, complete = 0, 0, True
    most = options.sample_records
    lines = enumerate(TextLines(opened), 1)
    while batch := list(islice(lines, _BATCH)):
        rows, numbers = [], []
        for number, raw in batch:
            line = raw.rstrip("\r\n")
            if number <= above or not line or line.startswith("#"):
                continue
            values = line.split(delimiter)
            if len(values) != len(names):
                strange += 1
                continue
            rows.append([None if value == "-" else value for value in values])
            numbers.append(number)
        if most is not None and records + len(rows) > most:
            complete, rows, numbers = False, rows[: most - records], numbers[: most - records]
        records += len(rows)
        for column, found in zip(seen, zip(*rows, strict=True), strict=False):
            column.add(found, numbers)
        if not complete:
            break
    shown = columns.named(
        columns.text_column(column, one, file.uri) for column, one in zip(names, seen, strict=True)
    )
    evidence = [f"line {above} names its {len(names)} columns: {records} records; - stands for NULL"]
    evidence += [f"{strange} lines have another number of values"] if strange else []
    evidence += [opened.damage] if opened.damage else []
    return Answer(
        classification=name, classifier=name, certainty=records / (records + strange) if records + strange else 0.5,
        parameters={"delimiter": delimiter, "skip.header.line.count": str(above)}, columns=shown, records=records,
        complete=complete and not opened.damage,
        evidence=evidence + columns.nothing_seen(shown),
    )  # fmt: skip
