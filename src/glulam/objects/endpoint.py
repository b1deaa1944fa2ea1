"""Which S3 the usual AWS variables name."""

from __future__ import annotations

from collections.abc import Mapping


def s3_endpoint(env: Mapping[str, str]) -> str | None:
    """Its URL; None: AWS's own. Another server than AWS is addressed by path, not by host name."""
    return env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None
