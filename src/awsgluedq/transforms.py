"""EvaluateDataQuality. The engine that evaluates rules is not there yet, and a check that did not run must not pass."""

from __future__ import annotations

from typing import Any

from awsglue.transforms.transform import GlueTransform
from glulam.model.errors import OperationNotSupported


class EvaluateDataQuality(GlueTransform):
    """Evaluates a DQDL ruleset on a frame."""

    def __call__(
        self, frame: Any, ruleset: str, publishing_options: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        raise OperationNotSupported(
            "EvaluateDataQuality: data quality is not there yet; no rule was evaluated"
        )

    def process_rows(
        self, frame: Any, ruleset: str, publishing_options: dict[str, Any] | None = None,
        additional_options: dict[str, Any] | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        return self(frame, ruleset, publishing_options)
