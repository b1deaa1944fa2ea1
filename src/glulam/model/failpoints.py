"""Named points at which a test can stop the process, as a power cut would.

`GLULAM_FAILPOINT=name` kills the process with SIGKILL the first time it gets there; `name:3` the third time;
`name:pause` (or `name:3:pause`) stops it with SIGSTOP (the test continues it later). Unset, a failpoint costs one
dictionary look-up.
The full list stands in `FAILPOINTS`, so that the crash sweep cannot miss one: an unlisted name is an error.
"""

from __future__ import annotations

import os
import signal

FAILPOINTS = (
    "list.before_register",
    "list.after_register",
    "claim.before_commit",
    "claim.after_commit",
    "read.before",
    "read.during",
    "read.after_scan",
    "stage.before",
    "stage.during_write",
    "stage.after_good",
    "stage.after_dead_letters",
    "stage.after_verify",
    "iceberg.before",
    "iceberg.after_manifests",
    "iceberg.after_metadata",
    "commit.before",
    "commit.after_files",
    "commit.after_catalog",
    "commit.before_commit",
    "commit.after_commit",
    "publish.before",
    "publish.during",
    "publish.after",
    "archive.before",
    "archive.during_copy",
    "archive.after_copy",
    "archive.after",
    "done.before",
    "done.after",
    "done.during_cleanup",
    "split.before_commit",
    "split.after_commit",
    "replay.before_claim",
    "replay.after_claim",
    "compact.before_commit",
    "compact.after_commit",
    "crawl.after_claim",
    "crawl.after_intake",
    "crawl.after_look",
    "crawl.during_apply",
    "crawl.before_commit",
    "crawl.after_commit",
    "events.after_received",
    "events.before_told",
    "events.after_told",
    "events.between_pages",
    "events.before_routed",
    "events.after_routed",
    "job.claim.after_commit",
    "job.before_settle",
    "job.settle.after_state",
    "job.after_settle",
    "orchestrate.after_fire",
    "orchestrate.after_tick",
    "orchestrate.after_ends",
    "orchestrate.after_batch",
    "project.after_claim",
    "project.after_change",
    "project.after_changes",
    "alert.route.before_commit",
    "alert.after_claim",
    "alert.after_send",
    "object.before_write",
    "object.during_write",
    "object.after_write",
    "object.before_beside",
    "object.after_beside",
    "object.before_row",
    "object.after_row",
    "object.after_rename",
    "object.after_sync",
    "object.after_unlink",
)

_armed: dict[str, int] = {}
_pause = False


def arm(spec: str | None) -> None:
    """Arm from a `name[:count][:pause]` text; None disarms. Raises ValueError for a name that is not listed."""
    global _pause
    _armed.clear()
    _pause = False
    if not spec:
        return
    name, *how = spec.split(":")
    if name not in FAILPOINTS:
        raise ValueError(f"unknown failpoint {name!r}; one of: {', '.join(FAILPOINTS)}")
    _pause = "pause" in how
    _armed[name] = next((int(count) for count in how if count.isdigit()), 1)


def failpoint(name: str) -> None:
    """Die here if the test asked for it."""
    if name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] == 0:
        del _armed[name]
        os.kill(os.getpid(), signal.SIGSTOP if _pause else signal.SIGKILL)


arm(os.environ.get("GLULAM_FAILPOINT"))
