"""What getSink() gives: a place to write frames to, and the catalog table that describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from awsglue.collection import DynamicFrameCollection
from awsglue.sinks import files, tables
from awsglue.sources import jdbc
from awsglue.sources.scans import texts
from awsglue.workspace import flag
from glulam.model.errors import InvalidInput

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DataSink:
    """connection_type `s3` or `file` writes files, a database's name rows. Other stores are refused by name."""

    def __init__(
        self, glue_context: GlueContext, connection_type: str, format: str | None, options: dict[str, Any]
    ) -> None:
        self._glue_context, self._connection_type, self._options = glue_context, connection_type, options
        self._format, self._format_options = format, dict(options.get("format_options") or {})
        self._table: tuple[str, str] | None = None

    def setFormat(self, format: str, **options: Any) -> None:
        self._format, self._format_options = format, {**self._format_options, **options}

    def setAccumulableSize(self, size: int) -> None:
        """Glue's memory setting for error records; nothing here needs it."""

    def setCatalogInfo(self, catalogDatabase: str, catalogTableName: str) -> None:
        self._table = catalogDatabase, catalogTableName

    def write(self, dynamic_frame_or_dfc: Any, info: str = "") -> Any:
        if isinstance(dynamic_frame_or_dfc, DynamicFrameCollection):
            for name, frame in dynamic_frame_or_dfc.items():
                self._write_one(frame, name)
        else:
            self._write_one(dynamic_frame_or_dfc, None)
        return dynamic_frame_or_dfc

    writeFrame = write

    def _write_one(self, frame: DynamicFrame, name: str | None) -> None:
        frame.assertErrorThreshold()
        if self._connection_type in ("s3", "file"):
            self._write_files(frame, name)
        elif self._connection_type in jdbc.DRIVERS or self._connection_type == "jdbc":
            options = {**self._options, **({"dbtable": name} if name else {})}
            jdbc.write(frame.records.frame, self._connection_type, options)
        else:
            raise InvalidInput(
                f"connection_type {self._connection_type!r}: expected s3, {', '.join(jdbc.DRIVERS)} or jdbc"
            )

    def _write_files(self, frame: DynamicFrame, name: str | None) -> None:
        path = self._options.get("path")
        if not path:
            raise InvalidInput('a sink of files needs connection_options={"path": ...}')
        place = f"{str(path).rstrip('/')}/{name}" if name else str(path)
        form, keys = self._format, texts("partitionKeys", self._options.get("partitionKeys") or ())
        if form is None:
            raise InvalidInput(
                "a sink of files needs a format: json, csv, parquet, glueparquet, orc, avro or xml"
            )
        work = self._glue_context.workspace
        files.write(work, frame.records, path=place, form=form, options=self._format_options, keys=keys,
                    compression=self._options.get("compression"))  # fmt: skip
        if flag(self._options, "enableUpdateCatalog") and frame.schema().fields:
            if self._table is None:
                raise InvalidInput(
                    "enableUpdateCatalog needs setCatalogInfo(catalogDatabase=..., catalogTableName=...)"
                )
            tables.update(
                work, database=self._table[0], name=self._table[1], path=place, form=form, options=self._format_options,
                schema=frame.schema(), keys=keys, behavior=self._options.get("updateBehavior", tables.LOG),
            )  # fmt: skip
