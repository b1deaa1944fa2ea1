"""A JSON path (`$`, `.name`, `.*`, `[0]`, `[*]`, `['name']`) that says where in a JSON document the records stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.json_files import columns_of
from glulam.crawl.formats.json_scan import Seen
from glulam.crawl.formats.opened import Opened
from glulam.model.errors import InvalidInput
from glulam.records.framing import Document, Lines, decoded, frame
from glulam.records.values import ReadLimits, Reject

_STEP = re.compile(
    r"""\.(?P<any>\*)|\.(?P<name>[^.\[\]*'"\s]+)|\[(?P<each>\*)\]|\[(?P<index>\d+)\]|\['(?P<one>[^']+)'\]|\["(?P<two>[^"]+)"\]"""
)
Step = str | int | None
"""A member's name, an element's index, or None for all of them."""


def parse_path(path: str) -> tuple[Step, ...]:
    """Raises InvalidInput."""
    steps: list[Step] = []
    at = 1
    while path.startswith("$") and at < len(path) and (step := _STEP.match(path, at)):
        name = step["name"] or step["one"] or step["two"]
        steps.append(name if name else int(step["index"]) if step["index"] else None)
        at = step.end()
    if not path.startswith("$") or at < len(path):
        raise InvalidInput(f"JSON path {path!r}: not understood from position {at}")
    return tuple(steps)


def walk(value: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """What stands at a path of a decoded value."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        members = value.values() if step is None else [value[step]] if step in value else []
        for member in members:
            yield from walk(member, rest)
    elif isinstance(value, list):
        elements = value if step is None else value[step : step + 1] if isinstance(step, int) else []
        for element in elements:
            yield from walk(element, rest)


def json_path_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions, path: str,
                     classification: str, classifier: str) -> Answer:  # fmt: skip
    """The records of a JSON file at a path. Raises UnreadableFile."""
    seen, others, rejects, complete = Seen(), 0, 0, True
    for line, value in values_at(opened, head, options.limits, parse_path(path)):
        if isinstance(value, Reject):
            rejects += 1
        elif not isinstance(value, dict):
            others += 1
        elif options.sample_records is not None and seen.records >= options.sample_records:
            complete = False
            break
        else:
            seen.see(0, seen.records + 1, line, value)
    if not seen.records:
        why = f"no object at {path}" + (f"; {others} other values" if others else "")
        return Answer(classification=classification, classifier=classifier, certainty=0, evidence=(why,))
    found = columns_of(seen, file)
    evidence = [f"JSON: {seen.records} objects at {path}"]
    evidence += [f"{others} values there are no objects"] if others else []
    evidence += [f"{rejects} pieces of the file are no JSON"] if rejects else []
    return Answer(
        classification=classification, classifier=classifier, columns=found, records=seen.records, complete=complete,
        certainty=seen.records / (seen.records + others + rejects), parameters={"jsonPath": path},
        evidence=evidence + columns.nothing_seen(found),
    )  # fmt: skip


def values_at(
    opened: Opened, head: bytes, limits: ReadLimits, steps: tuple[Step, ...]
) -> Iterator[tuple[int, Any]]:
    """Values at the path with the line of the record they stand in. The reader takes an array apart by itself, so that
    a path's first step chooses among its elements."""
    array = head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    for position, (line, value) in enumerate(_records(opened, limits)):
        if isinstance(value, Reject):
            yield line, value
        elif not array:
            yield from ((line, found) for found in walk(value, steps))
        elif not steps or steps[0] is None or steps[0] == position:
            yield from ((line, found) for found in walk(value, steps[1:]))


def _records(opened: Opened, limits: ReadLimits) -> Iterator[tuple[int, Any]]:
    """Each record of a JSON file with its line: the decoded value, or a Reject."""
    for item in frame(0, opened, limits):
        if isinstance(item, Lines):
            number = item.first_record_no
            for row in (~item.blank).nonzero()[0].tolist():
                raw = item.buffer[int(item.offsets[row]) : int(item.offsets[row + 1])]
                place = Document(file=0, record_no=number, line=item.first_line + row, offset=0, raw=raw)
                yield place.line, decoded(place, limits)
                number += 1
        elif isinstance(item, Document):
            yield item.line, decoded(item, limits)
        else:
            yield item.line, item
