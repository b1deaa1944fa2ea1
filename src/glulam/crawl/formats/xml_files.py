"""XML: the elements of one name are records. Read by expat, element by element, so that a document of any size fits.

Attributes become members `_name`, an element's own text beside them `_VALUE`, as Spark reads XML. Entities that a document
declares itself are refused: no file is opened, no text is multiplied.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from glulam.crawl.formats import columns
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.text_shapes import TextRecords, TextValue

_MAX_DEPTH = 100
_TEXT = "_VALUE"


class RefusedXml(Exception):
    """Not well-formed, or it declares entities; the message says where."""


class _Enough(Exception):
    """The sample is complete."""


@dataclass(slots=True)
class _Element:
    name: str
    line: int
    members: dict[str, TextValue]
    text: list[str] = field(default_factory=list)

    def value(self) -> TextValue:
        text = "".join(self.text).strip()
        if not self.members:
            return text
        return {**self.members, _TEXT: text} if text else self.members

    def add(self, name: str, value: TextValue) -> None:
        if name not in self.members:
            self.members[name] = value
            return
        known = self.members[name]
        if isinstance(known, list):
            known.append(value)
        else:
            self.members[name] = [known, value]


class _Records:
    """Hands each record to `take(record, line)`. `rejected` counts records that have no members."""

    def __init__(self, row_tag: str, take: Callable[[dict[str, TextValue], int], None]) -> None:
        self.row_tag, self.take = row_tag, take
        self.open: list[_Element] = []
        self.depth = 0
        self.rejected = 0
        self.parser = _parser()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            line = self.parser.CurrentLineNumber
            raise RefusedXml(f"line {line}: nested deeper than {_MAX_DEPTH}")
        if self.open or name == self.row_tag:
            members: dict[str, TextValue] = {f"_{key}": value for key, value in attributes.items()}
            self.open.append(_Element(name, self.parser.CurrentLineNumber, members))

    def _end(self, name: str) -> None:
        self.depth -= 1
        if not self.open:
            return
        element = self.open.pop()
        value = element.value()
        if self.open:
            self.open[-1].add(element.name, value)
        elif isinstance(value, dict):
            self.take(value, element.line)
        elif value:
            self.take({_TEXT: value}, element.line)
        else:
            self.rejected += 1

    def _text(self, data: str) -> None:
        if self.open:
            self.open[-1].text.append(data)


def xml_answer(file: LocalFile, opened: Opened, head: bytes, options: LookOptions, row_tag: str | None = None,
               classification: str = "xml", classifier: str = "xml") -> Answer:  # fmt: skip
    """What an XML document holds; `row_tag` None: the element that looks like a record is found out."""
    found = TextRecords()
    try:
        tag, why = (row_tag, "as the classifier says") if row_tag else find_row_tag(head)
        complete, rejected, damage = _read(opened, tag, found, options.sample_records)
    except RefusedXml as refused:
        return _no(classification, classifier, f"not XML: {refused}")
    if not found.records:
        why = f"no <{tag}> element with content" + (f"; {damage}" if damage else "")
        return _no(classification, classifier, why)
    shown = found.columns(file)
    evidence = [f"the records are its <{tag}> elements, {why}: {found.records}"]
    if rejected:
        evidence.append(f"{rejected} <{tag}> elements are empty")
    if damage:
        evidence.append(damage)
    return Answer(
        classification=classification, classifier=classifier, certainty=0.5 if damage else 1.0,
        parameters={"rowTag": tag}, columns=shown, records=found.records, complete=complete and not damage,
        evidence=evidence + columns.nothing_seen(shown),
    )  # fmt: skip


def xml_records(opened: Opened, row_tag: str) -> Iterator[tuple[int, dict[str, TextValue]]]:
    """The elements of that name, each with its line. Raises RefusedXml, ExpatError."""
    ready: list[tuple[int, dict[str, TextValue]]] = []
    records = _Records(row_tag, lambda record, line: ready.append((line, record)))
    for window in _pieces(opened):
        records.parser.Parse(window, False)
        yield from ready
        ready.clear()
    if opened.damage is None:
        records.parser.Parse(b"", True)
        yield from ready


def _no(classification: str, classifier: str, why: str) -> Answer:
    return Answer(classification=classification, classifier=classifier, certainty=0, evidence=(why,))


def _read(opened: Opened, tag: str, found: TextRecords, most: int | None) -> tuple[bool, int, str | None]:
    """Whether all records were read, how many were empty, and what was wrong after the last good one."""

    def take(record: dict[str, TextValue], line: int) -> None:
        if most is not None and found.records >= most:
            raise _Enough
        found.add(record, line)

    records = _Records(tag, take)
    damage = None
    try:
        for window in _pieces(opened):
            records.parser.Parse(window, False)
        records.parser.Parse(b"", True)
    except _Enough:
        return False, records.rejected, None
    except expat.ExpatError as error:
        damage = f"not well-formed from line {error.lineno}: {expat.ErrorString(error.code)}"
    return True, records.rejected, opened.damage or damage


def _pieces(opened: Opened) -> Iterator[bytes]:
    """Windows small enough that expat's work on one is small, too."""
    for window in opened.windows():
        for at in range(0, len(window), 1 << 16):
            yield window[at : at + (1 << 16)]


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def refuse(name: str, *_: object) -> None:
        raise RefusedXml(f"line {parser.CurrentLineNumber}: it declares the entity {name!r}")

    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = lambda *_: 0
    return parser


def find_row_tag(head: bytes) -> tuple[str, str]:
    """The element that looks like a record, and why. The highest level at which one name comes again and again has the
    records; without one, the document is a single record. Raises RefusedXml."""
    levels: list[Counter[str]] = []
    depth = 0
    parser = _parser()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == len(levels):
            levels.append(Counter())
        levels[depth][name] += 1
        depth += 1

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(head, False)
    except expat.ExpatError as error:
        if not levels:
            raise RefusedXml(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    if not levels:
        raise RefusedXml("no element in it")
    for level in levels[1:]:
        name, count = level.most_common(1)[0]
        if count > 1:
            return (
                name,
                f"the first level at which a name comes again ({count} times in the first {len(head)} bytes)",
            )
    return next(iter(levels[0])), "the document is one record"
