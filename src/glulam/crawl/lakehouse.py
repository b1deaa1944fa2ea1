"""Iceberg tables, found by their own metadata: a folder with `metadata/*.metadata.json`, of which the newest counts.

Data files are not opened. Left to others: reading that metadata (`describe`, done by the room `iceberg`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from glulam.catalog.descriptor import Column
from glulam.catalog.iceberg import METADATA_LOCATION
from glulam.crawl.findings import ColumnFinding
from glulam.crawl.found import FoundTable
from glulam.crawl.globs import excluder
from glulam.crawl.naming import table_name
from glulam.crawl.targets import IcebergTarget
from glulam.model.errors import ObjectNotFound
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStat, ObjectStore

Describe = Callable[[S3Uri], tuple[Column, ...]]
"""The current columns that an Iceberg metadata file names. Raises StorageFailed."""

_METADATA = re.compile(r"(?:(.*)/)?metadata/(?:v(\d+)|(\d+)-[^/]*)(?:\.gz)?\.metadata\.json(?:\.gz)?")


@dataclass(frozen=True, kw_only=True)
class IcebergFolders:
    """Finds tables in a store."""

    store: ObjectStore
    describe: Describe

    def tables(self, target: IcebergTarget) -> list[FoundTable]:
        """The tables below the path, as deep as the target says. Raises ObjectNotFound when there is none."""
        newest: dict[str, tuple[int, ObjectStat]] = {}
        excluded = excluder(target.exclusions)
        for page in self.store.list(target.path):
            for found in page:
                path = found.uri.key[len(target.path.key) :]
                match = _METADATA.fullmatch(path)
                if match is None or excluded(path) or (match[1] or "").count("/") >= target.depth:
                    continue
                version = int(match[2] or match[3])
                known = newest.get(match[1] or "")
                if known is None or (version, found.last_modified) > (known[0], known[1].last_modified):
                    newest[match[1] or ""] = (version, found)
        if not newest:
            raise ObjectNotFound(
                f"{target.path}: no Iceberg table lies there; expected metadata/*.metadata.json within {target.depth} folders"
            )
        return [self._iceberg(target.path, folder, stat.uri) for folder, (_, stat) in sorted(newest.items())]

    def _iceberg(self, root: S3Uri, folder: str, metadata: S3Uri) -> FoundTable:
        place = S3Uri(root.bucket, f"{root.key}{folder}{'/' if folder else ''}")
        columns = tuple(
            ColumnFinding(name=c.name, source_name=c.name, type=c.data_type) for c in self.describe(metadata)
        )
        return lakehouse_table(place, "iceberg", columns, {"table_type": "ICEBERG", METADATA_LOCATION: str(metadata)},
                      f"{metadata} is the newest metadata file")  # fmt: skip


def lakehouse_table(
    place: S3Uri, kind: str, columns: tuple[ColumnFinding, ...], parameters: dict[str, str], reason: str
) -> FoundTable:
    """A table that its own metadata describes; files and records are not counted."""
    name = table_name(place.key.rstrip("/").rpartition("/")[2] or place.bucket)
    return FoundTable(
        name=name, location=str(place), classification=kind, compression="none", parameters=parameters, columns=columns,
        files=0, size_bytes=0, records=0, complete=True, reasons=(reason,), storage={"typeOfData": "file"},
    )  # fmt: skip
