"""`glueContext.create_dynamic_frame.from_...` and `glueContext.create_data_frame.from_...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DynamicFrameReader:
    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_rdd(
        self, data: Any, name: str, schema: Any = None, sampleRatio: float | None = None
    ) -> DynamicFrame:
        return self._glue_context.create_dynamic_frame_from_rdd(data, name, schema, sampleRatio)

    def from_options(
        self, connection_type: str, connection_options: dict[str, Any] | None = None, format: str | None = None,
        format_options: dict[str, Any] | None = None, transformation_ctx: str = "", push_down_predicate: str = "",
        **kwargs: Any,
    ) -> DynamicFrame:  # fmt: skip
        return self._glue_context.create_dynamic_frame_from_options(
            connection_type,
            connection_options,
            format,
            format_options,
            transformation_ctx,
            push_down_predicate,
            **kwargs,
        )

    def from_catalog(
        self, database: str | None = None, table_name: str | None = None, redshift_tmp_dir: str = "",
        transformation_ctx: str = "", push_down_predicate: str = "", additional_options: dict[str, Any] | None = None,
        catalog_id: str | None = None, **kwargs: Any,
    ) -> DynamicFrame:  # fmt: skip
        """`name_space` is an old name of `database`."""
        return self._glue_context.create_dynamic_frame_from_catalog(
            database or kwargs.pop("name_space", None), table_name, redshift_tmp_dir, transformation_ctx,
            push_down_predicate, additional_options, catalog_id, **kwargs,
        )  # fmt: skip


class DataFrameReader:
    """The same sources as DataFrames."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._frames = DynamicFrameReader(glue_context)

    def from_options(self, connection_type: str, *args: Any, **kwargs: Any) -> DataFrame:
        return self._frames.from_options(connection_type, *args, **kwargs).toDF()

    def from_catalog(
        self, database: str | None = None, table_name: str | None = None, **kwargs: Any
    ) -> DataFrame:
        return self._frames.from_catalog(database, table_name, **kwargs).toDF()
