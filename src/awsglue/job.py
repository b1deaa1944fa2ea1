"""Job: init loads the bookmark, commit sends what was read. Without commit, the next run reads the same again."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import uuid
from typing import Any

from awsglue.bookmark_clients import client_for
from awsglue.bookmarks import DISABLE, JobBookmark
from awsglue.context import GlueContext
from awsglue.utils import parsed
from glulam.model.errors import InvalidInput

log = logging.getLogger("awsglue")


class Job:
    """`job = Job(glueContext); job.init(args["JOB_NAME"], args); ...; job.commit()`."""

    def __init__(self, glue_context: GlueContext) -> None:
        self._glue_context = glue_context
        self._bookmark: JobBookmark | None = None
        self._committed = False

    def init(self, job_name: str, args: dict[str, Any] | None = None) -> None:
        if self._bookmark is not None:
            raise InvalidInput(f"job {job_name!r}: init was called before")
        words = {**parsed(sys.argv[1:]), **(args or {})}
        run_id = str(
            words.get("JOB_RUN_ID") or os.environ.get("GLULAM_JOB_RUN_ID") or f"local-{uuid.uuid4().hex}"
        )
        option = str(words.get("job_bookmark_option") or DISABLE)
        start, end = (
            str(words[n]) if words.get(n) else None for n in ("job_bookmark_from", "job_bookmark_to")
        )
        client = client_for(run_id)
        self._bookmark = JobBookmark.begin(
            client, job_name=job_name, run_id=run_id, option=option, start=start, end=end
        )
        self._glue_context.workspace.bookmark = self._bookmark
        if self._bookmark.reads:
            atexit.register(self._warn)

    def commit(self) -> None:
        """Sends the bookmark; it counts once the run has succeeded. May be called more than once."""
        if self._bookmark is None:
            log.warning("job.commit() without job.init(): there is no bookmark to commit")
            return
        self._bookmark.commit()
        self._committed = True

    def isInitialized(self) -> bool:
        return self._bookmark is not None

    def _warn(self) -> None:
        if self._bookmark is not None and not self._committed:
            log.warning("job.commit() was not called: the next run reads the same data again")
