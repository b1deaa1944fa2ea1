"""What getSource() gives: a source to which a script adds its format, then asks for the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from awsglue.context import GlueContext
    from awsglue.dynamicframe import DynamicFrame


class DataSource:
    def __init__(
        self, glue_context: GlueContext, connection_type: str, options: dict[str, Any], ctx: str
    ) -> None:
        self._glue_context, self._connection_type = glue_context, connection_type
        self._options, self._ctx = options, ctx
        self._format: str | None = None
        self._format_options: dict[str, Any] = {}

    def setFormat(self, format: str, **options: Any) -> None:
        self._format, self._format_options = format, options

    def getFrame(self, **options: Any) -> DynamicFrame:
        return self._glue_context.create_dynamic_frame_from_options(
            self._connection_type, {**self._options, **options}, self._format, self._format_options, self._ctx
        )
