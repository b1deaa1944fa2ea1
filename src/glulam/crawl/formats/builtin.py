"""The built-in classifiers: for each format that the first bytes can be of, who answers."""

from __future__ import annotations

import re

from glulam.crawl.formats.arrow_files import orc_answer, parquet_answer
from glulam.crawl.formats.avro_files import avro_answer
from glulam.crawl.formats.file import Answer, LocalFile, LookOptions
from glulam.crawl.formats.fixed_width import fixed_width_answer
from glulam.crawl.formats.grok import log_answer
from glulam.crawl.formats.headed_logs import headed_log_answer
from glulam.crawl.formats.ion_files import ion_answer
from glulam.crawl.formats.json_files import json_answer
from glulam.crawl.formats.json_paths import json_path_answer
from glulam.crawl.formats.json_scan import JsonScanner
from glulam.crawl.formats.opened import Opened
from glulam.crawl.formats.recognise import Format
from glulam.crawl.formats.separated import Rules, separated_answer
from glulam.crawl.formats.xml_files import xml_answer
from glulam.model.errors import UnreadableFile

_CLOUDTRAIL = re.compile(rb'\s*\{\s*"Records"\s*:\s*\[\s*\{')
_IN_PLACE = (Format.PARQUET, Format.ORC, Format.AVRO)


def is_cloudtrail(head: bytes) -> bool:
    """Whether a JSON document is a CloudTrail log file."""
    return _CLOUDTRAIL.match(head) is not None and b'"eventSource"' in head and b'"eventVersion"' in head


def answer_of(
    file: LocalFile, opened: Opened, head: bytes, kind: Format, options: LookOptions, scanner: JsonScanner
) -> Answer:
    """What the built-in classifiers say. Raises UnreadableFile, and what parsers raise for damaged files."""
    if kind in _IN_PLACE:
        if opened.compression != "none":
            raise UnreadableFile(
                f"{opened.name}: {kind} inside {opened.compression}; no reader takes it like that"
            )
        if kind is Format.PARQUET:
            return parquet_answer(file)
        return orc_answer(file) if kind is Format.ORC else avro_answer(file, options)
    if kind is Format.JSON:
        if is_cloudtrail(head):
            return json_path_answer(file, opened, head, options, "$.Records[*]", "cloudtrail", "cloudtrail")
        return json_answer(file, opened, head, options, scanner)
    if kind is Format.ION:
        return ion_answer(file, opened, options)
    if kind is Format.XML:
        return xml_answer(file, opened, head, options)
    return _text(file, opened, head, options)


def _text(file: LocalFile, opened: Opened, head: bytes, options: LookOptions) -> Answer:
    log = headed_log_answer(file, opened, head, options) or log_answer(file, opened, head, options)
    if log is not None:
        return log
    separated = separated_answer(file, opened, head, options, Rules())
    if separated.certainty > 0:
        return separated
    fixed = fixed_width_answer(file, opened, head, options)
    if fixed is not None:
        return fixed
    why = f"text of no known format: no log that is known, no columns of fixed width, {separated.evidence[0]}"
    return Answer(classification="UNKNOWN", classifier="", certainty=0, evidence=(why,))
