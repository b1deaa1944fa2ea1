"""purge_s3_path, purge_table: deleting files that are older than a retention period."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from awsglue.listing import FileVersion, files, store_of
from awsglue.workspace import Workspace
from glulam.model.errors import InvalidInput
from glulam.model.uri import S3Uri

log = logging.getLogger("awsglue")
_WEEK_H = 168


def purge(work: Workspace, paths: Iterable[str], options: dict[str, Any], now: datetime) -> list[FileVersion]:
    """Deletes what is older than `retentionPeriod` hours (168); returns it. Files that changed meanwhile stay."""
    hours = float(options.get("retentionPeriod", _WEEK_H))
    if hours < 0:
        raise InvalidInput(f"retentionPeriod: {hours}; expected hours from 0")
    for unknown in ("manifestFilePath", "excludeStorageClasses"):
        if options.get(unknown):
            log.warning("purge: option %s has no effect here", unknown)
    before = (now - timedelta(hours=hours)).timestamp()
    old = [file for file in files(work.settings, paths) if file.modified <= before]
    for file in old:
        if file.path.startswith(("s3://", "s3a://", "s3n://")):
            store_of(work.settings).delete(S3Uri.parse(file.path), file.etag)
        else:
            Path(file.path.removeprefix("file://")).unlink(missing_ok=True)
    log.info("purged %d files older than %g hours", len(old), hours)
    return old
