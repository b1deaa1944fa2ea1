"""GlueContext: the door that scripts open first. Readers, writers and the catalog hang on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as sp

from awsglue import gluetypes as gt
from awsglue import purging
from awsglue.data_sink import DataSink
from awsglue.data_source import DataSource
from awsglue.dynamicframe import DynamicFrame, next_stage
from awsglue.physical import struct_to_spark
from awsglue.reading import DataFrameReader, DynamicFrameReader
from awsglue.records import Records
from awsglue.session import configure, find_session
from awsglue.sources import files, jdbc, scans, tables
from awsglue.sources.tables import Table
from awsglue.workspace import Workspace, catalog, flag
from awsglue.writing import DataFrameWriter, DynamicFrameWriter
from glulam.model.clock import utc_now
from glulam.model.errors import InvalidInput, OperationNotSupported
from glulam.settings import Settings

log = logging.getLogger("awsglue")
_FILES = ("s3", "file")
_STREAMS = ("kinesis", "kafka")
_BATCH_RETRIES = 3


class GlueContext:
    """`GlueContext(SparkContext.getOrCreate())`, `GlueContext(spark_session)` or `GlueContext()`."""

    def __init__(self, sparkContext: Any = None, **options: Any) -> None:
        settings = Settings.from_env()
        given = sparkContext if isinstance(sparkContext, SparkSession) or _is_session(sparkContext) else None
        if given is None:
            given = find_session(settings)
        configure(given, settings)
        self.workspace = Workspace(session=given, settings=settings)
        self.create_dynamic_frame = DynamicFrameReader(self)
        self.create_data_frame = DataFrameReader(self)
        self.write_dynamic_frame = DynamicFrameWriter(self)
        self.write_data_frame = DataFrameWriter(self)

    @property
    def spark_session(self) -> SparkSession:
        return self.workspace.session

    @property
    def sparkSession(self) -> SparkSession:
        return self.workspace.session

    def __getattr__(self, name: str) -> Any:
        """What Spark's own context has: sql, read, table, createDataFrame, udf, ..."""
        if name.startswith("_") or name == "workspace":
            raise AttributeError(name)
        return getattr(self.workspace.session, name)

    def get_logger(self) -> logging.Logger:
        """Standard logging; Glue's `warn` is there too."""
        return logging.getLogger("glue.script")

    def getSampleOptions(self) -> dict[str, Any]:
        return {}

    def framed(self, frame: DataFrame) -> DynamicFrame:
        return DynamicFrame.fromDF(frame, self, "")

    def session_for(self, path: str) -> SparkSession:
        """The session, with the path's bucket mounted."""
        self.workspace.reach(path)
        return self.workspace.session

    # -- sources -----------------------------------------------------------------------------------------------------

    def create_dynamic_frame_from_options(
        self, connection_type: str, connection_options: dict[str, Any] | None = None, format: str | None = None,
        format_options: dict[str, Any] | None = None, transformation_ctx: str = "", push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:  # fmt: skip
        options, details = dict(connection_options or {}), dict(format_options or {})
        work = self.workspace
        if connection_type in _FILES:
            found = scans.of_options(work, options, transformation_ctx)

            def make(stage: int) -> Records:
                records = files.read_all(work, found, format, details, stage=stage, site=transformation_ctx)
                if push_down_predicate and records.schema.fields:
                    return records.filtered(F.expr(push_down_predicate))
                return records

            return self._lazy(make, transformation_ctx)
        if connection_type in jdbc.DRIVERS or connection_type == "jdbc":
            if options.get("connectionName"):
                options = {**self.extract_jdbc_conf(options["connectionName"]), **options}
            bookmark = scans.bookmark_of(work, transformation_ctx, options)
            return DynamicFrame(
                jdbc.read(work, connection_type, options, bookmark, transformation_ctx),
                self,
                transformation_ctx,
            )
        if connection_type in _STREAMS:
            raise OperationNotSupported(
                f"connection_type {connection_type!r}: streaming sources are not there yet"
            )
        raise InvalidInput(
            f"connection_type {connection_type!r}: expected s3, file, {', '.join(jdbc.DRIVERS)} or jdbc"
        )

    def create_dynamic_frame_from_catalog(
        self, database: str | None = None, table_name: str | None = None, redshift_tmp_dir: str = "",
        transformation_ctx: str = "", push_down_predicate: str = "", additional_options: dict[str, Any] | None = None,
        catalog_id: str | None = None, **kwargs: Any,
    ) -> DynamicFrame:  # fmt: skip
        if not database or not table_name:
            raise InvalidInput("from_catalog needs database and table_name")
        work, options = self.workspace, dict(additional_options or {})
        table = Table(work.table(database, table_name, catalog_id))
        if table.format in tables.DATABASES:
            return self._from_database(table, options, transformation_ctx, catalog_id)

        found = tables.scans_of(work, table, push_down_predicate, options, transformation_ctx, catalog_id)

        def make(stage: int) -> Records:
            return tables.read(work, table, found, options, stage=stage, site=transformation_ctx)

        return self._lazy(make, transformation_ctx)

    def _from_database(
        self, table: Table, options: dict[str, Any], ctx: str, catalog_id: str | None
    ) -> DynamicFrame:
        given = self._of_database(table, options, catalog_id)
        bookmark = scans.bookmark_of(self.workspace, ctx, given)
        return DynamicFrame(jdbc.read(self.workspace, table.format, given, bookmark, ctx), self, ctx)

    def _of_database(self, table: Table, options: dict[str, Any], catalog_id: str | None) -> dict[str, Any]:
        """The options of a catalog table that lies in a database."""
        name = table.parameters.get("connectionName") or table.parameters.get("CONNECTION_NAME")
        if not name:
            raise InvalidInput(
                f"table {table.name} of a database does not name its connection (parameter connectionName)"
            )
        conf = self.extract_jdbc_conf(name, catalog_id)
        return {**conf, "dbtable": jdbc.table_at(table.format, table.location), **options}

    def _lazy(self, make: Callable[[int], Records], name: str) -> DynamicFrame:
        stage = next_stage()
        return DynamicFrame(lambda: make(stage), self, name, stage=stage)

    def create_dynamic_frame_from_rdd(
        self, data: Any, name: str, schema: Any = None, sampleRatio: float | None = None
    ) -> DynamicFrame:
        """An RDD (of a classic session only) or a list. `schema`: Spark's, or one of gluetypes."""
        given = struct_to_spark(schema) if isinstance(schema, gt.StructType) else schema
        frame = self.workspace.session.createDataFrame(data, given, sampleRatio) if given is None else (
            self.workspace.session.createDataFrame(data, given))  # fmt: skip
        return DynamicFrame(Records.of(frame), self, name)

    def create_data_frame_from_options(self, connection_type: str, *args: Any, **kwargs: Any) -> DataFrame:
        return self.create_data_frame.from_options(connection_type, *args, **kwargs)

    def create_data_frame_from_catalog(
        self, database: str, table_name: str, *args: Any, **kwargs: Any
    ) -> DataFrame:
        names = ("transformation_ctx", "additional_options", "push_down_predicate", "catalog_id")
        return self.create_data_frame.from_catalog(
            database, table_name, **dict(zip(names, args, strict=False)), **kwargs
        )

    def create_sample_dynamic_frame_from_catalog(
        self, database: str, table_name: str, num: int, redshift_tmp_dir: str = "", transformation_ctx: str = "",
        push_down_predicate: str = "", additional_options: dict[str, Any] | None = None, sample_options: Any = None,
        catalog_id: str | None = None,
    ) -> list[Any]:  # fmt: skip
        """The first `num` records, as Rows."""
        frame = self.create_dynamic_frame_from_catalog(
            database,
            table_name,
            redshift_tmp_dir,
            transformation_ctx,
            push_down_predicate,
            additional_options,
            catalog_id,
        )
        return list(frame.toDF().limit(num).collect())

    def create_sample_dynamic_frame_from_options(
        self, connection_type: str, connection_options: dict[str, Any] | None = None, num: int = 10,
        sample_options: Any = None, format: str | None = None, format_options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> list[Any]:  # fmt: skip
        frame = self.create_dynamic_frame_from_options(
            connection_type, connection_options, format, format_options, transformation_ctx
        )
        return list(frame.toDF().limit(num).collect())

    def getSource(self, connection_type: str, transformation_ctx: str = "", **options: Any) -> DataSource:
        return DataSource(self, connection_type, options, transformation_ctx)

    # -- sinks -------------------------------------------------------------------------------------------------------

    def getSink(
        self, connection_type: str, format: str | None = None, transformation_ctx: str = "", **options: Any
    ) -> DataSink:
        return DataSink(self, connection_type, format, options)

    def write_dynamic_frame_from_options(
        self, frame: Any, connection_type: str, connection_options: dict[str, Any] | None = None,
        format: str | None = None, format_options: dict[str, Any] | None = None, transformation_ctx: str = "",
    ) -> Any:  # fmt: skip
        options = dict(connection_options or {})
        if options.get("connectionName"):
            options = {**self.extract_jdbc_conf(options["connectionName"]), **options}
        sink = self.getSink(
            connection_type, format, transformation_ctx, **{**options, "format_options": format_options}
        )
        return sink.write(frame)

    def write_from_options(self, frame_or_dfc: Any, connection_type: str, **kwargs: Any) -> Any:
        return self.write_dynamic_frame_from_options(frame_or_dfc, connection_type, **kwargs)

    def write_dynamic_frame_from_catalog(
        self, frame: Any, database: str | None, table_name: str | None, redshift_tmp_dir: str = "",
        transformation_ctx: str = "", additional_options: dict[str, Any] | None = None, catalog_id: str | None = None,
    ) -> Any:  # fmt: skip
        """Into a table that is there: its location, format and partition keys, or its database."""
        if not database or not table_name:
            raise InvalidInput("from_catalog needs database and table_name")
        table, options = (
            Table(self.workspace.table(database, table_name, catalog_id)),
            dict(additional_options or {}),
        )
        if table.format in tables.DATABASES:
            given = self._of_database(table, options, catalog_id)
            return self.getSink(table.format, None, transformation_ctx, **given).write(frame)
        keys = options.get("partitionKeys") or [f.name for f in table.keys.fields]
        details = {**table.format_options(), "writeHeader": table.format_options()["withHeader"]}
        given = {"path": table.location, "partitionKeys": keys, "updateBehavior": options.get("updateBehavior", "LOG"),
                 "enableUpdateCatalog": flag(options, "enableUpdateCatalog"), "format_options": details}  # fmt: skip
        sink = self.getSink("s3", table.format, transformation_ctx, **given)
        sink.setCatalogInfo(database, table_name)
        return sink.write(frame)

    def write_dynamic_frame_from_jdbc_conf(
        self, frame: Any, catalog_connection: str, connection_options: dict[str, Any] | None = None,
        redshift_tmp_dir: str = "", transformation_ctx: str = "", catalog_id: str | None = None,
    ) -> Any:  # fmt: skip
        options = {**self.extract_jdbc_conf(catalog_connection, catalog_id), **(connection_options or {})}
        return self.getSink("jdbc", None, transformation_ctx, **options).write(frame)

    def write_data_frame_from_catalog(
        self, frame: DataFrame, database: str, table_name: str, **kwargs: Any
    ) -> DataFrame:
        return self.write_data_frame.from_catalog(frame, database, table_name, **kwargs)

    # -- the catalog -------------------------------------------------------------------------------------------------

    def table_schema(self, database: str, table_name: str, catalog_id: str | None = None) -> gt.StructType:
        """Columns and partition keys of a catalog table."""
        table = Table(self.workspace.table(database, table_name, catalog_id))
        return gt.StructType([*table.columns.fields, *table.keys.fields])

    def get_catalog_schema_as_spark_schema(
        self, database: str, table_name: str, catalog_id: str | None = None
    ) -> sp.StructType:
        return struct_to_spark(self.table_schema(database, table_name, catalog_id))

    def extract_jdbc_conf(self, connection_name: str, catalog_id: str | None = None) -> dict[str, Any]:
        """url, user and password of a connection of the catalog."""
        answer = self.workspace.glue.get_connection(Name=connection_name, **catalog(catalog_id))
        return {
            name: value
            for name, value in jdbc.of_connection(answer["Connection"]).items()
            if value is not None
        }

    def purge_table(
        self, catalog_id: str | None = None, database: str = "", table_name: str = "", options: dict[str, Any] | None = None,
        transformation_ctx: str = "",
    ) -> None:  # fmt: skip
        """Deletes the table's files that are older than `retentionPeriod` hours. With a `partitionPredicate`, those of the
        partitions that it selects."""
        chosen, work = dict(options or {}), self.workspace
        table = Table(work.table(database, table_name, catalog_id or None))
        paths = [table.location]
        if table.keys.fields:
            predicate = chosen.get("partitionPredicate", "")
            paths = [
                place for place, _ in tables.chosen_partitions(work, table, predicate, "", catalog_id or None)
            ]
        purging.purge(work, paths, chosen, utc_now())

    def purge_s3_path(
        self, s3_path: str, options: dict[str, Any] | None = None, transformation_ctx: str = ""
    ) -> None:
        purging.purge(self.workspace, [s3_path], dict(options or {}), utc_now())

    def transition_s3_path(self, s3_path: str, transition_to: str, options: dict[str, Any] | None = None,
                           transformation_ctx: str = "") -> None:  # fmt: skip
        raise OperationNotSupported(
            "storage classes are a matter of S3: a lake has none; use the bucket's lifecycle rules"
        )

    def transition_table(
        self, database: str, table_name: str, transition_to: str, *args: Any, **kwargs: Any
    ) -> None:
        self.transition_s3_path(table_name, transition_to)

    # -- transactions of governed tables, streams --------------------------------------------------------------------

    def start_transaction(self, read_only: bool) -> str:
        raise OperationNotSupported(
            "transactions are those of governed tables, which AWS has withdrawn; use Iceberg"
        )

    def commit_transaction(self, transaction_id: str, wait_for_commit: bool = True) -> bool:
        raise OperationNotSupported(
            "transactions are those of governed tables, which AWS has withdrawn; use Iceberg"
        )

    def cancel_transaction(self, transaction_id: str) -> None:
        raise OperationNotSupported(
            "transactions are those of governed tables, which AWS has withdrawn; use Iceberg"
        )

    def forEachBatch(
        self, frame: DataFrame, batch_function: Callable[[DataFrame, int], None], options: dict[str, Any]
    ) -> None:
        """Runs `batch_function(batch, number)` for each micro-batch of a streaming DataFrame, until it ends. A batch that
        fails is tried `batchMaxRetries` (3) times more, then the stream fails with it."""
        interval, place = options.get("windowSize"), options.get("checkpointLocation")
        if not interval or not place:
            raise InvalidInput(
                'forEachBatch needs options={"windowSize": "100 seconds", "checkpointLocation": a path}'
            )
        self.workspace.reach(place)
        retried = _retried(batch_function, int(options.get("batchMaxRetries", _BATCH_RETRIES)))
        writer = frame.writeStream.foreachBatch(retried).option("checkpointLocation", place)
        writer.trigger(processingTime=str(interval)).start().awaitTermination()

    def add_ingestion_time_columns(self, frame: DataFrame, timeGranularity: str = "") -> DataFrame:
        """ingest_year, ingest_month, ingest_day and, for `hour` and `minute`, the finer ones."""
        parts: Sequence[str] = ("year", "month", "day", "hour", "minute")
        if timeGranularity and timeGranularity not in parts[2:]:
            raise InvalidInput(f"timeGranularity {timeGranularity!r}: expected day, hour or minute")
        wanted = parts[: parts.index(timeGranularity or "day") + 1]
        now = utc_now()
        return frame.withColumns({f"ingest_{part}": F.lit(getattr(now, part)) for part in wanted})


def _retried(work: Callable[[DataFrame, int], None], retries: int) -> Callable[[DataFrame, int], None]:
    def batch(frame: DataFrame, number: int) -> None:
        for left in range(retries, -1, -1):
            try:
                return work(frame, number)
            except Exception as error:
                if not left:
                    raise
                log.warning("batch %s failed, and is tried again: %s", number, error)

    return batch


def _is_session(value: Any) -> bool:
    """A Spark Connect session is of another class."""
    return hasattr(value, "createDataFrame") and hasattr(value, "conf")
