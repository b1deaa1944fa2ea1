"""An independent reader of Iceberg tables on a lake: the pointer by plain SQL, the rest by PyIceberg alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from pyiceberg.io import InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.table import StaticTable

POINTER = """
SELECT document -> 'Parameters' ->> 'metadata_location' FROM catalog_table
WHERE name = %s AND deleted_at IS NULL
"""


class LakeIO(PyArrowFileIO):
    """`s3://bucket/key` is a file of the lake."""

    def new_input(self, location: str) -> InputFile:
        return super().new_input(location.replace("s3://", f"{self.properties['lake']}/"))

    def new_output(self, location: str) -> OutputFile:
        found = super().new_output(location.replace("s3://", f"{self.properties['lake']}/"))
        found._location = location
        return found


def open_table(database_url: str, lake: Path, name: str = "events") -> StaticTable | None:
    """None: there is no such table, or it is no Iceberg table."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        row = conn.execute(POINTER, (name,)).fetchone()
    if row is None or row[0] is None:
        return None
    place = str(row[0]).replace("s3://", f"{lake}/")
    return StaticTable.from_metadata(place, {"py-io-impl": "icebergreader.LakeIO", "lake": str(lake)})


def rows_of(table: StaticTable | None, *columns: str) -> list[dict[str, Any]]:
    if table is None:
        return []
    found: list[dict[str, Any]] = table.scan(selected_fields=columns or ("*",)).to_arrow().to_pylist()
    return found


def data_files(table: StaticTable | None) -> dict[str, int]:
    """Rows by URI of the current snapshot's data files."""
    if table is None:
        return {}
    return {task.file.file_path: task.file.record_count for task in table.scan().plan_files()}


def batches_of(table: StaticTable | None) -> list[str]:
    """The batch of each snapshot, oldest first."""
    if table is None:
        return []
    return [s.summary["glulam.batch-id"] for s in table.metadata.snapshots if s.summary is not None]
