"""The one decision of a batch: everything in one transaction, behind the fence, with an answer for a lost connection."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from glulam.ledger import batches
from glulam.ledger.batches import Claim
from glulam.model.errors import Fenced
from glulam.model.failpoints import failpoint
from glulam.model.states import BatchState
from glulam.store.database import Database

Write = Callable[[psycopg.Connection], None]


def commit(database: Database, claim: Claim, write: Write) -> None:
    """Run `write` (which must begin with the fenced UPDATE of the batch) and commit it. Raises what `write` raises.

    When the connection is lost in between, the batch is read again: an unknown outcome is not a failure, and nothing
    staged is deleted for it."""
    failpoint("commit.before")
    try:
        _once(database, write)
    except psycopg.OperationalError:
        with database.transaction() as conn:
            state, epoch, _ = batches.reload(conn, claim.batch_id)
        if epoch != claim.epoch:
            raise Fenced(f"batch {claim.batch_id}: epoch {claim.epoch} is over, {epoch} has it") from None
        if state is BatchState.RUNNING:
            _once(database, write)
    failpoint("commit.after_commit")


def _once(database: Database, write: Write) -> None:
    with database.transaction() as conn:
        write(conn)
        failpoint("commit.before_commit")
