"""One door to all file formats."""

from __future__ import annotations

from functools import reduce
from typing import Any

from awsglue import gluetypes as gt
from awsglue.records import Records
from awsglue.reshaping import union
from awsglue.sources import grok, json_files, tabular
from awsglue.sources.scans import Scan
from awsglue.workspace import Workspace
from glulam.model.errors import InvalidInput

FORMATS = ("json", "csv", "xml", "grokLog", *tabular.SELF_DESCRIBING)


def read_all(
    work: Workspace, scans: list[Scan], form: str | None, options: dict[str, Any], *, stage: int, site: str
) -> Records:
    if not scans:
        return Records.of(work.session.range(0).select())
    return reduce(union, [read(work, scan, form, options, stage=stage, site=site) for scan in scans])


def read(
    work: Workspace, scan: Scan, form: str | None, options: dict[str, Any], *, stage: int, site: str,
    columns: gt.StructType | None = None,
) -> Records:  # fmt: skip
    """`columns`: those of the catalog's table, which CSV files are read by. Raises InvalidInput for an unknown format."""
    if form == "json":
        return json_files.read(work, scan, options, stage=stage, site=site)
    if form == "csv":
        if columns is not None and columns.fields:
            return tabular.csv_of_table(work, scan, options, columns)
        return tabular.csv(work, scan, options)
    if form == "xml":
        return tabular.xml(work, scan, options)
    if form == "grokLog":
        return grok.read(work, scan, options, stage=stage, site=site)
    if form in tabular.SELF_DESCRIBING:
        return tabular.self_describing(work, scan, form, options)
    raise InvalidInput(f"format {form!r}: expected one of {', '.join(FORMATS)}")
