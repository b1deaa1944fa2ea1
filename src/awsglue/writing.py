"""`glueContext.write_dynamic_frame.from_...`, `glueContext.write_data_frame.from_...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import DataFrame

if TYPE_CHECKING:
    from awsglue.context import GlueContext


class DynamicFrameWriter:
    """Each method takes a DynamicFrame or a DynamicFrameCollection, and gives it back."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_options(
        self, frame: Any, connection_type: str, connection_options: dict[str, Any] | None = None,
        format: str | None = None, format_options: dict[str, Any] | None = None, transformation_ctx: str = "",
    ) -> Any:  # fmt: skip
        return self._glue_context.write_dynamic_frame_from_options(
            frame, connection_type, connection_options, format, format_options, transformation_ctx
        )

    def from_catalog(
        self, frame: Any, database: str | None = None, table_name: str | None = None, redshift_tmp_dir: str = "",
        transformation_ctx: str = "", additional_options: dict[str, Any] | None = None, catalog_id: str | None = None,
        **kwargs: Any,
    ) -> Any:  # fmt: skip
        return self._glue_context.write_dynamic_frame_from_catalog(
            frame, database or kwargs.pop("name_space", None), table_name, redshift_tmp_dir, transformation_ctx,
            additional_options, catalog_id,
        )  # fmt: skip

    def from_jdbc_conf(
        self, frame: Any, catalog_connection: str, connection_options: dict[str, Any] | None = None,
        redshift_tmp_dir: str = "", transformation_ctx: str = "", catalog_id: str | None = None,
    ) -> Any:  # fmt: skip
        return self._glue_context.write_dynamic_frame_from_jdbc_conf(
            frame, catalog_connection, connection_options, redshift_tmp_dir, transformation_ctx, catalog_id
        )


class DataFrameWriter:
    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context

    def from_options(self, frame: DataFrame, connection_type: str, **kwargs: Any) -> DataFrame:
        self._glue_context.write_dynamic_frame.from_options(
            self._glue_context.framed(frame), connection_type, **kwargs
        )
        return frame

    def from_catalog(self, frame: DataFrame, database: str, table_name: str, **kwargs: Any) -> DataFrame:
        self._glue_context.write_dynamic_frame.from_catalog(
            self._glue_context.framed(frame), database, table_name, **kwargs
        )
        return frame
