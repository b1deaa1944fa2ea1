"""The library that scripts written for AWS Glue import, on PySpark's DataFrame API. See docs/awsglue.md."""

from awsglue.dynamicframe import DynamicFrame

__all__ = ["DynamicFrame"]
