"""The library that scripts written for AWS Glue import, on PySpark's DataFrame API. See docs/awsglue.md.

`from awsglue import DynamicFrame` loads Spark when it is executed, and not before: the pytest plugin is in here too.
"""

import importlib
from typing import Any

__all__ = ["DynamicFrame"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("awsglue.dynamicframe"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
