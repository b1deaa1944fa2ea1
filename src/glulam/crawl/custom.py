"""Custom classifiers, from the documents that the catalog keeps of them (catalog/classifiers.py checks those when they are
set). Each answers for one file; a classifier that knows nothing of a format says so with certainty 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.grok import Grok, compile_grok, grok_answer
from glulam.crawl.formats.json_paths import json_path_answer, parse_path
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.recognise import Format
from glulam.crawl.formats.separated import Rules, separated_answer
from glulam.crawl.formats.xml_files import xml_answer
from glulam.infer.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    STRING,
    TIMESTAMP,
    DataType,
    Decimal,
    Scalar,
)
from glulam.model.errors import InvalidInput

_CSV_TYPES: Mapping[str, DataType] = {
    "BINARY": BINARY, "BOOLEAN": BOOLEAN, "DATE": DATE, "DECIMAL": Decimal(38, 18), "DOUBLE": DOUBLE,
    "FLOAT": Scalar("float"), "INT": Scalar("int"), "LONG": BIGINT, "SHORT": Scalar("smallint"), "STRING": STRING,
    "TIMESTAMP": TIMESTAMP,
}  # fmt: skip
_HEADER = {"PRESENT": True, "ABSENT": False}
_TEXTS = (Format.TEXT, Format.JSON, Format.XML, Format.ION)


class Classifier(Protocol):
    @property
    def name(self) -> str: ...

    def answer(
        self, file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions
    ) -> Answer:
        """Raises UnreadableFile."""


def classifier_of(document: Mapping[str, Any]) -> Classifier:
    """The classifier of a document `{"GrokClassifier": {"Name": ...}}` or one of the other three. Raises InvalidInput for a
    grok pattern that refers to what does not exist."""
    ((member, settings),) = document.items()
    name = settings["Name"]
    if member == "GrokClassifier":
        custom = settings.get("CustomPatterns") or ""
        grok = compile_grok(settings["GrokPattern"], custom)
        return GrokClassifier(name=name, classification=settings["Classification"], grok=grok, custom=custom)
    if member == "XMLClassifier":
        return XmlClassifier(
            name=name, classification=settings["Classification"], row_tag=settings.get("RowTag")
        )
    if member == "JsonClassifier":
        parse_path(settings["JsonPath"])
        return JsonClassifier(name=name, path=settings["JsonPath"])
    if member == "CsvClassifier":
        return CsvClassifier(name=name, rules=_rules(name, settings))
    raise InvalidInput(f"classifier {name}: {member!r} is no kind of classifier")


def _rules(name: str, settings: Mapping[str, Any]) -> Rules:
    types = settings.get("CustomDatatypes") or () if settings.get("CustomDatatypeConfigured") else ()
    return Rules(
        classifier=name, delimiter=settings.get("Delimiter") or None, quote=settings.get("QuoteSymbol") or None,
        has_header=_HEADER.get(settings.get("ContainsHeader") or "UNKNOWN"), names=tuple(settings.get("Header") or ()),
        types=tuple(_CSV_TYPES[kind.upper()] for kind in types), trim=settings.get("DisableValueTrimming") is False,
        single_column=bool(settings.get("AllowSingleColumn")), serde=settings.get("Serde"),
    )  # fmt: skip


def _not(classification: str, classifier: str, why: str) -> Answer:
    return Answer(classification=classification, classifier=classifier, certainty=0, evidence=(why,))


@dataclass(frozen=True, kw_only=True)
class GrokClassifier:
    name: str
    classification: str
    grok: Grok
    custom: str

    def answer(
        self, file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions
    ) -> Answer:
        if kind not in _TEXTS or head.startswith(b"\xe0\x01\x00\xea"):
            return _not(self.classification, self.name, f"{kind} has no lines")
        return grok_answer(
            file, opened, head, options, self.grok, self.classification, self.name, self.custom
        )


@dataclass(frozen=True, kw_only=True)
class XmlClassifier:
    name: str
    classification: str
    row_tag: str | None

    def answer(
        self, file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions
    ) -> Answer:
        if kind is not Format.XML:
            return _not(self.classification, self.name, f"found {kind}, expected XML")
        return xml_answer(file, opened, head, options, self.row_tag, self.classification, self.name)


@dataclass(frozen=True, kw_only=True)
class JsonClassifier:
    name: str
    path: str

    def answer(
        self, file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions
    ) -> Answer:
        if kind is not Format.JSON:
            return _not("json", self.name, f"found {kind}, expected JSON")
        return json_path_answer(file, opened, head, options, self.path, "json", self.name)


@dataclass(frozen=True, kw_only=True)
class CsvClassifier:
    name: str
    rules: Rules

    def answer(
        self, file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions
    ) -> Answer:
        if kind is not Format.TEXT:
            return _not("csv", self.name, f"found {kind}, expected separated values")
        return separated_answer(file, opened, head, options, self.rules)
