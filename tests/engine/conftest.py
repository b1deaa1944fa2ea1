"""Fixtures of the engines' tests."""

from __future__ import annotations

from s3server import s3_bucket, s3_endpoint, s3_env

__all__ = ["s3_bucket", "s3_endpoint", "s3_env"]
