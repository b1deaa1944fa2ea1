"""GlueTransform: what `awsglue.transforms` has in common, and its description of itself."""

from __future__ import annotations

import inspect
from typing import Any


class GlueTransform:
    """A transform is called with its arguments, or by `Transform.apply(...)`, which scripts use."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        return cls()(*args, **kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what it does")

    @classmethod
    def name(cls) -> str:
        return cls.__name__

    @classmethod
    def describeArgs(cls) -> list[dict[str, Any]]:
        """Name, type, whether it is optional, and its default: one dict an argument."""
        parameters = list(inspect.signature(cls.__call__).parameters.values())[1:]
        return [
            {"name": p.name, "type": str(p.annotation), "description": "", "optional": p.default is not p.empty,
             "defaultValue": None if p.default is p.empty else p.default}
            for p in parameters if p.kind is not p.VAR_KEYWORD
        ]  # fmt: skip

    @classmethod
    def describeReturn(cls) -> dict[str, Any]:
        return {"type": str(inspect.signature(cls.__call__).return_annotation), "description": ""}

    @classmethod
    def describeTransform(cls) -> str:
        return inspect.getdoc(cls) or ""

    @classmethod
    def describeErrors(cls) -> list[dict[str, str]]:
        return []

    @classmethod
    def describe(cls) -> dict[str, Any]:
        return {"transform": {"name": cls.name(), "args": cls.describeArgs(), "returns": cls.describeReturn(),
                              "raises": cls.describeErrors(), "description": cls.describeTransform()}}  # fmt: skip
