"""Transforms that take and give DataFrames."""

from awsglue.transforms.frames import ApplyMapping

__all__ = ["ApplyMapping"]
