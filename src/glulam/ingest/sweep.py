"""Removes what dead attempts left under the staging prefix. Safe at any time, beside any number of workers.

A staged file can go as soon as no commit can refer to it (docs/protocol.md, "When staging may be removed"); that stays
true once it is, so it is enough to look first and delete later. Batches that this ledger does not know are left alone:
another installation may share the bucket."""

from __future__ import annotations

import logging

from glulam.ingest.places import drop_attempt
from glulam.ledger import batches
from glulam.ledger.batches import StagedNow
from glulam.model.errors import StorageFailed
from glulam.model.states import BatchState
from glulam.model.uri import S3Uri
from glulam.objects.base import ObjectStore
from glulam.store.database import Database

log = logging.getLogger("glulam.ingest")
_ENDED = (BatchState.DONE, BatchState.SPLIT, BatchState.FAILED)
_AT_ONCE = 1000


def sweep(database: Database, store: ObjectStore, root: S3Uri) -> int:
    """Remove the dead attempts below `root` (`<root>/<batch>/<epoch>/`); returns how many. Storage that does not
    answer is no error: the next sweep tries again."""
    try:
        found = store.folders(root)
        return sum(
            _sweep(database, store, root, found[i : i + _AT_ONCE]) for i in range(0, len(found), _AT_ONCE)
        )
    except StorageFailed as error:
        log.warning("left-overs under %s stay for now: %s", root, error)
        return 0


def _sweep(database: Database, store: ObjectStore, root: S3Uri, names: list[str]) -> int:
    with database.transaction() as conn:
        known = batches.staged_now(conn, names)
    removed = 0
    for name in names:
        now = known.get(name)
        if now is None:
            continue
        dead = [
            epoch for epoch in store.folders(root.join(name)) if removable(now, epoch, root.join(name, epoch))
        ]
        for epoch in dead:
            drop_attempt(store, root.join(name, f"{epoch}/"), now.staging)
        removed += len(dead)
        if now.state in _ENDED:
            store.delete_prefix(root.join(f"{name}/"))
    return removed


def removable(now: StagedNow, epoch: str, folder: S3Uri) -> bool:
    """Whether no commit can refer to what that attempt staged. Pure."""
    if now.state in _ENDED:
        return True
    if now.state is BatchState.COMMITTED:
        return now.staging is not None and f"{folder}/" != now.staging
    last_dead = now.epoch if now.state is BatchState.READY else now.epoch - 1
    return epoch.isdigit() and int(epoch) <= last_dead
