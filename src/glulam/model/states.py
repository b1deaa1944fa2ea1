"""States of a file version and of a batch, with the moves between them that are allowed.

file:   PENDING -> PROCESSING -> SUCCEEDED
                      |  \\--> FAILED (will be tried again) -> PROCESSING
                      |  \\--> QUARANTINED (last attempt used; `glulam files retry` -> PENDING)
                      \\-----> SUPERSEDED (overwritten or gone before it was read)
        PENDING|FAILED|QUARANTINED -> SKIPPED (`glulam files skip`), SUPERSEDED (a newer version was listed)

batch:  READY -> RUNNING -> COMMITTED -> DONE
          ^         |  \\--> SPLIT   (its two halves are READY)
          \\---------/   \\-> FAILED  (one file, last attempt used)
"""

from __future__ import annotations

from enum import StrEnum


class FileStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    QUARANTINED = "QUARANTINED"
    SUPERSEDED = "SUPERSEDED"
    SKIPPED = "SKIPPED"


class BatchState(StrEnum):
    READY = "READY"
    RUNNING = "RUNNING"
    COMMITTED = "COMMITTED"
    DONE = "DONE"
    SPLIT = "SPLIT"
    FAILED = "FAILED"
